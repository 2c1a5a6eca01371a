"""Seats, commands and states between phones and TV pages."""

from __future__ import annotations

import json

import pytest

from gateway.playback.screens import FRAME_LIMIT_BYTES, Screens
from tests.fakes.clock import FakeClock


class Wire(list):
    """What one side was sent, read as JSON."""

    def __call__(self, text: str) -> None:
        self.append(json.loads(text))

    def take(self, kind: str) -> list[dict]:
        return [frame for frame in self if frame["t"] == kind]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def screens(clock: FakeClock) -> Screens:
    return Screens(clock)


def state(**more: object) -> str:
    return json.dumps({"t": "state", "item": 7, "title": "Film", "playing": True} | more)


async def test_the_only_tv_is_chosen_by_itself(screens: Screens) -> None:
    phone, tv = Wire(), Wire()
    seat = screens.join_phone("p", phone, None)
    screens.from_phone(seat, '{"t": "play", "id": 1}')
    assert phone[-1]["code"] == "not_found"
    screens.join_tv("tv1", "Living room", tv)
    screens.from_phone(seat, '{"t": "play", "id": 2}')
    assert phone[-1] == {"t": "ok", "id": 2}
    assert tv == [{"t": "play", "id": 2}]
    assert phone.take("screens")[-1]["to"] == "tv1"


async def test_of_several_tvs_one_is_chosen(screens: Screens) -> None:
    phone, one, two = Wire(), Wire(), Wire()
    screens.join_tv("tv1", "A", one)
    screens.join_tv("tv2", "B", two)
    seat = screens.join_phone("p", phone, None)
    screens.from_phone(seat, '{"t": "pause", "id": 1}')
    assert phone[-1]["code"] == "not_found"
    screens.from_phone(seat, '{"t": "to", "id": 2, "tv": "tv2"}')
    screens.from_phone(seat, '{"t": "pause", "id": 3}')
    assert (one, two) == ([], [{"t": "pause", "id": 3}])
    screens.from_phone(seat, '{"t": "to", "id": 4, "tv": "tv9"}')
    assert (phone[-1]["id"], phone[-1]["code"]) == (4, "not_found")


async def test_a_paired_remote_sees_and_commands_its_tv_alone(screens: Screens) -> None:
    phone = Wire()
    screens.join_tv("tv1", "A", Wire())
    seat = screens.join_phone("p", phone, "tv2")
    assert phone[0]["screens"] == []
    screens.from_phone(seat, '{"t": "to", "id": 1, "tv": "tv1"}')
    assert phone[-1]["code"] == "refused"
    two = Wire()
    tv = screens.join_tv("tv2", "B", two)
    screens.from_phone(seat, '{"t": "key", "key": "ok"}')
    assert two == [{"t": "key", "key": "ok", "id": None}]
    screens.leave_tv(tv)
    screens.from_phone(seat, '{"t": "play", "id": 3}')
    assert phone[-1]["code"] == "not_found"


async def test_states_carry_a_number_and_come_at_most_four_a_second(
    screens: Screens, clock: FakeClock
) -> None:
    phone = Wire()
    tv = screens.join_tv("tv1", "A", Wire())
    screens.join_phone("p", phone, None)
    for position in range(10):
        screens.from_tv(tv, state(position_s=position))
    assert len(phone.take("state")) == 2
    assert tv.later is not None
    clock.move(1)
    screens.from_tv(tv, state(position_s=99, duration_s=100))
    last = phone.take("state")[-1]
    assert (last["n"], last["position_s"], last["duration_s"]) == (2, 99.0, 100.0)
    assert tv.later is None
    [record] = screens.list()
    assert (record.device, record.state.title) == ("tv1", "Film")
    later = Wire()
    screens.join_phone("q", later, None)
    assert later.take("state")[0]["position_s"] == 99.0


async def test_a_late_key_is_dropped_but_acknowledged(screens: Screens, clock: FakeClock) -> None:
    phone, tv = Wire(), Wire()
    screens.join_tv("tv1", "A", tv)
    seat = screens.join_phone("p", phone, None)
    for age_s, count in ((0.5, 1), (1.5, 1)):
        at = (clock.wall_s() - age_s) * 1000
        screens.from_phone(seat, json.dumps({"t": "key", "key": "left", "id": 1, "at": at}))
        assert len(tv) == count
        assert phone[-1]["t"] == "ok"


async def test_a_later_page_of_a_tv_takes_the_place(screens: Screens) -> None:
    old, new, phone = Wire(), Wire(), Wire()
    former = screens.join_tv("tv1", "A", old)
    screens.join_tv("tv1", "A", new)
    screens.leave_tv(former)
    seat = screens.join_phone("p", phone, None)
    screens.from_phone(seat, '{"t": "seek", "position_s": 12.5}')
    assert (old, new) == ([], [{"t": "seek", "position_s": 12.5, "id": None}])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 10000,
        '{"t": 1}',
        '{"t": "evil"}',
        '{"t": "seek"}',
        '{"t": "seek", "position_s": -1}',
        '{"t": "seek", "position_s": NaN}',
        '{"t": "seek", "position_s": Infinity}',
        '{"t": "seek", "position_s": true}',
        '{"t": "open"}',
        '{"t": "open", "item": "7"}',
        '{"t": "open", "item": 0}',
        '{"t": "key", "key": "format"}',
        '{"t": "key", "key": ["up"]}',
        '{"t": "volume", "volume": 2}',
        '{"t": "text", "text": 5}',
        '{"t": "play", "id": "x"}',
        '{"t": "play", "at": "' + "x" * FRAME_LIMIT_BYTES + '"}',
    ],
)
async def test_a_bad_command_reaches_no_tv(screens: Screens, text: str) -> None:
    phone, tv = Wire(), Wire()
    screens.join_tv("tv1", "A", tv)
    seat = screens.join_phone("p", phone, None)
    screens.from_phone(seat, text)
    assert phone[-1]["t"] == "error"
    assert tv == []


async def test_a_command_passes_its_known_fields_alone(screens: Screens) -> None:
    tv = Wire()
    screens.join_tv("tv1", "A", tv)
    seat = screens.join_phone("p", Wire(), None)
    screens.from_phone(seat, '{"t": "open", "id": 1, "item": 7, "html": "<b>"}')
    assert tv == [{"t": "open", "item": 7, "position_s": None, "id": 1}]


async def test_a_tv_may_ask_for_text_and_nothing_else(screens: Screens) -> None:
    phone, tv = Wire(), Wire()
    seat = screens.join_tv("tv1", "A", tv)
    screens.join_phone("p", phone, None)
    screens.from_tv(seat, '{"t": "ask-text", "text": "Search"}')
    assert phone[-1] == {"t": "ask-text", "tv": "tv1", "text": "Search"}
    screens.from_tv(seat, '{"t": "pause"}')
    assert tv[-1]["code"] == "bad_argument"
