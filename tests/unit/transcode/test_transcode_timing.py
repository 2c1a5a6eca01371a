from __future__ import annotations

import pytest

from transcode.facts import VideoFacts
from transcode.timing import beat_of


@pytest.mark.parametrize(
    ("duration_s", "fps", "lengths"),
    [
        (24.0, 24.0, [2.0] * 12),
        (24.021, 24.0, [2.0] * 11 + [2.0 + 1 / 24]),
        (24.4, 25.0, [2.0] * 11 + [2.4]),
        (24.5, 24.0, [2.0] * 12 + [0.5]),
        (23.2, 25.0, [2.0] * 11 + [1.2]),
        (0.3, 25.0, [0.32]),
        (0.01, 25.0, [0.04]),
    ],
)
def test_a_short_rest_belongs_to_the_segment_before_it(duration_s, fps, lengths):
    beat = beat_of(VideoFacts(0, "hevc", 640, 360, fps=fps), duration_s, 360)
    assert [float(beat.duration(n)) for n in range(beat.count)] == pytest.approx(lengths)
    assert sum(beat.frames_in(n) for n in range(beat.count)) == beat.total_frames
    assert beat.segment_at(duration_s + 5) == beat.count - 1
