"""Between records and rows: what a listing found and a probe knows, merged into one item."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
from collections.abc import Sequence
from typing import Any

from gateway.library.records import Found, Item, Kind, Known, ProbeState

FOUND_COLUMNS = (
    "kind", "mime", "title", "size_bytes", "version", "modified_s", "year", "series", "season",
    "episode", "artist", "album", "track_number",
)  # fmt: skip
KNOWN_COLUMNS = (
    "identity", "duration_s", "width", "height", "bitrate_kbps", "title", "artist", "album",
    "album_artist", "genre", "year", "track_number", "disc_number", "series", "season", "episode",
    "taken_s", "orientation",
)  # fmt: skip
_found_values = operator.attrgetter(*FOUND_COLUMNS)
_RESET = {
    name: None for name in KNOWN_COLUMNS if name not in FOUND_COLUMNS and name != "orientation"
} | {"orientation": 1, "facts_json": None, "tile": None}

ITEM_COLUMNS = tuple(one.name for one in dataclasses.fields(Item))
SELECT_ITEM = ", ".join("s.name" if name == "source" else f"i.{name}" for name in ITEM_COLUMNS)
"""Columns of an item ``i`` joined with its source ``s``, in the order of the record."""

_KIND = ITEM_COLUMNS.index("kind")
_PROBE = ITEM_COLUMNS.index("probe")
_ART = ITEM_COLUMNS.index("has_art")


def item_of_row(row: Sequence[Any]) -> Item:
    """The record of a row selected by ``SELECT_ITEM``."""
    values = list(row)
    values[_KIND] = Kind(values[_KIND])
    values[_PROBE] = ProbeState(values[_PROBE])
    values[_ART] = bool(values[_ART])
    return Item(*values)


def listed_mark(found: Found) -> str:
    """Moves when the listing tells anything else of the file than before."""
    text = repr(_found_values(found))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def merged_columns(found: Found, known: str | None) -> dict[str, Any]:
    """Columns of an item: what the probe knows goes before what the name tells.

    Args:
        found: the listing's part.
        known: ``known_json`` of a probe of this very content, or None: all it told is forgotten.
    """
    columns = dict(zip(FOUND_COLUMNS, _found_values(found), strict=True))
    columns["kind"] = found.kind.value
    if known is None:
        return columns | _RESET
    return columns | {name: value for name, value in json.loads(known).items() if value is not None}


def known_json(known: Known) -> str:
    """What has to be merged again when the listing's part changes."""
    return json.dumps({name: getattr(known, name) for name in KNOWN_COLUMNS}, ensure_ascii=True)


def known_columns(known: Known) -> dict[str, Any]:
    """Columns a probe sets."""
    columns = {name: getattr(known, name) for name in KNOWN_COLUMNS}
    return {name: value for name, value in columns.items() if value is not None} | {
        "facts_json": known.facts_json,
        "tile": known.tile,
        "known": known_json(known),
        "probe": ProbeState.DONE.value,
    }


def place_key(identity: str | None, source: str, path: str) -> str:
    """Under what a position is kept: the content where it is known, else the path."""
    return f"i:{identity}" if identity else f"p:{source}:{path}"
