"""Keeping the library true to its sources: walk, compare, look inside, again after a while.

One watcher per source::

    asked -> SCANNING -> walk, batches into the library -> READY, sleep until asked or due
                      -> host failed, or listed far less -> AWAY (or QUOTA), sleep, try again

The walk lists names only; what is inside is found out by ``prober`` afterwards. A walk that fails
or misses a folder deletes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from gateway.clock import Clock
from gateway.errors import GatewayError, Locked, QuotaSpent, WrongKey
from gateway.library.records import Item, SourceState
from gateway.scan.base import ScanDrive, ScanLibrary, ScanSettings, ScanWorkers
from gateway.scan.prober import Prober
from gateway.scan.round import Progress, Round, RoundTools
from gateway.scan.sidecars import Sidecars
from gateway.tasks import Tasks
from transcode.facts import MediaFacts

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """One source that is watched."""

    task: asyncio.Task[None] | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)
    round: Round | None = None


class Scanner:
    """Scans and probes in the background; owned and closed by ``app``, before the drives."""

    def __init__(
        self,
        drives: Mapping[str, ScanDrive],
        library: ScanLibrary,
        workers: ScanWorkers,
        clock: Clock,
        settings: ScanSettings | None = None,
    ) -> None:
        """``drives`` is live: a source comes with ``request``, and goes when it is gone from it."""
        self._drives = drives
        self._library = library
        self._clock = clock
        self._settings = settings or ScanSettings()
        self.sidecars = Sidecars()
        self._prober = Prober(drives, library, workers, self.sidecars, clock, self._settings)
        self._tools = RoundTools(
            clock, self.sidecars, self._prober.wake, self._settings.batch_items
        )
        self._watches: dict[str, _Watch] = {}
        self._tasks = Tasks("scan")
        self._probing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._probing = self._tasks.start("probes", self._prober.run())
        self._prober.wake()
        for name in self._drives:
            self.request(name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop everything; a walk under way deletes nothing."""
        await self._tasks.close()

    def request(self, name: str) -> None:
        """Scan a source now, or once more when a scan is under way; then from time to time."""
        watch = self._watches.get(name)
        if watch is None or watch.task is None or watch.task.done():
            watch = self._watches[name] = _Watch()
            watch.task = self._tasks.start(f"watch {name}", self._watch(name, watch))
        watch.is_idle.clear()
        watch.asked.set()

    async def forget(self, name: str) -> None:
        """Stop watching a source that is removed or locked; returns when nothing reads it."""
        watch = self._watches.pop(name, None)
        self.sidecars.forget(name)
        if watch is not None and watch.task is not None:
            watch.task.cancel()
            await asyncio.gather(watch.task, return_exceptions=True)
            watch.is_idle.set()

    def progress(self, name: str) -> Progress:
        """How far the walk of a source is."""
        watch = self._watches.get(name)
        return watch.round.progress if watch and watch.round else Progress()

    async def probe_now(self, item: Item) -> MediaFacts:
        """Look into an item for a viewer who waits; see ``Prober.probe_now``."""
        return await self._prober.probe_now(item)

    async def wait_idle(self) -> None:
        """Wait until every asked scan has ended and nothing is left to probe."""
        for watch in list(self._watches.values()):
            await watch.is_idle.wait()
        await self._prober.wait_idle()

    async def _watch(self, name: str, watch: _Watch) -> None:
        pause_s = self._settings.retry_s
        try:
            while (drive := self._drives.get(name)) is not None:
                watch.asked.clear()
                is_good = await self._scan_guarded(name, drive, watch)
                pause_s = self._settings.retry_s if is_good else pause_s
                wait_s = self._settings.rescan_interval_s if is_good else pause_s
                pause_s = min(pause_s * 2, self._settings.rescan_interval_s)
                if not watch.asked.is_set():
                    watch.is_idle.set()
                await _wait(watch.asked, wait_s)
                watch.is_idle.clear()
        finally:
            watch.is_idle.set()

    async def _scan_guarded(self, name: str, drive: ScanDrive, watch: _Watch) -> bool:
        try:
            return await self._scan(name, drive, watch)
        except GatewayError as error:
            # The source was removed from the library while it was walked.
            _log.info("the scan of %s ended early: %s", name, error.message)
            return False

    async def _scan(self, name: str, drive: ScanDrive, watch: _Watch) -> bool:
        """One scan; True when the source answered well. No failure of a host leaves here."""
        await self._library.set_source_state(name, SourceState.SCANNING)
        scan = await self._library.begin_scan(name)
        walking = watch.round = Round(name, scan, self._library, self._tools)
        try:
            is_whole = await walking.run(drive, self._settings.listings_at_once)
        except GatewayError as error:
            if not self._is_open(name, drive):
                return False
            await scan.finish(complete=False)
            _log.warning("source %s could not be scanned: %s", name, error.message)
            await self._set_state(name, drive, _state_after(error), error.message)
            return False
        diff = await scan.finish(complete=is_whole)
        if diff.away and is_whole:
            await self._set_state(name, drive, SourceState.AWAY, diff.reason)
            return False
        await self._set_state(name, drive, SourceState.READY, _remark(walking.progress))
        self._prober.retry()
        return True

    async def _set_state(
        self, name: str, drive: ScanDrive, state: SourceState, reason: str | None
    ) -> None:
        if self._is_open(name, drive):
            await self._library.set_source_state(name, state, reason)

    def _is_open(self, name: str, drive: ScanDrive) -> bool:
        """False once a source was locked or removed while it was walked: it has its state then."""
        return self._drives.get(name) is drive


async def _wait(event: asyncio.Event, most_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await event.wait()


def _remark(progress: Progress) -> str | None:
    """What the owner should know of a walk that went well."""
    parts = []
    if progress.left_out:
        parts.append(f"{progress.left_out} folders could not be listed, nothing was removed")
    if progress.bad_names:
        parts.append(f"{progress.bad_names} names do not decrypt and are left out")
    if progress.bad_sizes:
        parts.append(f"{progress.bad_sizes} files are incomplete and are left out")
    return "; ".join(parts) or None


def _state_after(error: GatewayError) -> SourceState:
    if isinstance(error, QuotaSpent):
        return SourceState.QUOTA
    if isinstance(error, Locked | WrongKey):
        return SourceState.LOCKED
    return SourceState.AWAY
