"""How a film goes to a screen: as a file, copied into segments, or converted. Pure.

Order of preference: the file itself; another sound track that plays; copying all streams; copying
the picture and converting the sound; converting the picture last. What is not known to play counts
as not playing. Every reason is kept, not only the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transcode.errors import NoWayToPlay
from transcode.facts import AudioFacts, MediaFacts, SubtitleFacts, VideoFacts
from transcode.reasons import Reason, Why, name_of, write_sentence
from transcode.screens import Screen, VideoAbility
from transcode.variant import Package, Variant

CONVERT_HEIGHT: Final = 720
_PICTURES: Final = {"jpeg", "png", "gif", "webp", "heif", "avif", "tiff", "bmp"}
# Copying into segments: what our own packaging and the players' demuxers are known to take.
_COPY_VIDEO: Final = {
    Package.FMP4: frozenset({"h264", "hevc", "av1", "vp9"}),
    Package.TS: frozenset({"h264", "mpeg2video"}),
}
_COPY_AUDIO: Final = {
    Package.FMP4: frozenset({"aac", "ac3", "eac3", "flac", "opus"}),
    Package.TS: frozenset({"aac", "ac3", "eac3", "mp3", "mp2"}),
}
_MIMES: Final = {
    "mp4": ("video/mp4", "audio/mp4"),
    "matroska": ("video/x-matroska", "audio/x-matroska"),
    "webm": ("video/webm", "audio/webm"),
    "mpegts": ("video/mpeg", "video/mpeg"),
    "mpeg": ("video/mpeg", "video/mpeg"),
    "avi": ("video/avi", "video/avi"),
    "asf": ("video/x-ms-wmv", "audio/x-ms-wma"),
    "flv": ("video/x-flv", "video/x-flv"),
    "ogg": ("video/ogg", "audio/ogg"),
    "mp3": ("audio/mpeg", "audio/mpeg"),
    "flac": ("audio/flac", "audio/flac"),
    "wav": ("audio/wav", "audio/wav"),
    "aac": ("audio/aac", "audio/aac"),
}


class Mode(StrEnum):
    """What happens to the film, from least to most."""

    DIRECT = "direct"
    REMUX = "remux"
    CONVERT = "convert"


_RANK: Final = {Mode.DIRECT: 0, Mode.REMUX: 1, Mode.CONVERT: 2}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the viewer chose.

    Attributes:
        audio: index of a sound stream.
        language: of the sound, when no index is given.
        subtitle: index of a subtitle stream.
        max_height: greatest height wanted.
        at_least: the least mode to use, after a lesser one failed on this screen.
    """

    audio: int | None = None
    language: str | None = None
    subtitle: int | None = None
    max_height: int | None = None
    at_least: Mode = Mode.DIRECT


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to one stream: ``does`` is ``copy`` or ``convert``, ``becomes`` its codec."""

    kind: str
    index: int
    does: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision.

    Attributes:
        direct: whether the file goes out as it is; ``direct_mime`` is then its type.
        variant: the segments to make; None when ``direct``, when the screen plays no segments,
            the film has no picture or its length is unknown (``stream_variant`` is then the way).
        stream_variant: for one continuous transport stream, whatever ``direct`` says.
        actions: one per stream that goes out.
        reasons: all of them, in the order of the checks.
        sentence: the same in words, in English.
    """

    direct: bool
    variant: Variant | None
    stream_variant: Variant
    actions: tuple[Action, ...]
    reasons: tuple[Reason, ...]
    sentence: str
    direct_mime: str | None

    @property
    def mode(self) -> Mode:
        """Derived from what happens to the streams."""
        if self.direct:
            return Mode.DIRECT
        is_changed = any(action.does == "convert" for action in self.actions)
        return Mode.CONVERT if is_changed else Mode.REMUX


def decide(
    facts: MediaFacts, screen: Screen, wishes: Wishes, *, convert_height: int = CONVERT_HEIGHT
) -> Plan:
    """The best way for this film to this screen.

    Args:
        facts: of the film.
        screen: who asks.
        wishes: what the viewer chose.
        convert_height: the tallest picture this machine makes when it converts.

    Raises:
        NoWayToPlay: it holds neither picture nor sound, or the wished stream is not in it.
    """
    if not facts.video and not facts.audio:
        raise NoWayToPlay(("the file holds neither picture nor sound",))
    if facts.container in _PICTURES:
        return _picture_plan(facts, screen)
    video = facts.video[0] if facts.video else None
    audio, taken = _choose_audio(facts, screen, wishes)
    streams = _stream_reasons(video, audio, screen, wishes)
    file_reasons = [*taken, *_file_reasons(facts, screen, audio, wishes), *streams]
    subtitle = _subtitle_reasons(facts, screen, wishes)
    direct = not [one for one in file_reasons if one.why is not Why.AUDIO_OTHER]
    wanted = wishes.max_height or convert_height
    height = _convert_height(video, screen, wanted)
    package = screen.packages[0] if screen.packages else Package.TS
    variant, more = _variant(video, audio, screen, height, package, streams)
    stream_variant, _ = _variant(video, audio, screen, height, Package.TS, streams)
    reasons = list(file_reasons)
    if not direct:
        reasons += more
        if facts.duration_s is None:
            reasons.append(Reason(Why.LENGTH_UNKNOWN))
    # Sound alone is not cut into segments: it goes as a file or as one stream.
    can_cut = video is not None and facts.duration_s is not None and bool(screen.packages)
    usable = variant if can_cut and not direct else None
    actions = _actions(video, audio, variant, direct=direct)
    kept = tuple(dict.fromkeys([*reasons, *subtitle]))
    does = {action.kind: action.does for action in actions}
    return Plan(
        direct=direct,
        variant=usable,
        stream_variant=stream_variant,
        actions=actions,
        reasons=kept,
        sentence=write_sentence(
            picture=does.get("video"), sound=does.get("audio"), is_file=direct, reasons=kept
        ),
        direct_mime=_mime(facts) if direct else None,
    )


