"""Byte spans and the geometry of block ciphers: arithmetic only, never a byte.

A span is half open: ``start`` belongs to it, ``stop`` does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Truncated


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open byte span, ``0 <= start <= stop``."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"not a span: {self.start}..{self.stop}")

    @property
    def length_bytes(self) -> int:
        """Bytes inside the span."""
        return self.stop - self.start

    def clamp(self, size_bytes: int) -> Span:
        """Cut the span at ``size_bytes``; empty when it lies wholly behind."""
        return Span(min(self.start, size_bytes), min(self.stop, size_bytes))


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a stored file is laid out: header, then blocks of ``clear_block_bytes`` + overhead.

    Holds for rclone crypt, Cryptomator, gocryptfs and age; a plain file has no header and no
    overhead, its block is only the unit of caching. Source: vaults.md 0.1.
    """

    header_bytes: int
    clear_block_bytes: int
    overhead_bytes: int

    @property
    def stored_block_bytes(self) -> int:
        """Stored bytes of a full block."""
        return self.clear_block_bytes + self.overhead_bytes

    def clear_size(self, stored_size_bytes: int) -> int:
        """Clear size of a stored file, from arithmetic alone.

        Raises:
            Truncated: the header is cut, or the last block is no longer than its overhead.
        """
        body = stored_size_bytes - self.header_bytes
        if body < 0:
            raise Truncated(
                f"{stored_size_bytes} bytes stored, the header alone has {self.header_bytes}"
            )
        blocks, rest = divmod(body, self.stored_block_bytes)
        if 0 < rest <= self.overhead_bytes:
            raise Truncated(f"the last block has {rest} bytes, its overhead {self.overhead_bytes}")
        return blocks * self.clear_block_bytes + (rest - self.overhead_bytes if rest else 0)

    def stored_size(self, clear_size_bytes: int) -> int:
        """Stored size of a file of ``clear_size_bytes``."""
        blocks, rest = divmod(clear_size_bytes, self.clear_block_bytes)
        tail = rest + self.overhead_bytes if rest else 0
        return self.header_bytes + blocks * self.stored_block_bytes + tail

    def block_span(self, want: Span) -> Span:
        """Numbers of the blocks that hold the clear span, half open; ``want`` is not empty."""
        if want.start == want.stop:
            raise ValueError("an empty span has no blocks")
        return Span(
            want.start // self.clear_block_bytes,
            (want.stop - 1) // self.clear_block_bytes + 1,
        )

    def cipher_span(self, want: Span) -> Span:
        """Widen a clear span to the stored bytes of the whole blocks that hold it.

        ``stop`` may lie past the end of the file: clamp it to the stored size.
        """
        return self.blocks_stored(self.block_span(want))

    def blocks_stored(self, blocks: Span) -> Span:
        """Stored bytes of a run of blocks, not clamped."""
        return Span(
            self.header_bytes + blocks.start * self.stored_block_bytes,
            self.header_bytes + blocks.stop * self.stored_block_bytes,
        )
