"""Builds the keyframe index of a film from its container's own tables."""

from __future__ import annotations

from av.container import InputContainer
from av.index import IndexEntry
from av.video.stream import VideoStream

from transcode.containers.mp4 import keyframe_offsets
from transcode.index import Index
from transcode.worker.films import Film, film_times

_MOST_PACKETS = 600
_FIRST_BYTES = 8 << 20


class NoIndexError(Exception):
    """The container has no table of keyframes; the film must be converted."""


def build_index(film: Film, video: int) -> Index:
    """Read the keyframes of one video stream.

    Raises:
        NoIndexError: the container has no usable table.
    """
    container = film.container
    stream = container.streams[video]
    if not isinstance(stream, VideoStream) or stream.time_base is None:
        raise NoIndexError(f"stream {video} is no picture")
    family = container.format.name
    if "matroska" not in family and "mov" not in family:
        raise NoIndexError(f"{family} files keep no table of keyframes")
    if "matroska" in family:
        # Source: measured.md 6: the Cues are read at the first seek.
        container.seek(1, stream=stream, backward=True)
    keys = [entry for entry in stream.index_entries if entry.is_keyframe]
    if len(keys) < 2 and (container.duration or 0) > 15_000_000:
        raise NoIndexError("the file has no table of keyframes")
    reorder, audio = _first_packets(container, stream)
    pts = _presentation_ticks(film, stream, keys, reorder)
    start_us, length_us = film_times(container)
    rate = stream.average_rate or stream.guessed_rate or 25
    delay = max(reorder * stream.time_base, stream.codec_context.reorder_depth / rate)
    rows = sorted(zip(pts, [entry.pos for entry in keys], strict=True))
    return Index(
        video=video,
        time_base=(stream.time_base.numerator, stream.time_base.denominator),
        start_us=start_us,
        duration_s=(length_us or 0) / 1e6,
        reorder_s=float(delay),
        audio_start_us={number: us - start_us for number, us in audio.items()},
        pts=tuple(row[0] for row in rows),
        position=tuple(row[1] for row in rows),
    )


def _first_packets(container: InputContainer, video: VideoStream) -> tuple[int, dict[int, int]]:
    """How far the first picture is shown after it is decoded, and when each sound begins (us)."""
    audio = {one.index: one for one in container.streams.audio if one.time_base is not None}
    found: dict[int, int] = {}
    reorder: int | None = None
    container.seek(0, stream=video, backward=True)
    taken = read_bytes = 0
    for packet in container.demux((video, *audio.values())):
        taken += 1
        read_bytes += packet.size
        if packet.pts is None:
            continue
        index = packet.stream_index
        if index == video.index and reorder is None:
            reorder = packet.pts - packet.dts if packet.dts is not None else 0
        elif index in audio and index not in found:
            found[index] = round(packet.pts * (audio[index].time_base or 1) * 1_000_000)
        if reorder is not None and len(found) == len(audio):
            break
        if taken > _MOST_PACKETS or read_bytes > _FIRST_BYTES:
            break
    return reorder or 0, found


def _presentation_ticks(
    film: Film, stream: VideoStream, keys: list[IndexEntry], reorder: int
) -> list[int]:
    """When each keyframe is shown: Matroska says it, MP4's index holds decoding times."""
    if "matroska" in film.container.format.name:
        return [entry.timestamp for entry in keys]
    moov = film.file.moov()
    offsets = keyframe_offsets(moov, stream.id) if moov else None
    if offsets is None or len(offsets) != len(keys):
        return [entry.timestamp + reorder for entry in keys]
    shift = reorder - offsets[0]
    return [entry.timestamp + offset + shift for entry, offset in zip(keys, offsets, strict=True)]
