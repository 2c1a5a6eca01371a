"""A clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """Both readings move together."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def move(self, seconds: float) -> None:
        self.now_s += seconds
