"""Wraps the packets of a segment: fragments of our own for MP4, ffmpeg's muxer for MPEG-TS."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from transcode.containers.mp4 import (
    Run,
    Sample,
    decode_order_samples,
    fragment,
    init_of,
)
from transcode.containers.ts import TS_ZERO, join_ready
from transcode.piece import Piece
from transcode.variant import Package, Variant
from transcode.worker.cutting import SoundGrid, cut_segment
from transcode.worker.films import Film
from transcode.worker.sound import FRAME, aac_encoder, encode_piece, output_rate_hz

_TS_HZ = 90_000
_TS_BASE = Fraction(1, _TS_HZ)
_VIDEO_TRACK = 1


class CannotPackError(Exception):
    """These streams cannot be copied into this package."""


def picture_scale_hz(stream: Stream) -> int:
    """Ticks per second of the picture track: the source's where they are fine enough."""
    base = stream.time_base or Fraction(1, 90_000)
    if base.numerator == 1 and 10_000 <= base.denominator <= 1_000_000:
        return base.denominator
    return 90_000


def segment(film: Film, variant: Variant, piece: Piece) -> bytes:
    """One finished segment."""
    converts = variant.audio is not None and not variant.audio_copy
    cut = cut_segment(film, piece, variant.audio, needs_run_in=converts)
    sound = cut.audio
    if converts:
        sound = encode_piece(_audio(film, variant), cut, piece)
    if variant.package is Package.FMP4:
        return _fmp4_segment(film, variant, piece, cut.video, sound)
    return _ts_segment(film, variant, piece, cut.video, sound)


def init_segment(film: Film, variant: Variant, piece: Piece) -> bytes:
    """``ftyp`` and ``moov`` that fit every fMP4 segment of the variant.

    Args:
        film: an open film.
        variant: which streams.
        piece: segment 0; some codecs describe themselves only in their packets.
    """
    video = _video(film, piece)
    if variant.video is not None and (video.codec_context.extradata or b"\x01")[0] != 1:
        raise CannotPackError("the picture has no header fit for MP4")
    out = io.BytesIO()
    options = {
        "movflags": "empty_moov+default_base_moof+delay_moov+frag_custom",
        "use_editlist": "0",
        "video_track_timescale": str(picture_scale_hz(video)),
        "fflags": "+bitexact",
    }
    with av.open(out, "w", format="mp4", options=options) as muxer:
        targets: dict[int, Stream] = {}
        if variant.video is not None:
            targets[video.index] = muxer.add_stream_from_template(video)
        if variant.audio is not None and variant.audio_copy:
            sound = _audio(film, variant)
            targets[sound.index] = muxer.add_stream_from_template(sound)
        elif variant.audio is not None:
            _add_aac(muxer, output_rate_hz(_audio(film, variant)))
        for stream in muxer.streams:
            stream.metadata.clear()
        for packet in _first_of_each(film, piece, set(targets)):
            target = targets[packet.stream_index]
            packet.pts = packet.dts = 0
            packet.stream = target
            muxer.mux(packet)
        if variant.audio is not None and not variant.audio_copy:
            for packet in _quiet_packets(muxer):
                muxer.mux(packet)
    return init_of(out.getvalue())


def _quiet_packets(muxer: av.container.OutputContainer) -> list[Packet[Stream]]:
    """A frame of silence, without which a delayed header is never written."""
    (target,) = muxer.streams.audio
    encoder = aac_encoder(target.codec_context.sample_rate)
    frame = av.AudioFrame(format="fltp", layout="stereo", samples=FRAME)
    frame.sample_rate = target.codec_context.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    packets: list[Packet[Stream]] = [*encoder.encode(frame), *encoder.encode(None)]
    for packet in packets[1:2]:
        packet.pts = packet.dts = 0
        packet.stream = target
    return packets[1:2]


def _first_of_each(film: Film, piece: Piece, wanted: set[int]) -> list[Packet[Stream]]:
    """The first packet of each stream from the film's start."""
    streams = film.container.streams
    film.container.seek(piece.first_pts, stream=streams[piece.video], backward=True)
    found: dict[int, Packet[Stream]] = {}
    taken = 0
    if not wanted:
        return []
    for packet in film.container.demux(tuple(streams[index] for index in sorted(wanted))):
        taken += packet.size
        if packet.size and packet.pts is not None:
            found.setdefault(packet.stream_index, packet)
        if len(found) == len(wanted) or taken > 16 << 20:
            break
    return list(found.values())


def _add_aac(muxer: av.container.OutputContainer, rate_hz: int) -> AudioStream:
    stream = muxer.add_stream("aac", rate=rate_hz)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "stereo"
    stream.codec_context.format = "fltp"
    stream.time_base = Fraction(1, rate_hz)
    return stream


def _video(film: Film, piece: Piece) -> VideoStream:
    stream = film.container.streams[piece.video]
    assert isinstance(stream, VideoStream)
    return stream


