"""Browse and Search answers: a range of page numbers, stored texts, one join, placeholders filled.

The usual answer never looks at an item. Items are read and rendered only for a class whose texts
are not all stored yet, and for a filter that wants fewer fields than were stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import apsw

from gateway.errors import NotFound
from gateway.library.fragments import PARENT, FragmentRenderer, fill
from gateway.library.listing import check_slice, container_of, read_item
from gateway.library.natural import place_of
from gateway.library.places import RECENT, TITLE_ORDERED
from gateway.library.records import DidlPage
from gateway.library.search_index import Hit
from gateway.library.statements import step
from gateway.library.tree import RECENT_COUNT
from gateway.upnp.sort import SortKey

MAX_PAGE = 1000
_LONG_SORT = 500
_FEW = 32

_ORDERS = {
    "dc:title": "coalesce(i.place, substr(c.sort, 1, 48))",
    "dc:date": "coalesce(CASE WHEN i.kind <> 'photo' AND i.year IS NOT NULL "
    "THEN CAST(strftime('%s', printf('%04d-01-01', i.year)) AS REAL) END, i.taken_s, "
    "i.modified_s, 0)",
    "dc:creator": "coalesce(i.artist, i.album_artist, c.artist, '') COLLATE NOCASE",
    "upnp:artist": "coalesce(i.artist, i.album_artist, c.artist, '') COLLATE NOCASE",
    "upnp:class": "coalesce(c.upnp_class, i.kind)",
    "upnp:album": "coalesce(i.album, '') COLLATE NOCASE",
    "upnp:genre": "coalesce(i.genre, '') COLLATE NOCASE",
    "upnp:originalTrackNumber": "coalesce(i.disc_number, 0) * 100000 + coalesce(i.track_number, 0)",
    "upnp:episodeNumber": "coalesce(i.season, 0) * 100000 + coalesce(i.episode, 0)",
    "res@duration": "coalesce(i.duration_s, 0)",
    "res@size": "coalesce(i.size_bytes, 0)",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom an answer is made.

    Attributes:
        profile_class: class of players.
        class_id: row id of the class when its texts are stored, else -1.
        address: ``http://ADDR:PORT`` under which it reaches us.
        token: its token.
        fields: what its filter wants; None for all.
    """

    profile_class: str
    class_id: int
    address: str
    token: str
    fields: frozenset[str] | None = None


def is_stored_order(object_id: str, sort: tuple[SortKey, ...]) -> bool:
    """Whether a container's pages already stand in the asked order."""
    if not sort:
        return True
    kind = object_id.partition("-")[0]
    keys = sort
    if sort[0] == SortKey("upnp:class") and kind != "folder":
        keys = sort[1:]  # all children of these are of one class
    return not keys or (keys[0] == SortKey("dc:title") and kind in TITLE_ORDERED)


def is_long(
    connection: apsw.Connection,
    object_id: str,
    sort: tuple[SortKey, ...],
    count: int,
    fields: frozenset[str] | None,
) -> bool:
    """Whether an answer takes so long that it belongs into a thread."""
    if fields is not None and (count == 0 or count > _FEW):
        return True
    if is_stored_order(object_id, sort) or object_id == RECENT.key:
        return False
    row = container_of(connection, object_id)
    return row is not None and row[11] > _LONG_SORT


