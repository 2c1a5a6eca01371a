"""Devices, grants, codes and the owner link: who gets in, for how long, and who is thrown out."""

from __future__ import annotations

import asyncio
import json
import stat
from contextlib import AsyncExitStack

import pytest

from gateway.bus import Bus
from gateway.errors import BadToken, Busy, Expired, HostDown, NotFound
from gateway.security import pairing
from gateway.security.devices import WAITING_LIMIT, DeviceKind, Devices, DeviceState, Role
from gateway.security.grants import PAUSE_S, PLAYBACK, Grants, Purpose
from gateway.security.keep import WriteBehind
from gateway.security.owner import (
    LINK_LIFE_S,
    OwnerLink,
    read_running,
    remove_running,
    write_running,
)
from gateway.security.pairing import PairingCodes
from tests.fakes.clock import FakeClock
from tests.fakes.keep import MemoryKeep

TV = "192.168.1.51"


class House:
    """Devices and grants over one store; entered anew it is a restart."""

    def __init__(self, keep: MemoryKeep, clock: FakeClock, *, is_open: bool = False) -> None:
        self.keep, self.clock, self.bus = keep, clock, Bus()
        self.grants = Grants(keep, clock)
        self.devices = Devices(keep, clock, self.bus, self.grants, is_open=is_open)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> House:
        await self._stack.enter_async_context(self.grants)
        await self._stack.enter_async_context(self.devices)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def house(clock: FakeClock):
    async with House(MemoryKeep(), clock) as made:
        yield made


async def test_a_strange_player_waits_and_is_the_same_device_next_time(house: House) -> None:
    first = house.devices.see(DeviceKind.PLAYER, TV, "LG")
    again = house.devices.see(DeviceKind.PLAYER, TV, "LG")
    assert first.state is DeviceState.WAITING
    assert not first.is_admitted
    assert again.id == first.id
    assert house.devices.see(DeviceKind.PLAYER, "192.168.1.52", "LG").id != first.id


async def test_approval_revocation_and_forgetting_are_told_on_the_bus(house: House) -> None:
    device = house.devices.see(DeviceKind.PLAYER, TV, "LG")
    with house.bus.listen() as events:
        assert (await house.devices.approve(device.id)).is_admitted
        assert not (await house.devices.revoke(device.id)).is_admitted
        await house.devices.forget(device.id)
        states = [(await events.get()).state for _ in range(4)]
    assert states == ["approved", "revoked", "revoked", "forgotten"]
    with pytest.raises(NotFound):
        house.devices.get(device.id)


async def test_a_browser_is_known_by_its_secret_alone(house: House) -> None:
    device, secret = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    assert house.devices.recognise(secret, TV).id == device.id
    assert house.devices.recognise(secret, "192.168.1.99").id == device.id
    assert house.devices.recognise(secret + "x", TV) is None
    assert secret not in json.dumps(house.keep.kinds)


async def test_a_browser_that_keeps_no_cookie_fills_no_list(house: House) -> None:
    first, old = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    second, new = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    assert first.id == second.id
    assert house.devices.recognise(old, TV) is None
    assert house.devices.recognise(new, TV).id == first.id


async def test_an_approved_browser_does_not_lend_its_place_to_a_stranger(house: House) -> None:
    first, _ = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    await house.devices.approve(first.id)
    second, _ = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    assert second.id != first.id
    assert not second.is_admitted


async def test_the_lobby_is_bounded_and_its_numbers_differ(house: House) -> None:
    for number in range(WAITING_LIMIT + 20):
        house.clock.move(1)
        house.devices.see(DeviceKind.PLAYER, f"10.0.0.{number}", "flood")
    waiting = house.devices.list()
    assert len(waiting) == WAITING_LIMIT
    assert len({one.number for one in waiting}) == WAITING_LIMIT
    assert all(len(one.number) == 2 for one in waiting)


async def test_devices_and_grants_survive_a_restart(clock: FakeClock) -> None:
    keep = MemoryKeep()
    async with House(keep, clock) as house:
        device, secret = await house.devices.admit(DeviceKind.PHONE, TV, "Phone", Role.OWNER)
        token = house.grants.issue(device.id, Purpose.PAGE, TV)
    assert token not in json.dumps(keep.kinds)
    async with House(keep, clock) as house:
        assert house.devices.recognise(secret, TV).is_owner
        assert house.devices.has_owner
        assert house.grants.check(token, PLAYBACK, TV).device == device.id


