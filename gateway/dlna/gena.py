"""Subscriptions and their events: who is told what, when, and never more often than is good.

=========  ==================================================================================
new        the answer goes out first, then the initial event (key 0, all variables)
waiting    a change arrives: changes are collected for ``COLLECT_S``, then sent as one event
lost       a delivery fails: its container updates join the next event, the lease goes on
over       the lease ends, UNSUBSCRIBE, or the same callback subscribes anew
=========  ==================================================================================

Each subscription has a task of its own, so that a dead player holds up nobody.
Source: UPnP Device Architecture 1.0, section 4; ContentDirectory:1, section 2.3 (2 s); dlna.md 7.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from gateway.clock import Clock
from gateway.errors import HostError
from gateway.outbound import Outbound
from gateway.tasks import Tasks
from gateway.upnp import gena

_log = logging.getLogger(__name__)

COLLECT_S = 2.0
DELIVERY_S = 5.0
MAX_SUBSCRIPTIONS = 64
MAX_PER_ADDRESS = 8
_FIRST_TRIES = 3
_TRY_AGAIN_S = 1.0

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[None]]
"""Sends one NOTIFY to a callback; raises HostError or TimeoutError when it did not arrive."""


def deliver_through(outbound: Outbound) -> Deliver:
    """Deliveries by the gateway's one client session, without following redirects."""

    async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> None:
        async with (
            asyncio.timeout(DELIVERY_S),
            outbound.request(
                "NOTIFY", url, purpose="event", headers=headers, data=body, follow=False
            ),
        ):
            pass

    return deliver


@dataclass(slots=True)
class Subscription:
    """One subscriber of one service; changed by its owner ``Subscriptions`` only."""

    sid: str
    service: str
    callback: str
    peer: str
    device: str
    expires_s: float
    key: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    containers: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    life: asyncio.Task[None] | None = None


class Subscriptions:
    """All subscriptions of the gateway; an async context that owns their tasks."""

    def __init__(self, deliver: Deliver, clock: Clock, *, collect_s: float = COLLECT_S) -> None:
        self._deliver = deliver
        self._clock = clock
        self._collect_s = collect_s
        self._tasks = Tasks("events")
        self._by_sid: dict[str, Subscription] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def add(self, service: str, callback: str, peer: str, device: str) -> Subscription:
        """A new subscription; nothing is sent before ``begin``.

        Raises:
            BadSubscription: 503, as many subscribe as we serve.
        """
        self._sweep()
        for old in tuple(self._by_sid.values()):
            if (old.service, old.callback) == (service, callback):
                self._end(old)
        at_peer = sum(one.peer == peer for one in self._by_sid.values())
        if len(self._by_sid) >= MAX_SUBSCRIPTIONS or at_peer >= MAX_PER_ADDRESS:
            raise gena.BadSubscription("as many subscriptions as this gateway serves", status=503)
        subscription = Subscription(
            sid=f"uuid:{uuid.uuid4()}",
            service=service,
            callback=callback,
            peer=peer,
            device=device,
            expires_s=self._clock.monotonic_s() + gena.LEASE_S,
        )
        self._by_sid[subscription.sid] = subscription
        return subscription

    def begin(self, subscription: Subscription, variables: Mapping[str, str]) -> None:
        """Send the initial event; call it once the answer to SUBSCRIBE went out."""
        if subscription.sid in self._by_sid and subscription.life is None:
            name = f"{subscription.service} to {subscription.peer}"
            work = self._live(subscription, dict(variables))
            subscription.life = self._tasks.start(name, work)

    def renew(self, service: str, sid: str, peer: str) -> Subscription:
        """Another lease.

        Raises:
            BadSubscription: 412, no such subscription (or not this peer's).
        """
        subscription = self._get(service, sid, peer)
        subscription.expires_s = self._clock.monotonic_s() + gena.LEASE_S
        return subscription

    def remove(self, service: str, sid: str, peer: str) -> None:
        """End a subscription at its holder's wish.

        Raises:
            BadSubscription: 412, no such subscription (or not this peer's).
        """
        self._end(self._get(service, sid, peer))

    def change(
        self,
        service: str,
        variables: Mapping[str, str],
        containers: Mapping[str, int],
        *,
        concerns: Callable[[str], bool],
    ) -> None:
        """Tell subscribers of a service; ``concerns`` chooses by device id."""
        self._sweep()
        for subscription in self._by_sid.values():
            if subscription.service == service and concerns(subscription.device):
                subscription.variables.update(variables)
                subscription.containers.update(containers)
                subscription.changed.set()

    async def _live(self, subscription: Subscription, first: dict[str, str]) -> None:
        for attempt in range(_FIRST_TRIES):
            if await self._send(subscription, first):
                break
            await asyncio.sleep(_TRY_AGAIN_S * (attempt + 1))
        subscription.key = 1
        while True:
            await subscription.changed.wait()
            await asyncio.sleep(self._collect_s)
            subscription.changed.clear()
            variables, containers = subscription.variables, subscription.containers
            subscription.variables, subscription.containers = {}, {}
            if containers:
                variables["ContainerUpdateIDs"] = gena.container_updates(containers)
            if not await self._send(subscription, variables):
                subscription.containers = containers | subscription.containers
            subscription.key = gena.next_key(subscription.key)

    async def _send(self, subscription: Subscription, variables: Mapping[str, str]) -> bool:
        headers = gena.notify_headers(subscription.sid, subscription.key)
        try:
            await self._deliver(subscription.callback, headers, gena.render_properties(variables))
        except (HostError, TimeoutError) as fault:
            _log.debug("an event did not reach %s: %s", subscription.peer, fault)
            return False
        return True

    def _get(self, service: str, sid: str, peer: str) -> Subscription:
        self._sweep()
        subscription = self._by_sid.get(sid)
        if subscription is None or (subscription.service, subscription.peer) != (service, peer):
            raise gena.BadSubscription("no such subscription", status=412)
        return subscription

    def _sweep(self) -> None:
        now = self._clock.monotonic_s()
        for one in [one for one in self._by_sid.values() if one.expires_s <= now]:
            self._end(one)

    def _end(self, subscription: Subscription) -> None:
        del self._by_sid[subscription.sid]
        if subscription.life is not None:
            subscription.life.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.close()
        self._by_sid.clear()