def _audio(film: Film, variant: Variant) -> AudioStream:
    assert variant.audio is not None
    stream = film.container.streams[variant.audio]
    if not isinstance(stream, AudioStream):
        raise CannotPackError(f"stream {variant.audio} is no sound")
    return stream


def _fmp4_segment(
    film: Film,
    variant: Variant,
    piece: Piece,
    pictures: Sequence[Packet[Stream]],
    sound: Sequence[tuple[int, Packet[Stream]]],
) -> bytes:
    runs: list[Run] = []
    video = _video(film, piece)
    if variant.video is not None and pictures:
        tick = _film_ticks(video, piece, picture_scale_hz(video))
        units = [(max(0, tick(one.pts or 0)), memoryview(one), one.is_keyframe) for one in pictures]
        latest = max(pictures, key=lambda one: one.pts or 0)
        following = (latest.pts or 0) + (latest.duration or 1)
        stop = tick(following if piece.stop_pts is None else piece.stop_pts)
        start, samples = decode_order_samples(units, stop)
        runs.append(Run(_VIDEO_TRACK, start, samples))
    if variant.audio is not None and sound:
        track = 1 if variant.video is None else 2
        runs.append(_sound_run(film, variant, piece, track, sound))
    return fragment(piece.number + 1, runs)


def _film_ticks(stream: Stream, piece: Piece, scale_hz: int) -> Callable[[int], int]:
    """From the stream's ticks to ticks of film time, exactly, in whole numbers."""
    base = (stream.time_base or Fraction(1, _TS_HZ)) * scale_hz
    zero = Fraction(piece.start_us * scale_hz, 1_000_000)
    common = base.denominator * zero.denominator
    factor, shift = base.numerator * zero.denominator, zero.numerator * base.denominator

    def ticks(pts: int) -> int:
        return (2 * (pts * factor - shift) + common) // (2 * common)

    return ticks


def _sound_run(
    film: Film,
    variant: Variant,
    piece: Piece,
    track: int,
    sound: Sequence[tuple[int, Packet[Stream]]],
) -> Run:
    """Each sample lasts until the next begins, the last one for its own length."""
    grid = SoundGrid.of(_audio(film, variant), piece)
    last = FRAME if not variant.audio_copy else grid.duration(sound[-1][1])
    starts = [at for at, _ in sound]
    ends = [*starts[1:], starts[-1] + last]
    samples = [
        Sample(memoryview(packet), max(0, end - at), 0, is_key=True)
        for (at, packet), end in zip(sound, ends, strict=True)
    ]
    return Run(track, starts[0], samples)


def _ts_segment(
    film: Film,
    variant: Variant,
    piece: Piece,
    pictures: Sequence[Packet[Stream]],
    sound: Sequence[tuple[int, Packet[Stream]]],
) -> bytes:
    out = io.BytesIO()
    options = {"mpegts_copyts": "1", "avoid_negative_ts": "disabled"}
    with av.open(out, "w", format="mpegts", options=options, buffer_size=1 << 20) as muxer:
        rows: list[tuple[int, Packet[Stream]]] = []
        if variant.video is not None:
            target: Stream = muxer.add_stream_from_template(_video(film, piece))
            rows += _ts_pictures(_video(film, piece), piece, pictures, target)
        if variant.audio is not None:
            source = _audio(film, variant)
            rate = source.codec_context.sample_rate
            if variant.audio_copy:
                target = muxer.add_stream_from_template(source)
            else:
                rate = output_rate_hz(source)
                target = _add_aac(muxer, rate)
            for at, packet in sound:
                stamp = TS_ZERO + round(at * _TS_HZ / rate)
                rows.append((stamp, _stamped(packet, stamp, stamp, target)))
        muxer.start_encoding()
        for _, packet in sorted(rows, key=lambda row: row[0]):
            muxer.mux(packet)
    return join_ready(out.getvalue())


def _ts_pictures(
    video: VideoStream, piece: Piece, pictures: Sequence[Packet[Stream]], target: Stream
) -> list[tuple[int, Packet[Stream]]]:
    """Pictures with decoding times: the sorted presentation times, ahead by the reordering."""
    tick = _film_ticks(video, piece, _TS_HZ)
    shown = [TS_ZERO + tick(one.pts or 0) for one in pictures]
    ahead = round(piece.reorder_s * _TS_HZ)
    rows = []
    for packet, pts, order in zip(pictures, shown, sorted(shown), strict=True):
        dts = min(order - ahead, pts)
        rows.append((dts, _stamped(packet, pts, dts, target)))
    return rows


def _stamped(packet: Packet[Stream], pts: int, dts: int, target: Stream) -> Packet[Stream]:
    packet.pts, packet.dts = pts, dts
    packet.time_base = _TS_BASE
    packet.stream = target
    return packet
