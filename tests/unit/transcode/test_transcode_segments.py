from __future__ import annotations

import pytest

from transcode.segments import SegmentStore


def _filled(store: SegmentStore, stream: str, numbers: range) -> list[int]:
    return [n for n in numbers if store.has(stream, n)]


def test_the_budget_is_never_exceeded():
    store = SegmentStore(100)
    for n in range(50):
        store.put("film", n, bytes(30))
        assert store.held_bytes <= 100


def test_the_oldest_behind_the_viewer_goes_first():
    store = SegmentStore(40)
    store.place("film", "tv", 3)
    for n in range(5):
        store.put("film", n, bytes(10))
    assert _filled(store, "film", range(5)) == [1, 2, 3, 4]


def test_with_two_viewers_only_what_lies_behind_both_counts_as_behind():
    store = SegmentStore(40)
    store.place("film", "tv", 10)
    store.place("film", "phone", 1)
    for n in (1, 2, 9, 10, 11):
        store.put("film", n, bytes(10))
    assert store.has("film", 1)
    assert not store.has("film", 11)


def test_a_film_nobody_watches_goes_before_one_that_is_watched():
    store = SegmentStore(40)
    store.put("left", 5, bytes(10))
    store.place("watched", "tv", 9)
    for n in range(4):
        store.put("watched", n, bytes(10))
    assert not store.has("left", 5)
    assert _filled(store, "watched", range(4)) == [0, 1, 2, 3]


def test_the_film_used_longest_ago_goes_first():
    store = SegmentStore(30)
    store.put("old", 0, bytes(10))
    store.put("new", 0, bytes(10))
    store.get("old", 0)
    store.put("third", 0, bytes(20))
    assert store.has("old", 0)
    assert not store.has("new", 0)


def test_leaving_makes_a_viewers_film_the_first_to_go():
    store = SegmentStore(20)
    store.place("a", "tv", 0)
    store.put("a", 0, bytes(10))
    store.place("b", "phone", 0)
    store.put("b", 0, bytes(10))
    store.leave("tv")
    store.put("b", 1, bytes(10))
    assert not store.has("a", 0)


def test_replacing_a_segment_counts_once():
    store = SegmentStore(100)
    store.put("film", 0, bytes(60))
    store.put("film", 0, bytes(50))
    assert store.held_bytes == 50


def test_a_segment_above_the_budget_is_not_kept():
    store = SegmentStore(10)
    store.put("film", 0, bytes(11))
    assert store.get("film", 0) is None
    assert store.held_bytes == 0


def test_clear_drops_all():
    store = SegmentStore(10)
    store.put("film", 0, bytes(5))
    store.clear()
    assert store.held_bytes == 0
    assert store.get("film", 0) is None


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0 bytes"):
        SegmentStore(0)
