"""Media facts: what a probe finds in a file. Plain records that survive a trip through JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, TypeVar

_Record = TypeVar("_Record", "VideoFacts", "AudioFacts", "SubtitleFacts", "Chapter")


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """One picture stream. ``codec`` is ffmpeg's name (``h264``, ``hevc``, ``av1``).

    ``pixel_aspect`` is a pixel's width over its height (old DVD and camera films: not 1).
    """

    index: int
    codec: str
    width: int
    height: int
    fps: float | None = None
    profile: str | None = None
    level: int | None = None
    pixel_format: str | None = None
    bit_depth: int = 8
    bitrate_kbps: int | None = None
    rotation: int = 0
    interlaced: bool = False
    transfer: str | None = None
    primaries: str | None = None
    codec_string: str | None = None
    pixel_aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """One sound stream. ``codec`` is ffmpeg's name (``aac``, ``ac3``, ``dts``)."""

    index: int
    codec: str
    channels: int
    sample_rate_hz: int
    language: str | None = None
    title: str | None = None
    profile: str | None = None
    bitrate_kbps: int | None = None
    is_default: bool = False
    codec_string: str | None = None


@dataclass(frozen=True, slots=True)
class SubtitleFacts:
    """One subtitle stream; ``is_text`` ones can be given as WebVTT."""

    index: int
    codec: str
    is_text: bool
    language: str | None = None
    title: str | None = None
    is_default: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named stretch of the film, seconds from its start."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """All that a decision needs to know of a file.

    Attributes:
        container: ffmpeg's demuxer family: ``mp4``, ``matroska``, ``mpegts``, ``mp3``, ``flac``,
            ``ogg``, ``avi``, ``jpeg`` and so on.
        start_s: smallest timestamp; the film's own time 0 lies there.
    """

    container: str
    duration_s: float | None
    bitrate_kbps: int | None
    start_s: float = 0.0
    video: tuple[VideoFacts, ...] = ()
    audio: tuple[AudioFacts, ...] = ()
    subtitles: tuple[SubtitleFacts, ...] = ()
    chapters: tuple[Chapter, ...] = ()

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> MediaFacts:
        """Read back ``to_json``; unknown keys (of a newer version) are dropped."""
        raw = json.loads(text)
        return cls(
            container=raw["container"],
            duration_s=raw["duration_s"],
            bitrate_kbps=raw["bitrate_kbps"],
            start_s=raw.get("start_s", 0.0),
            video=tuple(_record(VideoFacts, one) for one in raw.get("video", ())),
            audio=tuple(_record(AudioFacts, one) for one in raw.get("audio", ())),
            subtitles=tuple(_record(SubtitleFacts, one) for one in raw.get("subtitles", ())),
            chapters=tuple(_record(Chapter, one) for one in raw.get("chapters", ())),
        )


def _record(cls: type[_Record], raw: dict[str, Any]) -> _Record:
    names = {one.name for one in dataclasses.fields(cls)}
    return cls(**{key: value for key, value in raw.items() if key in names})
