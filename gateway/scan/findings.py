"""From a walk and a probe to the library's records. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.drives.base import Entry
from gateway.library.records import Found, Item, Kind, Known
from gateway.metadata.guess import Guess, guess_hard, guess_plain, provisional
from gateway.metadata.kinds import MediaKind, MediaType, media_type
from gateway.metadata.tags import read_tags
from gateway.scan.base import Probed

_KINDS = {MediaKind.AUDIO: Kind.TRACK, MediaKind.PHOTO: Kind.PHOTO}


@dataclass(frozen=True, slots=True)
class Findings:
    """Items of some files: those named plainly, and those whose names still need guessit."""

    plain: tuple[Found, ...]
    hard: tuple[Found, ...]


def find_media(source: str, files: Iterable[Entry], left_out: frozenset[str]) -> Findings:
    """Items of a folder's files; hard ones carry a provisional title.

    Args:
        source: name of the source.
        files: what a listing gave.
        left_out: paths that are no items of their own (covers beside films).
    """
    plain: list[Found] = []
    hard: list[Found] = []
    for file in files:
        media = media_type(file.name)
        if media is None or media.kind is MediaKind.SUBTITLE or file.path in left_out:
            continue
        if file.size_bytes == 0:
            continue
        guess = guess_plain(file.path, media.kind)
        if guess is not None:
            plain.append(_found(source, file, media, guess))
        else:
            hard.append(_found(source, file, media, provisional(file.path)))
    return Findings(tuple(plain), tuple(hard))


def guess_again(found: Found) -> Found:
    """The same file with the titles guessit reads; about 10 ms of processor."""
    return with_guess(found, guess_hard(found.path))


def with_guess(found: Found, guess: Guess) -> Found:
    """The same file under another guess."""
    return Found(
        source=found.source,
        path=found.path,
        size_bytes=found.size_bytes,
        version=found.version,
        modified_s=found.modified_s,
        kind=_kind(found.kind, guess),
        mime=found.mime,
        title=guess.title,
        year=guess.year,
        series=guess.series,
        season=guess.season,
        episode=guess.episode,
        artist=guess.artist,
        album=guess.album,
        track_number=guess.track_number,
    )


def known_from(item: Item, probed: Probed, identity: str, tile: bytes | None) -> Known:
    """What a probe adds to an item; ``tile`` belongs to the picture that was kept.

    A film keeps the title of its name: titles inside films are more often a release's boast than
    the film's name. A track's tags are trusted.
    """
    facts = probed.facts
    tags = read_tags(probed.tags)
    video = facts.video[0] if facts.video else None
    is_track, is_episode = item.kind is Kind.TRACK, item.kind is Kind.EPISODE
    return Known(
        identity=identity,
        facts_json=facts.to_json(),
        duration_s=facts.duration_s,
        width=video.width if video else None,
        height=video.height if video else None,
        bitrate_kbps=facts.bitrate_kbps,
        title=tags.title if is_track else None,
        artist=tags.artist if is_track else None,
        album=tags.album if is_track else None,
        album_artist=tags.album_artist if is_track else None,
        genre=tags.genre,
        year=tags.year if is_track or item.year is None else None,
        track_number=tags.track_number if is_track else None,
        disc_number=tags.disc_number if is_track else None,
        series=tags.series if is_episode else None,
        season=tags.season if is_episode else None,
        episode=tags.episode if is_episode else None,
        taken_s=probed.taken_s,
        orientation=probed.orientation,
        tile=tile,
    )


def _found(source: str, file: Entry, media: MediaType, guess: Guess) -> Found:
    bare = Found(
        source=source,
        path=file.path,
        size_bytes=file.size_bytes,
        version=file.version,
        modified_s=file.modified_s,
        kind=_KINDS.get(media.kind, Kind.FILM),
        mime=media.mime,
        title=guess.title,
    )
    return with_guess(bare, guess)


def _kind(kind: Kind, guess: Guess) -> Kind:
    if kind in {Kind.FILM, Kind.EPISODE}:
        return Kind.EPISODE if guess.is_episode else Kind.FILM
    return kind
