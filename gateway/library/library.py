"""The library: every item, where it stands, what is known of it, and what viewers did with it.

One thread writes, the loop reads short things itself, long reads have threads. Whatever a locked
source holds is invisible in every answer. No hosts and no HTTP here.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import apsw

from gateway.bus import Bus, LibraryChanged, SourceChanged
from gateway.clock import Clock
from gateway.errors import BadArgument, GatewayError, NotFound
from gateway.library import classes_kept, didl_pages, ingest, listing
from gateway.library.copies import Store
from gateway.library.criteria import compile_criteria, contains_text
from gateway.library.didl_pages import Asker
from gateway.library.fragments import FragmentRenderer
from gateway.library.item_rows import SELECT_ITEM, item_of_row
from gateway.library.readers import Readers
from gateway.library.records import (
    DidlPage,
    Found,
    Group,
    Item,
    Kind,
    Known,
    Page,
    Position,
    ProbeState,
    Query,
    ScanDiff,
    SourceRecord,
    SourceState,
)
from gateway.library.search_index import Hits, SearchIndex, row_key
from gateway.library.search_rows import SearchRow, container_values, item_values
from gateway.library.statements import step
from gateway.library.tree import Changes, Outcome, Tree
from gateway.library.writer import Writer
from gateway.tasks import Tasks
from gateway.upnp.search import Criteria
from gateway.upnp.sort import SortKey

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Work = Callable[[apsw.Connection, Changes], _T]

_FOUND_AT_ONCE = 500
_INLINE_ROWS = 20_000
_STALE_EVERY_S = 1.0
_FIRST_COPY_S = 60.0
_HOUSE_EVERY_S = 3600.0
_COPY_AGE_S = 86_400.0


class Library:
    """Owned by ``app``; made by ``open``, used from the loop's thread, ended by ``close``."""

    def __init__(
        self,
        store: Store,
        connection: apsw.Connection,
        tree: Tree,
        clock: Clock,
        bus: Bus,
        fragments: FragmentRenderer,
    ) -> None:
        self._store = store
        self._tree = tree
        self._clock = clock
        self._bus = bus
        self._fragments = fragments
        self._writer = Writer(connection, tree.forget)
        self._readers = Readers(store)
        self._tasks = Tasks("library")
        self._index = SearchIndex()
        self._index_ready = asyncio.Event()
        self._index_turn = 0
        self._waiting: list[Outcome] = []
        self._classes: dict[str, int] = {}
        self._scopes: dict[str, frozenset[int]] = {}
        self._changed: dict[str, int] = {}
        self._update_id = 0

    @classmethod
    async def open(
        cls, folder: Path, key: bytes, clock: Clock, bus: Bus, fragments: FragmentRenderer
    ) -> Self:
        """Open or make the library in ``folder``, sealed with a raw key of 32 bytes.

        Raises:
            WrongKey: another key made it; nothing was touched.
            Unsupported: a newer version of the program wrote it.
        """
        store = Store(folder, key)
        tree = Tree(fragments)

        def prepare() -> apsw.Connection:
            connection = store.open_writer(clock.wall_s())
            try:
                with connection:
                    classes_kept.prepare(connection, tree, fragments)
                    changes = Changes()
                    tree.take_stale(connection, changes)
                    tree.settle(connection, changes, is_urgent=True)
            except BaseException:
                connection.close()
                raise
            return connection

        library = cls(store, await asyncio.to_thread(prepare), tree, clock, bus, fragments)
        library._start()
        return library

    def _start(self) -> None:
        self._update_id = self._readers.short(
            lambda connection: int(connection.execute(step("system_update_id")).get)
        )
        rows = self._readers.short(lambda connection: list(connection.execute(step("classes"))))
        self._classes = {name: number for number, name, _ in rows}
        for number, name, is_complete in rows:
            if not is_complete:
                self._begin(f"texts for {name}", self._fill_class((number, name)))
        self._reload_index()
        self._begin("number stale", self._number_stale())
        self._begin("keep house", self._keep_house())

    async def close(self) -> None:
        """End background work, write what is queued, close the files."""
        await self._tasks.close()
        await self._writer.close()
        await self._readers.close()
        self._store.closed_well()

    # Sources

    async def add_source(self, name: str, spec: str) -> None:
        """Remember a source; a known one keeps its items and state."""
        await self._writer.run(
            lambda connection: _done(connection.execute(step("insert_source"), (name, spec))),
            is_durable=True,
        )

    async def remove_source(self, name: str) -> None:
        """Forget a source; its items go and can come back for 30 days."""

        def work(connection: apsw.Connection, changes: Changes) -> None:
            source = ingest.source_id_of(connection, name)
            rows = connection.execute(
                step("live_items_of_source", columns=SELECT_ITEM), (source,)
            ).fetchall()
            items = [item_of_row(row) for row in rows]
            ingest.let_go(connection, self._tree, items, self._clock.wall_s(), changes)
            connection.execute(step("remove_source"), (source,))

        await self._change(work, is_urgent=True, is_durable=True)

    async def sources(self) -> list[SourceRecord]:
        """Every source, locked ones too."""
        return self._readers.short(listing.list_sources)

    async def set_source_state(
        self, name: str, state: SourceState, reason: str | None = None
    ) -> None:
        """Note a source's state; locking hides its items everywhere, unlocking shows them."""

        def work(connection: apsw.Connection, changes: Changes) -> tuple[bool, bool]:
            source = ingest.source_id_of(connection, name)
            before = SourceState(connection.execute(step("source_by_name"), (name,)).get[1])
            connection.execute(step("set_source_state"), (state.value, reason, source))
            is_moved = (before is SourceState.LOCKED) != (state is SourceState.LOCKED)
            if is_moved:
                self._tree.touch_source(connection, source, changes)
            return before is not state, is_moved

        is_news, _ = await self._change(work, is_urgent=True, reloads=lambda result: result[1])
        if is_news:
            self._bus.put(SourceChanged(name, state.value))

    # Scan

    async def begin_scan(self, source: str) -> Scan:
        """Begin a listing of a source; items show up while it runs."""

        def work(connection: apsw.Connection) -> ingest.ScanState:
            number = ingest.source_id_of(connection, source)
            before = connection.execute(step("source_by_name"), (source,)).get[4]
            scan = connection.execute(step("begin_scan"), (number,)).get
            last = connection.execute(step("last_item_id")).get
            return ingest.ScanState(source, number, scan, last, before)

        return Scan(self, await self._writer.run(work))

    async def put_found(self, scan: ingest.ScanState, batch: Sequence[Found]) -> None:
        """Take in a batch; called by ``Scan``."""
        for start in range(0, len(batch), _FOUND_AT_ONCE):
            part = batch[start : start + _FOUND_AT_ONCE]
            await self._change(
                lambda connection, changes, part=part: ingest.put_found(  # type: ignore[misc]
                    connection, self._tree, scan, part, self._clock.wall_s(), changes
                )
            )

    async def finish_scan(self, scan: ingest.ScanState, complete: bool) -> ScanDiff:
        """End a listing; called by ``Scan``."""

        def work(connection: apsw.Connection, changes: Changes) -> ScanDiff:
            self._tree.take_stale(connection, changes)
            if not complete:
                reason: str | None = "the listing did not reach its end; nothing was removed"
                removed: list[int] = []
            else:
                removed, reason = ingest.finish_scan(
                    connection, self._tree, scan, self._clock.wall_s(), changes
                )
            kept = scan.listed - len(scan.added) - len(scan.changed)
            return ScanDiff(
                tuple(scan.added),
                tuple(scan.changed),
                tuple(removed),
                reason is not None,
                reason,
                max(0, kept),
            )

        diff = await self._change(work, is_urgent=True, is_durable=True)
        self._index.forget_keys()
        await self._writer.rest()
        state = SourceState.AWAY if diff.away else SourceState.READY
        if any(
            one.name == scan.source and one.state is not SourceState.LOCKED
            for one in await self.sources()
        ):
            await self.set_source_state(scan.source, state, diff.reason)
        return diff

    async def confirm_removal(self, source: str) -> tuple[int, ...]:
        """The owner says that what the last complete listing lacks is really gone.

        Raises:
            BadArgument: the last listing of the source was believed already.
        """

        def work(connection: apsw.Connection, changes: Changes) -> list[int]:
            number = ingest.source_id_of(connection, source)
            if not connection.execute(step("source_by_name"), (source,)).get[3]:
                raise BadArgument(f"nothing of {source} waits to be removed")
            return ingest.confirm_shrink(
                connection, self._tree, number, self._clock.wall_s(), changes
            )

        gone = await self._change(work, is_urgent=True, is_durable=True)
        await self.set_source_state(source, SourceState.READY)
        return tuple(gone)

    async def items_to_probe(self, limit: int) -> list[Item]:
        """Items nobody looked into yet, of sources that can be read."""

        def work(connection: apsw.Connection) -> list[Item]:
            rows = connection.execute(step("items_to_probe", columns=SELECT_ITEM), (limit,))
            return [item_of_row(row) for row in rows]

        return await self._readers.long(work)

    async def record_probe(self, item_id: int, known: Known) -> int:
        """Take in what a probe found.

        Returns:
            The item's id from now on: an older one's when this content was here before under
            another path, so that its positions and date go on.
        """
        return await self._change(
            lambda connection, changes: ingest.record_probe(
                connection, self._tree, item_id, known, changes
            )
        )

    async def record_probe_failed(self, item_id: int, version: str, reason: str) -> None:
        """Never look again into this version of a file."""

        def work(connection: apsw.Connection, changes: Changes) -> None:
            item = ingest.any_item(connection, item_id)
            if item.version == version:
                columns = {"probe": ProbeState.FAILED.value, "probe_reason": reason[:500]}
                source = ingest.source_id_of(connection, item.source)
                ingest.change_item(connection, self._tree, item_id, source, columns, changes)

        await self._change(work)

    # Reads

    async def item(self, item_id: int) -> Item:
        """One item.

        Raises:
            NotFound: there is none, or its source is locked.
        """
        return self._readers.short(lambda connection: listing.read_item(connection, item_id))

    async def list_items(self, query: Query) -> Page:
        """A slice of a list; a text is looked for in titles, people, albums and genres."""
        if not query.text:
            return await self._readers.long(
                lambda connection: listing.list_items(connection, query)
            )
        await self._index_ready.wait()
        text = query.text

        def work(connection: apsw.Connection) -> Page:
            hits = self._index.search(contains_text(text), count=len(self._index))
            ids = [hit.entry for hit in hits.rows if hit.entry > 0]
            return listing.list_items(connection, query, ids)

        return await self._readers.long(work)

    async def groups(
        self, what: str, parent: str | None = None, start: int = 0, count: int = 200
    ) -> tuple[list[Group], int]:
        """Groups of a kind, and how many there are.

        ``what`` is ``series``, ``seasons`` (of a series' key), ``albums``, ``artists``, ``folders``
        (of a folder's key, or the sources' roots) or ``sources``.
        """
        return self._readers.short(
            lambda connection: listing.list_groups(connection, what, parent, start, count)
        )

    async def continue_watching(self, profile: str, count: int) -> list[tuple[Item, Position]]:
        """Items begun and not ended, the latest first."""
        return self._readers.short(
            lambda connection: listing.begun_items(connection, profile, count)
        )

    async def recently_added(self, count: int) -> list[Item]:
        """The newest items."""
        return self._readers.short(lambda connection: listing.recent_items(connection, count))

    async def counts(self) -> dict[Kind, int]:
        """Items by kind."""
        return await self._readers.long(listing.kind_counts)

    # Blobs and positions

    async def art(self, item_id: int) -> bytes | None:
        """An item's picture as JPEG of at most 640x480."""
        return self._readers.short(
            lambda connection: _blob(connection.execute(step("art"), (item_id,)))
        )

    async def save_art(self, item_id: int, jpeg: bytes) -> None:
        """Keep an item's picture."""

        def work(connection: apsw.Connection, changes: Changes) -> None:
            item = ingest.any_item(connection, item_id)
            connection.execute(step("save_art"), (item_id, jpeg))
            if not item.has_art:
                source = ingest.source_id_of(connection, item.source)
                ingest.change_item(connection, self._tree, item_id, source, {"has_art": 1}, changes)
                self._tree.refresh_samples(connection, item_id, changes)

        await self._change(work)

    async def media_index(self, identity: str) -> bytes | None:
        """A kept keyframe index."""
        return self._readers.short(
            lambda connection: _blob(connection.execute(step("media_index"), (identity,)))
        )

    async def save_media_index(self, identity: str, data: bytes) -> None:
        """Keep a keyframe index under a content identity."""
        values = (identity, data, self._clock.wall_s())
        await self._writer.run(
            lambda connection: _done(connection.execute(step("save_media_index"), values))
        )

    async def position(self, item_id: int, profile: str) -> Position | None:
        """Where a profile stands in an item."""
        row = self._readers.short(
            lambda connection: connection.execute(
                step("position_of_item"), (item_id, profile)
            ).fetchone()
        )
        if row is None:
            return None
        return Position(item_id, profile, row[0], row[1], bool(row[2]), row[3])

    async def save_position(self, position: Position) -> None:
        """Note where a profile stands; kept under the content, so that it outlives the file."""
        values = (
            position.item,
            position.profile,
            position.position_s,
            position.duration_s,
            position.watched,
            position.updated_s,
        )
        await self._writer.run(
            lambda connection: _done(connection.execute(step("save_position"), values))
        )

    # DLNA

    async def browse_children(
        self,
        container: str,
        profile_class: str,
        address: str,
        token: str,
        start: int,
        count: int,
        sort: tuple[SortKey, ...] = (),
        fields: frozenset[str] | None = None,
    ) -> DidlPage:
        """A page of a container's children, as the class of players shall see it.

        Args:
            container: object id.
            profile_class: class of players, known to the renderer.
            address: ``http://ADDR:PORT`` under which the player reaches us.
            token: its token.
            start: first child.
            count: children wanted; 0 as many as one answer carries (1 000).
            sort: of ``gateway.upnp.sort.parse_sort``; empty for the container's own order.
            fields: of ``gateway.upnp.filter.parse_filter``; None for all.

        Raises:
            NotFound: no such container.
        """
        asker = self._asker(profile_class, address, token, fields)

        def work(connection: apsw.Connection) -> DidlPage:
            return didl_pages.browse_children(
                connection, self._fragments, container, asker, start, count, sort
            )

        is_long = self._readers.short(
            lambda connection: didl_pages.is_long(connection, container, sort, count, fields)
        )
        return await self._readers.long(work) if is_long else self._readers.short(work)

    async def browse_metadata(
        self,
        object_id: str,
        profile_class: str,
        address: str,
        token: str,
        fields: frozenset[str] | None = None,
    ) -> DidlPage:
        """One object by itself.

        Raises:
            NotFound: no such object.
        """
        asker = self._asker(profile_class, address, token, fields)
        return self._readers.short(
            lambda connection: didl_pages.browse_metadata(
                connection, self._fragments, object_id, asker
            )
        )

    async def search(
        self,
        container: str,
        criteria: Criteria,
        profile_class: str,
        address: str,
        token: str,
        start: int,
        count: int,
        sort: tuple[SortKey, ...] = (),
        fields: frozenset[str] | None = None,
    ) -> DidlPage:
        """A page of all things below a container that match, with the exact total.

        Args are those of ``browse_children``; ``criteria`` is of ``parse_criteria``.

        Raises:
            NotFound: no such container.
        """
        listing.check_slice(start, count)
        await self._index_ready.wait()
        count = min(count or didl_pages.MAX_PAGE, didl_pages.MAX_PAGE)
        asker = self._asker(profile_class, address, token, fields)
        scope = None if container == "0" else await self._scope(container)
        chooser = compile_criteria(criteria, self._index.object_id)

        def find() -> Hits:
            return self._index.search(chooser, scope=scope, sort=sort, start=start, count=count)

        def render(connection: apsw.Connection) -> DidlPage:
            hits = find()
            return didl_pages.render_hits(connection, self._fragments, hits.rows, hits.total, asker)

        is_long = fields is not None or bool(sort) or len(self._index) > 3 * _INLINE_ROWS
        return await self._readers.long(render) if is_long else self._readers.short(render)

    @property
    def system_update_id(self) -> int:
        """Goes up with every change anybody can see; kept over restarts."""
        return self._update_id

    def container_update_ids(self, containers: Collection[str] | None = None) -> dict[str, int]:
        """Update ids of the given containers, or of all that changed since the start."""
        if containers is None:
            return dict(self._changed)
        wanted = set(containers)
        rows = self._readers.short(lambda connection: list(connection.execute(step("update_ids"))))
        return {object_id: number for object_id, number in rows if object_id in wanted}

    # Keep

    async def keep_load(self, kind: str) -> dict[str, str]:
        """All entries of a kind."""
        return self._readers.short(
            lambda connection: {
                str(key): str(value)
                for key, value in connection.execute(step("keep_load"), (kind,))
            }
        )

    async def keep_save(self, kind: str, key: str, value: str) -> None:
        """Add or replace one entry; on disk when it returns."""
        await self._writer.run(
            lambda connection: _done(connection.execute(step("keep_save"), (kind, key, value))),
            is_durable=True,
        )

    async def keep_delete(self, kind: str, key: str) -> None:
        """Remove one entry; a missing one is no error."""
        await self._writer.run(
            lambda connection: _done(connection.execute(step("keep_delete"), (kind, key))),
            is_durable=True,
        )

    async def make_copy(self) -> Path:
        """Make a sealed copy of the database now."""
        return await asyncio.to_thread(self._store.make_copy, self._clock.wall_s())

    # Inside

    async def _change(
        self,
        work: _Work[_T],
        *,
        is_urgent: bool = False,
        is_durable: bool = False,
        reloads: Callable[[_T], bool] | None = None,
    ) -> _T:
        """Do ``work`` in the writer, settle the tree, tell everybody; not undone by a cancel."""

        def job(connection: apsw.Connection) -> tuple[_T, Outcome]:
            self._tree.load(connection)
            changes = Changes()
            result = work(connection, changes)
            return result, self._tree.settle(connection, changes, is_urgent=is_urgent)

        async def run() -> tuple[_T, None] | tuple[None, GatewayError]:
            try:
                result, outcome = await self._writer.run(job, is_durable=is_durable)
            except GatewayError as failure:  # the caller's, not this task's
                return None, failure
            self._announce(outcome)
            if reloads is not None and reloads(result):
                self._reload_index()
            return result, None

        result, failure = await asyncio.shield(self._tasks.start("change", run()))
        if failure is not None:
            raise failure
        return cast(_T, result)

    def _begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Start background work that ends by itself or with the library."""
        _ = self._tasks.start(name, work)

    def _announce(self, outcome: Outcome) -> None:
        if self._index_ready.is_set():
            self._index.change(outcome.lost, outcome.found)
        else:
            self._waiting.append(outcome)
        if outcome.update_id is not None:
            self._scopes.clear()
            self._update_id = outcome.update_id
            self._changed |= dict.fromkeys(outcome.containers, outcome.update_id)
            self._bus.put(LibraryChanged(outcome.update_id, outcome.containers))

    def _reload_index(self) -> None:
        self._index_ready.clear()
        self._index = SearchIndex()
        self._waiting.clear()  # what was committed before is in what will be read
        self._index_turn += 1
        self._begin("load titles", self._load_index(self._index_turn))

    async def _load_index(self, turn: int) -> None:
        def work(connection: apsw.Connection) -> None:
            index = SearchIndex()
            with connection:
                index.load(_ordered_rows(connection))
            if turn == self._index_turn:
                self._index = index

        await self._readers.long(work)
        if turn == self._index_turn:
            for outcome in self._waiting:
                self._index.change(outcome.lost, outcome.found)
            self._waiting.clear()
            self._index_ready.set()

    def _asker(
        self, profile_class: str, address: str, token: str, fields: frozenset[str] | None
    ) -> Asker:
        number = self._classes.get(profile_class)
        if number is None and len(self._classes) < classes_kept.MAX_CLASSES:
            self._classes[profile_class] = -1
            self._begin(f"keep {profile_class}", self._begin_class(profile_class))
        return Asker(profile_class, -1 if number is None else number, address, token, fields)

    async def _begin_class(self, name: str) -> None:
        one = await self._writer.run(lambda connection: self._tree.add_class(connection, name))
        self._classes[name] = one[0]
        await self._fill_class(one)

    async def _fill_class(self, one: tuple[int, str]) -> None:
        after: int | None = 0
        while after is not None:
            after = await self._writer.run(
                lambda connection, after=after: classes_kept.fill_batch(  # type: ignore[misc]
                    connection, self._tree, one, after
                )
            )

    async def _scope(self, container: str) -> frozenset[int]:
        known = self._scopes.get(container)
        if known is not None:
            return known
        update_id = self._update_id

        def work(connection: apsw.Connection) -> frozenset[int]:
            row = listing.container_of(connection, container)
            if row is None:
                raise NotFound(f"no container {container[:60]!r}")
            if container == "recent":
                return frozenset(one.id for one in listing.recent_items(connection, 200))
            return frozenset(
                entry for (entry,) in connection.execute(step("descendants"), (row[0],))
            )

        scope = await self._readers.long(work)
        if update_id == self._update_id:
            self._scopes[container] = scope
        return scope

    async def _number_stale(self) -> None:
        while True:
            await asyncio.sleep(_STALE_EVERY_S)
            if self._tree.has_stale:

                def work(connection: apsw.Connection, changes: Changes) -> None:
                    self._tree.take_stale(connection, changes)

                await self._change(work)

    async def _keep_house(self) -> None:
        await asyncio.sleep(_FIRST_COPY_S)
        while True:
            try:
                await self._purge()
                copies = self._store.copies()
                age_s = self._clock.wall_s() - (copies[0].stat().st_mtime if copies else 0.0)
                if age_s >= _COPY_AGE_S:
                    await self.make_copy()
            except (GatewayError, OSError):
                _log.exception("the library could not be tidied or copied")
            await asyncio.sleep(_HOUSE_EVERY_S)

    async def _purge(self) -> None:
        while await self._writer.run(
            lambda connection: ingest.purge(connection, self._clock.wall_s())
        ):
            pass


class Scan:
    """A running listing of one source."""

    def __init__(self, library: Library, state: ingest.ScanState) -> None:
        self._library = library
        self._state = state

    async def put(self, batch: Sequence[Found]) -> None:
        """Take in what was found so far; visible when it returns."""
        await self._library.put_found(self._state, batch)

    async def finish(self, complete: bool) -> ScanDiff:
        """End the listing.

        Args:
            complete: every folder was listed without an error. If not, or if the listing lacks
                more than a fifth of what was there, nothing is removed and the source is away.
        """
        return await self._library.finish_scan(self._state, complete)


def _ordered_rows(connection: apsw.Connection) -> Iterator[SearchRow]:
    """All visible things in the order of the index, a few at a time in memory."""
    containers = sorted(
        (
            container_values(-number, title, upnp_class, object_id, parent, artist)
            for number, title, upnp_class, object_id, parent, artist in connection.execute(
                step("index_containers")
            )
        ),
        key=row_key,
    )
    items = (
        map(_item_values, connection.execute(step("index_items"), (kind.value,))) for kind in Kind
    )
    return heapq.merge(containers, *items, key=row_key)


def _item_values(row: tuple[Any, ...]) -> SearchRow:
    return item_values(*row)


def _blob(cursor: apsw.Cursor) -> bytes | None:
    row = cursor.fetchone()
    return None if row is None else cast(bytes, row[0])


def _done(cursor: apsw.Cursor) -> None:
    cursor.close()
