import asyncio
from collections.abc import Mapping

import pytest
from defusedxml import ElementTree

from gateway.dlna.gena import MAX_PER_ADDRESS, MAX_SUBSCRIPTIONS, Subscriptions
from gateway.dlna.ssdp_server import RateLimit, answer_delay_s
from gateway.errors import HostDown
from gateway.upnp.gena import LEASE_S, BadSubscription
from tests.fakes.clock import FakeClock

PEER = "10.0.0.9"
CALLBACK = f"http://{PEER}:5000/events"


class Mailbox:
    """Takes events as a player would; ``broken`` makes deliveries fail."""

    def __init__(self) -> None:
        self.got: list[tuple[str, int, dict[str, str]]] = []
        self.broken = False
        self.arrived = asyncio.Event()

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        if self.broken:
            self.arrived.set()
            raise HostDown("the player sleeps")
        root = ElementTree.fromstring(body)
        values = {one[0].tag: one[0].text or "" for one in root}
        self.got.append((url, int(headers["SEQ"]), values))
        self.arrived.set()

    async def next(self) -> None:
        async with asyncio.timeout(5):
            await self.arrived.wait()
        self.arrived.clear()


def tell(subscriptions: Subscriptions, update: int, *containers: str) -> None:
    subscriptions.change(
        "content",
        {"SystemUpdateID": str(update)},
        dict.fromkeys(containers, update),
        concerns=lambda device: device == "d1",
    )


async def test_the_initial_event_waits_for_the_answer_and_changes_join() -> None:
    box = Mailbox()
    async with Subscriptions(box.deliver, FakeClock(), collect_s=0) as subscriptions:
        subscription = subscriptions.add("content", CALLBACK, PEER, "d1")
        other = subscriptions.add("content", CALLBACK + "/2", PEER, "d2")
        assert box.got == []
        subscriptions.begin(subscription, {"SystemUpdateID": "1", "ContainerUpdateIDs": ""})
        await box.next()
        assert box.got == [(CALLBACK, 0, {"SystemUpdateID": "1", "ContainerUpdateIDs": ""})]
        tell(subscriptions, 2, "films")
        tell(subscriptions, 3, "films", "0")
        await box.next()
        assert box.got[1:] == [
            (CALLBACK, 1, {"SystemUpdateID": "3", "ContainerUpdateIDs": "films,3,0,3"})
        ]
        assert not other.changed.is_set()


async def test_a_lost_event_joins_the_next_and_the_lease_goes_on() -> None:
    box = Mailbox()
    async with Subscriptions(box.deliver, FakeClock(), collect_s=0) as subscriptions:
        subscription = subscriptions.add("content", CALLBACK, PEER, "d1")
        subscriptions.begin(subscription, {})
        await box.next()
        box.broken = True
        tell(subscriptions, 2, "films")
        await box.next()
        box.broken = False
        tell(subscriptions, 3, "music")
        await box.next()
        assert box.got[1:] == [
            (CALLBACK, 2, {"SystemUpdateID": "3", "ContainerUpdateIDs": "films,2,music,3"})
        ]


async def test_leases_end_and_are_renewed_by_their_holder_alone() -> None:
    clock = FakeClock()
    async with Subscriptions(Mailbox().deliver, clock) as subscriptions:
        sid = subscriptions.add("content", CALLBACK, PEER, "d1").sid
        clock.move(LEASE_S - 1)
        assert subscriptions.renew("content", sid, PEER).sid == sid
        clock.move(LEASE_S - 1)
        for service, holder in (("content", "10.0.0.8"), ("connection", PEER)):
            with pytest.raises(BadSubscription) as refused:
                subscriptions.renew(service, sid, holder)
            assert refused.value.status == 412
        clock.move(2)
        with pytest.raises(BadSubscription):
            subscriptions.renew("content", sid, PEER)
        assert len(subscriptions) == 0


async def test_unsubscribing_ends_it_and_the_same_callback_replaces() -> None:
    async with Subscriptions(Mailbox().deliver, FakeClock()) as subscriptions:
        first = subscriptions.add("content", CALLBACK, PEER, "d1")
        second = subscriptions.add("content", CALLBACK, PEER, "d1")
        assert (len(subscriptions), first.sid != second.sid) == (1, True)
        with pytest.raises(BadSubscription):
            subscriptions.remove("content", first.sid, PEER)
        subscriptions.remove("content", second.sid, PEER)
        assert len(subscriptions) == 0


async def test_subscriptions_are_bounded_by_address_and_in_all() -> None:
    async with Subscriptions(Mailbox().deliver, FakeClock()) as subscriptions:
        for number in range(MAX_SUBSCRIPTIONS):
            peer = f"10.0.0.{number // MAX_PER_ADDRESS}"
            subscriptions.add("content", f"http://{peer}:5000/{number}", peer, "d1")
            if number == MAX_PER_ADDRESS - 1:
                with pytest.raises(BadSubscription) as refused:
                    subscriptions.add("content", f"http://{peer}:5000/x", peer, "d1")
                assert refused.value.status == 503
        with pytest.raises(BadSubscription):
            subscriptions.add("content", CALLBACK, "10.0.0.99", "d1")


def test_searches_of_one_source_are_limited() -> None:
    clock = FakeClock()
    limit = RateLimit(clock, per_s=10)
    assert [limit.allows("10.0.0.1") for _ in range(12)] == [True] * 10 + [False] * 2
    assert limit.allows("10.0.0.2")
    clock.move(1.0)
    assert limit.allows("10.0.0.1")


def test_a_flood_of_sources_is_bounded() -> None:
    clock = FakeClock()
    limit = RateLimit(clock)
    allowed = sum(limit.allows(f"10.0.{one // 256}.{one % 256}") for one in range(1000))
    assert allowed == 256
    clock.move(1.0)
    assert limit.allows("10.9.9.9")


@pytest.mark.parametrize(("wait_s", "latest_s"), [(0, 0.0), (1, 0.5), (2, 1.0), (5, 1.0)])
def test_answers_come_early_in_the_wait(wait_s: int, latest_s: float) -> None:
    delays = [answer_delay_s(wait_s) for _ in range(200)]
    assert max(delays) <= latest_s
    assert min(delays) >= (0.1 if wait_s else 0.0)
