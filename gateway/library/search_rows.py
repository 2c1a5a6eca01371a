"""What of an item or container a search can ask, ready to be compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.library.natural import fold
from gateway.library.records import Item, Kind
from gateway.upnp import classes

BETWEEN = "\x1f"
"""Stands between the values of a property that has several."""


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One searchable thing; texts are folded, an empty one means that it has no such property.

    Attributes:
        entry: an item's id, or a container's id made negative.
        order: number inside an album or season.
    """

    entry: int
    title: str
    upnp_class: str
    parent: str
    artists: str = ""
    album: str = ""
    genre: str = ""
    date: str = ""
    size_bytes: int = -1
    duration_s: float = -1.0
    order: int = 0
    object_id: str = ""


def item_row(item: Item, parent: str) -> SearchRow:
    """The row of an item whose home has the object id ``parent``."""
    return item_values(
        item.id, item.title, item.kind.value, item.mime, parent, item.artist, item.album,
        item.album_artist, item.genre, item.year, item.taken_s, item.modified_s, item.size_bytes,
        item.duration_s, item.track_number, item.disc_number, item.season, item.episode,
    )  # fmt: skip


def item_values(
    entry: int, title: str, kind: str, mime: str, parent: str, artist: str | None,
    album: str | None, album_artist: str | None, genre: str | None, year: int | None,
    taken_s: float | None, modified_s: float | None, size_bytes: int, duration_s: float | None,
    track_number: int | None, disc_number: int | None, season: int | None, episode: int | None,
) -> SearchRow:  # fmt: skip
    """The row of an item from its columns."""
    people = BETWEEN.join(dict.fromkeys(fold(one) for one in (artist, album_artist) if one))
    return SearchRow(
        entry=entry,
        title=fold(title),
        upnp_class=sys.intern(classes.item_class(kind, mime).lower()),
        parent=sys.intern(parent or ""),
        artists=sys.intern(people),
        album=sys.intern(fold(album or "")),
        genre=sys.intern(fold(genre or "")),
        date=_date(kind, year, taken_s, modified_s),
        size_bytes=size_bytes,
        duration_s=-1.0 if duration_s is None else duration_s,
        order=(disc_number or season or 0) * 100_000 + (track_number or episode or 0),
    )


def container_row(row: Sequence[Any], parent: str) -> SearchRow:
    """The row of a container from its table row."""
    return container_values(-row[0], row[5], row[6], row[1], parent, row[9])


def container_values(
    entry: int, title: str, upnp_class: str, object_id: str, parent: str, artist: str | None
) -> SearchRow:
    """The row of a container from its columns; ``entry`` is negative."""
    return SearchRow(
        entry=entry,
        title=fold(title),
        upnp_class=sys.intern(upnp_class.lower()),
        parent=sys.intern(parent),
        artists=sys.intern(fold(artist or "")),
        object_id=object_id,
    )


def _date(kind: str, year: int | None, taken_s: float | None, modified_s: float | None) -> str:
    if kind != Kind.PHOTO and year is not None:
        return sys.intern(f"{year:04d}-01-01")
    moment_s = taken_s if kind == Kind.PHOTO and taken_s is not None else modified_s
    if kind == Kind.PHOTO and taken_s is None and year is not None:
        return sys.intern(f"{year:04d}-01-01")
    try:
        return (
            ""
            if moment_s is None
            else datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S").lower()
        )
    except (OverflowError, ValueError, OSError):
        return ""
