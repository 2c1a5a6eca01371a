"""What the writer does with listings and probes: insert, change, recognise, let go, bring back.

Every function runs in the writer's thread inside a transaction and notes what it did in a
``Changes``; settling the tree is its caller's last step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from gateway.errors import NotFound
from gateway.library.item_rows import (
    SELECT_ITEM,
    item_of_row,
    known_columns,
    listed_mark,
    merged_columns,
    place_key,
)
from gateway.library.natural import place_of
from gateway.library.records import Found, Item, Known, ProbeState
from gateway.library.statements import numbers, step
from gateway.library.tree import Changes, Tree

KEPT_DAYS = 30
SHRINK_LIMIT = 0.2
"""A listing that lost more than this part is not believed. Source: needs.md 4."""
_PURGE_AT_ONCE = 2000


@dataclass(slots=True)
class ScanState:
    """A running scan; ``last_item`` is the highest item id before it."""

    source: str
    source_id: int
    number: int
    last_item: int
    before: int
    listed: int = 0
    added: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)


def source_id_of(connection: apsw.Connection, name: str) -> int:
    """Row id of a source.

    Raises:
        NotFound: no source is named so.
    """
    row = connection.execute(step("source_by_name"), (name,)).fetchone()
    if row is None or row[5]:
        raise NotFound(f"no source is named {name[:60]!r}")
    return int(row[0])


def any_item(connection: apsw.Connection, item_id: int) -> Item:
    """An item, deleted or not.

    Raises:
        NotFound: it was never there or is purged.
    """
    row = connection.execute(step("item_any", columns=SELECT_ITEM), (item_id,)).fetchone()
    if row is None:
        raise NotFound(f"no item {item_id}")
    return item_of_row(row)


def put_found(
    connection: apsw.Connection,
    tree: Tree,
    scan: ScanState,
    batch: Sequence[Found],
    now_s: float,
    changes: Changes,
) -> None:
    """Take in a batch of a listing; what is unchanged costs one look-up."""
    seen: list[tuple[int, int]] = []
    fresh = 0
    next_id = int(connection.execute(step("last_used_id")).get or 0) + 1
    for found in batch:
        mark = listed_mark(found)
        row = connection.execute(step("item_by_path"), (scan.source_id, found.path)).fetchone()
        if row is None:
            item_id = next_id
            next_id += 1
            _insert(connection, tree, scan, item_id, found, mark, now_s, changes)
            scan.added.append(item_id)
            fresh += 1
        else:
            item_id, _, _, listed, deleted_s, _, _ = row
            if deleted_s is not None or listed != mark:
                _change(connection, tree, scan, found, mark, row, changes)
                (scan.changed if deleted_s is None else scan.added).append(item_id)
                fresh += deleted_s is not None
        seen.append((item_id, scan.number))
    connection.executemany(step("see_item"), seen)
    scan.listed += len(batch)
    if fresh:
        connection.execute(step("add_to_count"), (fresh, scan.source_id))


def _insert(
    connection: apsw.Connection,
    tree: Tree,
    scan: ScanState,
    item_id: int,
    found: Found,
    mark: str,
    now_s: float,
    changes: Changes,
) -> None:
    item = Item(
        id=item_id, source=scan.source, path=found.path, kind=found.kind, mime=found.mime,
        title=found.title, size_bytes=found.size_bytes, version=found.version, added_s=now_s,
        year=found.year, series=found.series, season=found.season, episode=found.episode,
        artist=found.artist, album=found.album, track_number=found.track_number,
        modified_s=found.modified_s,
    )  # fmt: skip
    columns = {
        "id": item_id,
        "home": tree.home_of(connection, item, changes),
        "place": place_of(found.title),
        "source": scan.source_id,
        "path": found.path,
        "added_s": now_s,
        "listed": mark,
        "place_key": place_key(None, scan.source, found.path),
        **merged_columns(found, None),
    }
    connection.execute(
        step("insert_item", columns=", ".join(columns), values=", ".join("?" * len(columns))),
        tuple(columns.values()),
    )
    tree.put_item(connection, item, scan.source_id, None, changes)


def _change(
    connection: apsw.Connection,
    tree: Tree,
    scan: ScanState,
    found: Found,
    mark: str,
    row: tuple[Any, ...],
    changes: Changes,
) -> None:
    item_id, version, size_bytes, _, _, known, identity = row
    is_same_content = (version, size_bytes) == (found.version, found.size_bytes)
    columns = merged_columns(found, known if is_same_content else None)
    columns |= {"listed": mark, "deleted_s": None}
    if not is_same_content:
        columns |= {
            "known": None,
            "probe": ProbeState.UNKNOWN.value,
            "probe_reason": None,
            "place_key": place_key(None, scan.source, found.path),
        }
        if identity is None:
            # Positions under the path belonged to the old content.
            connection.execute(step("drop_positions"), (place_key(None, scan.source, found.path),))
    change_item(connection, tree, item_id, scan.source_id, columns, changes)


def change_item(
    connection: apsw.Connection,
    tree: Tree,
    item_id: int,
    source_id: int,
    columns: dict[str, Any],
    changes: Changes,
) -> Item:
    """Set columns of an item and place it anew."""
    old = any_item(connection, item_id)
    connection.execute(
        step("update_item", columns=", ".join(f"{name} = ?" for name in columns)),
        (*columns.values(), item_id),
    )
    item = any_item(connection, item_id)
    tree.put_item(connection, item, source_id, old, changes)
    return item


def finish_scan(
    connection: apsw.Connection, tree: Tree, scan: ScanState, now_s: float, changes: Changes
) -> tuple[list[int], str | None]:
    """End a complete listing: recognise what moved, let go of what vanished.

    Returns:
        Ids of the items that went; or none and the reason why nothing was believed.
    """
    vanished = _vanished(connection, scan.source_id, scan.number)
    if scan.listed < scan.before * (1 - SHRINK_LIMIT):
        reason = (
            f"the listing has {scan.listed} items, the last good one had {scan.before}; "
            "nothing was removed"
        )
        connection.execute(step("end_scan"), (now_s, 1, scan.source_id))
        return [], reason
    fresh = [
        item_of_row(row)
        for row in connection.execute(
            step("items_new_since", columns=SELECT_ITEM), (scan.source_id, scan.last_item)
        )
    ]
    for old, new in _moved(vanished, fresh):
        take_over(connection, tree, old, new, scan.source_id, scan.number, changes)
        vanished.remove(old)
        scan.added.remove(new.id)
        scan.changed.append(old.id)
    let_go(connection, tree, vanished, now_s, changes)
    connection.execute(step("end_scan"), (now_s, 0, scan.source_id))
    connection.execute(step("count_items"), (scan.source_id,))
    connection.execute(step("clear_sightings"), (scan.source_id, scan.number))
    return [item.id for item in vanished], None


def _vanished(connection: apsw.Connection, source_id: int, scan: int) -> list[Item]:
    rows = connection.execute(step("vanished_items", columns=SELECT_ITEM), (source_id, scan))
    return [item_of_row(row) for row in rows]


def _moved(vanished: list[Item], fresh: list[Item]) -> list[tuple[Item, Item]]:
    """Pairs of a vanished item and the new one that is the same file elsewhere.

    The same identity is proof. Else size and version must be equal and single on both sides, or
    the name must be equal too.
    """
    pairs: list[tuple[Item, Item]] = []
    for keys in (
        lambda one: (one.identity, one.size_bytes) if one.identity else None,
        lambda one: (one.size_bytes, one.version, one.path.rpartition("/")[2]),
        lambda one: (one.size_bytes, one.version),
    ):
        gone: dict[Any, list[Item]] = defaultdict(list)
        came: dict[Any, list[Item]] = defaultdict(list)
        done = {old.id for old, _ in pairs} | {new.id for _, new in pairs}
        for items, by_key in ((vanished, gone), (fresh, came)):
            for item in items:
                if item.id not in done and (key := keys(item)) is not None:
                    by_key[key].append(item)
        pairs += [
            (olds[0], came[key][0])
            for key, olds in gone.items()
            if len(olds) == 1 and len(came.get(key, ())) == 1
        ]
    return pairs


def take_over(
    connection: apsw.Connection,
    tree: Tree,
    old: Item,
    new: Item,
    source_id: int,
    scan: int,
    changes: Changes,
) -> Item:
    """The old item goes on at the new one's path; the new id was a mistake and vanishes."""
    listed, new_known, new_key = connection.execute(step("marks_of_item"), (new.id,)).get
    _, old_known, old_key = connection.execute(step("marks_of_item"), (old.id,)).get
    tree.drop_item(connection, new, changes)
    known = new_known or old_known
    found = Found(
        new.source, new.path, new.size_bytes, new.version, new.modified_s, new.kind, new.mime,
        new.title, new.year, new.series, new.season, new.episode, new.artist, new.album,
        new.track_number,
    )  # fmt: skip
    identity = new.identity or old.identity
    key = place_key(identity, new.source, new.path)
    for before in {old_key, new_key} - {key}:
        _move_positions(connection, before, key)
    erase_item(connection, new.id)
    columns = merged_columns(found, known)
    for name in ("facts_json", "tile"):
        columns[name] = getattr(new, name) or getattr(old, name)
    columns |= {
        "source": source_id, "path": new.path, "listed": listed, "known": known,
        "identity": identity, "place_key": key, "deleted_s": None,
        "probe": (new if new.probe is not ProbeState.UNKNOWN else old).probe.value,
    }  # fmt: skip
    item = change_item(connection, tree, old.id, source_id, columns, changes)
    connection.execute(step("see_item"), (old.id, scan))
    return item


