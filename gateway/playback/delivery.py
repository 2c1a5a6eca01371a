"""From an item to what a screen gets: facts, a plan, playlists, segments, a stream.

The converter knows neither library nor keys: here an opened reader becomes its byte source.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.drives.base import Reader
from gateway.errors import BadArgument, HostChanged
from gateway.library.library import Library
from gateway.library.records import Item
from gateway.playback.open import Opener
from gateway.spans import Span
from transcode.decision import Plan, Wishes, decide
from transcode.facts import MediaFacts
from transcode.hls import Hls
from transcode.screens import Screen
from transcode.source import Media
from transcode.stream import TsStream
from transcode.variant import Variant

Prober = Callable[[Item], Awaitable[MediaFacts]]


@dataclass(frozen=True, slots=True)
class ReaderSource:
    """A reader as the converter sees it."""

    reader: Reader

    @property
    def size_bytes(self) -> int:
        """Clear size."""
        return self.reader.size_bytes

    def read(self, start: int, stop: int) -> AsyncIterator[memoryview | bytes]:
        """Clear bytes of the half-open span."""
        return self.reader.read(Span(start, stop))


class LibraryIndexes:
    """The converter's index store, kept sealed in the library by content identity."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def load(self, key: str) -> bytes | None:
        """A kept index, or None."""
        return await self._library.media_index(key)

    async def save(self, key: str, data: bytes) -> None:
        """Keep an index."""
        await self._library.save_media_index(key, data)


class Delivery:
    """One item to one screen; owned by ``app``.

    ``probe`` looks into a file whose facts the library lacks and records them.
    """

    def __init__(
        self,
        library: Library,
        opener: Opener,
        probe: Prober,
        hls: Hls,
        streamer: TsStream,
        *,
        convert_height: int,
    ) -> None:
        self._library = library
        self._opener = opener
        self._probe = probe
        self._hls = hls
        self._streamer = streamer
        self._convert_height = convert_height

    async def facts(self, item: Item) -> MediaFacts:
        """What is known of the file's inside, probing now when nothing is.

        Raises:
            ConverterFailed: the file cannot be understood.
        """
        if item.facts_json is not None:
            return MediaFacts.from_json(item.facts_json)
        return await self._probe(item)

    async def media(self, item_id: int) -> Media:
        """The item as the converter takes it."""
        opened = await self._opener.open(item_id)
        item = opened.item
        if not opened.is_as_listed:
            raise HostChanged(
                f"{item.title} was changed at its host; it is listed anew", retry_after_s=5
            )
        return Media(
            key=item.identity or f"item:{item.id}:{item.version}",
            suffix=PurePosixPath(item.path).suffix.lstrip(".").lower(),
            source=ReaderSource(opened.reader),
            facts=await self.facts(item),
        )

    async def plan(self, item_id: int, screen: Screen, wishes: Wishes) -> Plan:
        """How a screen gets this item, with every reason."""
        item = await self._library.item(item_id)
        return self._decide(await self.facts(item), screen, wishes)

    async def playlist(self, item_id: int, variant: Variant) -> str:
        """HLS media playlist, complete from the first request."""
        return await self._hls.playlist(await self._checked(item_id, variant), variant)

    async def master(self, item_id: int, variant: Variant) -> str:
        """HLS master playlist: the variant and its subtitles."""
        return await self._hls.master(await self._checked(item_id, variant), variant)

    async def init(self, item_id: int, variant: Variant) -> bytes:
        """fMP4 initialisation segment."""
        return await self._hls.init(await self._checked(item_id, variant), variant)

    async def segment(self, item_id: int, variant: Variant, number: int, viewer: str) -> bytes:
        """Media segment ``number`` of the playlist; a conversion runs for its viewers only."""
        media = await self._checked(item_id, variant)
        return await self._hls.segment(media, variant, number, viewer)

    async def release(self, viewer: str) -> None:
        """A viewer left: what is converted for him alone ends within three seconds."""
        await self._hls.release(viewer)

    async def cues(self, item_id: int, track: int, number: int) -> str:
        """WebVTT of subtitle ``track`` for one segment's stretch."""
        return await self._hls.cues(await self.media(item_id), track, number)

    async def stream(self, item_id: int, screen: Screen, start_s: float) -> AsyncIterator[bytes]:
        """One continuous MPEG-TS from ``start_s`` on, as the screen needs it."""
        media = await self.media(item_id)
        plan = self._decide(media.facts, screen, Wishes())
        variant = plan.stream_variant
        # Closed with us, not when it is collected: ffmpeg is gone when the player is.
        async with aclosing(self._streamer.stream(media, variant, start_s)) as pieces:
            async for piece in pieces:
                yield piece

    def _decide(self, facts: MediaFacts, screen: Screen, wishes: Wishes) -> Plan:
        return decide(facts, screen, wishes, convert_height=self._convert_height)

    async def _checked(self, item_id: int, variant: Variant) -> Media:
        media = await self.media(item_id)
        facts = media.facts
        if variant.video is not None and all(one.index != variant.video for one in facts.video):
            raise BadArgument(f"no picture stream {variant.video} in item {item_id}")
        if variant.audio is not None and all(one.index != variant.audio for one in facts.audio):
            raise BadArgument(f"no sound stream {variant.audio} in item {item_id}")
        return media
