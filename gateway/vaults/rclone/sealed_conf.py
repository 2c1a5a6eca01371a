"""An ``rclone.conf`` under a password of its own: text in, text out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata

from nacl.bindings import crypto_secretbox_open
from nacl.exceptions import CryptoError

from gateway.errors import Corrupt, Unsupported, WrongKey

# Source: rclone ``fs/config/crypt.go``; vaults.md 1.1.
_MARK = re.compile(r"^RCLONE_ENCRYPT_V(?P<version>\w*):[ \t\r]*$", re.MULTILINE)
_NONCE_BYTES = 24
_TAG_BYTES = 16


def is_sealed(text: str) -> bool:
    """Whether the file is encrypted as a whole."""
    match = _MARK.search(text)
    return match is not None and _is_comment_only(text[: match.start()])


def open_sealed(text: str, password: str) -> str:
    """The clear configuration.

    Raises:
        WrongKey: the password does not open it.
        Unsupported: it is sealed in a newer way.
        Corrupt: what follows the mark is no sealed text.
    """
    match = _MARK.search(text)
    if match is None:
        raise Corrupt("rclone.conf is not encrypted")
    if match["version"] != "0":
        raise Unsupported(f"rclone.conf is encrypted in version {match['version']!r}; known is 0")
    try:
        box = base64.b64decode("".join(text[match.end() :].split()), validate=True)
    except binascii.Error as error:
        raise Corrupt("the encrypted rclone.conf is damaged: no base64 text") from error
    if len(box) < _NONCE_BYTES + _TAG_BYTES:
        raise Corrupt("the encrypted rclone.conf is damaged: too short")
    normal = unicodedata.normalize("NFKC", password)
    key = hashlib.sha256(f"[{normal}][rclone-config]".encode()).digest()
    try:
        return crypto_secretbox_open(box[_NONCE_BYTES:], box[:_NONCE_BYTES], key).decode("utf-8")
    except CryptoError:
        raise WrongKey("the password does not open rclone.conf") from None


def _is_comment_only(text: str) -> bool:
    return all(not line.strip() or line.lstrip()[0] in "#;" for line in text.splitlines())