def _move_positions(connection: apsw.Connection, before: str, after: str) -> None:
    """Positions go with the content; what stood under a path is not left for another file."""
    connection.execute(step("move_positions"), (before, after))
    if before.startswith("p:"):
        connection.execute(step("drop_positions"), (before,))


def erase_item(connection: apsw.Connection, item_id: int) -> None:
    """Remove a row for good; its positions stay under its content."""
    for name in ("erase_item", "erase_sighting", "erase_art"):
        connection.execute(step(name), (item_id,))


def let_go(
    connection: apsw.Connection,
    tree: Tree,
    items: Sequence[Item],
    now_s: float,
    changes: Changes,
) -> None:
    """Take items out of every list; restorable until they are purged."""
    for item in items:
        tree.drop_item(connection, item, changes)
        connection.execute(step("delete_item_softly"), (now_s, item.id))


def confirm_shrink(
    connection: apsw.Connection, tree: Tree, source_id: int, now_s: float, changes: Changes
) -> list[int]:
    """Believe the last complete listing of a source after all."""
    scan = connection.execute(step("scan_of_source"), (source_id,)).get
    vanished = _vanished(connection, source_id, scan)
    let_go(connection, tree, vanished, now_s, changes)
    connection.execute(step("end_scan"), (now_s, 0, source_id))
    connection.execute(step("count_items"), (source_id,))
    return [item.id for item in vanished]