async def test_open_house_admits_all_but_the_revoked_and_a_closed_one_forgets_that(
    clock: FakeClock,
) -> None:
    keep = MemoryKeep()
    async with House(keep, clock, is_open=True) as house:
        device = house.devices.see(DeviceKind.PLAYER, TV, "LG")
        bad = house.devices.see(DeviceKind.PLAYER, "10.0.0.9", "Bad")
        assert device.is_admitted
        assert device.role is Role.VIEWER
        await house.devices.revoke(bad.id)
        assert not house.devices.see(DeviceKind.PLAYER, "10.0.0.9", "Bad").is_admitted
        token = house.grants.issue(device.id, Purpose.DLNA, TV)
    async with House(keep, clock) as house:
        assert not house.devices.get(device.id).is_admitted
        with pytest.raises(BadToken):
            house.grants.check(token, PLAYBACK, TV)


async def test_a_remote_goes_with_its_tv(house: House) -> None:
    tv, _ = house.devices.enrol(DeviceKind.TV, TV, "LG TV")
    await house.devices.approve(tv.id)
    phone, _ = await house.devices.admit(
        DeviceKind.PHONE, "10.0.0.3", "Phone", Role.REMOTE, target=tv.id
    )
    await house.devices.revoke(tv.id)
    assert house.devices.get(phone.id).state is DeviceState.REVOKED


async def test_a_token_is_bound_to_address_and_purpose(house: House) -> None:
    token = house.grants.issue("d1", Purpose.DLNA, TV)
    assert house.grants.issue("d1", Purpose.DLNA, TV) == token
    assert house.grants.issue("d1", Purpose.PAGE, TV) != token
    assert house.grants.issue("d1", Purpose.DLNA, "10.0.0.2") != token
    assert house.grants.check(token, PLAYBACK, TV).device == "d1"
    for purposes, address in ((PLAYBACK, "10.0.0.2"), ((Purpose.FILES,), TV)):
        with pytest.raises(BadToken):
            house.grants.check(token, purposes, address)
    for foreign in ("", token[:-1], token + "A", "\udcff", "é"):
        with pytest.raises(BadToken):
            house.grants.check(foreign, PLAYBACK, TV)


async def test_a_token_slides_with_use_and_ends_after_the_pause(
    house: House, clock: FakeClock
) -> None:
    token = house.grants.issue("d1", Purpose.PAGE, TV)
    for _ in range(5):
        clock.move(PAUSE_S - 1)
        house.grants.check(token, PLAYBACK, TV)
    clock.move(PAUSE_S)
    with pytest.raises(Expired):
        house.grants.check(token, PLAYBACK, TV)
    with pytest.raises(BadToken):
        house.grants.check(token, PLAYBACK, TV)
    assert house.grants.issue("d1", Purpose.PAGE, TV) != token


async def test_a_token_in_use_is_not_written_at_each_use(clock: FakeClock) -> None:
    keep = MemoryKeep()
    async with Grants(keep, clock) as grants:
        token = grants.issue("d1", Purpose.PAGE, TV)
        await grants.flush()
        before = keep.writes
        for _ in range(100):
            clock.move(1)
            grants.check(token, PLAYBACK, TV)
        await grants.flush()
        assert keep.writes == before
        clock.move(601)
        grants.check(token, PLAYBACK, TV)
        await grants.flush()
        assert keep.writes == before + 1


async def test_revocation_cuts_what_runs_at_once(house: House) -> None:
    device = house.devices.see(DeviceKind.PLAYER, TV, "LG")
    token = house.grants.issue(device.id, Purpose.DLNA, TV)
    other = house.grants.issue("other", Purpose.DLNA, TV)
    cut: list[str] = []
    with (
        house.grants.running(house.grants.check(token, PLAYBACK, TV), lambda: cut.append("a")),
        house.grants.running(house.grants.check(other, PLAYBACK, TV), lambda: cut.append("b")),
    ):
        assert house.grants.running_devices() == {device.id: 1, "other": 1}
        await house.devices.revoke(device.id)
        assert cut == ["a"]
    assert house.grants.running_devices() == {}
    with pytest.raises(BadToken):
        house.grants.check(token, PLAYBACK, TV)


