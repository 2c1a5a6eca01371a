"""Records of the library: what a row means. No SQL, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What an item is to its viewer."""

    FILM = "film"
    EPISODE = "episode"
    TRACK = "track"
    PHOTO = "photo"
    OTHER = "other"


class SourceState(StrEnum):
    """State of a source as ``/health`` shows it."""

    READY = "ready"
    SCANNING = "scanning"
    LOCKED = "locked"
    AWAY = "away"
    QUOTA = "quota"


class ProbeState(StrEnum):
    """How far an item's inside is known."""

    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"


class Sort(StrEnum):
    """Orders a list can be asked in; every one is stable and paged by a stored rank."""

    TITLE = "title"
    ADDED = "added"
    DATE = "date"
    ALBUM = "album"
    EPISODE = "episode"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Found:
    """What a listing alone tells of one stored file (the scan's input to the library)."""

    source: str
    path: str
    size_bytes: int
    version: str
    modified_s: float | None
    kind: Kind
    mime: str
    title: str
    year: int | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None
    artist: str | None = None
    album: str | None = None
    track_number: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a probe adds to an item: identity, facts as JSON text, tags, picture."""

    identity: str
    facts_json: str
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    bitrate_kbps: int | None = None
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
    taken_s: float | None = None
    orientation: int = 1
    tile: bytes | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One playable thing as the library keeps it; ``id`` never changes nor is used again."""

    id: int
    source: str
    path: str
    kind: Kind
    mime: str
    title: str
    size_bytes: int
    version: str
    added_s: float
    identity: str | None = None
    probe: ProbeState = ProbeState.UNKNOWN
    facts_json: str | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    bitrate_kbps: int | None = None
    year: int | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    track_number: int | None = None
    disc_number: int | None = None
    taken_s: float | None = None
    modified_s: float | None = None
    orientation: int = 1
    has_art: bool = False
    tile: bytes | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a profile stands in an item."""

    item: int
    profile: str
    position_s: float
    duration_s: float | None
    watched: bool
    updated_s: float


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list with the exact total."""

    items: tuple[Item, ...]
    total: int
    start: int


@dataclass(frozen=True, slots=True)
class Group:
    """A series, an album or a folder as a list entry.

    ``key`` is its object id; the picture of ``sample_item`` stands for it.
    """

    key: str
    title: str
    count: int
    sample_item: int | None = None
    subtitle: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: every filter that is not None must hold."""

    kind: Kind | None = None
    source: str | None = None
    series: str | None = None
    season: int | None = None
    album: str | None = None
    folder: str | None = None
    text: str | None = None
    sort: Sort = Sort.TITLE
    descending: bool = False
    start: int = 0
    count: int = 200


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source as the library remembers it; ``spec`` is the text the user gave, sealed at rest."""

    name: str
    spec: str
    state: SourceState
    reason: str | None = None
    item_count: int = 0
    last_scan_s: float | None = None


@dataclass(frozen=True, slots=True)
class DidlPage:
    """A Browse or Search answer: children as escaped DIDL-Lite, joined, addresses filled in."""

    result: str
    returned: int
    total: int
    update_id: int


@dataclass(frozen=True, slots=True)
class ScanDiff:
    """What a complete listing changed."""

    added: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    away: bool = False
    reason: str | None = None
    kept: int = field(default=0)