def purge(connection: apsw.Connection, now_s: float) -> int:
    """Erase what has been gone for longer than ``KEPT_DAYS``; how many of a batch."""
    before_s = now_s - KEPT_DAYS * 86400
    ids = numbers(connection.execute(step("items_to_purge"), (before_s, _PURGE_AT_ONCE)))
    for item_id in ids:
        erase_item(connection, item_id)
    connection.execute(step("purge_media_index"), (before_s,))
    return len(ids)


def record_probe(
    connection: apsw.Connection, tree: Tree, item_id: int, known: Known, changes: Changes
) -> int:
    """Take in what a probe found.

    Returns:
        The item's id after it: an older one's when the content is that of an item that was gone.
    """
    old = any_item(connection, item_id)
    source_id = source_id_of(connection, old.source)
    key = place_key(known.identity, old.source, old.path)
    columns = known_columns(known) | {"place_key": key, "probe_reason": None}
    before = connection.execute(step("marks_of_item"), (item_id,)).get[2]
    if before != key:
        _move_positions(connection, before, key)
    item = change_item(connection, tree, item_id, source_id, columns, changes)
    twin = connection.execute(
        step("lost_twin", columns=SELECT_ITEM), (known.identity, item.size_bytes, item_id)
    ).fetchone()
    if twin is None:
        return item_id
    scan = connection.execute(step("scan_of_source"), (source_id,)).get
    return take_over(connection, tree, item_of_row(twin), item, source_id, scan, changes).id
