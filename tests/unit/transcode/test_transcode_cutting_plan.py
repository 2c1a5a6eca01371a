"""Index, grid and the order for one segment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.grid import fixed_grid, remux_grid
from transcode.index import Index
from transcode.piece import piece_of


def make_index(times_ms: list[int], *, start_us: int = 0, duration_s: float = 60.0) -> Index:
    return Index(
        video=0,
        time_base=(1, 1000),
        start_us=start_us,
        duration_s=duration_s,
        reorder_s=0.08,
        audio_start_us={1: -21000, 3: 7000},
        pts=tuple(times_ms),
        position=tuple(1000 + 500 * n for n in range(len(times_ms))),
    )


@given(
    st.lists(st.integers(0, 10_000_000), unique=True).map(sorted),
    st.integers(-(10**9), 10**12),
)
def test_index_survives_its_bytes(times: list[int], start_us: int) -> None:
    index = make_index(times, start_us=start_us)
    assert Index.from_bytes(index.to_bytes()) == index


def test_two_hours_of_keyframes_take_few_bytes() -> None:
    assert len(make_index(list(range(0, 7_200_000, 2000))).to_bytes()) < 16_000


@pytest.mark.parametrize("cut", [0, 3, 20, -1])
def test_damaged_index_is_refused(cut: int) -> None:
    data = make_index([0, 2000, 4000]).to_bytes()
    with pytest.raises(ValueError, match="index"):
        Index.from_bytes(data[:cut])


def test_grid_cuts_at_the_first_keyframe_behind_the_target() -> None:
    grid = remux_grid(make_index([0, 2000, 3900, 4100, 9000, 9100, 58000]))
    assert grid.bounds == (0.0, 4.1, 9.0, 58.0, 60.0)
    assert grid.keyframes == (0, 3, 4, 6)
    assert grid.count == 4
    assert grid.segment_at(-3) == 0
    assert grid.segment_at(4.1) == 1
    assert grid.segment_at(4.0999) == 0
    assert grid.segment_at(400) == 3


def test_grid_counts_from_the_films_start_and_begins_at_zero() -> None:
    grid = remux_grid(make_index([100_080, 104_080], start_us=100_000_000, duration_s=8))
    assert grid.bounds == pytest.approx((0.0, 4.08, 8.0))


@given(st.lists(st.integers(0, 600_000), min_size=1, unique=True).map(sorted))
def test_grid_covers_the_film_without_gap(times: list[int]) -> None:
    grid = remux_grid(make_index(times, duration_s=600))
    assert grid.bounds[0] == 0
    assert grid.bounds[-1] >= 600
    assert all(a < b for a, b in zip(grid.bounds, grid.bounds[1:], strict=False))
    assert all(grid.duration_s(n) >= 4 - 1e-5 for n in range(grid.count - 1))


def test_index_without_keyframes_has_no_grid() -> None:
    with pytest.raises(ValueError, match="no grid"):
        remux_grid(make_index([]))


@pytest.mark.parametrize(
    ("duration", "bounds"),
    [(10.0, (0, 4, 8, 10)), (8.3, (0, 4, 8.3)), (0.2, (0, 0.2)), (8.0, (0, 4, 8))],
)
def test_fixed_grid_leaves_no_splinter(duration: float, bounds: tuple[float, ...]) -> None:
    assert fixed_grid(duration).bounds == bounds


def test_segment_outside_is_an_index_error() -> None:
    grid = fixed_grid(10)
    for n in (-1, 3):
        with pytest.raises(IndexError):
            grid.start_s(n)
    with pytest.raises(ValueError, match="no grid"):
        fixed_grid(0)


def test_piece_names_its_bytes_and_neighbours() -> None:
    index = make_index([0, 4000, 8000])
    grid = remux_grid(index)
    piece = piece_of(index, grid, 1, 3, size_bytes=10_000_000)
    assert (piece.first_pts, piece.stop_pts, piece.earlier_pts) == (4000, 8000, 0)
    assert (piece.from_s, piece.stop_s, piece.audio_start_us) == (4.0, 8.0, 7000)
    assert piece.span[0] == 0
    assert piece.span[1] == 2000 + (320 << 10)
    last = piece_of(index, grid, 2, None, size_bytes=5000)
    assert (last.stop_pts, last.stop_s, last.span[1]) == (None, None, 5000)
