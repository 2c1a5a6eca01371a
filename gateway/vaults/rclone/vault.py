"""An opened rclone crypt remote: names and contents under one set of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.vaults.base import FolderKey, NeedMore, Sealed
from gateway.vaults.plain import PlainSealed
from gateway.vaults.rclone.content import GEOMETRY, open_head, seal_content
from gateway.vaults.rclone.keys import CryptKeys
from gateway.vaults.rclone.names import NameCipher
from gateway.vaults.rclone.settings import CryptSettings

_NO_KEY = FolderKey()


class CryptVault:
    """A crypt remote with its keys; immutable, safe for many readers and threads."""

    format_name = "rclone-crypt"
    is_encrypted = True

    def __init__(self, settings: CryptSettings, keys: CryptKeys) -> None:
        self._settings = settings
        self._keys = keys
        self._names = NameCipher(
            keys,
            settings.filename_encryption,
            settings.filename_encoding,
            settings.suffix,
            seals_folders=settings.directory_name_encryption,
        )

    @property
    def settings(self) -> CryptSettings:
        """The options it was made with."""
        return self._settings

    @property
    def head_bytes(self) -> int:
        """32, or 0 when contents are stored as they are."""
        return 0 if self._settings.no_data_encryption else GEOMETRY.header_bytes

    def clear_size(self, stored_size_bytes: int) -> int:
        """Clear size by arithmetic.

        Raises:
            Truncated: no file of this format has that stored size.
        """
        if self._settings.no_data_encryption:
            return stored_size_bytes
        return GEOMETRY.clear_size(stored_size_bytes)

    def clear_name(self, stored: str, folder: FolderKey = _NO_KEY, *, is_folder: bool) -> str:
        """Open one path segment.

        Raises:
            BadName: it does not decrypt, or to something that is no name.
        """
        return self._names.open(stored, is_folder=is_folder)

    def stored_name(self, clear: str, folder: FolderKey = _NO_KEY, *, is_folder: bool) -> str:
        """Seal one path segment; the same name gives the same result in every folder."""
        return self._names.seal(clear, is_folder=is_folder)

    def stored_path(self, clear: str, *, is_folder: bool) -> str:
        """Seal a whole clear path without asking the host; ``""`` stays ``""``."""
        if not clear:
            return ""
        *folders, last = clear.split("/")
        sealed = [self._names.seal(name, is_folder=True) for name in folders]
        return "/".join([*sealed, self._names.seal(last, is_folder=is_folder)])

    def open(self, head: bytes, stored_size_bytes: int) -> Sealed | NeedMore:
        """Open one file from its first 32 bytes.

        Raises:
            NotAVault: the magic is missing.
            Truncated: the stored size is impossible.
        """
        clear_size_bytes = self.clear_size(stored_size_bytes)
        if self._settings.no_data_encryption:
            return PlainSealed(clear_size_bytes)
        if len(head) < GEOMETRY.header_bytes:
            return NeedMore(GEOMETRY.header_bytes)
        return open_head(self._keys.data, head, stored_size_bytes)

    def seal(self, clear: Iterable[bytes], nonce: bytes | None = None) -> Iterator[bytes]:
        """Stored bytes of a file, piece by piece; reads ``clear`` as it goes.

        Args:
            clear: the file in pieces of any size.
            nonce: 24 bytes; leave it out except in tests: one nonce must never seal two contents.
        """
        if self._settings.no_data_encryption:
            return iter(clear)
        return seal_content(self._keys.data, iter(clear), nonce)
