"""Reads the facts of one file: streams, tags, cover, chapters; little is read, nothing decoded."""

from __future__ import annotations

from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from transcode.codec_strings import codec_string
from transcode.facts import AudioFacts, Chapter, MediaFacts, SubtitleFacts, VideoFacts
from transcode.probe import PHOTO_SUFFIXES, Probed
from transcode.worker.cutting import is_text
from transcode.worker.films import Film, film_times, open_film
from transcode.worker.pictures import (
    NoPictureError,
    cover_of,
    is_cover,
    read_photo,
    thumbnail,
)
from transcode.worker.reader import Ask, SpanFile

_PHOTO_BYTES = 1 << 20
_FAMILIES = (
    ("mov", "mp4"),
    ("matroska", "matroska"),
    ("mpegts", "mpegts"),
    ("jpeg", "jpeg"),
    ("png", "png"),
    ("webp", "webp"),
)
_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67", 1: "bt709", 6: "smpte170m", 14: "bt2020-10"}
_PRIMARIES = {1: "bt709", 9: "bt2020", 5: "bt470bg", 6: "smpte170m", 12: "smpte432"}
_NAMES = {
    "tracknumber": "track",
    "discnumber": "disc",
    "year": "date",
    "albumartist": "album_artist",
}
_TECHNICAL = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_MOST_TAG_CHARACTERS = 1000


def probe_file(ask: Ask, size_bytes: int, suffix: str) -> Probed:
    """Look at one file.

    Raises:
        av.error.FFmpegError, NoPictureError, ValueError: nothing we know.
    """
    if suffix.lower() in PHOTO_SUFFIXES:
        return _probe_photo(ask, size_bytes)
    film = open_film("", SpanFile(ask, size_bytes))
    try:
        return _probe_film(film)
    finally:
        film.container.close()


def _probe_photo(ask: Ask, size_bytes: int) -> Probed:
    """Facts of a photo; the thumbnail too when the whole file is within the budget."""
    head = bytes(ask(0, min(size_bytes, _PHOTO_BYTES)))
    photo = read_photo(head)
    picture: bytes | None = None
    tile: bytes | None = None
    try:
        if size_bytes <= _PHOTO_BYTES:
            picture, tile = thumbnail(head)
        elif photo.preview is not None:
            _, tile = thumbnail(photo.preview, orientation=photo.orientation)
    except NoPictureError:
        if size_bytes <= _PHOTO_BYTES:
            raise
    codec = {"jpeg": "mjpeg", "tiff": "tiff"}.get(photo.format, photo.format)
    video = VideoFacts(index=0, codec=codec, width=photo.width, height=photo.height)
    facts = MediaFacts(container=photo.format, duration_s=None, bitrate_kbps=None, video=(video,))
    return Probed(
        facts=facts,
        picture=picture,
        tile=tile,
        orientation=photo.orientation,
        taken_s=photo.taken_s,
    )


def _probe_film(film: Film) -> Probed:
    container = film.container
    facts = film_facts(container)
    tags = _tags(container.metadata)
    for stream in container.streams:
        # Ogg and some others keep the tags with the stream.
        if isinstance(stream, AudioStream) and not facts.video:
            tags = {**_tags(stream.metadata), **tags}
    cover = cover_of(film)
    return Probed(
        facts=facts,
        tags=tags,
        cover=None if cover is None else cover[0],
        tile=None if cover is None else cover[1],
    )


def film_facts(container: InputContainer) -> MediaFacts:
    """Streams, chapters and times of an open container."""
    start_us, length_us = film_times(container)
    return MediaFacts(
        container=_family(container.format.name),
        duration_s=None if length_us is None else length_us / 1e6,
        bitrate_kbps=container.bit_rate // 1000 or None,
        start_s=start_us / 1e6,
        video=tuple(_video_facts(one) for one in container.streams.video if not is_cover(one)),
        audio=tuple(_audio_facts(one) for one in container.streams.audio),
        subtitles=tuple(_subtitle_facts(one) for one in container.streams.subtitles),
        chapters=_chapters(container),
    )


