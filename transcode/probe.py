"""What a probe of one file finds: a record that crosses from worker to gateway. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from transcode.facts import MediaFacts

PHOTO_SUFFIXES = frozenset(
    {"jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jfif"}
)


@dataclass(frozen=True, slots=True)
class Probed:
    """All that one look at a file gave.

    Attributes:
        facts: streams, duration, chapters.
        tags: lower-case names to text: ``title artist album album_artist track disc date genre
            show season episode`` and what else the container says.
        cover: the embedded cover as JPEG, at most 640x480.
        picture: a thumbnail as upright JPEG, at most 640x480, where the probe itself could make it.
        tile: colours of a small mosaic of cover or picture, RGB triples by row: 8x12 for upright
            pictures (96 triples), 16x9 for others (144).
        orientation: EXIF orientation 1 to 8 as stored; width and height in ``facts`` are as shown.
        taken_s: when a photo was taken, seconds since 1970, camera's clock read as UTC.
    """

    facts: MediaFacts
    tags: dict[str, str] = field(default_factory=dict)
    cover: bytes | None = None
    picture: bytes | None = None
    tile: bytes | None = None
    orientation: int = 1
    taken_s: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail made on demand: JPEG of at most 640x480 and its tile."""

    jpeg: bytes
    tile: bytes
