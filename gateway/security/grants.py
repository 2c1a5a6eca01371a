"""Living tokens: what stands in the path of every media, picture and playlist address.

A grant binds a token to a device, a purpose and the device's address. It lives as long as it is
used plus a pause (12 h), so a film paused overnight goes on; revoking a device ends its grants and
cuts the streams that run on them. Tokens are kept hashed: the store alone opens nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Self

from gateway.clock import Clock
from gateway.errors import BadToken, Expired
from gateway.security.keep import Keep, WriteBehind

PAUSE_S = 12 * 3600.0
"""How long an unused token stays good. Source: needs.md, point 15."""

_SAVE_STEP_S = 600.0
_TOKEN_BYTES = 24
_KIND = "grants"


class Purpose(StrEnum):
    """What a token opens.

    ``PAGE`` and ``DLNA``: media, pictures, subtitles, playlists and streams of library items;
    ``FILES``: stored files by source and path (owners only).
    """

    PAGE = "page"
    DLNA = "dlna"
    FILES = "files"


PLAYBACK = (Purpose.PAGE, Purpose.DLNA)
"""The purposes that may fetch a library item."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One token's meaning; ``expires_s`` is wall time."""

    device: str
    purpose: Purpose
    address: str
    expires_s: float


class Grants:
    """All grants of the gateway; an async context that loads and saves them.

    ``issue`` and ``check`` never wait: they run on every request.
    """

    def __init__(self, keep: Keep, clock: Clock) -> None:
        self._clock = clock
        self._store = WriteBehind(keep, _KIND)
        self._by_hash: dict[str, Grant] = {}
        self._saved_s: dict[str, float] = {}
        self._clear: dict[tuple[str, Purpose, str], str] = {}
        self._running: dict[str, set[Callable[[], None]]] = {}

    def issue(self, device_id: str, purpose: Purpose, address: str) -> str:
        """A token for a device at an address; the same one while it lives.

        The caller has made sure that the device is let in.
        """
        now = self._clock.wall_s()
        whose = (device_id, purpose, address)
        token = self._clear.get(whose)
        if token is not None:
            key = _hash(token)
            grant = self._by_hash.get(key)
            if grant is not None and grant.expires_s > now:
                self._slide(key, grant, now)
                return token
        self._sweep(now)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._clear[whose] = token
        self._put(_hash(token), Grant(device_id, purpose, address, now + PAUSE_S), now)
        return token

    def check(self, token: str, purposes: tuple[Purpose, ...], address: str) -> Grant:
        """The grant behind a token; using it lets it live on.

        Raises:
            BadToken: unknown, or of another address or purpose.
            Expired: unused for longer than the pause.
        """
        key = _hash(token)
        grant = self._by_hash.get(key)
        if grant is None or grant.address != address or grant.purpose not in purposes:
            raise BadToken("this address was not made for this device; open the list again")
        now = self._clock.wall_s()
        if grant.expires_s <= now:
            self._forget(key)
            raise Expired("this address was not used for too long; open the list again")
        self._slide(key, grant, now)
        return grant

    @contextmanager
    def running(self, grant: Grant, cut: Callable[[], None]) -> Iterator[None]:
        """While the block runs, revoking the grant's device calls ``cut``."""
        cuts = self._running.setdefault(grant.device, set())
        cuts.add(cut)
        try:
            yield
        finally:
            cuts.discard(cut)
            if not cuts and self._running.get(grant.device) is cuts:
                del self._running[grant.device]

    def running_devices(self) -> dict[str, int]:
        """How many streams run, by device."""
        return {device: len(cuts) for device, cuts in self._running.items()}

    def revoke(self, device_id: str) -> None:
        """End a device's grants and cut its running streams, at once."""
        for key in [key for key, grant in self._by_hash.items() if grant.device == device_id]:
            self._forget(key)
        for cut in tuple(self._running.get(device_id, ())):
            cut()

    def keep_only(self, device_ids: frozenset[str]) -> None:
        """End the grants of every other device (after a load: of those no longer let in)."""
        for device in {grant.device for grant in self._by_hash.values()} - device_ids:
            self.revoke(device)

    async def flush(self) -> None:
        """Write what is waiting; on disk when it returns."""
        await self._store.flush()

    def _put(self, key: str, grant: Grant, now: float) -> None:
        self._by_hash[key] = grant
        self._saved_s[key] = now
        value = [grant.device, grant.purpose.value, grant.address, round(grant.expires_s)]
        self._store.put(key, json.dumps(value))

    def _slide(self, key: str, grant: Grant, now: float) -> None:
        slid = replace(grant, expires_s=now + PAUSE_S)
        if now - self._saved_s.get(key, 0.0) >= _SAVE_STEP_S:
            self._put(key, slid, now)
        else:
            self._by_hash[key] = slid

    def _forget(self, key: str) -> None:
        grant = self._by_hash.pop(key)
        self._saved_s.pop(key, None)
        whose = (grant.device, grant.purpose, grant.address)
        if (token := self._clear.get(whose)) is not None and _hash(token) == key:
            del self._clear[whose]
        self._store.drop(key)

    def _sweep(self, now: float) -> None:
        for key in [key for key, grant in self._by_hash.items() if grant.expires_s <= now]:
            self._forget(key)

    async def __aenter__(self) -> Self:
        for key, text in (await self._store.load()).items():
            device, purpose, address, expires_s = json.loads(text)
            self._by_hash[key] = Grant(device, Purpose(purpose), address, float(expires_s))
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._store.__aexit__(kind, error, trace)


def _hash(token: str) -> str:
    # The tokens are random: one round hides them in the store, and a look-up by hash leaks no
    # prefix through its timing.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