def _picture_plan(facts: MediaFacts, screen: Screen) -> Plan:
    reasons = (
        ()
        if facts.container in screen.containers
        else (Reason(Why.CONTAINER, name_of(facts.container)),)
    )
    if reasons:
        raise NoWayToPlay(tuple(reason.text() for reason in reasons))
    index = facts.video[0].index if facts.video else 0
    return Plan(
        direct=True,
        variant=None,
        stream_variant=Variant(Package.TS, index, CONVERT_HEIGHT, None, audio_copy=True),
        actions=(Action("video", index, "copy", facts.container),),
        reasons=(),
        sentence=write_sentence(picture="copy", sound=None, is_file=True, reasons=()),
        direct_mime=f"image/{facts.container}",
    )


def _choose_audio(
    facts: MediaFacts, screen: Screen, wishes: Wishes
) -> tuple[AudioFacts | None, list[Reason]]:
    if not facts.audio:
        return None, []
    if wishes.audio is not None:
        for track in facts.audio:
            if track.index == wishes.audio:
                return track, []
        raise NoWayToPlay((f"the film has no sound stream {wishes.audio}",))
    tracks = [one for one in facts.audio if one.language == wishes.language] or list(facts.audio)
    if wishes.language is None:
        tracks = list(facts.audio)
    first = next((one for one in tracks if one.is_default), tracks[0])
    if not _audio_reasons(first, screen):
        return first, []
    for other in tracks:
        same = other.language == first.language or None in (other.language, first.language)
        if other is not first and same and not _is_comment(other):
            if _audio_reasons(other, screen):
                continue
            return other, [Reason(Why.AUDIO_OTHER, _sound_name(first), _sound_name(other))]
    return first, []


def _is_comment(track: AudioFacts) -> bool:
    title = (track.title or "").lower()
    return "comment" in title or "descri" in title


def _sound_name(track: AudioFacts) -> str:
    return name_of(track.codec)


def _stream_reasons(
    video: VideoFacts | None, audio: AudioFacts | None, screen: Screen, wishes: Wishes
) -> list[Reason]:
    """Why the streams as they are do not play, however they are wrapped."""
    reasons: list[Reason] = []
    if video is not None:
        reasons += _video_reasons(video, screen, wishes)
    if audio is not None:
        reasons += _audio_reasons(audio, screen)
    return reasons


def _video_reasons(video: VideoFacts, screen: Screen, wishes: Wishes) -> list[Reason]:
    reasons: list[Reason] = []
    ability = screen.video_ability(video.codec)
    if ability is None:
        reasons.append(Reason(Why.VIDEO_CODEC, name_of(video.codec)))
    else:
        reasons += _limit_reasons(video, ability)
    if video.transfer in {"smpte2084", "arib-std-b67"} and video.transfer not in screen.hdr:
        reasons.append(Reason(Why.VIDEO_HDR, name_of(video.transfer)))
    if video.interlaced and not screen.plays_interlaced:
        reasons.append(Reason(Why.VIDEO_INTERLACED))
    rate, limit = video.bitrate_kbps, screen.bitrate_kbps
    if rate is not None and limit is not None and rate > limit:
        reasons.append(Reason(Why.VIDEO_BITRATE, str(rate), str(limit)))
    if wishes.max_height is not None and _lines(video) > wishes.max_height:
        reasons.append(Reason(Why.HEIGHT_WISHED, str(_lines(video)), str(wishes.max_height)))
    if wishes.at_least is Mode.CONVERT:
        reasons.append(Reason(Why.COPY_FAILED))
    return reasons


def _limit_reasons(video: VideoFacts, ability: VideoAbility) -> list[Reason]:
    reasons: list[Reason] = []
    name = name_of(video.codec)
    profile = (video.profile or "").lower()
    if profile and ability.profiles and profile not in ability.profiles:
        reasons.append(Reason(Why.VIDEO_PROFILE, f"{name} {video.profile}"))
    if video.level is not None and ability.level is not None and video.level > ability.level:
        reasons.append(Reason(Why.VIDEO_LEVEL, str(video.level), str(ability.level)))
    lines = _lines(video)
    # 1088 is 1080 in whole blocks.
    if ability.height is not None and lines > ability.height + 8:
        reasons.append(Reason(Why.VIDEO_HEIGHT, str(lines), str(ability.height)))
    if video.bit_depth > ability.bit_depth:
        reasons.append(Reason(Why.VIDEO_DEPTH, str(video.bit_depth), str(ability.bit_depth)))
    # A limit at the greatest height leaves room for twice the rate at 720 lines.
    most = None if ability.fps is None else ability.fps * (1 if lines > 720 else 2)
    if video.fps is not None and most is not None and video.fps > most:
        reasons.append(Reason(Why.VIDEO_RATE, f"{video.fps:g}", f"{most:g}"))
    return reasons


