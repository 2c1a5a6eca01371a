"""Six digits that join a phone to a TV: short-lived, used once, few tries.

Source: tv_browsers.md 8.1: 120 s, one use, bound to its TV, five wrong tries per code, twenty an
hour and address.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import BadToken, Busy

CODE_LIFE_S = 120.0
TRIES_PER_CODE = 5
TRIES_PER_HOUR = 20
_HOUR_S = 3600.0
_ADDRESSES_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class PairingCode:
    """What a TV shows."""

    digits: str
    target: str
    expires_s: float


class PairingCodes:
    """The codes that are good now, at most one per TV; ``expires_s`` is monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[str, PairingCode] = {}
        self._wrong: dict[str, int] = {}
        self._tries: dict[str, deque[float]] = {}

    def offer(self, target: str) -> PairingCode:
        """The code of a TV: the one it shows, or a new one when that is used up or over.

        A code in its last third is replaced, so that whoever reads it has time to type.
        """
        now = self._clock.monotonic_s()
        known = self._codes.get(target)
        if known is not None and known.expires_s - now > CODE_LIFE_S / 3:
            return known
        self._drop_dead(now)
        shown = {code.digits for code in self._codes.values()}
        digits = f"{secrets.randbelow(1_000_000):06d}"
        while digits in shown:
            digits = f"{secrets.randbelow(1_000_000):06d}"
        code = PairingCode(digits, target, now + CODE_LIFE_S)
        self._codes[target] = code
        self._wrong[target] = 0
        return code

    def redeem(self, digits: str, address: str) -> str:
        """The TV a code belongs to; the code is used up.

        Raises:
            Busy: too many tries from this address; ``retry_after_s`` says when to come again.
            BadToken: no TV shows this code (any more).
        """
        now = self._clock.monotonic_s()
        self._count_try(address, now)
        self._drop_dead(now)
        given = digits.encode("utf-8", "replace")
        found = None
        for code in self._codes.values():
            if hmac.compare_digest(code.digits.encode(), given):
                found = code
        if found is not None:
            del self._codes[found.target]
            return found.target
        for target in list(self._codes):
            self._wrong[target] += 1
            if self._wrong[target] >= TRIES_PER_CODE:
                del self._codes[target]
        raise BadToken("no TV shows this code now; read it again from the screen")

    def _count_try(self, address: str, now: float) -> None:
        tries = self._tries.setdefault(address, deque())
        while tries and now - tries[0] >= _HOUR_S:
            tries.popleft()
        if len(tries) >= TRIES_PER_HOUR:
            raise Busy(
                "too many codes were tried from this phone",
                retry_after_s=_HOUR_S - (now - tries[0]),
            )
        tries.append(now)
        while len(self._tries) > _ADDRESSES_REMEMBERED:
            del self._tries[next(iter(self._tries))]

    def _drop_dead(self, now: float) -> None:
        for target in [one.target for one in self._codes.values() if one.expires_s <= now]:
            del self._codes[target]
