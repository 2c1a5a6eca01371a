"""The writer's side of the tree: members, page numbers, rendered texts, update ids.

A job changes items through ``put_item`` and ``drop_item`` and ends with ``settle``. Numbering a
large container costs time, so while items pour in it is done now and then; it is marked ``stale``
meanwhile, and what is gone or locked is always taken out at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import apsw

from gateway.library.fragments import PARENT, FragmentRenderer
from gateway.library.natural import place_of
from gateway.library.places import FIXED, RECENT, ContainerSpec, Standing, standings
from gateway.library.records import Item
from gateway.library.search_rows import SearchRow, container_row, item_row
from gateway.library.statements import numbers, step

RECENT_COUNT = 200
_LARGE = 1000
_REST_S = 1.0
_REST_PER_COST = 20.0


@dataclass(slots=True)
class Changes:
    """What a job did so far, by container id; ``settle`` turns it into an ``Outcome``."""

    touched: set[int] = field(default_factory=set)
    updated: set[int] = field(default_factory=set)
    found: list[SearchRow] = field(default_factory=list)
    lost: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the loop has to hear of a settled job; ``update_id`` None when nobody can see it."""

    update_id: int | None
    containers: tuple[str, ...]
    found: tuple[SearchRow, ...]
    lost: tuple[tuple[str, int], ...]


