"""Bodies on their way out: the one loop every media byte passes. Keep it lean.

A body is counted in ``Streams``, so a revocation or the stop can cut it. After the first byte
there is no status left: a failure is logged and the connection reset, never ended or padded.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

from aiohttp import web

from gateway.drives.base import Reader
from gateway.spans import Span
from gateway.web.errors import Known
from gateway.web.ranges import Answer
from gateway.web.streams import Stream, reset

_log = logging.getLogger(__name__)

Pieces = AsyncIterator[memoryview | bytes]


async def send_answer(
    request: web.Request, stream: Stream, answer: Answer, reader: Reader, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a ranged answer from a reader; ``headers`` are added to the answer's own."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers | headers)
    if answer.length_bytes is not None or answer.status != 304:
        response.content_length = answer.length_bytes or 0
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    hold_little(request)
    try:
        for piece in answer.pieces:
            if isinstance(piece, bytes):
                await response.write(piece)
            elif piece.length_bytes:
                await _send_span(response, stream, reader, piece)
    except Known as error:
        _cut(request, stream, error)
    except ConnectionError:
        # The client is gone: that is how every seek of a TV looks.
        response.force_close()
    return response


async def _send_span(
    response: web.StreamResponse, stream: Stream, reader: Reader, span: Span
) -> None:
    # Leaving early (the client is gone, the handler is cancelled) closes the reader at once.
    async with aclosing(generator(reader.read(span))) as pieces:
        write = response.write
        async for piece in pieces:
            await write(piece)
            stream.sent_bytes += len(piece)


async def send_whole(
    request: web.Request, stream: Stream, body: bytes, mime: str
) -> web.StreamResponse:
    """Send bytes at hand (a segment), cut like any other body."""
    response = web.StreamResponse(headers={"Content-Type": mime})
    response.content_length = len(body)
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            await response.write(body)
            stream.sent_bytes += len(body)
        except ConnectionError:
            response.force_close()
    return response


class CloseDelimited(web.StreamResponse):
    """A body of unknown length that ends with its connection: old players know no chunks.

    Source: dlna.md 10.2.
    """

    _length_check = False


async def send_endless(
    request: web.Request, stream: Stream, pieces: Pieces, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a stream of unknown length; errors before its first byte are raised to the table."""
    async with aclosing(generator(pieces)) as source:
        first = await anext(source, b"")
        response = CloseDelimited(headers=headers)
        response.force_close()
        await response.prepare(request)
        hold_little(request)
        try:
            await response.write(first)
            stream.sent_bytes += len(first)
            async for piece in source:
                await response.write(piece)
                stream.sent_bytes += len(piece)
        except Known as error:
            _cut(request, stream, error)
        except ConnectionError:
            response.force_close()
    return response


def hold_little(request: web.BaseRequest) -> None:
    """Wait after each large piece until the kernel took all of it.

    The next one then goes straight from the reader's buffer to the kernel, never through a copy
    in the transport, and a stalled client holds one piece (60 of them: 3.5 MB instead of 18.5).
    """
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=0)


def generator(pieces: Pieces) -> AsyncGenerator[memoryview | bytes, None]:
    """Readers are async generators behind the narrower name: they can be closed early."""
    return cast("AsyncGenerator[memoryview | bytes, None]", pieces)


def _cut(request: web.Request, stream: Stream, error: Exception) -> None:
    _log.warning(
        "item %s was cut after %d bytes: %s: %s",
        stream.item,
        stream.sent_bytes,
        type(error).__name__,
        error,
    )
    reset(request.transport)
