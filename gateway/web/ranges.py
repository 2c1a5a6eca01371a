"""Conditional and ranged requests: from request headers to a status, headers and spans. Pure.

The measure is nginx: where RFC 9110 leaves a choice (a reversed range, a number beyond 64 bits, a
sum of ranges larger than the file) we answer as it does.
Source: RFC 9110, 13 and 14; nginx ``src/http/modules/ngx_http_range_filter_module.c``.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

from gateway.errors import BadRange
from gateway.spans import Span

_LARGEST = 2**63 - 1
_ITEM = re.compile(r" *(?:([0-9]+) *- *([0-9]+)?|-([0-9]+)) *")
_ETAG = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes a request may get.

    Attributes:
        etag: strong entity tag with its quotes.
        modified_s: wall time of the last change, or None when the host does not say.
    """

    size_bytes: int
    etag: str
    mime: str
    modified_s: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The request headers that decide, None where absent."""

    range: str | None = None
    if_range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: the pieces in order are ready bytes or spans of the body.

    ``length_bytes`` is None where the status has no body (304, 412).
    """

    status: int
    headers: dict[str, str]
    pieces: tuple[bytes | Span, ...] = ()
    length_bytes: int | None = None


def answer(body: Body, asked: Asked) -> Answer:
    """Decide the whole reply; it is the same for GET and HEAD.

    Raises:
        BadRange: 416; no byte of the asked ranges exists, or the ranges cannot be read.
    """
    headers = {"ETag": body.etag, "Accept-Ranges": "bytes"}
    if body.modified_s is not None:
        headers["Last-Modified"] = formatdate(int(body.modified_s), usegmt=True)
    if not _is_precondition_met(body, asked):
        return Answer(412, headers)
    if _is_not_modified(body, asked):
        return Answer(304, headers)
    spans = None
    if asked.range is not None and _is_range_wanted(body, asked.if_range):
        spans = parse_range(asked.range, body.size_bytes)
    if spans is None:
        headers["Content-Type"] = body.mime
        return Answer(200, headers, (Span(0, body.size_bytes),), body.size_bytes)
    if len(spans) == 1:
        headers["Content-Type"] = body.mime
        headers["Content-Range"] = _content_range(spans[0], body.size_bytes)
        return Answer(206, headers, spans, spans[0].length_bytes)
    return _multipart(body, spans, headers)


def parse_range(text: str, size_bytes: int) -> tuple[Span, ...] | None:
    """Spans of a Range header in the order asked, never empty ones; None means the whole body.

    Raises:
        BadRange: nothing of it can be given, or a part cannot be read.
    """
    if len(text) < len("bytes=0") or text[:6].lower() != "bytes=":
        return None
    spans = []
    for part in text[6:].split(","):
        span = _parse_item(part, size_bytes)
        if span.length_bytes:
            spans.append(span)
        elif size_bytes == 0 and span.start == 0:
            return None
    if not spans:
        raise _bad(text, size_bytes)
    if sum(span.length_bytes for span in spans) > size_bytes:
        return None
    return tuple(spans)


def _parse_item(part: str, size_bytes: int) -> Span:
    """One range; one that lies behind the end or is reversed is given as an empty span."""
    match = _ITEM.fullmatch(part)
    if match is None:
        raise _bad(part, size_bytes)
    first, last, suffix = match.groups()
    # A number is judged by its length first: int() of a million digits takes seconds.
    if any(len(one) > 19 or int(one) > _LARGEST for one in (first, last, suffix) if one):
        raise _bad(part, size_bytes)
    if suffix is not None:
        return Span(max(0, size_bytes - int(suffix)), size_bytes)
    start = int(first)
    stop = size_bytes if last is None else min(int(last) + 1, size_bytes)
    return Span(start, max(start, stop))


def _bad(text: str, size_bytes: int) -> BadRange:
    return BadRange(
        f"the range {text[:60]!r} holds no byte of the {size_bytes} there are",
        size_bytes=size_bytes,
    )


def _content_range(span: Span, size_bytes: int) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{size_bytes}"


def _multipart(body: Body, spans: tuple[Span, ...], headers: dict[str, str]) -> Answer:
    boundary = secrets.token_hex(10)
    pieces: list[bytes | Span] = []
    for span in spans:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {body.mime}\r\n"
            f"Content-Range: {_content_range(span, body.size_bytes)}\r\n\r\n"
        )
        pieces += [head.encode("latin-1", "replace"), span]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    length = sum(len(one) if isinstance(one, bytes) else one.length_bytes for one in pieces)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    return Answer(206, headers, tuple(pieces), length)


def _is_precondition_met(body: Body, asked: Asked) -> bool:
    if asked.if_match is not None:
        return _has_tag(asked.if_match, body.etag, weak=False)
    since_s = _date_s(asked.if_unmodified_since)
    return since_s is None or body.modified_s is None or int(body.modified_s) <= since_s


def _is_not_modified(body: Body, asked: Asked) -> bool:
    if asked.if_none_match is not None:
        return _has_tag(asked.if_none_match, body.etag, weak=True)
    since_s = _date_s(asked.if_modified_since)
    return since_s is not None and body.modified_s is not None and int(body.modified_s) <= since_s


def _is_range_wanted(body: Body, if_range: str | None) -> bool:
    if if_range is None:
        return True
    if if_range.endswith('"'):
        return if_range.strip() == body.etag
    since_s = _date_s(if_range)
    return body.modified_s is not None and since_s == int(body.modified_s)


def _has_tag(text: str, etag: str, *, weak: bool) -> bool:
    if text.strip() == "*":
        return True
    at = 0
    while (match := _ETAG.match(text, at)) is not None:
        if match[2] == etag and (weak or match[1] is None):
            return True
        at = match.end()
        if at >= len(text):
            break
    return False


def _date_s(text: str | None) -> int | None:
    """Seconds of an HTTP date; None when absent or none (it is then ignored)."""
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError, TypeError):
        return None