def browse_children(
    connection: apsw.Connection,
    fragments: FragmentRenderer,
    object_id: str,
    asker: Asker,
    start: int,
    count: int,
    sort: tuple[SortKey, ...],
) -> DidlPage:
    """A page of a container's children; ``count`` 0 means as many as one answer carries.

    Raises:
        NotFound: no such container.
    """
    check_slice(start, count)
    count = min(count or MAX_PAGE, MAX_PAGE)
    with connection:
        row = container_of(connection, object_id)
        if row is None:
            raise NotFound(f"no container {object_id[:60]!r}")
        container, total, update_id = row[0], row[11], row[13]
        class_id = asker.class_id if asker.fields is None else -1
        if object_id == RECENT.key:
            wanted = max(0, min(count, RECENT_COUNT - start))
            rows = connection.execute(step("recent_page"), (class_id, start, wanted)).fetchall()
        elif is_stored_order(object_id, sort):
            stop = min(start + count, total)
            rows = connection.execute(
                step("page"), (container, class_id, min(start, stop), stop)
            ).fetchall()
        else:
            order = ", ".join(
                f"{_ORDERS[key.property]} {'DESC' if key.descending else 'ASC'}" for key in sort
            )
            entries = connection.execute(
                step("sorted_entries", order=order), (container, count, start)
            ).fetchall()
            rows = [(entry, None) for (entry,) in entries]
        texts = [
            str(text) if text is not None else _text_of(connection, fragments, int(entry), asker)
            for entry, text in cast(list[tuple[int, str | None]], rows)
        ]
    shown = [text for text in texts if text]
    joined = "".join(shown).replace(PARENT, object_id)
    return DidlPage(fill(joined, asker.address, asker.token), len(shown), total, update_id)


def browse_metadata(
    connection: apsw.Connection, fragments: FragmentRenderer, object_id: str, asker: Asker
) -> DidlPage:
    """One object by itself.

    Raises:
        NotFound: no such object.
    """
    with connection:
        if object_id.startswith("i") and object_id[1:].isascii() and object_id[1:].isdigit():
            item_id = int(object_id[1:]) if len(object_id) < 19 else 0
            row = connection.execute(step("home_of_item"), (item_id,)).fetchone()
            if row is None:
                raise NotFound(f"no object {object_id[:60]!r}")
            entry, parent, place = item_id, row[0], row[1]
            update_id = int(connection.execute(step("system_update_id")).get)
        else:
            row = container_of(connection, object_id)
            if row is None:
                raise NotFound(f"no object {object_id[:60]!r}")
            entry, parent, place = -row[0], "", place_of(row[5])
            update_id = row[13]
        text = _stored_text(connection, asker, place, entry) or _text_of(
            connection, fragments, entry, asker
        )
    filled = fill(text.replace(PARENT, parent), asker.address, asker.token)
    return DidlPage(filled, 1, 1, update_id)


def render_hits(
    connection: apsw.Connection,
    fragments: FragmentRenderer,
    hits: tuple[Hit, ...],
    total: int,
    asker: Asker,
) -> DidlPage:
    """The texts of found rows, each under its own parent."""
    texts: list[str] = []
    with connection:
        stored: dict[int, str] = {}
        if asker.fields is None and asker.class_id >= 0:
            places = [(asker.class_id, place_of(hit.title), hit.entry) for hit in hits]
            stored = dict(connection.executemany(step("fragment"), places))
        for hit in hits:
            text = stored.get(hit.entry)
            if text is None:
                text = _text_of(connection, fragments, hit.entry, asker)
            if text:
                texts.append(text.replace(PARENT, hit.parent))
        update_id = int(connection.execute(step("system_update_id")).get)
    result = fill("".join(texts), asker.address, asker.token)
    return DidlPage(result, len(texts), total, update_id)


def _stored_text(connection: apsw.Connection, asker: Asker, place: str, entry: int) -> str | None:
    if asker.fields is not None or asker.class_id < 0:
        return None
    row = connection.execute(step("fragment"), (asker.class_id, place, entry)).fetchone()
    return None if row is None else str(row[1])


def _text_of(
    connection: apsw.Connection, fragments: FragmentRenderer, entry: int, asker: Asker
) -> str:
    """An entry rendered now; empty when it is gone since the page was numbered."""
    if entry > 0:
        try:
            item = read_item(connection, entry)
        except NotFound:
            return ""
        return fragments.item_xml(item, PARENT, asker.profile_class, asker.fields)
    row = connection.execute(step("container_row"), (-entry,)).fetchone()
    if row is None:
        return ""
    parent = connection.execute(step("container_row"), (row[3],)).fetchone()
    return fragments.container_xml(
        row[1],
        parent[1] if parent else "-1",
        row[5],
        asker.profile_class,
        upnp_class=row[6],
        child_count=row[11],
        artist=row[9],
        art_item=row[12],
        fields=asker.fields,
    )
