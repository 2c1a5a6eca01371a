"""What a screen can play: a plain record, from a profile's table or from a browser's own answers.

What is not listed counts as not played: an unknown ability means convert. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from transcode.variant import Package


@dataclass(frozen=True, slots=True)
class VideoAbility:
    """One picture codec and its limits; None is no limit.

    Attributes:
        codec: ffmpeg's name.
        profiles: lower-case names as ffmpeg prints them; empty allows all.
        level: greatest level as ffmpeg prints it (H.264 41, HEVC 150).
        fps: greatest rate at ``height``.
        packages: segments it may come in; empty when only whole files play.
    """

    codec: str
    profiles: frozenset[str] = frozenset()
    level: int | None = None
    height: int | None = 1080
    bit_depth: int = 8
    fps: float | None = None
    packages: frozenset[Package] = frozenset()


@dataclass(frozen=True, slots=True)
class AudioAbility:
    """One sound codec; ``packages`` as of pictures."""

    codec: str
    channels: int = 2
    packages: frozenset[Package] = frozenset()


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen's abilities.

    Attributes:
        containers: files it plays as they are, ffmpeg's family names (``mp4``, ``matroska``).
        packages: kinds of segments in order of preference; empty where no HLS is played.
        subtitles: forms it shows (``webvtt``, ``subrip``, ``ass``, ``pgs``).
        picture_height: lines of the panel, the greatest height worth converting to.
        bitrate_kbps: the most it takes, None unknown.
        hdr: transfers (``smpte2084``, ``arib-std-b67``) it shows as they are.
        plays_interlaced: whether it deinterlaces.
    """

    name: str
    containers: frozenset[str]
    video: tuple[VideoAbility, ...]
    audio: tuple[AudioAbility, ...]
    packages: tuple[Package, ...] = ()
    subtitles: frozenset[str] = frozenset()
    picture_height: int = 720
    bitrate_kbps: int | None = None
    hdr: frozenset[str] = frozenset()
    plays_interlaced: bool = False

    def video_ability(self, codec: str) -> VideoAbility | None:
        """What it does with a picture codec."""
        return next((one for one in self.video if one.codec == codec), None)

    def audio_ability(self, codec: str) -> AudioAbility | None:
        """What it does with a sound codec."""
        return next((one for one in self.audio if one.codec == codec), None)


def screen_from_table(name: str, table: Mapping[str, Any]) -> Screen:
    """A screen from a profile's table.

    Raises:
        ValueError: an unknown key, naming it.
    """
    return Screen(
        name=name,
        **_fields(
            table,
            {
                "containers": frozenset,
                "video": lambda rows: tuple(_video(row) for row in rows),
                "audio": lambda rows: tuple(_audio(row) for row in rows),
                "packages": lambda given: tuple(Package(one) for one in given),
                "subtitles": frozenset,
                "picture_height": int,
                "bitrate_kbps": int,
                "hdr": frozenset,
                "plays_interlaced": bool,
            },
            name,
        ),
    )


def _video(row: Mapping[str, Any]) -> VideoAbility:
    readers = {"codec": str, "level": int, "height": int, "bit_depth": int, "fps": float}
    return VideoAbility(
        **_fields(row, readers | {"profiles": frozenset, "packages": _packages}, "video")
    )


def _audio(row: Mapping[str, Any]) -> AudioAbility:
    readers = {"codec": str, "channels": int, "packages": _packages}
    return AudioAbility(**_fields(row, readers, "audio"))


def _packages(given: Iterable[str]) -> frozenset[Package]:
    return frozenset(Package(one) for one in given)


