"""Why a film goes out as it does: codes with values, and their words. Pure.

The words of a language are one table; adding a language is adding a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Why(StrEnum):
    """One fact that decided something."""

    CONTAINER = "container_not_played"
    VIDEO_CODEC = "video_codec_not_played"
    VIDEO_PROFILE = "video_profile_not_played"
    VIDEO_LEVEL = "video_level_too_high"
    VIDEO_HEIGHT = "video_too_tall"
    VIDEO_DEPTH = "video_bit_depth_not_played"
    VIDEO_RATE = "video_rate_too_high"
    VIDEO_HDR = "video_hdr_not_shown"
    VIDEO_INTERLACED = "video_interlaced"
    VIDEO_BITRATE = "video_bitrate_too_high"
    VIDEO_PACKAGE = "video_not_in_segments"
    AUDIO_CODEC = "audio_codec_not_played"
    AUDIO_CHANNELS = "audio_channels_too_many"
    AUDIO_PACKAGE = "audio_not_in_segments"
    AUDIO_WITH_VIDEO = "audio_converted_with_video"
    AUDIO_OTHER = "audio_other_track_taken"
    AUDIO_NOT_FIRST = "audio_is_not_the_files_first"
    SUBTITLE_PICTURES = "subtitle_pictures_not_shown"
    HEIGHT_WISHED = "smaller_picture_wished"
    DIRECT_FAILED = "file_itself_failed_before"
    COPY_FAILED = "copy_failed_before"
    LENGTH_UNKNOWN = "length_unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact with its values: what the film has and what the screen takes."""

    why: Why
    has: str = ""
    takes: str = ""

    @property
    def code(self) -> str:
        """Stable name for programs."""
        return self.why.value

    def text(self, language: str = "en") -> str:
        """The reason as a short sentence; English where a language lacks it."""
        words = WORDS.get(language, WORDS["en"])
        return words.get(self.why, WORDS["en"][self.why]).format(has=self.has, takes=self.takes)


WORDS: Final[dict[str, dict[Why, str]]] = {
    "en": {
        Why.CONTAINER: "this screen plays no {has} files",
        Why.VIDEO_CODEC: "this screen has no {has} picture",
        Why.VIDEO_PROFILE: "this screen does not play {has}",
        Why.VIDEO_LEVEL: "the picture's level {has} is above this screen's {takes}",
        Why.VIDEO_HEIGHT: "the picture has {has} lines, this screen takes {takes}",
        Why.VIDEO_DEPTH: "the picture has {has} bits per colour, this screen takes {takes}",
        Why.VIDEO_RATE: "{has} pictures a second are more than this screen's {takes}",
        Why.VIDEO_HDR: "this screen does not show {has}",
        Why.VIDEO_INTERLACED: "the picture is interlaced",
        Why.VIDEO_BITRATE: "{has} kbit/s are more than this screen's {takes}",
        Why.VIDEO_PACKAGE: "{has} cannot be sent to this screen in segments",
        Why.AUDIO_CODEC: "this screen has no {has}",
        Why.AUDIO_CHANNELS: "{has} sound channels are more than this screen's {takes}",
        Why.AUDIO_PACKAGE: "{has} cannot be sent to this screen in segments",
        Why.AUDIO_WITH_VIDEO: "sound goes with the converted picture as AAC",
        Why.AUDIO_OTHER: "this screen has no {has}, the {takes} track plays instead",
        Why.AUDIO_NOT_FIRST: "the chosen sound is not the file's first",
        Why.SUBTITLE_PICTURES: "{has} subtitles are pictures, which this screen does not show",
        Why.HEIGHT_WISHED: "a picture of at most {takes} lines was asked for",
        Why.DIRECT_FAILED: "the file itself did not play here before",
        Why.COPY_FAILED: "the unchanged streams did not play here before",
        Why.LENGTH_UNKNOWN: "the film's length is unknown",
    }
}

_NAMES: Final = {
    "h264": "H.264",
    "hevc": "HEVC",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 (DivX)",
    "vc1": "VC-1",
    "aac": "AAC",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "dts": "DTS",
    "truehd": "TrueHD",
    "mp3": "MP3",
    "flac": "FLAC",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "matroska": "Matroska",
    "mp4": "MP4",
    "mpegts": "transport stream",
    "avi": "AVI",
    "smpte2084": "HDR10",
    "arib-std-b67": "HLG",
    "hdmv_pgs_subtitle": "PGS",
    "dvd_subtitle": "VobSub",
}


def name_of(codec: str) -> str:
    """A codec, container or transfer as people write it."""
    return _NAMES.get(codec, codec)


def write_sentence(
    *, picture: str | None, sound: str | None, is_file: bool, reasons: Iterable[Reason]
) -> str:
    """The one honest sentence, in English.

    Args:
        picture: ``copy``, ``convert`` or None when there is none.
        sound: likewise.
        is_file: whether the file goes out as it is.
        reasons: all of them.
    """
    given = list(dict.fromkeys(reason.text() for reason in reasons))
    if is_file:
        head = "Plays as it is"
    elif "convert" not in (picture, sound):
        head = f"{'Picture and sound' if picture and sound else 'All'} untouched, only repacked"
    else:
        said = {"copy": "untouched", "convert": "changed"}
        parts = [
            f"{name} {said[what]}"
            for name, what in (("picture", picture), ("sound", sound))
            if what is not None
        ]
        head = "; ".join(parts)
    head = head[0].upper() + head[1:]
    return f"{head}: {'; '.join(given)}." if given else f"{head}."
