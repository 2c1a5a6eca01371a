"""Sound as stereo AAC on one absolute grid of 1024 samples, so that pieces join without a seam.

An encoder started anew for each segment would begin with its own silence and overlap its
neighbour. Here frame ``k`` always holds the samples ``[1024 k, 1024 (k + 1))`` of film time; each
segment's encoder is fed two frames earlier and their output is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from av import AudioFifo, AudioFrame, AudioResampler, CodecContext
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.error import InvalidDataError
from av.packet import Packet
from av.stream import Stream

from transcode.piece import Piece
from transcode.worker.cutting import Cut, SoundGrid, first_sample

FRAME = 1024
RUN_IN_FRAMES = 2
_BITRATE = 192_000
_SAMPLE_BYTES = 4


def output_rate_hz(stream: AudioStream) -> int:
    """Rate of the converted sound: the source's where every screen plays it, else 48 kHz."""
    rate = stream.codec_context.sample_rate
    return rate if rate in {44_100, 48_000} else 48_000


def aac_encoder(rate_hz: int) -> AudioCodecContext:
    """A fresh stereo encoder."""
    encoder = CodecContext.create("aac", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate = rate_hz
    encoder.layout = "stereo"
    encoder.format = "fltp"
    encoder.bit_rate = _BITRATE
    encoder.time_base = Fraction(1, rate_hz)
    encoder.open()
    return encoder


def encode_piece(stream: AudioStream, cut: Cut, piece: Piece) -> list[tuple[int, Packet[Stream]]]:
    """The AAC frames of a segment.

    Returns:
        Position in samples of film time, a multiple of 1024, and packet.
    """
    rate = output_rate_hz(stream)
    first = -(-first_sample(piece.from_s, rate) // FRAME)
    last = None if piece.stop_s is None else -(-first_sample(piece.stop_s, rate) // FRAME)
    begin = max(0, first - RUN_IN_FRAMES) * FRAME
    # Two frames more than are kept: the encoder looks ahead, and its windows overlap.
    until = None if last is None else (last + 2) * FRAME
    encoder = aac_encoder(rate)
    found: list[tuple[int, Packet[Stream]]] = []
    at = begin
    for frame in _exact_frames(_samples(stream, cut, piece, rate), rate, begin, until):
        frame.pts = at
        frame.time_base = Fraction(1, rate)
        at += FRAME
        found += _positions(encoder.encode(frame))
    found += _positions(encoder.encode(None))
    return [
        (position, packet)
        for position, packet in found
        if position >= first * FRAME and (last is None or position < last * FRAME)
    ]


def _positions(packets: Iterable[Packet[Stream]]) -> Iterator[tuple[int, Packet[Stream]]]:
    for packet in packets:
        if packet.pts is not None:
            yield packet.pts, packet


def _samples(
    stream: AudioStream, cut: Cut, piece: Piece, rate: int
) -> Iterator[tuple[int, AudioFrame]]:
    """Decoded sound with its place in film time, in samples of the output."""
    grid = SoundGrid.of(stream, piece)
    decoder = stream.codec_context
    decoder.flush_buffers()
    resampler = AudioResampler(format="fltp", layout="stereo", rate=rate)
    place: int | None = None
    for position, packet in (*cut.before, *cut.audio, *cut.behind):
        try:
            decoded = packet.decode()
        except InvalidDataError:
            continue  # a damaged packet: its time is filled with silence
        for frame in decoded:
            if not isinstance(frame, AudioFrame):
                continue
            frame.pts = None
            if place is None:
                place = round(position * rate / grid.rate_hz)
            expected = round(position * rate / grid.rate_hz)
            if expected - place > 2 * FRAME:
                place = expected
            for out in resampler.resample(frame):
                yield place, out
                place += out.samples
    for out in resampler.resample(None):
        yield place or 0, out


def _exact_frames(  # noqa: C901  one flow of samples through one buffer, clearer in one piece
    samples: Iterator[tuple[int, AudioFrame]], rate: int, begin: int, until: int | None
) -> Iterator[AudioFrame]:
    """Frames of 1024 samples from ``begin`` on; holes are silence, what lies before is dropped."""
    fifo = AudioFifo()
    held_to: int | None = None
    start = begin
    for place, frame in samples:
        if held_to is None:
            held_to = min(place, begin)
        if place > held_to:
            for quiet in _silence(place - held_to, rate):
                fifo.write(quiet)
            held_to = place
        frame.pts = None
        fifo.write(frame)
        held_to += frame.samples
        surplus = fifo.samples - (held_to - start)
        if surplus > 0:
            fifo.read(min(surplus, fifo.samples))
        while fifo.samples >= FRAME and (until is None or start < until):
            taken = fifo.read(FRAME)
            if taken is None:
                break
            start += FRAME
            yield taken
    if fifo.samples and (until is None or start < until):
        for quiet in _silence(FRAME - fifo.samples, rate):
            fifo.write(quiet)
        taken = fifo.read(FRAME)
        if taken is not None:
            yield taken


def _silence(samples: int, rate: int) -> Iterator[AudioFrame]:
    while samples > 0:
        count = min(samples, 16 * FRAME)
        frame = AudioFrame(format="fltp", layout="stereo", samples=count)
        frame.sample_rate = rate
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        yield frame
        samples -= count
