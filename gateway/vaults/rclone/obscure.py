"""Passwords as they stand in ``rclone.conf``: hidden from a glance, not encrypted."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.errors import BadName, WrongKey
from gateway.vaults.rclone.encodings import NameEncoding, decode, encode

# Source: rclone ``fs/config/obscure/obscure.go``, the key every rclone carries; vaults.md 1.1.
_KEY = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")
_IV_BYTES = 16


def reveal(obscured: str) -> str:
    """Read a password field of ``rclone.conf``.

    Raises:
        WrongKey: the text was never written by ``rclone obscure``.
    """
    try:
        raw = decode(NameEncoding.BASE64, obscured)
        if len(raw) < _IV_BYTES:
            raise WrongKey("a password of rclone.conf is too short to be an obscured one")
        return _ctr(raw[:_IV_BYTES], raw[_IV_BYTES:]).decode("utf-8")
    except (BadName, UnicodeDecodeError):
        raise WrongKey(
            "a password of rclone.conf is not obscured: write it with `rclone config`"
            " or `rclone obscure`"
        ) from None


def obscure(text: str, *, iv: bytes | None = None) -> str:
    """Write a password the way ``rclone obscure`` does; ``iv`` (16 bytes) is random by default."""
    iv = secrets.token_bytes(_IV_BYTES) if iv is None else iv
    return encode(NameEncoding.BASE64, iv + _ctr(iv, text.encode()))


def _ctr(iv: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(_KEY), modes.CTR(iv)).encryptor().update(data)
