"""Reading connections: one for the loop's short reads, one per thread for long ones."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import apsw

from gateway.errors import GatewayError
from gateway.library.copies import Store
from gateway.library.sealed import DAMAGE

_T = TypeVar("_T")
_LOOP_CACHE_KIB = 8192
_THREAD_CACHE_KIB = 2048
_THREADS = 2


class Readers:
    """Owns every reading connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop_connection = store.open_reader(_LOOP_CACHE_KIB)
        self._threads = ThreadPoolExecutor(_THREADS, "library-reader")
        self._local = threading.local()
        self._opened: list[apsw.Connection] = []

    def short(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """A read of well below a millisecond, in the calling (loop's) thread."""
        return self._guarded(work, self._loop_connection)

    async def long(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Any other read, in a thread with its own connection."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self._guarded(work, self._of_thread())
        )

    async def close(self) -> None:
        """Wait for running reads and close everything."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in (*self._opened, self._loop_connection):
            with contextlib.suppress(apsw.Error):
                connection.close()

    def _of_thread(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._store.open_reader(_THREAD_CACHE_KIB)
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _guarded(self, work: Callable[[apsw.Connection], _T], connection: apsw.Connection) -> _T:
        try:
            return work(connection)
        except DAMAGE as failure:
            self._store.found_damaged()
            raise GatewayError("the library is damaged; restart to use its last copy") from failure
        except apsw.Error as failure:
            raise GatewayError(f"the library could not be read: {failure}") from failure
