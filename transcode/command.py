"""Argument lists for ffmpeg, built with ffmpeg-python. Pure: starts nothing, reads nothing.

How a run stays on the film's absolute time: timestamps of the file are kept (``-copyts``) and made
relative to the film's start by ``setpts``; the demuxer seeks to the key picture before the wanted
place and hands everything on (``-noaccurate_seek``); ``fps=start_time`` and
``aresample=first_pts`` then cut picture and sound at exactly the wanted place. All output times are
moved by ``OUTPUT_SHIFT_S`` because the muxer cannot write the sound encoder's run-in before 0.

Source: ffmpeg-filters (fps, aresample, scale, tonemap), ffmpeg-formats (mov muxer),
``transcode/timing.py`` for the beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol, Self, TypeVar, cast

import ffmpeg

from transcode.errors import NoWayToPlay
from transcode.facts import AudioFacts, MediaFacts, VideoFacts
from transcode.timing import SOUND_FRAME, SOUND_HZ, Beat, beat_of
from transcode.variant import Variant

OUTPUT_SHIFT_S: Final = 16
# Sound frames encoded before the wanted place and dropped again: the encoder overlaps its frames.
SOUND_RUN_IN: Final = 2
# Pictures and silence added where a stream ends before the film's length.
_PAD_S: Final = 4
# A seek in these lands between key pictures: it starts earlier, so that one lies before the place.
_NO_INDEX: Final = frozenset({"mpegts", "mpeg"})
_BLIND_SEEK_S: Final = 3
_PQ_HLG: Final = frozenset({"smpte2084", "arib-std-b67"})
# A read of the film may wait this long for its host.
_STALL_US: Final = 60_000_000
_CODEC_STRING: Final = "avc1.640029"
_SOUND_CODEC_STRING: Final = "mp4a.40.2"

_S = TypeVar("_S", VideoFacts, AudioFacts)


class _Stream(Protocol):
    """A node of ffmpeg-python, which brings no types."""

    def filter(self, name: str, *arguments: object, **options: object) -> Self: ...

    def __getitem__(self, specifier: str) -> Self: ...


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pictures and sound are encoded.

    Attributes:
        preset: of libx264.
        quality: its constant rate factor.
        threads: of the picture encoder; 0 lets it choose.
        sound_kbps: of stereo AAC.
    """

    preset: str = "veryfast"
    quality: int = 21
    threads: int = 0
    sound_kbps: int = 160


@dataclass(frozen=True, slots=True)
class Conversion:
    """What exactly a variant makes of a film.

    Attributes:
        width: of the output picture, even; ``height`` likewise.
    """

    video: VideoFacts
    audio: AudioFacts | None
    width: int
    height: int
    beat: Beat


def conversion_of(facts: MediaFacts, variant: Variant) -> Conversion:
    """Resolve a converting variant against a film.

    Raises:
        NoWayToPlay: the film has no such streams, or its length is unknown.
    """
    if variant.video is None or variant.video_height is None:
        raise NoWayToPlay((f"variant {variant} converts no picture",))
    video = _stream_of(facts.video, variant.video)
    audio = None if variant.audio is None else _stream_of(facts.audio, variant.audio)
    if facts.duration_s is None or facts.duration_s <= 0:
        raise NoWayToPlay(("the film's length is unknown",))
    width, height = output_size(video, variant.video_height)
    return Conversion(video, audio, width, height, beat_of(video, facts.duration_s, height))


def output_size(video: VideoFacts, height: int) -> tuple[int, int]:
    """Width and height of a picture fitted into a 16:9 box of ``height``, square pixels, even."""
    wide, high = video.width * video.pixel_aspect, float(video.height)
    if video.rotation % 180:
        wide, high = high, wide
    factor = min(1.0, height / high, height * 16 / 9 / wide)
    return max(2, round(wide * factor / 2) * 2), max(2, round(high * factor / 2) * 2)


def codec_strings(conversion: Conversion) -> tuple[str, ...]:
    """RFC 6381 names of what comes out."""
    sound = () if conversion.audio is None else (_SOUND_CODEC_STRING,)
    return (_CODEC_STRING, *sound)


def bandwidth_bps(conversion: Conversion, encoding: Encoding) -> int:
    """The most a player must expect."""
    sound = 0 if conversion.audio is None else encoding.sound_kbps
    return 1000 * (_peak_kbps(conversion.height) + sound)