def _family(name: str) -> str:
    for part, family in _FAMILIES:
        if part in name:
            return family
    return name.split(",", maxsplit=1)[0].removesuffix("_pipe")


def _video_facts(stream: VideoStream) -> VideoFacts:
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    layout = context.format
    depth = layout.components[0].bits if layout is not None and layout.components else 8
    profile, level = _profile(stream), context.level if context.level > 0 else None
    return VideoFacts(
        index=stream.index,
        codec=context.name,
        width=context.width,
        height=context.height,
        fps=None if not rate else round(float(rate), 3),
        profile=profile,
        level=level,
        pixel_format=context.pix_fmt,
        bit_depth=depth,
        bitrate_kbps=(context.bit_rate or 0) // 1000 or None,
        rotation=_rotation(stream),
        interlaced=context.field_order > 1,
        transfer=_TRANSFERS.get(int(context.color_trc)),
        primaries=_PRIMARIES.get(int(context.color_primaries)),
        pixel_aspect=float(context.sample_aspect_ratio or 1),
        codec_string=codec_string(
            context.name,
            bytes(context.extradata or b""),
            profile=profile,
            level=level,
            bit_depth=depth,
        ),
    )


def _rotation(stream: VideoStream) -> int:
    """Degrees clockwise the picture is to be turned, where the container's tags say it."""
    try:
        return int(float(stream.metadata.get("rotate", "0"))) % 360
    except ValueError:
        return 0


def _profile(stream: Stream) -> str | None:
    profile = stream.profile
    return profile if isinstance(profile, str) else None


def _audio_facts(stream: AudioStream) -> AudioFacts:
    context = stream.codec_context
    profile = _profile(stream)
    name = {"dca": "dts", "mp3float": "mp3"}.get(context.name, context.name)
    return AudioFacts(
        index=stream.index,
        codec=name,
        channels=context.channels,
        sample_rate_hz=context.sample_rate,
        language=_language(stream),
        title=stream.metadata.get("title"),
        profile=profile,
        bitrate_kbps=(context.bit_rate or 0) // 1000 or None,
        is_default=_has(stream, "default"),
        codec_string=codec_string(
            name, bytes(context.extradata or b""), profile=profile, level=None
        ),
    )


def _subtitle_facts(stream: SubtitleStream) -> SubtitleFacts:
    return SubtitleFacts(
        index=stream.index,
        codec=stream.codec_context.name,
        is_text=is_text(stream),
        language=_language(stream),
        title=stream.metadata.get("title"),
        is_default=_has(stream, "default"),
        is_forced=_has(stream, "forced"),
    )


def _language(stream: Stream) -> str | None:
    language = stream.metadata.get("language")
    return None if language in {None, "", "und"} else language


def _has(stream: Stream, name: str) -> bool:
    return bool(stream.disposition & getattr(av.stream.Disposition, name))


def _chapters(container: InputContainer) -> tuple[Chapter, ...]:
    found = []
    for chapter in container.chapters():
        base = chapter["time_base"]
        if base is not None:
            start, end = float(chapter["start"] * base), float(chapter["end"] * base)
            found.append(Chapter(start, end, chapter["metadata"].get("title", "")))
    return tuple(found)


def _tags(metadata: Any) -> dict[str, str]:  # noqa: ANN401  PyAV gives a plain dict or its own
    tags: dict[str, str] = {}
    for name, value in dict(metadata).items():
        key = str(name).lower().replace(" ", "_")
        if key not in _TECHNICAL:
            tags.setdefault(_NAMES.get(key, key), str(value)[:_MOST_TAG_CHARACTERS].strip())
    if "season_number" in tags:
        tags.setdefault("season", tags["season_number"])
    if "episode_sort" in tags:
        tags.setdefault("episode", tags["episode_sort"])
    return tags