async def test_a_revocation_is_on_disk_when_it_is_answered(house: House) -> None:
    device = house.devices.see(DeviceKind.PLAYER, TV, "LG")
    house.grants.issue(device.id, Purpose.DLNA, TV)
    await house.devices.revoke(device.id)
    assert json.loads(house.keep.kinds["devices"][device.id])["state"] == "revoked"
    assert house.keep.kinds.get("grants", {}) == {}


async def test_a_full_disk_loses_nothing_once_it_has_room() -> None:
    keep = MemoryKeep()
    store = WriteBehind(keep, "k", delay_s=0)
    keep.fail = HostDown("full")
    async with store:
        store.put("a", "1")
        for _ in range(5):
            await asyncio.sleep(0)
        keep.fail = None
    assert keep.kinds["k"] == {"a": "1"}


async def test_programs_with_tokens_are_bounded(house: House) -> None:
    first = None
    for _ in range(40):
        house.clock.move(1)
        device, _ = await house.devices.admit(DeviceKind.PROGRAM, TV, "token", Role.OWNER)
        first = first or device
    assert sum(one.kind is DeviceKind.PROGRAM for one in house.devices.list()) == 32
    with pytest.raises(NotFound):
        house.devices.get(first.id)
    assert not house.devices.has_owner


def test_a_code_pairs_once(clock: FakeClock) -> None:
    codes = PairingCodes(clock)
    code = codes.offer("tv1")
    assert len(code.digits) == 6
    assert codes.offer("tv1") == code
    assert codes.redeem(code.digits, TV) == "tv1"
    with pytest.raises(BadToken):
        codes.redeem(code.digits, TV)


def test_a_code_ends_after_120_seconds_and_is_renewed_before(clock: FakeClock) -> None:
    codes = PairingCodes(clock)
    code = codes.offer("tv1")
    clock.move(81)
    assert codes.offer("tv1") != code
    code = codes.offer("tv1")
    clock.move(pairing.CODE_LIFE_S)
    with pytest.raises(BadToken):
        codes.redeem(code.digits, TV)


def test_five_wrong_tries_end_a_code_and_twenty_an_address(clock: FakeClock) -> None:
    codes = PairingCodes(clock)
    code = codes.offer("tv1")
    wrong = "000000" if code.digits != "000000" else "111111"
    for guess in (wrong, "", "é", "1" * 300, wrong):
        with pytest.raises(BadToken):
            codes.redeem(guess, TV)
    with pytest.raises(BadToken):
        codes.redeem(code.digits, TV)
    for _ in range(14):
        with pytest.raises(BadToken):
            codes.redeem(wrong, TV)
    with pytest.raises(Busy) as caught:
        codes.redeem(codes.offer("tv1").digits, TV)
    assert 0 < caught.value.retry_after_s <= 3600
    assert codes.redeem(codes.offer("tv1").digits, "10.0.0.7") == "tv1"
    clock.move(3600)
    assert codes.redeem(codes.offer("tv1").digits, TV) == "tv1"


def test_the_owner_link_works_once_and_for_an_hour(clock: FakeClock) -> None:
    link = OwnerLink(clock)
    with pytest.raises(BadToken):
        link.redeem("")
    secret = link.make()
    with pytest.raises(BadToken):
        link.redeem(secret + "x")
    link.redeem(secret)
    with pytest.raises(BadToken):
        link.redeem(secret)
    former = link.make()
    latter = link.make()
    with pytest.raises(BadToken):
        link.redeem(former)
    clock.move(LINK_LIFE_S)
    with pytest.raises(Expired):
        link.redeem(latter)


def test_the_running_record_is_for_this_user_alone(tmp_path) -> None:
    with pytest.raises(NotFound):
        read_running(tmp_path)
    write_running(tmp_path, "http://127.0.0.1:8420", "s3cret")
    write_running(tmp_path, "http://127.0.0.1:8421", "s3cret")
    record = read_running(tmp_path)
    assert (record.url, record.secret) == ("http://127.0.0.1:8421", "s3cret")
    [path] = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("[1]")
    with pytest.raises(NotFound):
        read_running(tmp_path)
    remove_running(tmp_path)
    remove_running(tmp_path)
    assert list(tmp_path.iterdir()) == []
