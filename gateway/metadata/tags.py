"""Tags inside a media file, as ffmpeg names them, to what the library keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_CHARS = 300
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_NUMBER = re.compile(r"\s*(\d{1,4})")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")


@dataclass(frozen=True, slots=True)
class Tags:
    """What the tags tell; None where they are silent."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    year: int | None = None
    track_number: int | None = None
    disc_number: int | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None


def read_tags(raw: Mapping[str, str]) -> Tags:
    """Map tags; keys in any case, texts cleaned of control characters and cut at 300 characters.

    Source: ffmpeg ``libavformat/metadata.c`` (common names), ``mov.c`` (``show``,
    ``season_number``, ``episode_sort``), ``matroskadec.c`` (``part_number``).
    """
    tags = {key.lower(): clean for key, value in raw.items() if (clean := _clean(value))}

    def text(*keys: str) -> str | None:
        return next((tags[key] for key in keys if key in tags), None)

    def number(*keys: str) -> int | None:
        value = text(*keys)
        match = _NUMBER.match(value) if value else None
        return int(match[1]) or None if match else None

    date = text("date", "year", "originaldate", "tdor", "tyer", "date_released", "creation_time")
    year = _YEAR.search(date) if date else None
    return Tags(
        title=text("title"),
        artist=text("artist", "performer", "author"),
        album=text("album"),
        album_artist=text("album_artist", "albumartist", "album artist"),
        genre=_genre(text("genre")),
        year=int(year[0]) if year else None,
        track_number=number("track", "tracknumber"),
        disc_number=number("disc", "discnumber"),
        series=text("show", "tvshow"),
        season=number("season_number", "season"),
        episode=number("episode_sort", "episode"),
    )


def _clean(value: str) -> str:
    return _FORBIDDEN.sub(" ", value).strip()[:_MAX_CHARS].rstrip()


def _genre(value: str | None) -> str | None:
    """The first of several genres; ID3v1 numbers in brackets are dropped."""
    if value is None:
        return None
    first = re.split(r"[;/|]|, ", value)[0]
    return re.sub(r"^\(\d+\)", "", first).strip() or None
