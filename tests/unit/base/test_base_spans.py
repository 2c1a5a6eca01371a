from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Truncated
from gateway.spans import Geometry, Span

CRYPT = Geometry(32, 65536, 16)
GEOMETRIES = st.builds(Geometry, st.integers(0, 100), st.integers(1, 5000), st.integers(0, 40))


@given(GEOMETRIES, st.integers(0, 100_000))
def test_clear_size_is_the_inverse_of_stored_size(geometry, clear):
    assert geometry.clear_size(geometry.stored_size(clear)) == clear


@given(GEOMETRIES, st.integers(0, 50_000), st.integers(1, 50_000))
def test_blocks_hold_the_span_and_no_more(geometry, start, length):
    want = Span(start, start + length)
    blocks = geometry.block_span(want)
    size = geometry.clear_block_bytes
    assert blocks.start * size <= want.start < (blocks.start + 1) * size
    assert (blocks.stop - 1) * size < want.stop <= blocks.stop * size
    assert geometry.cipher_span(want) == geometry.blocks_stored(blocks)


@pytest.mark.parametrize("stored", [0, 31, 33, 48])
def test_impossible_stored_sizes_are_truncated(stored):
    with pytest.raises(Truncated):
        CRYPT.clear_size(stored)


@pytest.mark.parametrize(
    ("stored", "clear"), [(32, 0), (49, 1), (32 + 65552, 65536), (32 + 65552 + 17, 65537)]
)
def test_crypt_sizes(stored, clear):
    assert CRYPT.clear_size(stored) == clear


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2)])
def test_a_reversed_or_negative_span_is_none(start, stop):
    with pytest.raises(ValueError, match="not a span"):
        Span(start, stop)


def test_an_empty_span_has_no_blocks():
    with pytest.raises(ValueError, match="no blocks"):
        CRYPT.block_span(Span(5, 5))


def test_clamp_keeps_a_span_inside_the_file():
    assert Span(5, 50).clamp(20) == Span(5, 20)
    assert Span(50, 60).clamp(20) == Span(20, 20)
    assert Span(5, 50).length_bytes == 45