def _fields(table: Mapping[str, Any], readers: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in table:
        if key not in readers:
            raise ValueError(f"screen profile {where}: unknown key {key!r}")
    return {key: readers[key](value) for key, value in table.items()}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask a browser, and what a yes means.

    Attributes:
        mime: for ``MediaSource.isTypeSupported`` and ``canPlayType``.
        video: what it plays when it says yes, else ``audio`` or ``container``.
    """

    mime: str
    video: VideoAbility | None = None
    audio: AudioAbility | None = None
    container: str | None = None


_H264: Final = frozenset({"high", "main", "baseline", "constrained baseline"})


def _asked() -> tuple[Question, ...]:
    def video(mime: str, codec: str, **limits: Any) -> Question:  # noqa: ANN401
        return Question(f'video/mp4; codecs="{mime}"', video=VideoAbility(codec, **limits))

    def audio(mime: str, codec: str, channels: int) -> Question:
        return Question(f'audio/mp4; codecs="{mime}"', audio=AudioAbility(codec, channels))

    hevc8, hevc10 = frozenset({"main"}), frozenset({"main", "main 10"})
    return (
        # The greatest yes of a codec counts, so the smaller ones stand first.
        video("avc1.640029", "h264", profiles=_H264, level=41),
        video("avc1.64002a", "h264", profiles=_H264, level=42),
        video("avc1.640033", "h264", profiles=_H264, level=51, height=2160),
        video("hvc1.1.6.L120.90", "hevc", profiles=hevc8, level=123),
        video("hvc1.2.4.L120.90", "hevc", profiles=hevc10, level=123, bit_depth=10),
        video("hvc1.2.4.L153.B0", "hevc", profiles=hevc10, level=153, bit_depth=10, height=2160),
        video("vp09.00.40.08", "vp9", profiles=frozenset({"profile 0"})),
        video(
            "vp09.02.50.10",
            "vp9",
            profiles=frozenset({"profile 0", "profile 2"}),
            bit_depth=10,
            height=2160,
        ),
        video("av01.0.08M.08", "av1", profiles=frozenset({"main"})),
        video("av01.0.12M.10", "av1", profiles=frozenset({"main"}), bit_depth=10, height=2160),
        audio("mp4a.40.2", "aac", 6),
        audio("ac-3", "ac3", 6),
        audio("ec-3", "eac3", 8),
        audio("opus", "opus", 8),
        audio("flac", "flac", 8),
        Question("audio/mpeg", audio=AudioAbility("mp3", 2), container="mp3"),
        Question("audio/flac", container="flac"),
        Question('audio/ogg; codecs="vorbis"', audio=AudioAbility("vorbis", 2), container="ogg"),
        Question('video/webm; codecs="vp9"', container="webm"),
        Question("video/x-matroska", container="matroska"),
    )


QUESTIONS: Final = _asked()
_HLS_MIMES: Final = ("application/vnd.apple.mpegurl", "application/x-mpegurl")
_TS_MIME: Final = "video/mp2t"
# Containers every browser that plays H.264 plays as files.
_BROWSER_FILES: Final = frozenset({"mp4", "jpeg", "png", "gif", "webp"})
# Source: RFC 6381 3.3: profile, constraints and level as six hexadecimal digits.
_AVC: Final = re.compile(r"avc1\.(?:42|4d|64)[0-9a-f]{2}([0-9a-f]{2})", re.I)
_TV: Final = re.compile(r"tizen|web0s|webos|vidaa|hbbtv", re.I)


def screen_from_json(answers: Mapping[str, Any]) -> Screen:
    """The screen of a browser page, from what it reports.

    Args:
        answers: ``mse`` and ``native`` (lists of those mimes of ``QUESTIONS``, plus ``video/mp2t``
            and the HLS mimes, answered with yes), ``width`` and ``height`` of the screen, ``ratio``
            (device pixels per page pixel), ``hdr`` (bool), ``agent`` (its user agent). Missing
            ones count as no; senseless ones are ignored.
    """
    mse, native = _words(answers.get("mse")), _words(answers.get("native"))
    hls = any(mime in native for mime in _HLS_MIMES)
    packages: list[Package] = [Package.FMP4] if mse or hls else []
    if _TS_MIME in mse or hls:
        packages.append(Package.TS)
    if not mse and hls and _wants_ts(str(answers.get("agent", ""))):
        packages.reverse()
    spoken = mse or native
    video: dict[str, VideoAbility] = {}
    audio: dict[str, AudioAbility] = {}
    containers = set(_BROWSER_FILES)
    for question in QUESTIONS:
        if question.container is not None and question.mime in native:
            containers.add(question.container)
        if question.mime not in (native if question.container else spoken):
            continue
        fmp4 = frozenset({Package.FMP4})
        if (one := question.video) is not None:
            both = frozenset(Package) if one.codec == "h264" else fmp4
            video[one.codec] = replace(one, packages=both)
        if question.audio is not None:
            sound = question.audio
            both = frozenset(Package) if sound.codec in {"aac", "ac3", "eac3"} else fmp4
            if sound.codec in {"mp3", "vorbis"}:
                both = frozenset()
            audio[sound.codec] = replace(sound, packages=both)
    _add_free_words(spoken, video, audio)
    hdr = frozenset({"smpte2084", "arib-std-b67"}) if answers.get("hdr") is True else frozenset()
    return Screen(
        name="browser",
        containers=frozenset(containers),
        video=tuple(video.values()),
        audio=tuple(audio.values()),
        packages=tuple(packages),
        subtitles=frozenset({"webvtt"}),
        picture_height=_panel_height(answers),
        hdr=hdr,
    )


def _add_free_words(
    spoken: frozenset[str], video: dict[str, VideoAbility], audio: dict[str, AudioAbility]
) -> None:
    """Understand H.264 and AAC of who asked his player in other words than ``QUESTIONS``."""
    levels = [int(found[1], 16) for one in spoken for found in _AVC.finditer(one)]
    both = frozenset(Package)
    if "h264" not in video and levels:
        video["h264"] = VideoAbility("h264", profiles=_H264, level=max(levels), packages=both)
    if "aac" not in audio and any("mp4a.40.2" in one for one in spoken):
        audio["aac"] = AudioAbility("aac", 2, packages=both)


def _panel_height(answers: Mapping[str, Any]) -> int:
    height, ratio = answers.get("height"), answers.get("ratio", 1)
    if not isinstance(height, int | float) or not isinstance(ratio, int | float):
        return 1080
    # A phone held upright: its short side is the film's height when it is turned.
    width = answers.get("width")
    short = min(height, width) if isinstance(width, int | float) else height
    return int(max(240, min(2160, short * max(1, min(4, ratio)))))


def _wants_ts(agent: str) -> bool:
    """Whether an engine plays transport streams better than fragments: sets before 2018."""
    found = re.search(r"chrome/(\d+)", agent, re.I)
    return bool(_TV.search(agent)) and (found is None or int(found[1]) < 53)


def _words(given: object) -> frozenset[str]:
    if not isinstance(given, list):
        return frozenset()
    return frozenset(one for one in given[:200] if isinstance(one, str))
