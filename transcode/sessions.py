"""Running conversions: who watches what, where a converter works, when it starts, waits, ends.

A *run* is one converter making the segments of one *stream* (a film in one variant) from some
segment on. Viewers ask for segments by number:

* held in the store: answered at once, no run is touched;
* a run of that stream will reach it soon: the viewer joins the run and waits;
* else the viewer's own run (when nobody else watches it) is ended and a new one starts exactly
  there; a run somebody else watches stays, and a second one starts beside it while the machine's
  limit allows.

States of a run:

=========  ===========================================  ======================================
state      what happens                                 leaves it by
=========  ===========================================  ======================================
working    segments go to the store, waiters wake       ``ahead`` segments before all viewers
resting    the converter's pipe is not read: it blocks  a viewer comes nearer
ended      the converter is gone, its input withdrawn   for ever; a new run may follow
=========  ===========================================  ======================================

A run ends when the film's last segment is made, when it fails, when its viewers start another, and
when nobody is left: a viewer is gone at once when released, ``torn_s`` after a request of his was
torn off while it waited (a seek asks again at once), ``idle_s`` after his last request otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from transcode.command import Conversion
from transcode.converter import Converter
from transcode.cutter import CutSegment
from transcode.errors import ConverterFailed, TooManyConversions, TranscodeError
from transcode.segments import SegmentStore
from transcode.source import Media

_log = logging.getLogger(__name__)
_SWEEP_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many conversions may run and how far.

    Attributes:
        conversions: converters at the same time.
        ahead: segments a run makes beyond its farthest viewer.
        near: a segment at most so far beyond the next one is waited for; farther starts anew.
        idle_s: a viewer without requests is gone after this.
        torn_s: a viewer whose waiting request was torn off is gone after this.
        segment_s: a segment that takes longer has failed.
    """

    conversions: int = 2
    ahead: int = 8
    near: int = 2
    idle_s: float = 30.0
    torn_s: float = 2.0
    segment_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """One stream to convert: its name in the store, the film, and how segments are wrapped."""

    stream: Hashable
    media: Media
    conversion: Conversion
    wrap: Callable[[CutSegment], bytes]


@dataclass(eq=False, slots=True)
class _Run:
    """One converter at work."""

    order: Order
    next_n: int
    viewers: dict[str, int]
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None
    failure: TranscodeError | None = None
    is_ended: bool = False

    def reach(self) -> int:
        """The farthest segment a viewer asked for."""
        return max(self.viewers.values(), default=self.next_n)

    async def tell(self) -> None:
        async with self.moved:
            self.moved.notify_all()


@dataclass(slots=True)
class _Viewer:
    """When somebody was last heard of, and what he waits for."""

    deadline: float
    waiting: int = 0


