"""A host that tries again: temporary errors only, waiting longer each time, never for ever.

A body cut in the middle goes on at the first byte that is missing; who reads does not notice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from gateway.errors import HostDown, HostError
from gateway.hosts.base import Entries, Host, Stored
from gateway.spans import Span

_T = TypeVar("_T")
_PROGRESS_BYTES = 64 << 10
"""A read that brought this much starts counting its failures anew: a line that drops each minute
plays on, a host that cuts every body after a few bytes is given up."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long.

    Attributes:
        tries: requests in a row without progress before the error is passed on.
        first_s: longest wait before the second try; doubles with each further one.
        most_s: no wait is longer; a host that asks for more is believed and given up.
        patience_s: a read that brought nothing for so long is not tried again: each silence may
            last as long as ``outbound`` allows, and a viewer waits for all of them together.
    """

    tries: int = 5
    first_s: float = 0.25
    most_s: float = 8.0
    patience_s: float = 15.0


class RetryHost:
    """Wraps a host; ``sleep``, ``chance`` (0 to 1) and ``now`` are for tests."""

    def __init__(
        self,
        host: Host,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._chance = chance
        self._now = now

    @property
    def label(self) -> str:
        """The wrapped host's."""
        return self._host.label

    async def list(self, folder: str) -> Entries:
        """The wrapped host's list, tried again."""
        return await self._persist(lambda: self._host.list(folder))

    async def stat(self, path: str) -> Stored:
        """The wrapped host's stat, tried again."""
        return await self._persist(lambda: self._host.stat(path))

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """Exactly the span, resumed at the right byte after each temporary error."""
        at = span.start
        proven = at
        failures = 0
        heard_s = self._now()
        while at < span.stop:
            try:
                async with aclosing(self._host.read(item, Span(at, span.stop))) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
                        heard_s = self._now()  # a reader that pauses is no silence of the host
                if at < span.stop:
                    raise HostDown(f"{self.label} sent {span.stop - at} bytes too few")
            except HostError as error:
                if at - proven >= _PROGRESS_BYTES:
                    failures = 0
                proven = at
                failures += 1
                if self._now() - heard_s > self._policy.patience_s:
                    raise
                await self._wait_or_give_up(error, failures)

    async def close(self) -> None:
        """Close the wrapped host."""
        await self._host.close()

    async def _persist(self, act: Callable[[], Awaitable[_T]]) -> _T:
        failures = 0
        while True:
            try:
                return await act()
            except HostError as error:
                failures += 1
                await self._wait_or_give_up(error, failures)

    async def _wait_or_give_up(self, error: HostError, failures: int) -> None:
        policy = self._policy
        asked_s = error.retry_after_s or 0.0
        if not error.temporary or failures >= policy.tries or asked_s > policy.most_s:
            raise error
        longest_s = min(policy.first_s * 2.0 ** (failures - 1), policy.most_s)
        # Half fixed, half by chance: readers that failed together do not come back together.
        await self._sleep(max(asked_s, longest_s * (0.5 + self._chance() / 2)))
