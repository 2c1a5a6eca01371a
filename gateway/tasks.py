"""Owners of background tasks: every task is named, awaited, and its failure is logged.

Never lets a task outlive its owner: leaving the ``async with`` cancels and awaits all of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Tasks:
    """The tasks of one long-lived part; that part owns it and closes it last."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, name: str, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Start ``work`` in the background under ``owner/name``.

        A failure is logged as an error and stays in the returned task for whoever awaits it.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._owner} is closed, {name} cannot start")
        task = asyncio.create_task(work, name=f"{self._owner}/{name}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("task %s failed", task.get_name(), exc_info=failure)

    async def close(self) -> None:
        """Cancel all and wait until each has ended; a second call does nothing."""
        self._closed = True
        while running := [task for task in self._running if task is not asyncio.current_task()]:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
