"""The three alphabets in which rclone crypt writes sealed names. Bytes to text and back."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from enum import StrEnum

from gateway.errors import BadName


class NameEncoding(StrEnum):
    """``filename_encoding`` of a crypt remote."""

    BASE32 = "base32"
    BASE64 = "base64"
    BASE32768 = "base32768"


def encode(encoding: NameEncoding, data: bytes) -> str:
    """Write sealed bytes as a stored name."""
    if encoding is NameEncoding.BASE32:
        return base64.b32hexencode(data).decode("ascii").rstrip("=").lower()
    if encoding is NameEncoding.BASE64:
        return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
    return _encode_base32768(data)


def decode(encoding: NameEncoding, text: str) -> bytes:
    """Read a stored name.

    Raises:
        BadName: the text is not of this alphabet, or has an impossible length.
    """
    if encoding is NameEncoding.BASE32:
        return _decode_base32(text)
    if encoding is NameEncoding.BASE64:
        return _decode_base64(text)
    return _decode_base32768(text)


_BASE32 = re.compile("[0-9a-vA-V]+")
_BASE32_TAILS = frozenset({0, 2, 4, 5, 7})
_BASE64 = re.compile("[0-9A-Za-z_-]+")


def _decode_base32(text: str) -> bytes:
    """Python's digits of base 32 are the extended hex alphabet, so ``int`` does the work.

    Source: RFC 4648 section 7; vaults.md 1.4.
    """
    if not _BASE32.fullmatch(text) or len(text) % 8 not in _BASE32_TAILS:
        raise BadName(f"not base32: {text[:40]!r}")
    bits = len(text) * 5
    return (int(text, 32) >> bits % 8).to_bytes(bits // 8, "big")


def _decode_base64(text: str) -> bytes:
    """Source: RFC 4648 section 5, without padding; vaults.md 1.4."""
    if not _BASE64.fullmatch(text) or len(text) % 4 == 1:
        raise BadName(f"not base64: {text[:40]!r}")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# Rows of 32 characters each, code points of the first and last row of every run (hexadecimal).
# Source: vaults.md 1.4, "base32768".
_ROWS_15 = """
04A0 0500 0680-06A0 0760-0780 07C0 1000 10A0 1100-1140 1180 11E0-1220 1260 12E0 1320 13A0-13C0
1420-1640 16A0-16C0 1780 1820-1840 18C0 1980 19E0 1A20 1BC0 1C00 1D00 21E0 22C0 2340-23C0 2400
2500-2740 2780-27A0 2800-2960 29A0 2A20-2A40 2A80-2AA0 2AE0-2B40 2C00 2C80-2CC0 2D00 2D40
2EA0-2EC0 31C0 3400-4D80 4DC0-9FA0 A000-A460 A4A0 A500-A5E0 A640 A6A0-A6C0 A700-A740 A780 A840
"""
_ROWS_7 = "0180 0240 0260 0280"


def _rows(runs: str) -> tuple[int, ...]:
    """First code points of all rows, in ascending order."""

    def points() -> Iterator[int]:
        for run in runs.split():
            first, _, last = run.partition("-")
            yield from range(int(first, 16), int(last or first, 16) + 1, 32)

    return tuple(points())


_FIRST_15 = _rows(_ROWS_15)
_FIRST_7 = _rows(_ROWS_7)
# Whole rows instead of 32 768 characters: small enough to stay in the processor's cache, which
# halves the time of a name.
_VALUES_15 = {first >> 5: row << 5 for row, first in enumerate(_FIRST_15)}
_VALUES_7 = {first >> 5: row << 5 for row, first in enumerate(_FIRST_7)}

_UTF_16 = f"utf-16-{sys.byteorder[0]}e"


def _encode_base32768(data: bytes) -> str:
    full, rest = divmod(len(data) * 8, 15)
    tail_bits = 0 if rest == 0 else 7 if rest < 8 else 15
    free = tail_bits - rest if rest else 0
    value = int.from_bytes(data, "big") << free | ((1 << free) - 1)
    tail = ""
    if tail_bits:
        first = _FIRST_7 if tail_bits == 7 else _FIRST_15
        tail = chr(first[value >> 5 & (1 << tail_bits - 5) - 1] + (value & 31))
        value >>= tail_bits
    shifts = range((full - 1) * 15, -1, -15)
    return (
        "".join(chr(_FIRST_15[value >> at + 5 & 1023] + (value >> at & 31)) for at in shifts) + tail
    )


def _decode_base32768(text: str) -> bytes:
    points = memoryview(text.encode(_UTF_16, "surrogatepass")).cast("H")
    if not points:
        raise BadName("an empty name is not base32768")
    value, tail = 0, points[-1]
    rows = _VALUES_15
    try:
        for point in points[:-1]:
            value = value << 15 | rows[point >> 5] | point & 31
        bits = 7 if tail >> 5 in _VALUES_7 else 15
        rows = _VALUES_7 if bits == 7 else rows
        value = value << bits | rows[tail >> 5] | tail & 31
    except KeyError:
        raise BadName(f"not base32768: {text[:40]!r}") from None
    bits += 15 * (len(points) - 1)
    free = bits % 8
    if value & ((1 << free) - 1) != (1 << free) - 1:
        raise BadName(f"not base32768, the last bits are not ones: {text[:40]!r}")
    return (value >> free).to_bytes(bits // 8, "big")
