"""rclone's ``obfuscate`` names: a rotation that hides, but does not protect.

Source: rclone ``backend/crypt/cipher.go``, ``obfuscateSegment``; vaults.md 1.4.
"""

from __future__ import annotations

import re

from gateway.errors import BadName

_FORM = re.compile(r"(?P<sum>!|\d{1,3})\.(?P<text>.+)", re.DOTALL | re.ASCII)
_QUOTE = "!"


def obfuscate(clear: str, key_sum: int) -> str:
    """Rotate one name; ``key_sum`` is the sum of the bytes of the name key."""
    total = sum(map(ord, clear)) % 256
    shift = total + key_sum
    return f"{total}." + "".join(_rotated(char, shift) for char in clear)


def deobfuscate(stored: str, key_sum: int) -> str:
    """Rotate one stored name back.

    The number in front is the sum of the clear characters: checking it shows a wrong key, which
    rclone itself does not do.

    Raises:
        BadName: no number in front, or the number does not fit the clear name.
    """
    form = _FORM.fullmatch(stored)
    if form is None:
        raise BadName(f"not an obfuscated name: {stored[:40]!r}")
    if form["sum"] == _QUOTE:
        return form["text"]
    shift = int(form["sum"]) + key_sum
    chars = iter(form["text"])
    clear = "".join(
        next(chars, "") if char == _QUOTE else chr(_turned(ord(char), shift, -1)) for char in chars
    )
    if sum(map(ord, clear)) % 256 != int(form["sum"]):
        raise BadName(f"an obfuscated name of another key: {stored[:40]!r}")
    return clear


def _rotated(char: str, shift: int) -> str:
    if char == _QUOTE:
        return _QUOTE + _QUOTE
    turned = _turned(ord(char), shift, 1)
    return _QUOTE + char if 0xD800 <= turned <= 0xDFFF else chr(turned)


def _turned(point: int, shift: int, sign: int) -> int:
    """Rotate a code point inside its own class by a distance that depends on the class."""
    if 0x30 <= point <= 0x39:
        return 0x30 + (point - 0x30 + sign * (shift % 9 + 1)) % 10
    if 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A:
        # A-Z then a-z are 52 places in a row; 6 other characters lie between them in ASCII.
        place = point - 0x41 - (6 if point >= 0x61 else 0)
        place = (place + sign * (shift % 25 + 1)) % 52
        return place + 0x41 + (6 if place >= 26 else 0)
    if 0xA0 <= point <= 0xFF:
        return 0xA0 + (point - 0xA0 + sign * (shift % 95 + 1)) % 96
    if point >= 0x100:
        base = point & ~0xFF
        return base + (point - base + sign * (shift % 127 + 1)) % 256
    return point
