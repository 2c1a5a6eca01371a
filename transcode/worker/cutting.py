"""Gathers the packets of one segment: each packet of the film belongs to exactly one of them.

Picture packets belong to the segment whose keyframe they follow in decoding order. Sound packets
belong to the one whose stretch of film time holds their start, measured on the sound's own grid of
samples: Matroska rounds times to milliseconds, and the rounding must not open gaps.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from transcode.piece import Piece
from transcode.webvtt import Cue, plain_of_ass
from transcode.worker.films import Film

TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
RUN_IN_S = 0.12
_PREFETCH_BYTES = 48 << 20
_OVERRUN_BYTES = 24 << 20
_FRAME_SAMPLES = {"aac": 1024, "ac3": 1536, "eac3": 1536, "mp3": 1152, "mp2": 1152}
_KEPT_RUN_INS = 4


@dataclass(slots=True)
class SoundGrid:
    """Turns packet times of one sound into samples since film time 0, rounding undone."""

    rate_hz: int
    frame_samples: int | None
    phase: int
    samples_per_tick: float
    zero_samples: float

    @classmethod
    def of(cls, stream: AudioStream, piece: Piece) -> SoundGrid:
        """The grid of a stream."""
        rate = stream.codec_context.sample_rate
        codec = stream.codec_context.name
        frame = _FRAME_SAMPLES.get(codec)
        if codec == "aac" and stream.codec_context.frame_size in {1024, 2048, 960}:
            frame = stream.codec_context.frame_size
        time_base = stream.time_base or Fraction(1, rate)
        phase = round(piece.audio_start_us * rate / 1_000_000)
        return cls(
            rate_hz=rate,
            frame_samples=frame,
            phase=phase,
            samples_per_tick=float(time_base * rate),
            zero_samples=piece.start_us * rate / 1e6,
        )

    def position(self, pts: int) -> int:
        """Samples from film time 0 to the packet's start."""
        raw = pts * self.samples_per_tick - self.zero_samples
        if self.frame_samples is None:
            return round(raw)
        frames = round((raw - self.phase) / self.frame_samples)
        snapped = self.phase + frames * self.frame_samples
        # More than rounding apart: the sound has a gap, and its own time counts.
        return snapped if abs(snapped - raw) <= 0.0016 * self.rate_hz else round(raw)

    def duration(self, packet: Packet[Stream]) -> int:
        """Samples of one packet."""
        if self.frame_samples is not None:
            return self.frame_samples
        return max(1, round((packet.duration or 0) * self.samples_per_tick))


@dataclass(slots=True)
class Cut:
    """The packets of one segment.

    Attributes:
        video: in decoding order.
        audio: position in samples of film time, and packet.
        around: sound packets shortly before and behind, for the run-in of an encoder.
    """

    video: list[Packet[Stream]] = field(default_factory=list)
    audio: list[tuple[int, Packet[Stream]]] = field(default_factory=list)
    before: list[tuple[int, Packet[Stream]]] = field(default_factory=list)
    behind: list[tuple[int, Packet[Stream]]] = field(default_factory=list)


def cut_segment(film: Film, piece: Piece, audio: int | None, *, needs_run_in: bool) -> Cut:
    """Read the packets of a segment.

    Args:
        film: an open film.
        piece: which segment.
        audio: stream index of the sound, None for none.
        needs_run_in: whether sound shortly before and behind is wanted too.
    """
    start, stop = piece.span
    film.file.fetch(start, min(stop, start + _PREFETCH_BYTES))
    cut = _Cutter(film, piece, audio, needs_run_in=needs_run_in).run(piece.first_pts)
    if (
        piece.earlier_pts is not None
        and audio is not None
        and _lacks_start(cut, piece, film, audio)
    ):
        again = _Cutter(film, piece, audio, needs_run_in=needs_run_in).run(piece.earlier_pts)
        if len(again.audio) > len(cut.audio) or needs_run_in:
            return again
    return cut


def _lacks_start(cut: Cut, piece: Piece, film: Film, audio: int) -> bool:
    """Whether sound of the segment's start may lie before the place we jumped to."""
    if cut.before:
        return False
    stream = film.container.streams[audio]
    assert isinstance(stream, AudioStream)
    grid = SoundGrid.of(stream, piece)
    if not cut.audio:
        return True
    first, packet = cut.audio[0]
    return first > piece.from_s * grid.rate_hz + grid.duration(packet)