def segment_arguments(
    program: str,
    url: str,
    facts: MediaFacts,
    conversion: Conversion,
    first: int,
    encoding: Encoding,
) -> list[str]:
    """Read ``url`` from a segment on, write fragmented MP4 with one sample per fragment."""
    beat = conversion.beat
    start = beat.start(first)
    # Half a picture later still means that picture, and finds a key picture lying exactly there.
    source = _open_at(url, facts, start + 1 / (2 * beat.rate) if first else Fraction(0))
    picture = _picture(source, conversion, start, facts.start_s)
    sound: _Stream | None = None
    if conversion.audio is not None:
        first_sample = (beat.sound_start(first) - SOUND_RUN_IN) * SOUND_FRAME
        sound = _sound(source, conversion.audio, first_sample, facts.start_s)
    return _compile(program, picture, sound, _fmp4_options(conversion, encoding))


def init_arguments(program: str, conversion: Conversion, encoding: Encoding) -> list[str]:
    """Write the same kind of stream from nothing: its ``ftyp`` and ``moov`` are the init segment.

    No byte of the film is read, so asking for the init starts no conversion.
    """
    rate = _ratio(conversion.beat.rate)
    blank = f"color=size={conversion.width}x{conversion.height}:rate={rate}:duration=0.2"
    picture = ffmpeg.input(blank, format="lavfi").video
    picture = _tag(picture.filter("setsar", "1").filter("format", "yuv420p"))
    sound: _Stream | None = None
    if conversion.audio is not None:
        quiet = f"anullsrc=sample_rate={SOUND_HZ}:channel_layout=stereo:duration=0.2"
        sound = ffmpeg.input(quiet, format="lavfi").audio
        sound = sound.filter("aformat", sample_fmts="fltp")
    options = {**_fmp4_options(conversion, encoding), "frames:v": 1}
    return _compile(program, picture, sound, options)


def stream_arguments(
    program: str,
    url: str,
    facts: MediaFacts,
    variant: Variant,
    start_s: float,
    encoding: Encoding,
) -> list[str]:
    """Write one continuous MPEG transport stream from ``start_s`` on.

    A copied picture starts at the key picture before, a converted one at that time.

    Raises:
        NoWayToPlay: the film has no such streams.
    """
    source = ffmpeg.input(url, **_input_options(facts), **({"ss": start_s} if start_s > 0 else {}))
    options: dict[str, Any] = {"format": "mpegts", "muxdelay": 0, "muxpreload": 0}
    options |= {"flush_packets": 1, "map_metadata": -1}
    picture: _Stream | None = None
    sound: _Stream | None = None
    if variant.video is not None and variant.video_height is not None:
        conversion = conversion_of(facts, variant)
        picture = _picture(source, conversion, None)
        options |= _picture_options(conversion, encoding)
    elif variant.video is not None:
        _stream_of(facts.video, variant.video)
        picture = source[str(variant.video)]
        options["c:v"] = "copy"
    if variant.audio is not None:
        audio = _stream_of(facts.audio, variant.audio)
        if variant.audio_copy:
            sound = source[str(audio.index)]
            options["c:a"] = "copy"
        else:
            sound = _sound(source, audio, None)
            options |= _sound_options(encoding)
    return _compile(program, picture, sound, options)


def _stream_of(streams: tuple[_S, ...], index: int) -> _S:
    for stream in streams:
        if stream.index == index:
            return stream
    raise NoWayToPlay((f"the film has no stream {index} of that kind",))


def _input_options(facts: MediaFacts) -> dict[str, Any]:
    # Without an index the streams' parameters are found by reading.
    probed = 5_000_000 if facts.container in _NO_INDEX else 1_000_000
    return {
        "protocol_whitelist": "http,tcp",
        "rw_timeout": _STALL_US,
        "probesize": probed,
        "analyzeduration": probed,
    }


def _open_at(url: str, facts: MediaFacts, at: Fraction) -> _Stream:
    options = _input_options(facts) | {"copyts": None, "noaccurate_seek": None}
    if facts.container in _NO_INDEX:
        at -= _BLIND_SEEK_S
    if at > 0:
        options |= {"seek_timestamp": 1, "ss": _seconds(at + Fraction(facts.start_s))}
    return cast("_Stream", ffmpeg.input(url, **options))


