"""Titles and properties of all visible things in memory: substring search with exact totals.

A word index cannot find words of one or two letters inside others, nor count without fetching.
Comparing every title is simpler and fast: about 50 ns per title, most of which whole chunks save by
one test on their joined text. Rows lie in title order, in chunks that are changed one at a time.
"""

from __future__ import annotations

import re
import threading
from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from gateway.library.natural import natural_key, place_of
from gateway.library.search_rows import SearchRow
from gateway.upnp.sort import SortKey

_CHUNK_ROWS = 512
_COUNTS_KEPT = 32
_FEW_MATCHES = 48

Chooser = Callable[["Chunk", Sequence[int]], Sequence[int]]
"""Of the rows at these positions of a chunk, those that match, in the same order."""


@dataclass(slots=True)
class Chunk:
    """Rows that follow each other in title order, column by column."""

    entries: array[int] = field(default_factory=lambda: array("q"))
    titles: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    artists: list[str] = field(default_factory=list)
    albums: list[str] = field(default_factory=list)
    genres: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    durations: array[float] = field(default_factory=lambda: array("d"))
    orders: array[int] = field(default_factory=lambda: array("q"))
    _keys: list[tuple[str, int]] | None = None
    _joined: str | None = None
    _counts: dict[str, int] = field(default_factory=dict)
    _distinct: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def joined(self) -> str:
        """All titles in one text: what is not in it is in none."""
        if self._joined is None:
            self._joined = "\n".join(self.titles)
        return self._joined

    def count_titles(self, needle: str) -> int:
        """How many titles hold the text."""
        known = self._counts.get(needle)
        if known is None:
            if len(self._counts) >= _COUNTS_KEPT:
                self._counts.clear()
            # One match per line, of which nothing is kept: the quickest exact count there is.
            known = len(re.findall(f"{re.escape(needle)}().*", self.joined)) if needle else -1
            known = len(self.titles) if known < 0 else known
            self._counts[needle] = known
        return known

    def find_titles(self, needle: str) -> list[int]:
        """Positions of the titles that hold the text."""
        if self.count_titles(needle) > _FEW_MATCHES:
            return [at for at, title in enumerate(self.titles) if needle in title]
        found: list[int] = []
        text = self.joined
        row, counted, at = 0, 0, text.find(needle)
        while at >= 0:
            row += text.count("\n", counted, at)
            found.append(row)
            end = text.find("\n", at)
            if end < 0:
                break
            row, counted = row + 1, end + 1
            at = text.find(needle, counted)
        return found

    def distinct(self, column: str) -> frozenset[str]:
        """The different values of a text column."""
        if column not in self._distinct:
            self._distinct[column] = frozenset(getattr(self, column))
        return self._distinct[column]

    def insert(self, at: int, row: SearchRow) -> None:
        """Put a row before position ``at``."""
        if self._keys is not None:
            self._keys.insert(at, (place_of(row.title), row.entry))
        self.entries.insert(at, row.entry)
        self.titles.insert(at, row.title)
        self.classes.insert(at, row.upnp_class)
        self.parents.insert(at, row.parent)
        self.artists.insert(at, row.artists)
        self.albums.insert(at, row.album)
        self.genres.insert(at, row.genre)
        self.dates.insert(at, row.date)
        self.sizes.insert(at, row.size_bytes)
        self.durations.insert(at, row.duration_s)
        self.orders.insert(at, row.order)
        self._changed()

    def cut(self, at: int, stop: int) -> None:
        """Take rows out."""
        if self._keys is not None:
            del self._keys[at:stop]
        for column in self._columns():
            del column[at:stop]
        self._changed()

    def split(self) -> Chunk:
        """Give the second half away."""
        half = len(self.titles) // 2
        other = Chunk(
            self.entries[half:],
            self.titles[half:],
            self.classes[half:],
            self.parents[half:],
            self.artists[half:],
            self.albums[half:],
            self.genres[half:],
            self.dates[half:],
            self.sizes[half:],
            self.durations[half:],
            self.orders[half:],
        )
        self.cut(half, len(self.titles))
        return other

    def key(self, at: int) -> tuple[str, int]:
        """Place of a row in the order of all."""
        return (place_of(self.titles[at]), self.entries[at])

    def find(self, key: tuple[str, int]) -> int:
        """First position whose key is not below."""
        if self._keys is None:
            self._keys = [self.key(at) for at in range(len(self.titles))]
        return bisect_left(self._keys, key)

    def forget_keys(self) -> None:
        """Save memory until the next change."""
        self._keys = None

    def _columns(self) -> tuple[array[int] | array[float] | list[str], ...]:
        return (
            self.entries, self.titles, self.classes, self.parents, self.artists, self.albums,
            self.genres, self.dates, self.sizes, self.durations, self.orders,
        )  # fmt: skip

    def _changed(self) -> None:
        self._joined = None
        self._counts.clear()
        self._distinct.clear()


def row_key(row: SearchRow) -> tuple[str, int]:
    """Place of a row in the order of all."""
    return (place_of(row.title), row.entry)


