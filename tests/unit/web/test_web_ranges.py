"""Ranges and conditions as tables; a counterpart test holds nginx to the same cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRange
from gateway.spans import Span
from gateway.web.ranges import Asked, Body, answer, parse_range

SIZE = 1000
BODY = Body(SIZE, '"tag"', "video/mp4", 1_700_000_000.7)
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"
WHOLE = None
BAD = "416"


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-", [(0, 1000)]),
        ("bytes=990-", [(990, 1000)]),
        ("bytes=-5", [(995, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=5-99999", [(5, 1000)]),
        ("bytes=0-9223372036854775807", [(0, 1000)]),
        ("BYTES=0-1", [(0, 2)]),
        ("bytes= 0 - 1 ", [(0, 2)]),
        ("bytes=0-1,5-6", [(0, 2), (5, 7)]),
        ("bytes=5-6,0-1", [(5, 7), (0, 2)]),
        ("bytes=0-1,2000-", [(0, 2)]),
        ("bytes=5-3,0-1", [(0, 2)]),
        ("bytes=-0,0-0", [(0, 1)]),
        ("bytes=0-600,400-999", WHOLE),
        ("items=0-1", WHOLE),
        ("bytes = 0-1", WHOLE),
        ("bytes=", WHOLE),
        ("", WHOLE),
        ("bytes=-0", BAD),
        ("bytes=-", BAD),
        ("bytes=5-3", BAD),
        ("bytes=1000-", BAD),
        ("bytes=9223372036854775807-", BAD),
        ("bytes=99999999999999999999-", BAD),
        ("bytes=0-99999999999999999999", BAD),
        ("bytes=0-" + "9" * 5000, BAD),
        ("bytes=a-b", BAD),
        ("bytes=0-1,", BAD),
        ("bytes=0", BAD),
        ("bytes=0--1", BAD),
        ("bytes=\u0661-2", BAD),
    ],
)
def test_each_form_gives_what_nginx_gives(text: str, spans: list[tuple[int, int]] | None) -> None:
    if spans == BAD:
        with pytest.raises(BadRange) as caught:
            parse_range(text, SIZE)
        assert caught.value.size_bytes == SIZE
        return
    wanted = None if spans is None else tuple(Span(*one) for one in spans)
    assert parse_range(text, SIZE) == wanted


@pytest.mark.parametrize(("text", "whole"), [("bytes=0-", True), ("bytes=1-", False)])
def test_an_empty_file_is_given_whole_from_its_start_only(text: str, whole: bool) -> None:
    if whole:
        assert parse_range(text, 0) is None
    else:
        with pytest.raises(BadRange):
            parse_range(text, 0)


@given(st.text(alphabet="bytes=0123456789-, x", max_size=40), st.integers(0, 3000))
def test_no_text_gives_a_span_outside_the_file(text: str, size_bytes: int) -> None:
    try:
        spans = parse_range("bytes=" + text, size_bytes)
    except BadRange:
        return
    if spans is not None:
        assert spans
        assert all(0 <= one.start < one.stop <= size_bytes for one in spans)
        assert sum(one.length_bytes for one in spans) <= size_bytes


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked(), 200),
        (Asked(range="bytes=0-1"), 206),
        (Asked(range="bytes=0-1", if_range='"tag"'), 206),
        (Asked(range="bytes=0-1", if_range='"other"'), 200),
        (Asked(range="bytes=0-1", if_range='W/"tag"'), 200),
        (Asked(range="bytes=0-1", if_range=DATE), 206),
        (Asked(range="bytes=0-1", if_range=EARLIER), 200),
        (Asked(range="bytes=0-1", if_range="nonsense"), 200),
        (Asked(range="bytes=2000-", if_range='"other"'), 200),
        (Asked(if_none_match='"tag"'), 304),
        (Asked(if_none_match='W/"tag"'), 304),
        (Asked(if_none_match='"a", W/"tag" , "b"'), 304),
        (Asked(if_none_match="*"), 304),
        (Asked(if_none_match='"other"'), 200),
        (Asked(if_none_match='"other"', if_modified_since=DATE), 200),
        (Asked(if_modified_since=DATE), 304),
        (Asked(if_modified_since=EARLIER), 200),
        (Asked(if_modified_since="nonsense"), 200),
        (Asked(if_match='"tag"'), 200),
        (Asked(if_match="*"), 200),
        (Asked(if_match='W/"tag"'), 412),
        (Asked(if_match='"other"'), 412),
        (Asked(if_match='"other"', range="bytes=0-1"), 412),
        (Asked(if_unmodified_since=DATE), 200),
        (Asked(if_unmodified_since=EARLIER), 412),
        (Asked(if_none_match='"tag"', range="bytes=0-1"), 304),
    ],
)
def test_conditions_decide_the_status(asked: Asked, status: int) -> None:
    reply = answer(BODY, asked)
    assert reply.status == status
    assert reply.headers["ETag"] == '"tag"'
    assert reply.headers["Last-Modified"] == DATE
    assert (reply.length_bytes is None) == (status in (304, 412))


def test_dates_are_not_used_where_the_host_knows_none() -> None:
    body = Body(SIZE, '"tag"', "video/mp4")
    assert answer(body, Asked(if_modified_since=DATE)).status == 200
    assert answer(body, Asked(if_unmodified_since=EARLIER)).status == 200
    assert answer(body, Asked(range="bytes=0-1", if_range=DATE)).status == 200
    assert "Last-Modified" not in answer(body, Asked()).headers


def test_several_ranges_are_multipart_of_the_very_length() -> None:
    reply = answer(BODY, Asked(range="bytes=0-1,-2"))
    boundary = reply.headers["Content-Type"].partition("boundary=")[2]
    sent = b"".join(
        one if isinstance(one, bytes) else b"x" * one.length_bytes for one in reply.pieces
    )
    assert len(sent) == reply.length_bytes
    head = "\r\n--{0}\r\nContent-Type: video/mp4\r\nContent-Range: bytes {1}/1000\r\n\r\nxx"
    text = head.format(boundary, "0-1") + head.format(boundary, "998-999")
    assert sent.decode() == text + f"\r\n--{boundary}--\r\n"
    assert "Content-Range" not in reply.headers