def _picture(
    source: _Stream, conversion: Conversion, start: Fraction | None, shift_s: float = 0
) -> _Stream:
    video = conversion.video
    picture = source[str(video.index)]
    if video.interlaced:
        picture = picture.filter("bwdif", mode="send_frame")
    rate = _ratio(conversion.beat.rate)
    if start is None:
        picture = picture.filter("fps", fps=rate)
    else:
        if shift_s:
            picture = picture.filter("setpts", f"PTS-({shift_s:.6f})/TB")
        picture = picture.filter("fps", fps=rate, start_time=_seconds(start), round="near")
        picture = picture.filter("tpad", stop_mode="clone", stop_duration=_PAD_S)
    picture = picture.filter("scale", conversion.width, conversion.height)
    if video.transfer in _PQ_HLG:
        picture = _tone_map(picture, video.transfer)
    return _tag(picture.filter("setsar", "1").filter("format", "yuv420p"))


def _tone_map(picture: _Stream, transfer: str) -> _Stream:
    """Wide light to BT.709, after scaling because it is the dearest step."""
    picture = picture.filter(
        "setparams",
        color_primaries="bt2020",
        color_trc=transfer,
        colorspace="bt2020nc",
        range="tv",
    )
    picture = picture.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le")
    picture = picture.filter("zscale", p="bt709").filter("tonemap", "hable", desat=0)
    return picture.filter("zscale", t="bt709", m="bt709", r="tv")


def _tag(picture: _Stream) -> _Stream:
    """The same colour marks whatever came in, or the init would differ between films."""
    return picture.filter(
        "setparams",
        color_primaries="bt709",
        color_trc="bt709",
        colorspace="bt709",
        range="tv",
        field_mode="prog",
    )


def _sound(
    source: _Stream, audio: AudioFacts, first_sample: int | None, shift_s: float = 0
) -> _Stream:
    sound = source[str(audio.index)]
    options: dict[str, Any] = {"osr": SOUND_HZ, "ochl": "stereo", "osf": "fltp", "async": 1}
    if first_sample is None:
        return sound.filter("aresample", **options)
    if shift_s:
        sound = sound.filter("asetpts", f"PTS-({shift_s:.6f})/TB")
    sound = sound.filter("aresample", **options, first_pts=first_sample)
    return sound.filter("apad", pad_dur=_PAD_S)


def _picture_options(conversion: Conversion, encoding: Encoding) -> dict[str, Any]:
    frames = conversion.beat.frames
    peak = _peak_kbps(conversion.height)
    return {
        "c:v": "libx264",
        "preset": encoding.preset,
        "crf": encoding.quality,
        "profile:v": "high",
        "level:v": "4.1",
        "maxrate:v": f"{peak}k",
        "bufsize:v": f"{2 * peak}k",
        # One key picture per segment and nowhere else; no pictures out of order.
        "g": frames,
        "keyint_min": frames,
        "sc_threshold": 0,
        "bf": 0,
        "threads:v": encoding.threads,
    }


def _sound_options(encoding: Encoding) -> dict[str, Any]:
    return {"c:a": "aac", "b:a": f"{encoding.sound_kbps}k"}


def _fmp4_options(conversion: Conversion, encoding: Encoding) -> dict[str, Any]:
    options = _picture_options(conversion, encoding)
    if conversion.audio is not None:
        options |= _sound_options(encoding)
    return options | {
        "format": "mp4",
        "movflags": "empty_moov+default_base_moof+frag_every_frame+frag_discont",
        "video_track_timescale": conversion.beat.scale,
        "output_ts_offset": OUTPUT_SHIFT_S,
        "avoid_negative_ts": "disabled",
        "map_metadata": -1,
        "map_chapters": -1,
        "fflags": "+bitexact",
        "flags:v": "+bitexact+cgop",
        "flags:a": "+bitexact",
        "flush_packets": 1,
    }


def _compile(
    program: str, picture: _Stream | None, sound: _Stream | None, options: dict[str, Any]
) -> list[str]:
    streams = [stream for stream in (picture, sound) if stream is not None]
    output = ffmpeg.output(*streams, "pipe:1", **options)
    output = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error")
    return [str(part) for part in output.compile(cmd=program)]


def _peak_kbps(height: int) -> int:
    """The most a picture may take, by its height; homes have radio links."""
    for limit, kbps in ((360, 1500), (480, 2500), (720, 6000), (1080, 10000)):
        if height <= limit:
            return kbps
    return 20000


def _ratio(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"
