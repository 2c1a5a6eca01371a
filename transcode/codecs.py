"""Names of codecs as players ask for them (RFC 6381), of streams copied and converted. Pure."""

from __future__ import annotations

from typing import Final

from transcode.facts import AudioFacts, MediaFacts, VideoFacts
from transcode.variant import Package, Variant

CONVERTED_VIDEO: Final = "avc1.640029"
CONVERTED_AUDIO: Final = "mp4a.40.2"
# profile_idc and constraint flags. Source: H.264 (ITU-T), annex A.2.
_H264_PROFILES: Final = {
    "baseline": "4200",
    "constrained baseline": "42e0",
    "main": "4d40",
    "high": "6400",
    "high 10": "6e00",
    "high 4:2:2": "7a00",
}
_AUDIO: Final = {
    "aac": "mp4a.40.2",
    "ac3": "ac-3",
    "eac3": "ec-3",
    "mp3": "mp4a.40.34",
    "flac": "fLaC",
    "opus": "Opus",
}


def codec_strings(facts: MediaFacts, variant: Variant) -> tuple[str, ...]:
    """What goes out, picture first; a stream whose name cannot be told is left out."""
    names: list[str | None] = []
    video = next((one for one in facts.video if one.index == variant.video), None)
    if video is not None:
        names.append(CONVERTED_VIDEO if variant.video_height is not None else video_string(video))
    audio = next((one for one in facts.audio if one.index == variant.audio), None)
    if audio is not None:
        names.append(audio_string(audio) if variant.audio_copy else CONVERTED_AUDIO)
    return tuple(name for name in names if name is not None)


def mime_of(facts: MediaFacts, variant: Variant) -> str:
    """The type to open a source buffer with."""
    names = ", ".join(codec_strings(facts, variant))
    if variant.package is Package.TS:
        kind = "video/mp2t"
    else:
        kind = "audio/mp4" if variant.video is None else "video/mp4"
    return f'{kind}; codecs="{names}"' if names else kind


def video_string(video: VideoFacts) -> str | None:
    """The name of a copied picture stream."""
    if video.codec_string is not None:
        return video.codec_string
    profile = (video.profile or "").lower()
    if video.codec == "h264":
        return f"avc1.{_H264_PROFILES.get(profile, '6400')}{video.level or 41:02x}"
    if video.codec == "hevc":
        # Source: ISO/IEC 14496-15, annex E.3.
        space = "2.4" if video.bit_depth > 8 else "1.6"
        return f"hvc1.{space}.L{video.level or 120}.90"
    if video.codec == "vp9":
        number = 2 if video.bit_depth > 8 else 0
        return f"vp09.{number:02}.50.{video.bit_depth:02}"
    if video.codec == "av1":
        return f"av01.0.{12 if video.height > 1080 else 8:02}M.{video.bit_depth:02}"
    return None


def audio_string(audio: AudioFacts) -> str | None:
    """The name of a copied sound stream."""
    if audio.codec_string is not None:
        return audio.codec_string
    if audio.codec == "aac" and (audio.profile or "").upper().startswith("HE-AAC"):
        return "mp4a.40.5"
    return _AUDIO.get(audio.codec)
