"""What a file is by its suffix; the table is ``kinds.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files


class MediaKind(StrEnum):
    """The sections of the table."""

    VIDEO = "video"
    AUDIO = "audio"
    PHOTO = "photo"
    SUBTITLE = "subtitle"


@dataclass(frozen=True, slots=True)
class MediaType:
    """What a suffix stands for; ``suffix`` is lower case and has no dot."""

    kind: MediaKind
    mime: str
    suffix: str


# Rubbish that file systems and tools leave beside media under media suffixes.
_RUBBISH_PREFIXES = ("._", ".trash")
# A trailer or sample is no film of its own. Source: naming advice shared by Kodi and Jellyfin.
_SAMPLE_ENDS = ("-sample", ".sample", "_sample", "-trailer", ".trailer", "_trailer")


def media_type(name: str) -> MediaType | None:
    """Media type of a file name; None for what is no media and for left-over rubbish."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        return None
    low = stem.lower()
    if low.startswith(_RUBBISH_PREFIXES):
        return None
    known = _TYPES.get(suffix.lower())
    if known is None or (known.kind is MediaKind.VIDEO and _is_sample(low)):
        return None
    return known


def _is_sample(stem: str) -> bool:
    return stem == "sample" or stem.endswith(_SAMPLE_ENDS)


def _load() -> dict[str, MediaType]:
    table = tomllib.loads(files(__package__).joinpath("kinds.toml").read_text(encoding="utf-8"))
    return {
        suffix: MediaType(MediaKind(kind), mime, suffix)
        for kind, suffixes in table.items()
        for suffix, mime in suffixes.items()
    }


_TYPES = _load()
