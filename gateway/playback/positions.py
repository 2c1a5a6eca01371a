"""Where each viewer stands: one rule for DLNA reads, the page and the phone."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.library.library import Library
from gateway.library.records import Position

_WATCHED_PART = 0.93
_TOO_EARLY_S = 10.0


class Positions:
    """Writes and reads positions; a film seen to its closing titles counts as watched."""

    def __init__(self, library: Library, clock: Clock) -> None:
        self._library = library
        self._clock = clock

    async def report(
        self, item_id: int, profile: str, position_s: float, duration_s: float | None
    ) -> None:
        """Note that a viewer stands at ``position_s``.

        The first ten seconds are no position; the last 7 % mark the item as watched and start
        it anew next time.
        """
        known = await self._library.position(item_id, profile)
        watched = known is not None and known.watched
        place_s = max(0.0, position_s)
        if duration_s and place_s >= duration_s * _WATCHED_PART:
            watched, place_s = True, 0.0
        elif place_s < _TOO_EARLY_S:
            place_s = 0.0
        now_s = self._clock.wall_s()
        await self._library.save_position(
            Position(item_id, profile, place_s, duration_s, watched, now_s)
        )

    async def where(self, item_id: int, profile: str) -> Position | None:
        """Last known position, None when never started."""
        return await self._library.position(item_id, profile)
