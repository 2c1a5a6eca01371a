"""One continuous MPEG transport stream of a film, for players that know no segments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import urlsplit

from transcode.command import Encoding, stream_arguments
from transcode.errors import ConverterFailed, TooManyConversions
from transcode.process import start_child
from transcode.program import find_ffmpeg
from transcode.rules import Rules
from transcode.source import InputServer, Media
from transcode.variant import Variant

_READ_BYTES: Final = 188 * 512
_FIRST_BYTES_S: Final = 60


class TsStream:
    """Streams; owned by ``app``. Each open one is an ffmpeg, at most ``most`` at a time."""

    def __init__(
        self,
        program: str,
        inputs: InputServer,
        encoding: Encoding,
        *,
        most: int = 4,
    ) -> None:
        self._inputs = inputs
        self._program = find_ffmpeg(program)
        self._encoding = encoding
        self._most = most
        self._open = 0

    @property
    def open_streams(self) -> int:
        """Streams running now."""
        return self._open

    async def stream(
        self, media: Media, variant: Variant, start_s: float = 0.0
    ) -> AsyncGenerator[bytes, None]:
        """The film from ``start_s`` on; not reading on makes ffmpeg wait.

        Close it (``aclose``) when the reader leaves: ffmpeg is then gone within a second.

        Args:
            media: the film.
            variant: which streams go out; its package does not matter.
            start_s: film time; a copied picture starts at the key picture before it.

        Raises:
            NoWayToPlay: the film lacks such streams.
            ConverterFailed: ffmpeg gave nothing, or broke off before the film's end.
            TooManyConversions: too many streams are open.
        """
        if self._open >= self._most:
            raise TooManyConversions(f"{self._open} streams are converted already")
        self._open += 1
        try:
            async with self._inputs.publish(media.source, media.suffix) as url:
                args = stream_arguments(
                    self._program, url, media.facts, variant, start_s, self._encoding
                )
                rules = Rules.for_program(self._program, tcp_port=urlsplit(url).port)
                async with await start_child(args, rules=rules) as child:
                    try:
                        async with asyncio.timeout(_FIRST_BYTES_S):
                            data = await child.stdout.read(_READ_BYTES)
                    except TimeoutError as error:
                        raise ConverterFailed(
                            f"ffmpeg gave nothing within {_FIRST_BYTES_S} s", child.tail()
                        ) from error
                    while data:
                        yield data
                        data = await child.stdout.read(_READ_BYTES)
                    await child.check()
        finally:
            self._open -= 1
