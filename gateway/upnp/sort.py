"""The SortCriteria argument.

Source: UPnP ContentDirectory:1, section 2.5.8; dlna.md 4.5 (odd names are met and dropped).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import BadArgument

SORTABLE = (
    "dc:title",
    "dc:date",
    "dc:creator",
    "upnp:class",
    "upnp:artist",
    "upnp:album",
    "upnp:genre",
    "upnp:originalTrackNumber",
    "upnp:episodeNumber",
    "res@duration",
    "res@size",
)
_MAX_KEYS = 8


class BadSort(BadArgument):
    """The text is no sort criteria (ContentDirectory error 709)."""

    code = "bad_sort"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One property of ``SORTABLE`` and its direction."""

    property: str
    descending: bool = False


def parse_sort(text: str) -> tuple[SortKey, ...]:
    """Keys in order; names we cannot sort by are dropped, as real clients send them.

    Raises:
        BadSort: a part without its sign.
    """
    keys: list[SortKey] = []
    for part in text.split(",")[:_MAX_KEYS]:
        name = part.strip()
        if not name:
            continue
        if name[0] not in "+-":
            raise BadSort(f"sort criteria {name[:40]!r} must start with + or -")
        if name[1:] in SORTABLE:
            keys.append(SortKey(name[1:], name[0] == "-"))
    return tuple(keys)
