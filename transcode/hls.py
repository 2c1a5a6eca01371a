"""HLS of any film: playlists, init, segments and cues, copied or converted.

Copied pictures are cut by the workers on demand and need no running process; converted ones come
from ``sessions``. Both stand in one store, and one maker at a time works on each segment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from transcode.codecs import codec_strings
from transcode.command import Conversion, Encoding, bandwidth_bps, conversion_of
from transcode.containers.transport import read_setup
from transcode.converter import Converter, FfmpegConverter
from transcode.cutter import CutSegment
from transcode.errors import NoWayToPlay
from transcode.facts import SubtitleFacts
from transcode.grid import Grid
from transcode.index import Index
from transcode.playlist import SubtitleRendition, render_master, render_media, render_subtitles
from transcode.program import find_ffmpeg
from transcode.segments import DEFAULT_BUDGET_BYTES, SegmentStore
from transcode.sessions import Order, SessionLimits, Sessions
from transcode.source import InputServer, Media
from transcode.variant import Package, Variant

_KEPT: Final = 64
_K = TypeVar("_K")
_V = TypeVar("_V")


class Remuxer(Protocol):
    """What the workers do for us."""

    async def index(self, media: Media) -> Index:
        """The keyframes of a film."""
        ...

    def grid(self, media: Media, index: Index) -> Grid:
        """Where copied segments are cut."""
        ...

    async def init_segment(self, media: Media, index: Index, variant: Variant) -> bytes:
        """The init segment of a copying variant."""
        ...

    async def segment(self, media: Media, index: Index, variant: Variant, n: int) -> bytes:
        """One segment of a copying variant."""
        ...

    async def cues(
        self, media: Media, index: Index, track: int, n: int, *, mpegts: int | None = None
    ) -> str:
        """WebVTT of one stretch of the copying grid."""
        ...


class IndexStore(Protocol):
    """Keeps indexes by content identity; what it keeps may be lost."""

    async def load(self, key: str) -> bytes | None:
        """A kept index, or None."""
        ...

    async def save(self, key: str, data: bytes) -> None:
        """Keep an index."""
        ...


@dataclass(frozen=True, slots=True)
class HlsSettings:
    """How converting is done and bounded.

    Attributes:
        program: path of ffmpeg; empty takes the bundled one.
        budget_bytes: memory for segments of all viewers.
        sessions: converters at the same time.
    """

    program: str = ""
    sessions: int = 2
    budget_bytes: int = DEFAULT_BUDGET_BYTES
    encoding: Encoding = field(default_factory=Encoding)
    limits: SessionLimits = field(default_factory=SessionLimits)


class Hls:
    """The facade; owned by ``app``, entered once. Leaving the block ends every converter.

    A ``viewer`` is any stable name of who asks (a device, better a page): his conversion ends when
    he is released, when a waiting request of his is torn off and not repeated, or when he asks
    nothing for a while.
    """

    def __init__(
        self,
        workers: Remuxer,
        inputs: InputServer,
        indexes: IndexStore,
        settings: HlsSettings,
        *,
        converter: Converter | None = None,
    ) -> None:
        self._workers = workers
        self._indexes = indexes
        self._settings = settings
        self._store = SegmentStore(settings.budget_bytes)
        self._converter = converter or FfmpegConverter(
            find_ffmpeg(settings.program), inputs, settings.encoding
        )
        limits = replace(settings.limits, conversions=settings.sessions)
        self._sessions = Sessions(self._converter, self._store, limits)
        self._index_cache: dict[str, Index] = {}
        self._init_cache: dict[Hashable, bytes] = {}
        self._single = _SingleFlight()

    @property
    def conversions(self) -> int:
        """Converters running now."""
        return self._sessions.running

    async def __aenter__(self) -> Self:
        await self._sessions.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sessions.__aexit__(kind, error, trace)
        self._store.clear()

    async def grid(self, media: Media, variant: Variant) -> Grid:
        """Where this variant's segments begin and end, in film seconds.

        Raises:
            NoWayToPlay: the variant does not fit the film.
        """
        if variant.video_height is not None:
            beat = conversion_of(media.facts, variant).beat
            bounds = [beat.start(n) for n in range(beat.count)]
            bounds.append(bounds[-1] + beat.duration(beat.count - 1))
            return Grid(tuple(float(one) for one in bounds))
        if variant.video is None:
            raise NoWayToPlay(("sound alone goes out as a file or one stream, not in segments",))
        return self._workers.grid(media, await self._index(media))

    async def cue_grid(self, media: Media) -> Grid:
        """Where the stretches of subtitles begin and end, whatever the variant."""
        return self._workers.grid(media, await self._index(media))

    async def playlist(self, media: Media, variant: Variant) -> str:
        """The media playlist, all segments listed."""
        grid = await self.grid(media, variant)
        return render_media(_durations(grid), variant.package)

    async def subtitle_playlist(self, media: Media, track: int) -> str:
        """The media playlist of a text subtitle stream.

        Raises:
            NoWayToPlay: no such stream, or its subtitles are pictures.
        """
        _text_track(media, track)
        return render_subtitles(_durations(await self.cue_grid(media)))

    async def master(self, media: Media, variant: Variant) -> str:
        """The master playlist: the variant (``index.m3u8``) and text subtitles (``../subs-N/``)."""
        facts = media.facts
        size: tuple[int, int] | None = None
        rate: float | None = None
        video = next((one for one in facts.video if one.index == variant.video), None)
        bandwidth = 1000 * (facts.bitrate_kbps or 8000) * 2
        if variant.video_height is not None:
            conversion = conversion_of(facts, variant)
            size = (conversion.width, conversion.height)
            rate = float(conversion.beat.rate)
            bandwidth = bandwidth_bps(conversion, self._settings.encoding)
        elif video is not None:
            size, rate = (video.width, video.height), video.fps
        return render_master(
            address="index.m3u8",
            bandwidth_bps=bandwidth,
            codecs=codec_strings(facts, variant),
            size=size,
            rate=rate,
            subtitles=[_rendition(one) for one in facts.subtitles if one.is_text],
        )

    async def init(self, media: Media, variant: Variant) -> bytes:
        """The init segment of an fMP4 variant; starts no conversion.

        Raises:
            NoWayToPlay: the variant has none.
        """
        if variant.package is not Package.FMP4:
            raise NoWayToPlay(("transport streams have no init segment",))
        if variant.video_height is not None:
            return await self._converted_init(conversion_of(media.facts, variant))
        await self.grid(media, variant)
        key = (media.key, str(variant), "init")

        async def make() -> bytes:
            return await self._workers.init_segment(media, await self._index(media), variant)

        return await self._kept(self._init_cache, key, make)

    async def segment(self, media: Media, variant: Variant, n: int, viewer: str = "") -> bytes:
        """Segment ``n`` of the playlist.

        Raises:
            NoWayToPlay: there is no such segment.
            ConverterFailed: it could not be made.
            TooManyConversions: other viewers use all converters.
        """
        grid = await self.grid(media, variant)
        if not 0 <= n < grid.count:
            raise NoWayToPlay((f"segment {n} of a film with {grid.count}",))
        if variant.video_height is not None:
            return await self._sessions.segment(await self._order(media, variant), n, viewer)
        stream = (media.key, str(variant))
        self._store.place(stream, viewer, n)
        held = self._store.get(stream, n)
        if held is not None:
            return held

        async def make() -> bytes:
            index = await self._index(media)
            data = await self._workers.segment(media, index, variant, n)
            self._store.put(stream, n, data)
            return data

        return await self._single.run((stream, n), make)

    async def cues(self, media: Media, track: int, n: int, *, mpegts: int | None = None) -> str:
        """WebVTT of subtitle stream ``track`` in stretch ``n`` of the cue grid, in film time.

        ``mpegts`` is the 90 kHz stamp of film time 0 beside it, for players of native HLS.

        Raises:
            NoWayToPlay: no such stream, no such stretch, or its subtitles are pictures.
        """
        _text_track(media, track)
        index = await self._index(media)
        count = self._workers.grid(media, index).count
        if not 0 <= n < count:
            raise NoWayToPlay((f"subtitle stretch {n} of a film with {count}",))

        async def make() -> bytes:
            return (await self._workers.cues(media, index, track, n, mpegts=mpegts)).encode()

        return (await self._single.run((media.key, "cues", track, n, mpegts), make)).decode()

    async def release(self, viewer: str) -> None:
        """A viewer left: what only he watched ends now."""
        await self._sessions.release(viewer)

    async def _order(self, media: Media, variant: Variant) -> Order:
        conversion = conversion_of(media.facts, variant)
        stream = (media.key, str(variant))
        if variant.package is Package.FMP4:
            return Order(stream, media, conversion, CutSegment.to_fmp4)
        setup = read_setup(await self._converted_init(conversion))
        return Order(stream, media, conversion, lambda piece: piece.to_ts(setup, conversion.beat))

    async def _converted_init(self, conversion: Conversion) -> bytes:
        # Equal settings give equal bytes, whatever the film.
        beat = conversion.beat
        key: tuple[int, int, Fraction, bool] = (
            conversion.width,
            conversion.height,
            beat.rate,
            conversion.audio is not None,
        )
        return await self._kept(self._init_cache, key, lambda: self._converter.init(conversion))

    async def _index(self, media: Media) -> Index:
        if (known := self._index_cache.get(media.key)) is not None:
            return known

        async def make() -> bytes:
            kept = await self._indexes.load(media.key)
            if kept is not None and _is_readable(kept):
                return kept
            data = (await self._workers.index(media)).to_bytes()
            await self._indexes.save(media.key, data)
            return data

        data = await self._single.run((media.key, "index"), make)
        index = Index.from_bytes(data)
        _keep(self._index_cache, media.key, index)
        return index

    async def _kept(
        self,
        cache: dict[Hashable, bytes],
        key: Hashable,
        make: Callable[[], Awaitable[bytes]],
    ) -> bytes:
        if (known := cache.get(key)) is not None:
            return known
        data = await self._single.run((key, "kept"), make)
        _keep(cache, key, data)
        return data


class _SingleFlight:
    """One maker per key at a time; who asks meanwhile gets its result.

    A maker whose asker leaves is cancelled with him and the next asker makes it: no task of its
    own, and nothing to close.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    async def run(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The result of ``make``, shared with everybody who asks for ``key`` meanwhile."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.Lock())
        flight.askers += 1
        try:
            async with flight.lock:
                if flight.result is None:
                    flight.result = await make()
                return flight.result
        finally:
            flight.askers -= 1
            if not flight.askers:
                self._flights.pop(key, None)


@dataclass(slots=True)
class _Flight:
    """Who asks, and the result while anybody still waits for it."""

    lock: asyncio.Lock
    askers: int = 0
    result: bytes | None = None


def _durations(grid: Grid) -> list[float]:
    return [grid.duration_s(n) for n in range(grid.count)]


def _text_track(media: Media, track: int) -> SubtitleFacts:
    for one in media.facts.subtitles:
        if one.index == track and one.is_text:
            return one
    raise NoWayToPlay((f"the film has no text subtitles in stream {track}",))


def _rendition(one: SubtitleFacts) -> SubtitleRendition:
    return SubtitleRendition(
        name=one.title or one.language or f"Subtitles {one.index}",
        language=one.language,
        address=f"../subs-{one.index}/index.m3u8",
        is_default=one.is_default,
        is_forced=one.is_forced,
    )


def _is_readable(data: bytes) -> bool:
    try:
        Index.from_bytes(data)
    except ValueError:
        return False
    return True


def _keep(cache: dict[_K, _V], key: _K, value: _V) -> None:
    """Keep the youngest few; a film left long ago is asked for again."""
    cache[key] = value
    while len(cache) > _KEPT:
        del cache[next(iter(cache))]