class _Cutter:
    """One walk over the packets of a segment."""

    def __init__(self, film: Film, piece: Piece, audio: int | None, *, needs_run_in: bool) -> None:
        self._film = film
        self._piece = piece
        streams = film.container.streams
        video = streams[piece.video]
        assert isinstance(video, VideoStream)
        self._video = video
        self._texts = {one.index: one for one in streams.subtitles if is_text(one)}
        self._wanted: list[Stream] = [video, *self._texts.values()]
        self._grid: SoundGrid | None = None
        self._audio_index = audio
        self._first_sample, self._stop_sample, self._margin = 0, 1 << 62, 0
        if audio is not None:
            sound = streams[audio]
            assert isinstance(sound, AudioStream)
            self._wanted.append(sound)
            self._grid = SoundGrid.of(sound, piece)
            rate = self._grid.rate_hz
            self._margin = int(RUN_IN_S * rate) if needs_run_in else 0
            self._first_sample = first_sample(piece.from_s, rate)
            if piece.stop_s is not None:
                self._stop_sample = first_sample(piece.stop_s, rate)
        self._cut = Cut()
        self._ring: deque[tuple[int, Packet[Stream]]] = deque(maxlen=16)
        self._cues: dict[int, list[Cue]] = {index: [] for index in self._texts}
        self._video_started = self._video_done = False
        self._audio_done = audio is None

    def run(self, seek: int) -> Cut:
        film = self._film
        film.container.seek(seek, stream=self._video, backward=True)
        overrun = 0
        for packet in self._packets():
            index = packet.stream_index
            if index == self._video.index:
                self._take_video(packet)
            elif index == self._audio_index:
                self._take_audio(packet)
            elif index in self._texts:
                self._take_text(packet)
            if self._video_done:
                if self._audio_done:
                    break
                overrun += packet.size
                if overrun > _OVERRUN_BYTES:
                    break
        film.remember_cues(self._piece.number, self._cues)
        earliest = self._first_sample - self._margin
        self._cut.before = [one for one in self._ring if one[0] >= earliest - 4096]
        return self._cut

    def _packets(self) -> Iterator[Packet[Stream]]:
        for packet in self._film.container.demux(tuple(self._wanted)):
            if packet.size and packet.pts is not None:
                yield packet

    def _take_video(self, packet: Packet[Stream]) -> None:
        pts = packet.pts or 0
        piece = self._piece
        if not self._video_started:
            self._video_started = packet.is_keyframe and pts >= piece.first_pts
        elif packet.is_keyframe and piece.stop_pts is not None and pts >= piece.stop_pts:
            self._video_done = True
        if self._video_started and not self._video_done:
            self._cut.video.append(packet)

    def _take_audio(self, packet: Packet[Stream]) -> None:
        assert self._grid is not None
        at = self._grid.position(packet.pts or 0)
        if at < self._first_sample:
            self._ring.append((at, packet))
        elif at < self._stop_sample:
            self._cut.audio.append((at, packet))
        else:
            if at < self._stop_sample + self._margin:
                self._cut.behind.append((at, packet))
            else:
                self._audio_done = True
            self._audio_done = self._audio_done or not self._margin

    def _take_text(self, packet: Packet[Stream]) -> None:
        cue = cue_of(self._texts[packet.stream_index], packet, self._piece.start_us)
        if cue is not None:
            self._cues[packet.stream_index].append(cue)


def first_sample(time_s: float, rate_hz: int) -> int:
    """The first sample at or behind a film time; both neighbours of a cut reckon alike."""
    return math.ceil(time_s * rate_hz - 1e-6)


def is_text(stream: Stream) -> bool:
    """Whether a subtitle stream holds text."""
    return isinstance(stream, SubtitleStream) and stream.codec_context.name in TEXT_CODECS


def cue_of(stream: SubtitleStream, packet: Packet[Stream], start_us: int) -> Cue | None:
    """The text of a subtitle packet, in film time."""
    if packet.pts is None or stream.time_base is None:
        return None
    start_s = float(packet.pts * stream.time_base) - start_us / 1e6
    length_s = float((packet.duration or 0) * stream.time_base)
    codec = stream.codec_context.name
    raw = bytes(packet)
    if codec == "mov_text":
        raw = raw[2 : 2 + int.from_bytes(raw[:2], "big")]
    text = raw.decode("utf-8", "replace")
    # Matroska stores an ASS event without its times: eight fields before the text.
    text = plain_of_ass(("," if codec in {"ass", "ssa"} else "," * 8) + text)
    return Cue(start_s, start_s + (length_s or 3.0), text) if text else None