class Sessions:
    """All running conversions; owned by the HLS facade, entered once.

    Leaving the block ends every converter.
    """

    def __init__(self, converter: Converter, store: SegmentStore, limits: SessionLimits) -> None:
        self._converter = converter
        self._store = store
        self._limits = limits
        self._runs: list[_Run] = []
        self._viewers: dict[str, _Viewer] = {}
        self._starting = asyncio.Lock()
        self._group = asyncio.TaskGroup()
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        """Converters at work or resting now."""
        return len(self._runs)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._sweeper = self._group.create_task(self._sweep_always(), name="transcode/sweep")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for run in list(self._runs):
            await self._end(run)
        # Not told of the error: the group would wrap the caller's own exception.
        await self._group.__aexit__(None, None, None)

    async def segment(self, order: Order, n: int, viewer: str) -> bytes:
        """Segment ``n``, made now when it is not held.

        Raises:
            ConverterFailed: the converter broke off or took too long.
            TooManyConversions: the machine's limit is reached by others.
        """
        known = self._viewers.setdefault(viewer, _Viewer(0.0))
        known.waiting += 1
        try:
            data = await self._segment(order, n, viewer)
        except asyncio.CancelledError:
            self._hear(viewer, self._limits.torn_s)
            raise
        finally:
            known.waiting -= 1
        self._hear(viewer, self._limits.idle_s)
        return data

    async def release(self, viewer: str) -> None:
        """A viewer is gone: what only he watched ends now."""
        self._viewers.pop(viewer, None)
        self._store.leave(viewer)
        for run in list(self._runs):
            await self._drop_viewer(run, viewer)

    async def _segment(self, order: Order, n: int, viewer: str) -> bytes:
        self._store.place(order.stream, viewer, n)
        await self._move(order, n, viewer)
        if (data := self._store.get(order.stream, n)) is not None:
            self._join(order, n, viewer)
            return data
        try:
            async with asyncio.timeout(self._limits.segment_s):
                run = await self._run_for(order, n, viewer)
                return await self._wait(run, n)
        except TimeoutError as error:
            raise ConverterFailed(
                f"segment {n} was not made within {self._limits.segment_s:.0f} s"
            ) from error

    async def _move(self, order: Order, n: int, viewer: str) -> None:
        """Tell the viewer's run where he is; his runs of other streams lose him."""
        for run in list(self._runs):
            if viewer not in run.viewers:
                continue
            if run.order.stream == order.stream:
                run.viewers[viewer] = n
                await run.tell()
            else:
                await self._drop_viewer(run, viewer)

    def _join(self, order: Order, n: int, viewer: str) -> None:
        """Let a viewer fed from the store keep a run alive that works just ahead of him."""
        for run in self._runs:
            is_near = 0 <= run.next_n - n <= self._limits.ahead + 1
            if run.order.stream == order.stream and is_near:
                run.viewers.setdefault(viewer, n)
                return

    async def _run_for(self, order: Order, n: int, viewer: str) -> _Run:
        async with self._starting:
            runs = [run for run in self._runs if run.order.stream == order.stream]
            for run in runs:
                if run.next_n <= n <= run.next_n + self._limits.near:
                    run.viewers[viewer] = n
                    await run.tell()
                    return run
            for run in list(self._runs):
                await self._drop_viewer(run, viewer)
            if len(self._runs) >= self._limits.conversions:
                raise TooManyConversions(
                    f"{len(self._runs)} conversions run already, which is this machine's limit"
                )
            run = _Run(order, n, {viewer: n})
            self._runs.append(run)
            run.task = self._group.create_task(self._work(run), name=f"transcode/convert/{n}")
            return run

    async def _wait(self, run: _Run, n: int) -> bytes:
        async with run.moved:
            while True:
                if (data := self._store.get(run.order.stream, n)) is not None:
                    return data
                if run.failure is not None:
                    raise run.failure
                if run.is_ended:
                    raise ConverterFailed(f"the conversion ended before segment {n}")
                if run.next_n > n:
                    raise ConverterFailed(f"segment {n} does not fit into the segment budget")
                await run.moved.wait()

    async def _work(self, run: _Run) -> None:
        """Make segments until told to stop; never raises but for cancellation."""
        order = run.order
        try:
            async with self._converter.pieces(order.media, order.conversion, run.next_n) as pieces:
                async for piece in pieces:
                    self._store.put(order.stream, piece.n, order.wrap(piece))
                    run.next_n = piece.n + 1
                    await run.tell()
                    async with run.moved:
                        await run.moved.wait_for(
                            lambda: run.next_n <= run.reach() + self._limits.ahead
                        )
        except TranscodeError as error:
            run.failure = error
        except OSError as error:
            run.failure = ConverterFailed(f"the film could not be given to ffmpeg: {error}")
        except Exception:  # noqa: BLE001  the top of a task: one film must not end the others
            _log.exception("a conversion broke off")
            run.failure = ConverterFailed("the conversion broke off")
        finally:
            await self._ended(run)

    async def _ended(self, run: _Run) -> None:
        run.is_ended = True
        if run in self._runs:
            self._runs.remove(run)
        await run.tell()

    async def _drop_viewer(self, run: _Run, viewer: str) -> None:
        if run.viewers.pop(viewer, None) is not None and not run.viewers:
            await self._end(run)

    async def _end(self, run: _Run) -> None:
        """Cancel a run and wait until its converter is gone."""
        if run.task is None:
            return
        run.task.cancel()
        await asyncio.wait([run.task])
        # A task cancelled before its first step never came to its own clean-up.
        await self._ended(run)

    def _hear(self, viewer: str, for_s: float) -> None:
        if (known := self._viewers.get(viewer)) is not None:
            known.deadline = asyncio.get_running_loop().time() + for_s

    async def _sweep_always(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            await self.sweep(asyncio.get_running_loop().time())

    async def sweep(self, now: float) -> None:
        """Release the viewers not heard of any more."""
        gone = [
            viewer
            for viewer, known in self._viewers.items()
            if not known.waiting and known.deadline <= now
        ]
        for viewer in gone:
            await self.release(viewer)
