"""The gateway's side of the workers: confined children that look at foreign media for us.

A child has no file, no network and no second process; it asks for byte spans over a socket pair and
gets them from the media's own reader. It does one command at a time. One that crashes, hangs or
breaks the protocol is killed and its command fails; the next command starts a new one. A child
nobody needed for a while is let go.

A caller that is cancelled does not poison the pipe: the child's open read is refused at once, and
whoever takes that child next first hears the abandoned command out.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from transcode.errors import ConverterFailed
from transcode.facts import MediaFacts
from transcode.grid import SEGMENT_S, Grid, remux_grid
from transcode.index import Index
from transcode.piece import Piece, piece_of
from transcode.probe import PHOTO_SUFFIXES, Picture, Probed
from transcode.process import Child, start_python
from transcode.rules import InForce, Rules
from transcode.source import ByteSource, Media
from transcode.variant import Variant
from transcode.webvtt import Cue, render
from transcode.wire import HEAD, MOST_BYTES, SPAN, Frame, pack_body, unpack_body

_log = logging.getLogger(__name__)

_START = (
    "import sys; sys.path.extend(sys.argv.pop(1).split('\\n'));"
    " from transcode.worker.main import main; main()"
)
_SOCKET_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20
# Below it a reader pauses its socket: a segment should flow in without stopping.
_STREAM_BYTES = 8 << 20
_SMALL_BUDGET_BYTES = 48 << 20
_SEGMENT_EXTRA_BYTES = 96 << 20
_PHOTO_BUDGET_BYTES = 64 << 20
_KEPT_GRIDS = 16


@dataclass(frozen=True, slots=True)
class WorkersSettings:
    """Limits of the pool.

    Attributes:
        children: most children at a time.
        idle_s: a child unused for so long is let go.
        silence_s: a child that owes an answer and says nothing for so long is killed.
        memory_bytes: address space of a child.
        target_s: least length of a copied segment.
    """

    children: int = 2
    idle_s: float = 60.0
    silence_s: float = 30.0
    memory_bytes: int = 1536 << 20
    target_s: float = SEGMENT_S


class Workers:
    """The pool; an ``async with`` owns its children."""

    def __init__(self, settings: WorkersSettings | None = None) -> None:
        self._settings = settings or WorkersSettings()
        self._slots = asyncio.Semaphore(self._settings.children)
        # Probes may wait long for a slow host: they never take the last child.
        self._probes = asyncio.Semaphore(max(1, self._settings.children - 1))
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._grids: OrderedDict[str, Grid] = OrderedDict()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        self._idle.clear()
        for worker in tuple(self._all):
            await worker.end()
        self._all.clear()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that run."""
        return tuple(one.pid for one in self._all if one.is_alive)

    async def box(self) -> InForce:
        """What confines the children on this machine; starts one to know."""
        async with self._worker("") as worker:
            return worker.force

    async def probe(self, source: ByteSource, suffix: str) -> Probed:
        """Look at a file: at most two reads and 1 MiB besides the container's index.

        Raises:
            ConverterFailed: the worker cannot read it, or died of it.
            Exception: whatever the source raised.
        """
        order = {"command": "probe", "key": "", "suffix": suffix}
        async with self._probes:
            facts, blobs = await self._do(order, source, _SMALL_BUDGET_BYTES)
        cover, picture, tile = (blob or None for blob in blobs)
        return Probed(
            facts=MediaFacts.from_json(facts["facts"]),
            tags=facts["tags"],
            cover=cover,
            picture=picture,
            tile=tile,
            orientation=facts["orientation"],
            taken_s=facts["taken_s"],
        )

    async def picture(self, media: Media) -> Picture:
        """A thumbnail: of a photo the whole, of a film one keyframe about a seventh into it.

        Raises:
            ConverterFailed: there is none.
        """
        is_photo = media.suffix.lower() in PHOTO_SUFFIXES
        order = {
            "command": "picture",
            "key": media.key,
            "is_photo": is_photo,
            "time_s": (media.facts.duration_s or 0.0) / 7,
        }
        budget = _PHOTO_BUDGET_BYTES if is_photo else _SMALL_BUDGET_BYTES
        async with self._probes:
            _, blobs = await self._do(order, media.source, budget)
        return Picture(jpeg=blobs[0], tile=blobs[1])

    async def index(self, media: Media) -> Index:
        """The keyframe index of the first picture stream.

        Raises:
            ConverterFailed: the container has none; the film must be converted.
        """
        if not media.facts.video:
            raise ConverterFailed("a file without a picture has no keyframe index")
        video = media.facts.video[0].index
        order = {"command": "index", "key": media.key, "video": video}
        _, blobs = await self._do(order, media.source, _SMALL_BUDGET_BYTES)
        return Index.from_bytes(blobs[0])

    def grid(self, media: Media, index: Index) -> Grid:
        """The grid all copied segments of this film are cut on."""
        grid = self._grids.pop(media.key, None) or remux_grid(index, self._settings.target_s)
        self._grids[media.key] = grid
        while len(self._grids) > _KEPT_GRIDS:
            self._grids.popitem(last=False)
        return grid

    async def init_segment(self, media: Media, index: Index, variant: Variant) -> bytes:
        """``ftyp`` and ``moov`` for all fMP4 segments of a copied variant.

        Raises:
            ConverterFailed: these streams cannot be copied into MP4.
        """
        order = self._order("init", media, index, 0, variant.audio)
        order["variant"] = str(variant)
        _, blobs = await self._do(order, media.source, _SEGMENT_EXTRA_BYTES)
        return blobs[0]

    async def segment(self, media: Media, index: Index, variant: Variant, n: int) -> bytes:
        """Segment ``n`` of a variant whose picture is copied.

        Raises:
            ConverterFailed: the worker could not cut it.
            IndexError: there is no such segment.
        """
        order = self._order("segment", media, index, n, variant.audio)
        order["variant"] = str(variant)
        start, stop = order["piece"]["span"]
        budget = 2 * (stop - start) + _SEGMENT_EXTRA_BYTES
        _, blobs = await self._do(order, media.source, budget)
        return blobs[0]

    async def cues(
        self, media: Media, index: Index, track: int, n: int, *, mpegts: int | None = None
    ) -> str:
        """WebVTT of the texts seen during segment ``n``, in film time.

        Costs no read when the segment was cut by the same child shortly before.

        Args:
            media: the film.
            index: its index.
            track: stream index of a text subtitle.
            n: the segment.
            mpegts: 90 kHz stamp of film time 0 in the segments beside it (``containers.ts.TS_ZERO``
                for MPEG-TS, 0 for fMP4): adds the line HLS wants.

        Raises:
            ConverterFailed: the worker could not read it.
            IndexError: there is no such segment.
        """
        order = self._order("cues", media, index, n, None)
        order["track"] = track
        start, stop = order["piece"]["span"]
        facts, _ = await self._do(order, media.source, 2 * (stop - start) + _SEGMENT_EXTRA_BYTES)
        return render([Cue(**one) for one in facts["cues"]], mpegts=mpegts)

    def _order(
        self, command: str, media: Media, index: Index, n: int, audio: int | None
    ) -> dict[str, Any]:
        piece: Piece = piece_of(index, self.grid(media, index), n, audio, media.source.size_bytes)
        return {"command": command, "key": media.key, "piece": asdict(piece)}

    async def _do(
        self, order: dict[str, Any], source: ByteSource, budget_bytes: int
    ) -> tuple[dict[str, Any], list[bytes]]:
        order["size_bytes"] = source.size_bytes
        async with self._worker(order["key"]) as worker:
            return await worker.do(order, source, budget_bytes)

    @asynccontextmanager
    async def _worker(self, key: str) -> AsyncIterator[_Worker]:
        """A child of one's own while the block runs: one that has the film open, if any is free."""
        async with self._slots:
            if self._closed:
                raise ConverterFailed("the workers are closed")
            worker = self._take_idle(key) or await self._start()
            try:
                yield worker
            finally:
                if worker.is_alive and not self._closed:
                    self._idle.append(worker)
                    worker.rest(self._settings.idle_s, self._retire)
                else:
                    worker.hang_up()

    def _take_idle(self, key: str) -> _Worker | None:
        self._all = {one for one in self._all if not one.is_gone}
        self._idle = [one for one in self._idle if one.is_alive]
        if not self._idle:
            return None
        worker = next((one for one in self._idle if key and key in one.films), self._idle[-1])
        self._idle.remove(worker)
        worker.wake()
        return worker

    async def _start(self) -> _Worker:
        worker = await _Worker.start(self._settings)
        self._all.add(worker)
        return worker

    def _retire(self, worker: _Worker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
        worker.hang_up()


class _Worker:
    """One child and its socket; used by one command at a time."""

    def __init__(
        self,
        child: Child,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        silence_s: float,
    ) -> None:
        self._child = child
        self._reader = reader
        self._writer = writer
        self._silence_s = silence_s
        self._owes_answer = False
        self._hung_up = False
        self._timer: asyncio.TimerHandle | None = None
        self.films: OrderedDict[str, None] = OrderedDict()
        self.force = InForce(
            dies_with_parent=False, network_namespace=False, landlock=0, seccomp=False
        )

    @classmethod
    async def start(cls, settings: WorkersSettings) -> _Worker:
        """Start a child and wait until it sits in its box."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        try:
            with theirs:
                rules = Rules(memory_bytes=settings.memory_bytes, open_files=64, boxed=True)
                arguments = [_paths(), str(theirs.fileno()), str(os.getpid()), rules.to_text()]
                child = await start_python(_START, arguments, pass_fds=[theirs.fileno()])
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_STREAM_BYTES)
        except BaseException:
            ours.close()
            raise
        worker = cls(child, reader, writer, settings.silence_s)
        try:
            _, body = await worker._receive()
            worker.force = InForce(**json.loads(body))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, ValueError) as error:
            await worker.end(grace_s=0.3)
            raise ConverterFailed("the worker did not start", child.tail()) from error
        except BaseException:
            await worker.end()
            raise
        _log.debug("worker %d started, in force: %s", child.pid, worker.force)
        return worker

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether another command can be given."""
        return not self._hung_up and self._child.returncode is None

    @property
    def is_gone(self) -> bool:
        """Whether its process has ended."""
        return self._child.returncode is not None

    async def do(
        self, order: dict[str, Any], source: ByteSource, budget_bytes: int
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Give one command and serve its reads until it answers."""
        try:
            await self._hear_out()
            self._send(Frame.COMMAND, pack_body(order))
            self._owes_answer = True
            if order["key"]:
                self.films[order["key"]] = None
                self.films.move_to_end(order["key"])
                if len(self.films) > 3:
                    self.films.popitem(last=False)
            return await self._serve(source, budget_bytes)
        except asyncio.CancelledError:
            self._refuse()
            raise
        except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            status = await self.end(grace_s=0.3)
            raise ConverterFailed(
                f"the worker ended during {order['command']} (status {status})", self._child.tail()
            ) from error
        except TimeoutError as error:
            await self.end()
            raise ConverterFailed(
                f"the worker hung during {order['command']}", self._child.tail()
            ) from error

    async def _serve(
        self, source: ByteSource, budget_bytes: int
    ) -> tuple[dict[str, Any], list[bytes]]:
        served = 0
        failure: Exception | None = None
        while True:
            kind, body = await self._receive()
            if kind is Frame.DONE:
                self._owes_answer = False
                return unpack_body(body)
            if kind is Frame.FAIL:
                self._owes_answer = False
                if failure is not None:
                    raise failure
                raise ConverterFailed(body.decode("utf-8", "replace"), self._child.tail())
            if kind is not Frame.READ:
                raise ValueError(f"a worker sent {kind.name}")
            start, stop = SPAN.unpack(body)
            if not 0 <= start < stop <= source.size_bytes:
                raise ValueError(f"a worker asked for bytes {start} to {stop}")
            served += stop - start
            if served > budget_bytes:
                failure = ConverterFailed(
                    f"the file made the worker read over {budget_bytes} bytes"
                )
            failure = failure or await self._give(source, start, stop)
            if failure is not None:
                self._refuse()

    async def _give(self, source: ByteSource, start: int, stop: int) -> Exception | None:
        """Pass one span on; what the source raised, if it did."""
        left = stop - start
        try:
            async for piece in source.read(start, stop):
                for at in range(0, len(piece), _PIECE_BYTES):
                    part = piece[at : at + _PIECE_BYTES]
                    left -= len(part)
                    if left < 0:
                        break
                    self._send(Frame.BYTES, part)
                async with asyncio.timeout(self._silence_s):
                    await self._writer.drain()
        except (ConnectionError, TimeoutError):
            if self._child.returncode is not None or self._writer.is_closing():
                raise
            return ConverterFailed("the file's source did not answer in time")
        except Exception as error:  # noqa: BLE001  whatever a source raises goes to the caller
            return error
        if left:
            return ConverterFailed(f"the source gave {-left:+d} bytes of a span")
        return None

    def _refuse(self) -> None:
        """Tell a child that waits for bytes that they will not come."""
        if self._owes_answer:
            with contextlib.suppress(ConnectionError):
                self._send(Frame.ABORT, b"")

    async def _hear_out(self) -> None:
        """Take what an abandoned command still says."""
        while self._owes_answer:
            kind, _ = await self._receive()
            if kind is Frame.READ:
                self._send(Frame.ABORT, b"")
            elif kind in {Frame.DONE, Frame.FAIL}:
                self._owes_answer = False

    async def _receive(self) -> tuple[Frame, bytes]:
        async with asyncio.timeout(self._silence_s):
            head = await self._reader.readexactly(HEAD.size)
            length, kind = HEAD.unpack(head)
            if not 1 <= length <= MOST_BYTES:
                raise ValueError(f"a worker sent a frame of {length} bytes")
            return Frame(kind), await self._reader.readexactly(length - 1)

    def _send(self, kind: Frame, body: bytes | memoryview) -> None:
        self._writer.write(HEAD.pack(len(body) + 1, kind))
        self._writer.write(body)

    def rest(self, idle_s: float, retire: Any) -> None:  # noqa: ANN401  a callback taking this
        """Wait for a next command, for a while."""
        self._timer = asyncio.get_running_loop().call_later(idle_s, retire, self)

    def wake(self) -> None:
        """Stop waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hang_up(self) -> None:
        """Close the socket; the child ends by itself, or dies with its group."""
        self.wake()
        if not self._hung_up:
            self._hung_up = True
            self._writer.close()

    async def end(self, *, grace_s: float = 0.0) -> int:
        """Hang up, kill and await the child; its exit status, its own within ``grace_s``."""
        self.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._child.wait()
        status = await self._child.kill()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._writer.wait_closed()
        return status


def _paths() -> str:
    """Where an isolated child finds this package and PyAV."""
    found = [str(Path(__file__).resolve().parent.parent)]
    for name in ("av", "PIL"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parent.parent))
    return "\n".join(dict.fromkeys(found))
