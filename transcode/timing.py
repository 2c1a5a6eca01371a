"""The fixed beat of a conversion: frame times, segment borders and sound frames, all exact.

Every border is a whole number of picture frames from the film's start, so that playlist, forced key
pictures and fragment times can never drift apart, whatever run of the converter made a segment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from transcode.facts import VideoFacts

TARGET_S: Final = 2
SOUND_HZ: Final = 48_000
SOUND_FRAME: Final = 1024

_COMMON_RATES: Final = tuple(
    Fraction(*rate)
    for rate in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001),
        (60, 1), (15, 1), (12, 1), (15000, 1001), (25, 2),
    )
)  # fmt: skip
# H.264 level 4.1 allows 245 760 macroblocks a second: 1080p at 30, 720p at 60 (H.264, table A-1).
_FAST_HEIGHT: Final = 720


@dataclass(frozen=True, slots=True)
class Beat:
    """Picture rate and segment length of one converted film.

    Attributes:
        rate: pictures per second of the output.
        frames: pictures per segment.
        scale: ticks per second of the picture track; a picture lasts ``ticks`` of them.
    """

    rate: Fraction
    frames: int
    scale: int
    ticks: int
    total_frames: int

    @property
    def count(self) -> int:
        """Number of segments.

        A rest of less than half a second belongs to the segment before it: sound often lasts a
        little longer than the picture, and a segment of its own would have nothing to show.
        """
        whole, rest = divmod(self.total_frames, self.frames)
        return max(1, whole + (2 * rest >= self.rate))

    def start(self, n: int) -> Fraction:
        """Film time of segment ``n``'s first picture, in seconds."""
        return n * self.frames / self.rate

    def frames_in(self, n: int) -> int:
        """Pictures of segment ``n``; the last one is shorter or a little longer."""
        is_last = n == self.count - 1
        return self.total_frames - n * self.frames if is_last else self.frames

    def duration(self, n: int) -> Fraction:
        """Length of segment ``n`` in seconds."""
        return self.frames_in(n) / self.rate

    def sound_start(self, n: int) -> int:
        """Number of the first sound frame (of 1 024 samples) that starts in segment ``n``."""
        return math.ceil(self.start(n) * SOUND_HZ / SOUND_FRAME)

    def sound_stop(self, n: int) -> int:
        """Number of the first sound frame that no longer belongs to segment ``n``."""
        return math.ceil((self.start(n) + self.duration(n)) * SOUND_HZ / SOUND_FRAME)

    def segment_at(self, seconds: float) -> int:
        """The segment that holds a film time, kept inside the film."""
        return max(0, min(self.count - 1, int(seconds * self.rate / self.frames)))


def beat_of(video: VideoFacts, duration_s: float, height: int) -> Beat:
    """The beat for a picture stream converted to at most ``height``.

    Args:
        video: its facts; an unknown or senseless rate counts as 25.
        duration_s: length of the film, above 0.
        height: greatest output height; above 720 a rate over 30 is halved.
    """
    rate = snap_rate(video.fps)
    while rate > 60 or (rate > 30 and min(height, video.height) > _FAST_HEIGHT):
        rate /= 2
    ticks = rate.denominator
    scale = rate.numerator
    while scale < 10_000:
        scale, ticks = scale * 10, ticks * 10
    frames = max(1, round(TARGET_S * rate))
    # A rest of less than a tenth of a picture is rounding of the container, not a picture.
    total = max(1, math.ceil(Fraction(duration_s) * rate - Fraction(1, 10)))
    return Beat(rate=rate, frames=frames, scale=scale, ticks=ticks, total_frames=total)


def snap_rate(fps: float | None) -> Fraction:
    """The exact rate a measured one stands for."""
    if fps is None or not 1 <= fps <= 480:
        return Fraction(25)
    nearest = min(_COMMON_RATES, key=lambda rate: abs(rate - Fraction(fps)))
    if abs(float(nearest) - fps) < 0.005:
        return nearest
    return Fraction(fps).limit_denominator(1001)
