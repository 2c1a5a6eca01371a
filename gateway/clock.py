"""The clock the rooms take instead of the global one, so that tests can move it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: ``wall_s`` for people and files, ``monotonic_s`` for durations."""

    def wall_s(self) -> float:
        """Seconds since 1970, may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some start, never backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def wall_s(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds since boot."""
        return time.monotonic()