class Tree:
    """Owned by the library, used in the writer's thread only."""

    def __init__(self, fragments: FragmentRenderer) -> None:
        self._fragments = fragments
        self._ids: dict[str, int] = {}
        self._nodes: dict[int, tuple[int, str]] = {}
        self._classes: list[tuple[int, str]] = []
        self._is_loaded = False
        self._next_s: dict[int, float] = {}
        self.has_stale = False

    def forget(self) -> None:
        """A transaction was undone: what is remembered of it is not true."""
        self._is_loaded = False

    def load(self, connection: apsw.Connection) -> None:
        """Remember containers and classes; makes the fixed containers of a new library."""
        if self._is_loaded:
            return
        self._ids.clear()
        self._nodes.clear()
        for key, number, depth, object_id in connection.execute(step("all_containers")):
            self._ids[key] = number
            self._nodes[number] = (depth, object_id)
        self._classes = [(row[0], row[1]) for row in connection.execute(step("classes"))]
        self.has_stale = self._has_stale(connection)
        self._is_loaded = True
        changes = Changes()
        for spec in FIXED:
            self._ensure(connection, spec, changes)
        if changes.touched:
            self.settle(connection, changes, is_urgent=True)

    @staticmethod
    def _has_stale(connection: apsw.Connection) -> bool:
        return connection.execute(step("stale_containers")).fetchone() is not None

    def object_id(self, container: int) -> str:
        """The public id of a container."""
        return self._nodes[container][1]

    def home_of(self, connection: apsw.Connection, item: Item, changes: Changes) -> int:
        """The container a search names as the item's parent."""
        return self._ensure(connection, standings(item)[0].container, changes)

    def put_item(
        self,
        connection: apsw.Connection,
        item: Item,
        source: int,
        old: Item | None,
        changes: Changes,
    ) -> None:
        """Place an item that is new (``old`` None) or was changed, and render it."""
        place = place_of(item.title)
        wanted = standings(item)
        ids = [self._ensure(connection, one.container, changes) for one in wanted]
        now = {(number, one.sort, place) for number, one in zip(ids, wanted, strict=True)}
        before: set[tuple[int, str, str]] = set()
        if old is not None:
            changes.lost.append((old.title, old.id))
            before = set(connection.execute(step("memberships"), (old.id,)))
            if (old_place := place_of(old.title)) != place:
                self._erase(connection, old_place, item.id)
        connection.executemany(
            step("delete_member"), [(number, sort, item.id) for number, sort, _ in before - now]
        )
        connection.executemany(
            step("insert_member"),
            [(number, sort, item.id, place, source) for number, sort, place in now - before],
        )
        changes.touched.update(number for number, _, _ in before ^ now)
        changes.updated.update(ids)
        changes.updated.add(self._ids[RECENT.key])
        if old is not None:
            values = (ids[0], place, item.id, ids[0], place)
            connection.execute(step("set_item_place"), values)
        self.render_item(connection, item)
        if not connection.execute(step("is_locked"), (source,)).get:
            changes.found.append(item_row(item, self._home_text(wanted)))

    def drop_item(self, connection: apsw.Connection, item: Item, changes: Changes) -> None:
        """Take an item out of the tree; its row stays."""
        places = connection.execute(step("memberships"), (item.id,)).fetchall()
        connection.executemany(
            step("delete_member"), [(number, sort, item.id) for number, sort, _ in places]
        )
        changes.touched.update(int(str(number)) for number, _, _ in places)
        self._erase(connection, place_of(item.title), item.id)
        changes.updated.add(self._ids[RECENT.key])
        changes.lost.append((item.title, item.id))

    def touch_source(self, connection: apsw.Connection, source: int, changes: Changes) -> None:
        """A source was locked or unlocked: every container with items of it is numbered anew."""
        changes.touched.update(numbers(connection.execute(step("containers_of_source"), (source,))))
        changes.updated.add(self._ids[RECENT.key])

    def render_item(
        self, connection: apsw.Connection, item: Item, only: tuple[int, str] | None = None
    ) -> None:
        """Store an item's text for every kept class, or for ``only`` one."""
        place = place_of(item.title)
        connection.executemany(
            step("insert_fragment"),
            [
                (number, place, item.id, self._fragments.item_xml(item, PARENT, name))
                for number, name in ([only] if only else self._classes)
            ],
        )

    def render_container(
        self, connection: apsw.Connection, container: int, only: tuple[int, str] | None = None
    ) -> None:
        """Store a container's text for every kept class, or for ``only`` one."""
        row = connection.execute(step("container_row"), (container,)).get
        (_, object_id, _, parent, _, title, upnp_class, _, _, artist, _, count, sample, _) = row
        parent_row = connection.execute(step("container_row"), (parent,)).get
        connection.executemany(
            step("insert_fragment"),
            [
                (
                    number,
                    place_of(title),
                    -container,
                    self._fragments.container_xml(
                        object_id,
                        parent_row[1] if parent_row else "-1",
                        title,
                        name,
                        upnp_class=upnp_class,
                        child_count=count,
                        artist=artist,
                        art_item=sample,
                    ),
                )
                for number, name in ([only] if only else self._classes)
            ],
        )

    def settle(
        self, connection: apsw.Connection, changes: Changes, *, is_urgent: bool = False
    ) -> Outcome:
        """Number, render and count what the job touched; the last step of every job.

        Args:
            connection: inside the job's transaction.
            changes: what it did.
            is_urgent: leave nothing stale (something vanished, or the scan ended).
        """
        waiting = set(changes.touched)
        while waiting:
            deepest = max(waiting, key=lambda number: self._nodes[number][0])
            waiting.discard(deepest)
            parent = self._number(connection, deepest, is_urgent, changes)
            if parent is not None:
                waiting.add(parent)
        seen = changes.touched | changes.updated
        if not seen:
            return Outcome(None, (), tuple(changes.found), tuple(changes.lost))
        self._count_recent(connection, changes)
        update_id = int(connection.execute(step("bump_system_update_id")).get)
        connection.executemany(step("set_update_id"), [(update_id, number) for number in seen])
        containers = tuple(sorted(self._nodes[number][1] for number in seen))
        return Outcome(update_id, containers, tuple(changes.found), tuple(changes.lost))

    def take_stale(self, connection: apsw.Connection, changes: Changes) -> None:
        """Let the job number what was left stale, as far as it is due."""
        changes.touched.update(numbers(connection.execute(step("stale_containers"))))
        self.has_stale = False

    def refresh_samples(self, connection: apsw.Connection, item_id: int, changes: Changes) -> None:
        """An item got its first picture, which may be the one of its containers."""
        found = numbers(connection.execute(step("memberships"), (item_id,)))
        changes.touched.update(number for number in found if self._is_grown(number))

    def _is_grown(self, container: int) -> bool:
        return "-" in self._nodes[container][1]

    def _number(
        self, connection: apsw.Connection, container: int, is_urgent: bool, changes: Changes
    ) -> int | None:
        """Number a container's page; gives its parent when that has to follow."""
        row = connection.execute(step("container_row"), (container,)).get
        (_, object_id, _, parent, _, title, _, sort, fixed, _, _, count, sample, _) = row
        started_s = time.monotonic()
        if count > _LARGE and not is_urgent and started_s < self._next_s.get(container, 0.0):
            connection.execute(step("mark_stale"), (container,))
            self.has_stale = True
            return None
        if object_id == RECENT.key:
            return None
        connection.execute(step("clear_page"), (container,))
        connection.execute(step("fill_page"), (container,))
        new_count = int(connection.execute(step("count_page"), (container,)).get)
        new_sample = None if fixed else _sample(connection, container)
        connection.execute(step("set_container_state"), (new_count, new_sample, container))
        cost_s = time.monotonic() - started_s
        self._next_s[container] = started_s + cost_s + max(_REST_S, _REST_PER_COST * cost_s)
        if (new_count, new_sample) == (count, sample):
            return None
        changes.updated.add(container)
        place = place_of(title)
        if not fixed and bool(new_count) != bool(count):
            if new_count:
                member = (parent, sort, -container, place, None)
                connection.execute(step("insert_member"), member)
                row = connection.execute(step("container_row"), (container,)).get
                changes.found.append(container_row(row, self.object_id(parent)))
            else:
                connection.execute(step("delete_member"), (parent, sort, -container))
                self._erase(connection, place, -container)
                changes.lost.append((title, -container))
        if new_count or fixed:
            self.render_container(connection, container)
        is_news = bool(new_count) != bool(count) or new_sample != sample
        if parent and is_news:
            changes.updated.add(parent)
            return int(parent)
        return None

    def _count_recent(self, connection: apsw.Connection, changes: Changes) -> None:
        recent = self._ids[RECENT.key]
        if recent in changes.updated:
            count = min(RECENT_COUNT, int(connection.execute(step("visible_count")).get))
            connection.execute(step("set_container_state"), (count, None, recent))
            self.render_container(connection, recent)

    def _erase(self, connection: apsw.Connection, place: str, entry: int) -> None:
        connection.executemany(
            step("delete_fragment"), [(number, place, entry) for number, _ in self._classes]
        )

    def _home_text(self, wanted: tuple[Standing, ...]) -> str:
        return self._nodes[self._ids[wanted[0].container.key]][1]

    def _ensure(self, connection: apsw.Connection, spec: ContainerSpec, changes: Changes) -> int:
        known = self._ids.get(spec.key)
        if known is not None:
            return known
        parent, depth = 0, 0
        if spec.parent is not None:
            parent = self._ensure(connection, spec.parent, changes)
            depth = self._nodes[parent][0] + 1
        values: tuple[Any, ...] = (
            spec.key, spec.key, parent, depth, spec.title, spec.upnp_class, spec.sort,
            spec.is_fixed, spec.artist, spec.number,
        )  # fmt: skip
        connection.execute(step("insert_container"), values)
        number = connection.last_insert_rowid()
        object_id = spec.key if spec.is_fixed else f"{spec.prefix}-{number}"
        connection.execute(step("name_container"), (object_id, number))
        self._ids[spec.key] = number
        self._nodes[number] = (depth, object_id)
        if spec.is_fixed and parent:
            member = (parent, spec.sort, -number, place_of(spec.title), None)
            connection.execute(step("insert_member"), member)
            self.render_container(connection, number)
        changes.touched.add(number)
        return number

    def add_class(self, connection: apsw.Connection, name: str) -> tuple[int, str]:
        """Begin to keep texts for a class of players."""
        connection.execute(step("insert_class"), (name,))
        self._is_loaded = False
        self.load(connection)
        return next(one for one in self._classes if one[1] == name)

    def class_named(self, name: str) -> tuple[int, str] | None:
        """A kept class."""
        return next((one for one in self._classes if one[1] == name), None)


def _sample(connection: apsw.Connection, container: int) -> int | None:
    """An item whose picture stands for the container, with a picture if one of the first has."""
    first: int | None = None
    for entry, has_art, below in connection.execute(step("sample_of_page"), (container,)):
        if entry > 0:
            if has_art:
                return int(entry)
            first = first or int(entry)
        elif below:
            first = first or int(below)
    return first
