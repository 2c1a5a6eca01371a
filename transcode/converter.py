"""Runs ffmpeg for one conversion and hands out whole segments; the child lives in a box.

Never writes a file: input is a loopback address, output a pipe. Not reading the pipe stops ffmpeg.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol
from urllib.parse import urlsplit

from transcode.command import (
    Conversion,
    Encoding,
    init_arguments,
    segment_arguments,
)
from transcode.containers.fragments import FragmentError, FragmentParser
from transcode.cutter import CutSegment, Cutter
from transcode.errors import ConverterFailed
from transcode.process import Child, start_child
from transcode.rules import Rules
from transcode.source import InputServer, Media

_READ_BYTES: Final = 1 << 16
_INIT_LIMIT_S: Final = 20
# Words by which ffmpeg says that its input, not the film, came to an end.
_INPUT_BROKE: Final = re.compile(
    r"input/output error|ends prematurely|connection|server returned|http error|timed out", re.I
)


class Converter(Protocol):
    """What a session needs: an init without reading the film, and segments from a place on."""

    async def init(self, conversion: Conversion) -> bytes:
        """The init segment all runs of such a conversion share."""
        ...

    def pieces(
        self, media: Media, conversion: Conversion, first: int
    ) -> AbstractAsyncContextManager[AsyncIterator[CutSegment]]:
        """Segments from ``first`` to the last; leaving the block ends the work."""
        ...


class FfmpegConverter:
    """Converts with an ffmpeg process per run."""

    def __init__(self, program: str, inputs: InputServer, encoding: Encoding) -> None:
        self._program = program
        self._inputs = inputs
        self._encoding = encoding

    async def init(self, conversion: Conversion) -> bytes:
        """The init segment of a conversion, from blank pictures.

        Raises:
            ConverterFailed: ffmpeg gave none.
        """
        args = init_arguments(self._program, conversion, self._encoding)
        parser = FragmentParser()
        try:
            async with asyncio.timeout(_INIT_LIMIT_S), await self._start(args, None) as child:
                while data := await child.stdout.read(_READ_BYTES):
                    parser.feed(data)
                await child.check()
        except TimeoutError as error:
            raise ConverterFailed("ffmpeg did not make an init segment in time") from error
        except FragmentError as error:
            raise ConverterFailed(f"ffmpeg's output cannot be read: {error}") from error
        if parser.init is None:
            raise ConverterFailed("ffmpeg made no init segment")
        return parser.init

    @asynccontextmanager
    async def pieces(
        self, media: Media, conversion: Conversion, first: int
    ) -> AsyncIterator[AsyncIterator[CutSegment]]:
        """Segments from ``first`` on, each as soon as it is whole."""
        async with self._inputs.publish(media.source, media.suffix) as url:
            args = segment_arguments(
                self._program, url, media.facts, conversion, first, self._encoding
            )
            async with await self._start(args, urlsplit(url).port) as child:
                cutter = Cutter(conversion.beat, first, with_sound=conversion.audio is not None)
                try:
                    yield _cut(child, cutter)
                finally:
                    await child.stop(grace_s=0.5)

    async def _start(self, args: list[str], port: int | None) -> Child:
        return await start_child(args, rules=Rules.for_program(self._program, tcp_port=port))


async def _cut(child: Child, cutter: Cutter) -> AsyncIterator[CutSegment]:
    parser = FragmentParser()
    try:
        while not cutter.is_done and (data := await child.stdout.read(_READ_BYTES)):
            for piece in cutter.feed(parser.feed(data)):
                yield piece
    except FragmentError as error:
        raise ConverterFailed(f"ffmpeg's output cannot be read: {error}") from error
    if cutter.is_done:
        return
    status = await child.wait()
    if status != 0 or _INPUT_BROKE.search(child.tail()):
        raise ConverterFailed(
            f"ffmpeg ended with status {status} before segment {cutter.next_segment}", child.tail()
        )
    for piece in cutter.finish():
        yield piece
