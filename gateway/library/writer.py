"""The one thread that writes: jobs from the loop, many of them in one transaction.

What is committed survives a killed process at once. Against a power cut the log is brought to the
disk at each job that asks for it, and at the latest ``SYNC_WITHIN_S`` after any other.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw

from gateway.errors import GatewayError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

SYNC_WITHIN_S = 4.0
"""Source: needs.md 25, at most 5 s of positions may be lost."""
_JOBS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[apsw.Connection], Any]
    is_durable: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    def settle(self, result: object, failure: BaseException | None) -> None:
        self.loop.call_soon_threadsafe(self._settle, result, failure)

    def _settle(self, result: object, failure: BaseException | None) -> None:
        if self.future.done():
            return
        if failure is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(failure)


class Writer:
    """Owns the writing connection and its thread; ``undone`` hears of every rollback."""

    def __init__(self, connection: apsw.Connection, undone: Callable[[], None]) -> None:
        self._connection = connection
        self._undone = undone
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._unsynced_since_s: float | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="library-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[apsw.Connection], _T], *, is_durable: bool = False) -> _T:
        """Do ``work`` in a transaction; committed when it returns, on disk if ``is_durable``.

        A cancelled caller does not undo its work.
        """
        if self._is_closed:
            raise GatewayError("the library is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._jobs.put(_Job(work, is_durable, loop, future))
        return await future

    async def rest(self) -> None:
        """Give back the memory that a burst of writing took."""
        await self.run(lambda connection: connection.pragma("shrink_memory"))

    async def close(self) -> None:
        """Finish what is queued, sync, close the connection."""
        if not self._is_closed:
            self._is_closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        is_open = True
        while is_open:
            jobs: list[_Job] = []
            try:
                first = self._jobs.get(timeout=self._sync_due_s())
                is_open = self._collect(first, jobs)
            except queue.Empty:
                self._sync()
                continue
            if jobs:
                self._commit(jobs)
        self._sync()
        self._connection.close()

    def _collect(self, job: _Job | None, jobs: list[_Job]) -> bool:
        while job is not None:
            jobs.append(job)
            if len(jobs) == _JOBS_AT_ONCE:
                return True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return True
        return False

    def _commit(self, jobs: list[_Job]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        overdue = self._sync_due_s() == 0.0
        is_durable = overdue or any(one.is_durable for one in jobs)
        try:
            self._connection.pragma("synchronous", "full" if is_durable else "normal")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for job in jobs:
                    outcomes.append(self._attempt(job))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except Exception as failure:  # noqa: BLE001 - every waiting caller must hear of it
            self._undone()
            for job in jobs:
                job.settle(None, _ours(failure))
            return
        if is_durable:
            self._unsynced_since_s = None
        elif self._unsynced_since_s is None:
            self._unsynced_since_s = time.monotonic()
        for job, result, fault in outcomes:
            job.settle(result, fault)

    def _attempt(self, job: _Job) -> tuple[_Job, Any, BaseException | None]:
        self._connection.execute("SAVEPOINT job")
        try:
            result = job.work(self._connection)
        except Exception as failure:  # noqa: BLE001 - it is the caller's
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            self._undone()
            return job, None, _ours(failure)
        self._connection.execute("RELEASE job")
        return job, result, None

    def _sync_due_s(self) -> float | None:
        if self._unsynced_since_s is None:
            return None
        return max(0.0, self._unsynced_since_s + SYNC_WITHIN_S - time.monotonic())

    def _sync(self) -> None:
        if self._unsynced_since_s is None:
            return
        self._unsynced_since_s = None
        try:
            # Syncs the log before it copies anything.
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            _log.exception("the library's log could not be brought to the disk")


def _ours(failure: Exception) -> Exception:
    if isinstance(failure, apsw.FullError):
        return _caused(GatewayError("the disk of the data folder is full"), failure)
    if isinstance(failure, apsw.Error):
        return _caused(GatewayError(f"the library could not be written: {failure}"), failure)
    return failure


def _caused(error: GatewayError, cause: Exception) -> GatewayError:
    error.__cause__ = cause
    return error
