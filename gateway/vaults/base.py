"""What a vault is: keys and names and block *n* to clear bytes. Pure: no socket, path or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gateway.spans import Geometry


@dataclass(frozen=True, slots=True)
class FolderKey:
    """What a format needs of the folder to open names inside it (rclone crypt: nothing)."""

    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The head was too short to open the file; fetch at least ``head_bytes`` and try again."""

    head_bytes: int


class Sealed(Protocol):
    """One stored file, opened: clear blocks by number.

    ``geometry`` and ``clear_size_bytes`` are fixed; ``check_first`` are blocks to authenticate
    before the first byte is served (age: the last one; others: none).
    """

    @property
    def geometry(self) -> Geometry:
        """Header, block and overhead of this file."""
        ...

    @property
    def clear_size_bytes(self) -> int:
        """Clear size, derived from the stored size."""
        ...

    @property
    def check_first(self) -> tuple[int, ...]:
        """Numbers of blocks to authenticate before serving."""
        ...

    @property
    def identity(self) -> bytes | None:
        """Bytes that name this content wherever it is stored (crypt: the nonce), or None."""
        ...

    def decrypt(self, index: int, block: memoryview) -> bytes | memoryview:
        """Clear bytes of block ``index``; a fresh buffer each time (transports keep views).

        Raises:
            Corrupt: authentication failed.
            Truncated: the block is shorter than its overhead.
        """
        ...


@runtime_checkable
class SealedRun(Sealed, Protocol):
    """A sealed file that opens many blocks in one go, which spares its reader small writes."""

    def decrypt_run(self, index: int, blocks: memoryview) -> memoryview:
        """Clear bytes of consecutive whole blocks, ``index`` the first, in one fresh buffer.

        Raises:
            Corrupt: one of them failed; nothing of the run may leave then.
            Truncated: the last one is shorter than its overhead.
        """
        ...


class Vault(Protocol):
    """One opened vault format with its key."""

    @property
    def format_name(self) -> str:
        """``plain`` or ``rclone-crypt``."""
        ...

    @property
    def is_encrypted(self) -> bool:
        """Whether stored bytes differ from clear ones."""
        ...

    @property
    def head_bytes(self) -> int:
        """Stored bytes of the head that ``open`` wants to see first; 0 for none."""
        ...

    def clear_size(self, stored_size_bytes: int) -> int:
        """Clear size by arithmetic, for listings.

        Raises:
            Truncated: no file of this format has that stored size.
        """
        ...

    def clear_name(self, stored: str, folder: FolderKey, *, is_folder: bool) -> str:
        """Open one path segment.

        Raises:
            BadName: it does not decrypt, or decrypts to something that is no name.
        """
        ...

    def stored_name(self, clear: str, folder: FolderKey, *, is_folder: bool) -> str:
        """Seal one path segment, for direct lookup and for writing."""
        ...

    def open(self, head: bytes, stored_size_bytes: int) -> Sealed | NeedMore:
        """Open one file from its first bytes.

        Raises:
            NotAVault: the magic is missing.
            WrongKey: the key does not open it.
            Truncated: the stored size is impossible.
        """
        ...