class TitleHits(Sequence[int]):
    """Positions of a chunk's titles that hold a text; counted at once, found when looked at."""

    def __init__(self, chunk: Chunk, needle: str) -> None:
        self._chunk = chunk
        self._needle = needle
        self._found: list[int] | None = None

    def __len__(self) -> int:
        if self._found is not None:
            return len(self._found)
        return self._chunk.count_titles(self._needle)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        return self._all()[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def _all(self) -> list[int]:
        if self._found is None:
            self._found = self._chunk.find_titles(self._needle)
        return self._found


@dataclass(frozen=True, slots=True)
class Hit:
    """One found row: enough to fetch its text and to name its parent."""

    entry: int
    title: str
    parent: str


@dataclass(frozen=True, slots=True)
class Hits:
    """A slice of what was found, and how many there are."""

    rows: tuple[Hit, ...]
    total: int


class SearchIndex:
    """Owned by the library; safe to ask from any thread."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._firsts: list[tuple[str, int]] = []
        self._objects: dict[int, str] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(len(chunk.titles) for chunk in self._chunks)

    def load(self, rows: Iterable[SearchRow]) -> None:
        """Replace everything by rows that come in the order of ``row_key``."""
        chunks: list[Chunk] = []
        objects: dict[int, str] = {}
        chunk = Chunk()
        for row in rows:
            if len(chunk.titles) in {0, _CHUNK_ROWS}:
                chunk = Chunk()
                chunks.append(chunk)
            chunk.insert(len(chunk.titles), row)
            if row.entry < 0:
                objects[row.entry] = row.object_id
        with self._lock:
            self._chunks = chunks
            self._firsts = [chunk.key(0) for chunk in chunks]
            self._objects = objects

    def forget_keys(self) -> None:
        """Save the memory that many changes in a row took."""
        with self._lock:
            for chunk in self._chunks:
                chunk.forget_keys()

    def change(self, lost: Iterable[tuple[str, int]], found: Iterable[SearchRow]) -> None:
        """Take rows out (folded title, entry), then put rows in."""
        with self._lock:
            for title, entry in lost:
                self._remove(title, entry)
            for row in found:
                self._add(row)

    def search(
        self,
        choose: Chooser,
        *,
        scope: Collection[int] | None = None,
        sort: tuple[SortKey, ...] = (),
        start: int = 0,
        count: int = 200,
    ) -> Hits:
        """Rows that ``choose`` keeps, in title order or by ``sort``, with the exact total.

        Args:
            choose: a compiled criteria.
            scope: entries to search in, None for all.
            sort: other orders; equal rows stay in title order.
            start: first row to return.
            count: rows to return at most.
        """
        with self._lock:
            found: list[tuple[Chunk, Sequence[int]]] = []
            for chunk in self._chunks:
                kept = choose(chunk, range(len(chunk.titles)))
                if scope is not None and kept:
                    entries = chunk.entries
                    kept = [at for at in kept if entries[at] in scope]
                if kept:
                    found.append((chunk, kept))
            total = sum(len(kept) for _, kept in found)
            if sort and total > 1:
                rows = _sorted(found, sort)[start : start + count]
            else:
                rows = _slice(found, start, count)
            return Hits(
                tuple(Hit(c.entries[at], c.titles[at], c.parents[at]) for c, at in rows), total
            )

    def object_id(self, entry: int) -> str:
        """The public id of an entry."""
        return f"i{entry}" if entry > 0 else self._objects.get(entry, "")

    def _place(self, key: tuple[str, int]) -> int:
        at = bisect_left(self._firsts, key)
        return at if at < len(self._firsts) and self._firsts[at] == key else max(0, at - 1)

    def _remove(self, title: str, entry: int) -> None:
        if not self._chunks:
            return
        key = (place_of(title), entry)
        number = self._place(key)
        chunk = self._chunks[number]
        at = chunk.find(key)
        if at == len(chunk.titles) or chunk.entries[at] != entry:
            return
        chunk.cut(at, at + 1)
        self._objects.pop(entry, None)
        if chunk.titles:
            self._firsts[number] = chunk.key(0)
        else:
            del self._chunks[number], self._firsts[number]

    def _add(self, row: SearchRow) -> None:
        if row.entry < 0:
            self._objects[row.entry] = row.object_id
        key = row_key(row)
        if not self._chunks:
            self._chunks.append(Chunk())
            self._firsts.append(key)
        number = self._place(key)
        chunk = self._chunks[number]
        at = chunk.find(key)
        if at < len(chunk.titles) and chunk.entries[at] == row.entry:
            chunk.cut(at, at + 1)
        chunk.insert(at, row)
        self._firsts[number] = chunk.key(0)
        if len(chunk.titles) > 2 * _CHUNK_ROWS:
            other = chunk.split()
            self._chunks.insert(number + 1, other)
            insort(self._firsts, other.key(0))


def _slice(
    found: list[tuple[Chunk, Sequence[int]]], start: int, count: int
) -> list[tuple[Chunk, int]]:
    rows: list[tuple[Chunk, int]] = []
    for chunk, kept in found:
        if start >= len(kept):
            start -= len(kept)
            continue
        rows.extend((chunk, at) for at in kept[start : start + count - len(rows)])
        start = 0
        if len(rows) >= count:
            break
    return rows


_SORT_COLUMNS = {
    "dc:date": "dates",
    "dc:creator": "artists",
    "upnp:artist": "artists",
    "upnp:album": "albums",
    "upnp:genre": "genres",
    "upnp:class": "classes",
    "upnp:originalTrackNumber": "orders",
    "upnp:episodeNumber": "orders",
    "res@size": "sizes",
    "res@duration": "durations",
}


def _sorted(
    found: list[tuple[Chunk, Sequence[int]]], sort: tuple[SortKey, ...]
) -> list[tuple[Chunk, int]]:
    rows = [(chunk, at) for chunk, kept in found for at in kept]
    for key in reversed(sort):
        if key.property == "dc:title":
            rows.sort(key=lambda one: natural_key(one[0].titles[one[1]]), reverse=key.descending)
            continue
        column = _SORT_COLUMNS[key.property]
        rows.sort(key=lambda one: getattr(one[0], column)[one[1]], reverse=key.descending)
    return rows
