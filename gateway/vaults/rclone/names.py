"""Names of rclone crypt: three modes, one segment at a time, version marks kept outside."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from gateway.errors import BadName
from gateway.vaults.names import checked_name
from gateway.vaults.rclone.eme import MAX_BYTES, Eme
from gateway.vaults.rclone.encodings import NameEncoding, decode, encode
from gateway.vaults.rclone.keys import CryptKeys
from gateway.vaults.rclone.obfuscate import deobfuscate, obfuscate


class NameMode(StrEnum):
    """``filename_encryption`` of a crypt remote."""

    STANDARD = "standard"
    OBFUSCATE = "obfuscate"
    OFF = "off"


_BLOCK = 16
# Source: rclone ``lib/version/version.go``; vaults.md 1.4 "Version marks".
_MARK = re.compile(r"(?P<stem>.*)(?P<mark>-v(?P<when>\d{4}-\d\d-\d\d-\d{6})-\d{3})", re.DOTALL)


class NameCipher:
    """Opens and seals single path segments; safe to share between threads."""

    def __init__(
        self,
        keys: CryptKeys,
        mode: NameMode,
        encoding: NameEncoding,
        suffix: str,
        *,
        seals_folders: bool,
    ) -> None:
        self._mode = mode
        self._encoding = encoding
        self._suffix = suffix
        self._seals_folders = seals_folders and mode is not NameMode.OFF
        self._eme = Eme(keys.name, keys.tweak)
        self._key_sum = sum(keys.name)

    def open(self, stored: str, *, is_folder: bool) -> str:
        """Clear name of a stored segment.

        Raises:
            BadName: it does not decrypt, or to something that is no name.
        """
        if is_folder and not self._seals_folders:
            return checked_name(stored)
        if self._mode is NameMode.OFF:
            if not stored.endswith(self._suffix):
                raise BadName(f"{stored[:40]!r} does not end in {self._suffix!r}")
            return checked_name(stored.removesuffix(self._suffix))
        rest, mark = _split_mark(stored)
        return checked_name(_with_mark(self._open_segment(rest), mark))

    def seal(self, clear: str, *, is_folder: bool) -> str:
        """Stored name of a clear segment.

        Raises:
            BadName: the name is no name, or too long for the format.
        """
        checked_name(clear)
        if is_folder:
            # Inside a file's path rclone leaves no mark of a folder outside the encryption.
            return self._seal_segment(clear) if self._seals_folders else clear
        if self._mode is NameMode.OFF:
            return clear + self._suffix
        rest, mark = _split_mark(clear)
        return _with_mark(self._seal_segment(rest), mark)

    def _open_segment(self, stored: str) -> str:
        if self._mode is NameMode.OBFUSCATE:
            return deobfuscate(stored, self._key_sum)
        sealed = decode(self._encoding, stored)
        if not sealed or len(sealed) % _BLOCK or len(sealed) > MAX_BYTES:
            raise BadName(f"a sealed name of {len(sealed)} bytes: {stored[:40]!r}")
        padded = self._eme.decrypt(sealed)
        padding = padded[-1]
        if not 1 <= padding <= _BLOCK or padded[-padding:] != bytes([padding]) * padding:
            raise BadName(f"does not decrypt: {stored[:40]!r}")
        try:
            return padded[:-padding].decode("utf-8")
        except UnicodeDecodeError:
            raise BadName(f"does not decrypt to text: {stored[:40]!r}") from None

    def _seal_segment(self, clear: str) -> str:
        if self._mode is NameMode.OBFUSCATE:
            return obfuscate(clear, self._key_sum)
        data = clear.encode()
        padding = _BLOCK - len(data) % _BLOCK
        if len(data) + padding > MAX_BYTES:
            raise BadName(f"a name of {len(data)} bytes is too long for rclone crypt")
        return encode(self._encoding, self._eme.encrypt(data + bytes([padding]) * padding))


def _split_extension(name: str) -> tuple[str, str]:
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if dot > 0 else (name, "")


def _split_mark(name: str) -> tuple[str, str]:
    """The name without its version mark, and the mark (``""`` when there is none)."""
    stem, extension = _split_extension(name)
    match = _MARK.fullmatch(stem)
    if match is None:
        return name, ""
    try:
        datetime.strptime(match["when"], "%Y-%m-%d-%H%M%S")
    except ValueError:
        return name, ""
    return match["stem"] + extension, match["mark"]


def _with_mark(name: str, mark: str) -> str:
    if not mark:
        return name
    stem, extension = _split_extension(name)
    return stem + mark + extension
