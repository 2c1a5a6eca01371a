"""Reading lists of items and groups; each function takes a reading connection."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import apsw

from gateway.errors import BadArgument, NotFound
from gateway.library.item_rows import ITEM_COLUMNS, SELECT_ITEM, item_of_row
from gateway.library.records import (
    Group,
    Item,
    Kind,
    Page,
    Position,
    Query,
    Sort,
    SourceRecord,
    SourceState,
)
from gateway.library.statements import step

MAX_COUNT = 1000
_ORDERS = {
    Sort.TITLE: ("i.place",),
    Sort.ADDED: ("i.added_s",),
    Sort.DATE: ("coalesce(i.taken_s, i.modified_s, 0)",),
    Sort.ALBUM: (
        "coalesce(i.album_artist, i.artist, '')", "coalesce(i.album, '')",
        "coalesce(i.disc_number, 0)", "coalesce(i.track_number, 0)", "i.place",
    ),
    Sort.EPISODE: (
        "coalesce(i.series, '')", "coalesce(i.season, 0)", "coalesce(i.episode, 0)", "i.place",
    ),
    Sort.PATH: ("s.name", "i.path"),
}  # fmt: skip
_GROUP_ROOTS = {"series": "series", "albums": "albums", "artists": "artists", "folders": "folders"}


def read_item(connection: apsw.Connection, item_id: int) -> Item:
    """An item that may be seen.

    Raises:
        NotFound: there is none, or its source is locked.
    """
    row = connection.execute(step("item_visible", columns=SELECT_ITEM), (item_id,)).fetchone()
    if row is None:
        raise NotFound(f"no item {item_id}")
    return item_of_row(row)


def read_items(connection: apsw.Connection, ids: Sequence[int]) -> list[Item]:
    """Visible items in the order of ``ids``; missing ones are left out."""
    text = json.dumps(list(ids))
    rows = connection.execute(step("items_of_ids", columns=SELECT_ITEM), (text,))
    return [item_of_row(row) for row in rows]


def list_items(
    connection: apsw.Connection, query: Query, found: Sequence[int] | None = None
) -> Page:
    """A slice of a list with its exact total.

    Args:
        connection: to read with.
        query: filters, order and slice; its text is not looked at here.
        found: ids that the text of the query gave, in title order.
    """
    check_slice(query.start, query.count)
    filters, values = _filters(connection, query)
    if found is not None:
        return _page_of_found(connection, query, found, filters, values)
    direction = "DESC" if query.descending else "ASC"
    order = ", ".join(f"{part} {direction}" for part in (*_ORDERS[query.sort], "i.id"))
    total = int(connection.execute(step("count_listed", filters=filters), values).get)
    rows = connection.execute(
        step("list_items", columns=SELECT_ITEM, filters=filters, order=order),
        (*values, min(query.count, MAX_COUNT), query.start),
    )
    return Page(tuple(item_of_row(row) for row in rows), total, query.start)


def _page_of_found(
    connection: apsw.Connection,
    query: Query,
    found: Sequence[int],
    filters: str,
    values: tuple[Any, ...],
) -> Page:
    allowed: Collection[int] | None = None
    if values:
        allowed = {
            row[0] for row in connection.execute(step("ids_listed", filters=filters), values)
        }
    ids = [one for one in found if allowed is None or one in allowed]
    if query.descending:
        ids.reverse()
    items = read_items(connection, ids[query.start : query.start + min(query.count, MAX_COUNT)])
    return Page(tuple(items), len(ids), query.start)


def _filters(connection: apsw.Connection, query: Query) -> tuple[str, tuple[Any, ...]]:
    parts: list[str] = ["1"]
    values: list[Any] = []
    for column, value in (
        ("i.kind", query.kind and query.kind.value),
        ("s.name", query.source),
        ("i.season", query.season),
    ):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    for name, prefix, key in (
        ("i.series", "series-", query.series),
        ("i.album", "album-", query.album),
        (None, "folder-", query.folder),
    ):
        if key is None:
            continue
        container = container_of(connection, key) if key.startswith(prefix) else None
        if container is not None:
            parts.append(
                "i.id IN (SELECT m.entry FROM member m WHERE m.container = ? UNION ALL "
                "SELECT m.entry FROM container c JOIN member m ON m.container = c.id "
                "WHERE c.parent = ? AND c.key GLOB 'season:*')"
            )
            values += [container[0], container[0]]
        elif name is not None:
            parts.append(f"{name} = ?")
            values.append(key)
        else:
            raise NotFound(f"no folder {key[:60]!r}")
    return " AND ".join(parts), tuple(values)


def container_of(connection: apsw.Connection, object_id: str) -> tuple[Any, ...] | None:
    """The row of a container by its public id."""
    return connection.execute(step("container_by_object"), (object_id,)).fetchone()


def list_groups(
    connection: apsw.Connection, what: str, parent: str | None, start: int, count: int
) -> tuple[list[Group], int]:
    """A slice of the groups of a kind, with their number.

    Raises:
        BadArgument: no such kind of group.
        NotFound: no such parent.
    """
    check_slice(start, count)
    if what == "sources":
        records = list_sources(connection)
        groups = [
            Group(one.name, one.name, one.item_count)
            for one in records
            if one.state is not SourceState.LOCKED
        ]
        return groups[start : start + count], len(groups)
    root = parent if parent is not None else _GROUP_ROOTS.get(what)
    if root is None or (what not in _GROUP_ROOTS and what != "seasons"):
        raise BadArgument(f"there are no groups {what[:40]!r} without a parent")
    container = container_of(connection, root)
    if container is None:
        raise NotFound(f"no group {root[:60]!r}")
    rows = connection.execute(step("child_groups"), (container[0], min(count, MAX_COUNT), start))
    found = [
        Group(key, title, children, sample, artist if number is None else str(number))
        for key, title, children, sample, artist, number in rows
    ]
    return found, int(connection.execute(step("count_child_groups"), (container[0],)).get)


def list_sources(connection: apsw.Connection) -> list[SourceRecord]:
    """Every source in the order they were added."""
    return [
        SourceRecord(name, spec, SourceState(state), reason, count, scanned_s)
        for name, spec, state, reason, count, scanned_s in connection.execute(step("sources"))
    ]


def recent_items(connection: apsw.Connection, count: int) -> list[Item]:
    """The newest visible items."""
    rows = connection.execute(
        step("recent_items", columns=SELECT_ITEM), (min(max(count, 0), MAX_COUNT), 0)
    )
    return [item_of_row(row) for row in rows]


def begun_items(
    connection: apsw.Connection, profile: str, count: int
) -> list[tuple[Item, Position]]:
    """Items a profile began and did not end, the latest first; each content once."""
    rows = connection.execute(
        step("begun_items", columns=SELECT_ITEM), (profile, min(max(count, 0), MAX_COUNT))
    )
    width = len(ITEM_COLUMNS)
    found: list[tuple[Item, Position]] = []
    for row in rows:
        item = item_of_row(row[:width])
        position_s, duration_s, watched, updated_s = row[width:]
        found.append(
            (item, Position(item.id, profile, position_s, duration_s, bool(watched), updated_s))
        )
    return found


def kind_counts(connection: apsw.Connection) -> dict[Kind, int]:
    """Visible items by kind; kinds without any are there with 0."""
    found = dict.fromkeys(Kind, 0)
    for kind, count in connection.execute(step("kind_counts")):
        found[Kind(kind)] = count
    return found


def check_slice(start: int, count: int) -> None:
    """Refuse what no list has.

    Raises:
        BadArgument: a negative start or count.
    """
    if start < 0 or count < 0:
        raise BadArgument(f"a list has no slice of {count} from {start}; both must be 0 or more")
