"""What a path tells of its file: title, year, series and episode, artist and album.

Plain names are read by the rules here in microseconds. ``guess_plain`` gives None for the others,
which ``guess_hard`` reads with guessit: about 10 ms of processor each, so callers run it in a
thread, some at a time.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.metadata.kinds import MediaKind


@dataclass(frozen=True, slots=True)
class Guess:
    """What the path alone tells; ``season`` or ``episode`` present means an episode."""

    title: str
    year: int | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None
    artist: str | None = None
    album: str | None = None
    track_number: int | None = None

    @property
    def is_episode(self) -> bool:
        """Whether the file belongs to a series."""
        return self.series is not None and (self.season is not None or self.episode is not None)


_YEAR = r"(?P<year>(?:19|20)\d\d)"
# Where the name of a work ends and the release's own words begin.
_RELEASE = (
    r"(?:(?:480|576|720|1080|1440|2160|4320)[pi]|4k|uhd|blu-?ray|bd-?rip|br-?rip|dvd-?rip|dvd\d?|web-?dl"
    r"|web-?rip|web|hdtv|hd-?rip|remux|x26[45]|h\.?26[45]|hevc|avc|xvid|divx|av1|10bit|hdr(?:10)?"
    r"|dts|ac-?3|aac|flac|atmos|proper|repack|extended|unrated|remastered|internal|multi|dubbed"
    r"|german|french|english|italian|spanish|subbed|dl)"
)
_SEPARATOR = r"[ ._-]"
_EPISODE = re.compile(
    rf"(?:(?P<series>.+?){_SEPARATOR}+)??"
    rf"(?:s(?P<s>\d{{1,2}}){_SEPARATOR}?e(?P<e>\d{{1,3}})|(?P<s2>\d{{1,2}})x(?P<e2>\d{{2,3}}))"
    rf"(?:{_SEPARATOR}+(?P<rest>.*))?",
    re.IGNORECASE,
)
_FILM_IN_BRACKETS = re.compile(rf"(?P<title>[^()\[\]]+?)[ ._]*\({_YEAR}\)(?:[ ._-]*[\[({{-].*)?")
_FILM_RELEASE = re.compile(
    rf"(?P<title>[^()\[\]]+?){_SEPARATOR}+{_YEAR}(?:{_SEPARATOR}+{_RELEASE}\b.*)?", re.IGNORECASE
)
# A word of a title: it has a letter, or is a sign between words, or one digit ("Toy Story 3").
_WORD = re.compile(r"[^\W_]*[^\W\d_](?:[^\W_]|['\u2019&!?-])*[.,:;!?]?|[&-]|\d")
_COUNTED = re.compile(
    r"\b(?:s\d+ ?)?(?:s|e|ep|episode|folge|part|teil|cd|disc) ?\d+\b", re.IGNORECASE
)
# Cameras and phones name by date or number.
_CAMERA = re.compile(r"(?:VID|IMG|MOV|PXL|DSC|DSCF|MVI|GOPR|GX|GH|PANO|MAH|C)[_-]?\d[\w-]*|\d{1,8}")
_RELEASE_WORD = re.compile(
    rf"(?:^|{_SEPARATOR})[\[(]?{_RELEASE}(?=$|{_SEPARATOR}|[\])])", re.IGNORECASE
)
_SEASON_FOLDER = re.compile(
    r"(?:season|staffel|saison|series|temporada|stagione|seizoen|s)[ ._-]*(?P<season>\d{1,3})",
    re.IGNORECASE,
)
_SPECIALS = frozenset({"specials", "extras", "season 0", "season 00"})
_EPISODE_IN_SEASON = re.compile(
    r"(?:(?:e|ep|episode|folge|part|teil)[ ._-]*)?(?P<episode>\d{1,3})"
    r"(?:(?:[ ._]*-[ ._]*|[ ._]+)(?P<title>\D.*))?",
    re.IGNORECASE,
)
_SERIES_YEAR = re.compile(rf"(?P<name>.+?)[ ._]*\({_YEAR}\)")
_TRACK = re.compile(
    r"(?:(?P<disc>\d)[-.](?=\d))?(?P<track>\d{1,3})(?:[ ._]*-[ ._]*|[._)]+[ ]*|[ ]+)(?P<title>\S.*)"
)
_ARTIST_DASH = re.compile(r"(?P<artist>[^-].*?) - (?P<rest>\S.*)")
_DISC_FOLDER = re.compile(r"(?:cd|disc|disk)[ ._-]*\d{1,2}", re.IGNORECASE)
_MUSIC_FOLDERS = frozenset(
    {"music", "musik", "musique", "musica", "música", "audio", "albums", "alben", "mp3", "flac"}
)


def guess_plain(path: str, kind: MediaKind) -> Guess | None:
    """Read a path by the plain rules; None when the name needs ``guess_hard`` (videos only)."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0] or name
    if kind is MediaKind.AUDIO:
        return _track(folders, stem)
    if kind is not MediaKind.VIDEO:
        return Guess(stem)
    return _episode(folders, stem) or _in_season(folders, stem) or _film(folders, stem)


def guess_hard(path: str) -> Guess:
    """Read a video's path with guessit; never raises for any path.

    Only the last three segments count, and the answers for equal ones are remembered.
    """
    return _guessit("/".join(path.split("/")[-3:]))


