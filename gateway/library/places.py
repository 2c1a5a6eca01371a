"""Where an item stands in the tree of containers, and in which order; pure.

::

    0 ─ films     all films by title
      ─ series    ─ series-N ─ season-N: episodes by number
      ─ music     ─ albums ─ album-N: tracks by disc and number
                  ─ artists ─ artist-N: tracks by album, disc and number
                  ─ tracks: all by title
      ─ photos    the newest first
      ─ folders   ─ folder-N (a source) ─ folder-N (as stored)…
      ─ recent    the items added last (not stored: it is a query)
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.library.natural import natural_key
from gateway.library.records import Item, Kind
from gateway.upnp import classes

_LATEST_S = 99_999_999_999
_ARTIST = "object.container.person.musicArtist"
_PLAIN = "object.container"
_FOLDERS_FIRST = " "
_ITEMS_AFTER = "!"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container as it has to be; ``key`` finds it again, ``sort`` is its place in its parent."""

    key: str
    parent: ContainerSpec | None
    title: str
    upnp_class: str
    sort: str
    prefix: str
    is_fixed: bool = False
    artist: str | None = None
    number: int | None = None


def _fixed(key: str, parent: ContainerSpec | None, title: str, sort: str) -> ContainerSpec:
    return ContainerSpec(key, parent, title, classes.FOLDER, sort, key, is_fixed=True)


ROOT = _fixed("0", None, "Vaultcast", "")
FILMS = _fixed("films", ROOT, "Films", "1")
SERIES = _fixed("series", ROOT, "Series", "2")
MUSIC = _fixed("music", ROOT, "Music", "3")
PHOTOS = _fixed("photos", ROOT, "Photos", "4")
FOLDERS = _fixed("folders", ROOT, "Folders", "5")
RECENT = _fixed("recent", ROOT, "Recently added", "6")
ALBUMS = _fixed("albums", MUSIC, "Albums", "1")
ARTISTS = _fixed("artists", MUSIC, "Artists", "2")
TRACKS = _fixed("tracks", MUSIC, "All tracks", "3")
FIXED = (ROOT, FILMS, SERIES, MUSIC, PHOTOS, FOLDERS, RECENT, ALBUMS, ARTISTS, TRACKS)

TITLE_ORDERED = frozenset({"films", "series", "albums", "artists", "tracks", "folders", "folder"})
"""Containers (by object id or its prefix) whose stored order is the one by title."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One place of an item: the container and the key it is ordered by there."""

    container: ContainerSpec
    sort: str


def standings(item: Item) -> tuple[Standing, ...]:
    """Every place of an item; the first is its home, which a search names as its parent."""
    title = natural_key(item.title)
    folder = Standing(folder_of(item.source, item.path.rpartition("/")[0]), _ITEMS_AFTER + title)
    match item.kind:
        case Kind.FILM:
            return (Standing(FILMS, title), folder)
        case Kind.EPISODE:
            sort = f"{item.episode or 0:06d}{title}"
            return (Standing(_season_of(item), sort), folder)
        case Kind.TRACK:
            return (*_track_standings(item, title), folder)
        case Kind.PHOTO:
            taken_s = item.taken_s if item.taken_s is not None else item.modified_s
            newest_first = _LATEST_S - max(0, min(int(taken_s or 0), _LATEST_S))
            return (Standing(PHOTOS, f"{newest_first:011d}{title}"), folder)
        case Kind.OTHER:
            return (folder,)


def folder_of(source: str, path: str) -> ContainerSpec:
    """The container of a stored folder; the root of a source bears the source's name."""
    if not path:
        return ContainerSpec(
            f"folder:{source}:", FOLDERS, source, classes.FOLDER, natural_key(source), "folder"
        )
    parent, _, name = path.rpartition("/")
    return ContainerSpec(
        f"folder:{source}:{path}",
        folder_of(source, parent),
        name,
        classes.FOLDER,
        _FOLDERS_FIRST + natural_key(name),
        "folder",
    )


def _season_of(item: Item) -> ContainerSpec:
    name = item.series or "Other episodes"
    key = natural_key(name)
    series = ContainerSpec(f"series:{key}", SERIES, name, _PLAIN, key, "series")
    number = 1 if item.season is None else item.season
    return ContainerSpec(
        f"season:{number}:{key}",
        series,
        f"Season {number}" if number else "Specials",
        _PLAIN,
        f"{number if number else 99_999:06d}",
        "season",
        number=number,
    )


def _track_standings(item: Item, title: str) -> tuple[Standing, ...]:
    number = f"{item.disc_number or 0:04d}{item.track_number or 0:06d}{title}"
    found: list[Standing] = []
    artist = item.album_artist or item.artist
    album_key = natural_key(item.album or "")
    if item.album:
        # Without an album artist one album of many artists is told from others by its folder.
        owner = item.album_artist or item.path.rpartition("/")[0]
        album = ContainerSpec(
            f"album:{natural_key(owner)}:{album_key}",
            ALBUMS,
            item.album,
            classes.ALBUM,
            album_key,
            "album",
            artist=artist,
        )
        found.append(Standing(album, number))
    found.append(Standing(TRACKS, title))
    if artist:
        key = natural_key(artist)
        performer = ContainerSpec(f"artist:{key}", ARTISTS, artist, _ARTIST, key, "artist")
        found.append(Standing(performer, f"{album_key}\x1f{number}"))
    return tuple(found)
