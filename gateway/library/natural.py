"""Texts made comparable: folded for finding, keyed for the order in which people read them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_DIGITS = re.compile("[0-9]+")
_KEY_CHARS = 96
_PLACE_CHARS = 48


def fold(text: str) -> str:
    """A text for comparing without case, in one line; accents stay, however they are composed."""
    text = text.replace("\n", " ")
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=2048)
def natural_key(text: str) -> str:
    """A key whose plain order is the natural one: no case, no accents, ``2`` before ``10``."""
    text = text.replace("\n", " ")
    if text.isascii():
        key = text.lower()
    else:
        spread = unicodedata.normalize("NFKD", text.casefold())
        key = "".join(one for one in spread if not unicodedata.combining(one))
    return _DIGITS.sub(_number_key, key.strip())[:_KEY_CHARS]


def place_of(title: str) -> str:
    """Where texts and rows of this title lie: the beginning of its key."""
    return natural_key(title)[:_PLACE_CHARS]


def _number_key(match: re.Match[str]) -> str:
    # The count of digits goes first, so that longer numbers stand behind shorter ones.
    digits = match[0].lstrip("0") or "0"
    count = len(digits)
    return f"{count}{digits}" if count < 9 else f"9{chr(0x30 + min(count - 9, 60))}{digits}"