def _lines(video: VideoFacts) -> int:
    """Lines of a 16:9 panel the picture needs: a wide film is judged by its width."""
    return max(min(video.height, video.width), round(max(video.width, video.height) * 9 / 16))


def _audio_reasons(audio: AudioFacts, screen: Screen) -> list[Reason]:
    ability = screen.audio_ability(audio.codec)
    if ability is None:
        return [Reason(Why.AUDIO_CODEC, _sound_name(audio))]
    if audio.channels > ability.channels:
        return [Reason(Why.AUDIO_CHANNELS, str(audio.channels), str(ability.channels))]
    return []


def _file_reasons(
    facts: MediaFacts, screen: Screen, audio: AudioFacts | None, wishes: Wishes
) -> list[Reason]:
    """Why the file as a whole is not given."""
    reasons: list[Reason] = []
    if facts.container not in screen.containers:
        reasons.append(Reason(Why.CONTAINER, name_of(facts.container)))
    if audio is not None:
        played = next((one for one in facts.audio if one.is_default), facts.audio[0])
        if played.index != audio.index:
            reasons.append(Reason(Why.AUDIO_NOT_FIRST))
    if wishes.at_least is not Mode.DIRECT:
        reasons.append(Reason(Why.DIRECT_FAILED))
    return reasons


def _subtitle_reasons(facts: MediaFacts, screen: Screen, wishes: Wishes) -> list[Reason]:
    if wishes.subtitle is None:
        return []
    track: SubtitleFacts | None = next(
        (one for one in facts.subtitles if one.index == wishes.subtitle), None
    )
    if track is None:
        raise NoWayToPlay((f"the film has no subtitle stream {wishes.subtitle}",))
    if track.is_text or track.codec in screen.subtitles:
        return []
    return [Reason(Why.SUBTITLE_PICTURES, name_of(track.codec))]


def _variant(
    video: VideoFacts | None,
    audio: AudioFacts | None,
    screen: Screen,
    convert_height: int,
    package: Package,
    streams: list[Reason],
) -> tuple[Variant, list[Reason]]:
    """The segments of one package, and what the packaging adds to the reasons."""
    more: list[Reason] = []
    height: int | None = None
    if video is not None:
        ability = screen.video_ability(video.codec)
        fits = video.codec in _COPY_VIDEO[package] and (
            ability is not None and package in ability.packages
        )
        if not fits and ability is not None:
            more.append(Reason(Why.VIDEO_PACKAGE, name_of(video.codec)))
        if not fits or any(_is_picture(one) for one in streams):
            height = convert_height
    audio_copy = True
    if audio is not None:
        sound = screen.audio_ability(audio.codec)
        fits = audio.codec in _COPY_AUDIO[package] and (
            sound is not None and package in sound.packages
        )
        if not fits and sound is not None:
            more.append(Reason(Why.AUDIO_PACKAGE, _sound_name(audio)))
        audio_copy = fits and not _audio_reasons(audio, screen)
        if audio_copy and height is not None:
            audio_copy = False
            more.append(Reason(Why.AUDIO_WITH_VIDEO))
    variant = Variant(
        package=package,
        video=None if video is None else video.index,
        video_height=height,
        audio=None if audio is None else audio.index,
        audio_copy=audio_copy,
    )
    return variant, more


def _is_picture(reason: Reason) -> bool:
    return reason.why.value.startswith("video_") or reason.why in {
        Why.HEIGHT_WISHED,
        Why.COPY_FAILED,
    }


def _convert_height(video: VideoFacts | None, screen: Screen, wanted: int) -> int:
    if video is None:
        return wanted
    height = min(wanted, screen.picture_height, _lines(video))
    # The text form of a variant has three or four digits.
    return max(144, height - height % 2)


def _actions(
    video: VideoFacts | None, audio: AudioFacts | None, variant: Variant, *, direct: bool
) -> tuple[Action, ...]:
    actions: list[Action] = []
    if video is not None:
        copied = direct or variant.video_height is None
        becomes = video.codec if copied else "h264"
        actions.append(Action("video", video.index, "copy" if copied else "convert", becomes))
    if audio is not None:
        copied = direct or variant.audio_copy
        becomes = audio.codec if copied else "aac"
        actions.append(Action("audio", audio.index, "copy" if copied else "convert", becomes))
    return tuple(actions)


def _mime(facts: MediaFacts) -> str:
    pair = _MIMES.get(facts.container, ("application/octet-stream",) * 2)
    return pair[0 if facts.video else 1]
