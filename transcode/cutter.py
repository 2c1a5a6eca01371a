"""Sorts a converter's samples into segments of the beat, on the film's absolute time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from transcode.command import OUTPUT_SHIFT_S
from transcode.containers.fragments import FragmentError, Run, Sample, write_fragment
from transcode.containers.transport import Setup, write_segment
from transcode.timing import SOUND_FRAME, SOUND_HZ, Beat

VIDEO_TRACK, AUDIO_TRACK = 1, 2
_PICTURE_TOLERANCE, _SOUND_TOLERANCE = 1, 2


@dataclass(frozen=True, slots=True)
class CutSegment:
    """The samples of segment ``n``; their times are the film's."""

    n: int
    video: tuple[Sample, ...]
    audio: tuple[Sample, ...]

    def to_fmp4(self) -> bytes:
        """As one fragment, to follow the init segment."""
        runs = [
            Run(samples[0].track, samples[0].time, samples)
            for samples in (self.video, self.audio)
            if samples
        ]
        return write_fragment(self.n + 1, runs)

    def to_ts(self, setup: Setup, beat: Beat) -> bytes:
        """As a transport stream segment."""
        return write_segment(setup, self.video, beat.scale, self.audio, SOUND_HZ)


class Cutter:
    """Owned by one converter run; takes samples in order, gives whole segments in order.

    Sound before the first segment (the encoder's run-in) is dropped. A segment is whole when it has
    all its pictures and the sound has passed its end; sound that stopped is waited for only until
    the picture is a whole segment further.
    """

    def __init__(self, beat: Beat, first: int, *, with_sound: bool) -> None:
        self._beat = beat
        self._n = first
        self._with_sound = with_sound
        self._video: list[Sample] = []
        self._audio: list[Sample] = []
        self._next_frame = first * beat.frames
        self._first_sound = beat.sound_start(first)
        self._last_sound: int | None = None

    @property
    def next_segment(self) -> int:
        """The segment that comes next."""
        return self._n

    @property
    def is_done(self) -> bool:
        """Whether the film's last segment was given."""
        return self._n >= self._beat.count

    def feed(self, samples: Iterable[Sample]) -> list[CutSegment]:
        """Add samples; return the segments they complete.

        Raises:
            FragmentError: the samples do not keep to the beat.
        """
        for sample in samples:
            if sample.track == VIDEO_TRACK:
                self._add_picture(sample)
            else:
                self._add_sound(sample)
        pieces: list[CutSegment] = []
        while not self.is_done and self._is_whole():
            pieces.append(self._take())
        return pieces

    def finish(self) -> list[CutSegment]:
        """What is left when the stream has ended: short and empty segments up to the film's end."""
        pieces: list[CutSegment] = []
        while not self.is_done:
            pieces.append(self._take())
        return pieces

    def _add_picture(self, sample: Sample) -> None:
        beat = self._beat
        told = round((sample.time - OUTPUT_SHIFT_S * beat.scale) / beat.ticks)
        frame = self._next_frame
        # Counted as sound is: before the stream's end the muxer may repeat a time.
        if abs(told - frame) > _PICTURE_TOLERANCE:
            raise FragmentError(f"picture {told} came where {frame} was due")
        if sample.is_key != (frame % beat.frames == 0):
            raise FragmentError(f"picture {frame} is {'a' if sample.is_key else 'no'} key picture")
        self._next_frame = frame + 1
        self._video.append(replace(sample, time=frame * beat.ticks, duration=beat.ticks))

    def _add_sound(self, sample: Sample) -> None:
        told = round((sample.time - OUTPUT_SHIFT_S * SOUND_HZ) / SOUND_FRAME)
        # Frames are counted: ffmpeg's muxer, told to flush after every picture, writes some sound
        # frames with a duration of 0 and the time of the next one. The resampler leaves no gaps.
        number = told if self._last_sound is None else self._last_sound + 1
        if abs(told - number) > _SOUND_TOLERANCE:
            raise FragmentError(f"sound frame {told} came where {number} was due")
        self._last_sound = number
        if number >= self._first_sound:
            time = number * SOUND_FRAME
            self._audio.append(replace(sample, time=time, duration=SOUND_FRAME))

    def _is_whole(self) -> bool:
        end_frame = self._n * self._beat.frames + self._beat.frames_in(self._n)
        if self._next_frame < end_frame:
            return False
        if not self._with_sound or self._heard_past(self._beat.sound_stop(self._n)):
            return True
        return self._next_frame >= end_frame + self._beat.frames

    def _heard_past(self, number: int) -> bool:
        return self._last_sound is not None and self._last_sound >= number - 1

    def _take(self) -> CutSegment:
        n = self._n
        end_time = (n * self._beat.frames + self._beat.frames_in(n)) * self._beat.ticks
        end_sound = self._beat.sound_stop(n) * SOUND_FRAME
        piece = CutSegment(
            n,
            tuple(sample for sample in self._video if sample.time < end_time),
            tuple(sample for sample in self._audio if sample.time < end_sound),
        )
        self._video = self._video[len(piece.video) :]
        self._audio = self._audio[len(piece.audio) :]
        self._n = n + 1
        return piece
