"""The vault that is none: stored bytes are clear bytes. Only names are checked."""

from __future__ import annotations

from gateway.spans import Geometry
from gateway.vaults.base import FolderKey, NeedMore, Sealed
from gateway.vaults.names import checked_name

PLAIN_GEOMETRY = Geometry(header_bytes=0, clear_block_bytes=65536, overhead_bytes=0)
"""Blocks of a file without encryption: 64 KiB is only the unit of caching."""


class PlainSealed:
    """One file stored as it is."""

    __slots__ = ("clear_size_bytes",)

    geometry: Geometry = PLAIN_GEOMETRY
    check_first: tuple[int, ...] = ()
    identity: bytes | None = None

    def __init__(self, clear_size_bytes: int) -> None:
        self.clear_size_bytes = clear_size_bytes

    def decrypt(self, index: int, block: memoryview) -> bytes | memoryview:
        """The block in a buffer of its own."""
        return bytes(block)


class PlainVault:
    """A folder without encryption of its own; has no state."""

    format_name = "plain"
    is_encrypted = False
    head_bytes = 0

    def clear_size(self, stored_size_bytes: int) -> int:
        """The stored size."""
        return stored_size_bytes

    def clear_name(self, stored: str, folder: FolderKey, *, is_folder: bool) -> str:
        """The stored name, when it is one that may be shown.

        Raises:
            BadName: see ``checked_name``.
        """
        return checked_name(stored)

    def stored_name(self, clear: str, folder: FolderKey, *, is_folder: bool) -> str:
        """The name itself."""
        return clear

    def open(self, head: bytes, stored_size_bytes: int) -> Sealed | NeedMore:
        """Nothing to open."""
        return PlainSealed(stored_size_bytes)
