"""Files that belong to the media beside them: covers, posters, subtitles. Names only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.drives.base import Entry
from gateway.metadata.kinds import MediaKind, media_type

# Names players agree on for the picture of a whole folder, best first.
_COVER_STEMS = ("poster", "cover", "folder", "front", "albumart", "thumb")
_OWN_PICTURE_ENDS = ("-poster", "-cover", "-thumb", "")
_PICTURE_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp"})


@dataclass(frozen=True, slots=True)
class FolderSidecars:
    """Sidecars of one folder.

    Attributes:
        cover: path of the picture that stands for the folder.
        pictures: path of a picture by the stem of the file it belongs to (lower case).
        subtitles: paths of subtitle files by the stem of their file (lower case).
        taken: paths of all pictures that are no photos of their own.
    """

    cover: str | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    subtitles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()


NONE = FolderSidecars()


def sidecars_of(files: Iterable[Entry]) -> FolderSidecars:
    """Find the sidecars among a folder's files; a folder without films or music has none."""
    stems: set[str] = set()
    pictures: dict[str, str] = {}
    subtitles: list[tuple[str, str]] = []
    for file in files:
        media = media_type(file.name)
        if media is None:
            continue
        stem = _stem(file.name)
        if media.kind in {MediaKind.VIDEO, MediaKind.AUDIO}:
            stems.add(stem)
        elif media.kind is MediaKind.SUBTITLE:
            subtitles.append((stem, file.path))
        elif media.suffix in _PICTURE_SUFFIXES:
            pictures.setdefault(stem, file.path)
    if not stems:
        return NONE
    cover = next((pictures[stem] for stem in _COVER_STEMS if stem in pictures), None)
    own = _own_pictures(stems, pictures)
    general = {pictures[stem] for stem in _COVER_STEMS if stem in pictures}
    return FolderSidecars(
        cover, own, _subtitles(stems, subtitles), frozenset(own.values()) | general
    )


def _own_pictures(stems: set[str], pictures: dict[str, str]) -> dict[str, str]:
    found = {}
    for stem in stems:
        for end in _OWN_PICTURE_ENDS:
            if (path := pictures.get(stem + end)) is not None:
                found[stem] = path
                break
    return found


def _subtitles(stems: set[str], files: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """``Film.srt``, ``Film.de.srt`` and ``Film.de.forced.srt`` belong to ``Film.mkv``."""
    found: dict[str, list[str]] = {}
    for stem, path in files:
        owner = stem
        for _ in range(3):
            if owner in stems or "." not in owner:
                break
            owner = owner.rpartition(".")[0]
        if owner in stems:
            found.setdefault(owner, []).append(path)
    return {stem: tuple(sorted(paths)) for stem, paths in found.items()}


class Sidecars:
    """What the last walk found beside the media, by source and folder; made anew by each walk."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, FolderSidecars]] = {}

    def note(self, source: str, folder: str, found: FolderSidecars) -> None:
        """Remember a folder's sidecars; a folder without any costs nothing."""
        folders = self._folders.setdefault(source, {})
        if found.cover or found.pictures or found.subtitles:
            folders[folder] = found
        else:
            folders.pop(folder, None)

    def forget(self, source: str) -> None:
        """Drop what is known of a source."""
        self._folders.pop(source, None)

    def picture_of(self, source: str, path: str) -> str | None:
        """Path of the picture for a media file: its own one, else its folder's."""
        found = self._of(source, path)
        return found.pictures.get(_stem(path.rpartition("/")[2]), found.cover)

    def subtitles_of(self, source: str, path: str) -> tuple[str, ...]:
        """Paths of the subtitle files that belong to a film."""
        return self._of(source, path).subtitles.get(_stem(path.rpartition("/")[2]), ())

    def _of(self, source: str, path: str) -> FolderSidecars:
        return self._folders.get(source, {}).get(path.rpartition("/")[0], NONE)


def _stem(name: str) -> str:
    return name.rpartition(".")[0].lower()