def provisional(path: str) -> Guess:
    """A title to show until ``guess_hard`` has had its turn."""
    name = path.rpartition("/")[2]
    return Guess(_spaced(name.rpartition(".")[0]) or name)


@functools.lru_cache(maxsize=4096)
def _guessit(path: str) -> Guess:
    # Late, because guessit costs a quarter of a second and 30 MB which a gateway over plain names
    # never needs.
    from guessit import guessit  # noqa: PLC0415
    from guessit.api import GuessitException  # noqa: PLC0415

    try:
        found: Mapping[str, Any] = guessit(path)
    except GuessitException:
        return provisional(path)
    title = _text(found.get("title"))
    if found.get("type") == "episode" and title:
        season, episode = _number(found.get("season")), _number(found.get("episode"))
        if season is not None or episode is not None:
            named = _text(found.get("episode_title"))
            return Guess(
                title=named or _numbered(season, episode),
                series=title,
                season=season,
                episode=episode,
            )
    return Guess(title=title or provisional(path).title, year=_number(found.get("year")))


def _text(value: object) -> str | None:
    first = value[0] if isinstance(value, list) and value else value
    return str(first).strip() or None if first else None


def _number(value: object) -> int | None:
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, int) else None


def _episode(folders: list[str], stem: str) -> Guess | None:
    match = _EPISODE.fullmatch(stem)
    if match is None:
        return None
    season, episode = int(match["s"] or match["s2"]), int(match["e"] or match["e2"])
    series = _spaced(match["series"] or "") or _series_of(folders)
    if not series or "[" in series:
        return None
    return Guess(
        title=_spaced(_before_release(match["rest"] or "")) or _numbered(season, episode),
        series=_without_year(series),
        season=season,
        episode=episode,
    )


def _in_season(folders: list[str], stem: str) -> Guess | None:
    """``Series/Season 1/03 - Title``."""
    if len(folders) < 2 or (season := _season_of(folders[-1])) is None:
        return None
    match = _EPISODE_IN_SEASON.fullmatch(stem)
    if match is None:
        return None
    episode = int(match["episode"])
    return Guess(
        title=_spaced(_before_release(match["title"] or "")) or _numbered(season, episode),
        series=_without_year(_spaced(folders[-2])),
        season=season,
        episode=episode,
    )


def _film(folders: list[str], stem: str) -> Guess | None:
    match = _FILM_IN_BRACKETS.fullmatch(stem) or _FILM_RELEASE.fullmatch(stem)
    if match is not None:
        title = _spaced(match["title"])
        return Guess(title, int(match["year"])) if title else None
    if _is_words(stem):
        folder = _FILM_IN_BRACKETS.fullmatch(folders[-1]) if folders else None
        if folder is not None and _spaced(folder["title"]).lower() == stem.lower():
            return Guess(stem, int(folder["year"]))
        return Guess(stem)
    return Guess(stem) if _CAMERA.fullmatch(stem) else None


def _is_words(stem: str) -> bool:
    """Whether a name is nothing but a title, without anything to be taken off."""
    return (
        all(_WORD.fullmatch(word) for word in stem.split(" "))
        and not _RELEASE_WORD.search(stem)
        and not _COUNTED.search(stem)
    )


def _track(folders: list[str], stem: str) -> Guess:
    """``Artist/Album/03 - Title`` and its usual variants; tags correct it later."""
    parents = [one for one in folders if not _DISC_FOLDER.fullmatch(one)]
    album = parents[-1] if parents and parents[-1].lower() not in _MUSIC_FOLDERS else None
    artist = None
    if album and len(parents) > 1 and parents[-2].lower() not in _MUSIC_FOLDERS:
        artist = parents[-2]
    elif album and (dash := _ARTIST_DASH.fullmatch(album)):
        artist, album = dash["artist"].strip(), dash["rest"].strip()
    year = None
    if album and (dated := _SERIES_YEAR.fullmatch(album)):
        album, year = dated["name"].strip(), int(dated["year"])
    match = _TRACK.fullmatch(stem)
    title, number = (match["title"], int(match["track"])) if match else (stem, None)
    if (dash := _ARTIST_DASH.fullmatch(title)) and artist in {None, dash["artist"].strip()}:
        artist, title = dash["artist"].strip(), dash["rest"]
    return Guess(
        title=_spaced(title) or stem,
        year=year,
        artist=artist,
        album=album,
        track_number=number,
    )


def _season_of(folder: str) -> int | None:
    if folder.lower() in _SPECIALS:
        return 0
    match = _SEASON_FOLDER.fullmatch(folder)
    return int(match["season"]) if match else None


def _series_of(folders: list[str]) -> str:
    """The folder that names the series: above the season's folder, where there is one."""
    if folders and _season_of(folders[-1]) is not None:
        folders = folders[:-1]
    return _spaced(folders[-1]) if folders else ""


def _without_year(name: str) -> str:
    match = _SERIES_YEAR.fullmatch(name)
    return match["name"] if match else name


def _before_release(text: str) -> str:
    match = _RELEASE_WORD.search(text)
    return text[: match.start()] if match else text


def _numbered(season: int | None, episode: int | None) -> str:
    """What an episode without a title is called; its series and season stand beside it."""
    return f"Episode {episode}" if episode is not None else f"Season {season or 0}"


def _spaced(text: str) -> str:
    """Dots and underscores between words become spaces where no space is used."""
    if " " not in text.strip():
        text = re.sub(r"[._]+", " ", text)
    return text.strip(" ._-")
