"""The TV pages and phones that are connected now: who shows what, and whose command goes where.

A phone speaks to one TV, chosen by ``to`` (a paired remote: its own TV, no other). States flow the
other way, at most four a second, each with a sequence number. Frames are JSON texts; the transport
hands in a ``send`` that never waits. Source: tv_browsers.md 8.2.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from gateway.clock import Clock
from gateway.errors import BadArgument, GatewayError, NotFound, Refused

FRAME_LIMIT_BYTES = 16 * 1024
STATE_STEP_S = 0.25
KEY_LIFE_S = 1.0
KEYS = frozenset(("up", "down", "left", "right", "ok", "back", "home", "tracks"))

Send = Callable[[str], None]
Frame = dict[str, object]


@dataclass(frozen=True, slots=True)
class ScreenState:
    """What a TV page said last; ``at_ms`` is our wall time when it said so."""

    item: int | None = None
    title: str = ""
    playing: bool = False
    position_s: float = 0.0
    duration_s: float | None = None
    volume: float | None = None
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class ScreenRecord:
    """A connected TV page and its state."""

    device: str
    name: str
    state: ScreenState


@dataclass(eq=False, slots=True)
class TvSeat:
    """One connected TV page."""

    device: str
    name: str
    send: Send
    state: ScreenState = ScreenState()
    number: int = 0
    sent_s: float = -math.inf
    later: asyncio.TimerHandle | None = None


@dataclass(eq=False, slots=True)
class PhoneSeat:
    """One connected phone; ``bound_to`` is the only TV a paired remote may command."""

    device: str
    send: Send
    bound_to: str | None
    target: str | None = field(default=None)


class Screens:
    """All seats; one loop, no waiting."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tvs: dict[str, TvSeat] = {}
        self._phones: set[PhoneSeat] = set()

    def list(self) -> tuple[ScreenRecord, ...]:
        """Connected TV pages."""
        return tuple(ScreenRecord(one.device, one.name, one.state) for one in self._tvs.values())

    def join_tv(self, device: str, name: str, send: Send) -> TvSeat:
        """A TV page connected; a later page of the same TV takes its place."""
        seat = TvSeat(device, name, send)
        former = self._tvs.get(device)
        if former is not None and former.later is not None:
            former.later.cancel()
        self._tvs[device] = seat
        self._tell_screens()
        return seat

    def leave_tv(self, seat: TvSeat) -> None:
        """A TV page is gone."""
        if seat.later is not None:
            seat.later.cancel()
        if self._tvs.get(seat.device) is seat:
            del self._tvs[seat.device]
            for phone in self._phones:
                if phone.bound_to is None and phone.target == seat.device:
                    phone.target = None
            self._tell_screens()

    def join_phone(self, device: str, send: Send, bound_to: str | None) -> PhoneSeat:
        """A phone connected; it gets the list of screens and the whole state of its TV."""
        phone = PhoneSeat(device, send, bound_to, bound_to)
        self._settle(phone)
        self._phones.add(phone)
        send(self._screens_frame(phone))
        self._send_state_to(phone)
        return phone

    def leave_phone(self, phone: PhoneSeat) -> None:
        """A phone is gone."""
        self._phones.discard(phone)

    def from_tv(self, seat: TvSeat, text: str) -> None:
        """A frame of a TV page; a bad one is answered to it."""
        try:
            frame = read_frame(text)
            kind = frame["t"]
            if kind == "state":
                self._take_state(seat, frame)
            elif kind in ("ask-text", "toast"):
                out: Frame = {"t": kind, "tv": seat.device, "text": _text(frame, "text", 200)}
                self._tell(seat.device, out)
            else:
                raise BadArgument(f"a TV page does not send {str(kind)[:20]!r}")
        except GatewayError as error:
            seat.send(error_frame(None, error))

    def from_phone(self, phone: PhoneSeat, text: str) -> None:
        """A command: passed on and acknowledged with its number, or answered with an error."""
        number: object = None
        try:
            frame = read_frame(text)
            number = frame.get("id")
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                number = None
                raise BadArgument("id is a whole number")
            self._obey(phone, frame)
        except GatewayError as error:
            phone.send(error_frame(number, error))
        else:
            phone.send(json.dumps({"t": "ok", "id": number}))

    def _obey(self, phone: PhoneSeat, frame: Frame) -> None:
        if frame["t"] == "to":
            self._choose(phone, _text(frame, "tv", 40))
            return
        command = read_command(frame)
        pressed_ms = frame.get("at")
        if (
            command["t"] == "key"
            and isinstance(pressed_ms, (int, float))
            and self._clock.wall_s() - pressed_ms / 1000 > KEY_LIFE_S
        ):
            return
        if phone.target is None:
            raise NotFound("no TV is chosen; open the TV page and choose it")
        seat = self._tvs.get(phone.target)
        if seat is None:
            raise NotFound("the TV page is not open now; open it on the TV")
        seat.send(json.dumps(command | {"id": frame.get("id")}))

    def _choose(self, phone: PhoneSeat, device: str) -> None:
        if phone.bound_to is not None and device != phone.bound_to:
            raise Refused("this phone was paired with another TV")
        if device not in self._tvs:
            raise NotFound("that TV page is not open now; open it on the TV")
        phone.target = device
        self._send_state_to(phone)

    def _settle(self, phone: PhoneSeat) -> None:
        """Where there is but one TV nobody has to choose."""
        if phone.target is None and len(self._tvs) == 1:
            phone.target = next(iter(self._tvs))

    def _take_state(self, seat: TvSeat, frame: Frame) -> None:
        seat.state = ScreenState(
            item=_whole(frame, "item"),
            title=_text(frame, "title", 200),
            playing=frame.get("playing") is True,
            position_s=_number(frame, "position_s") or 0.0,
            duration_s=_number(frame, "duration_s"),
            volume=_number(frame, "volume"),
            at_ms=int(self._clock.wall_s() * 1000),
        )
        wait_s = seat.sent_s + STATE_STEP_S - self._clock.monotonic_s()
        if wait_s <= 0:
            self._publish(seat)
        elif seat.later is None:
            seat.later = asyncio.get_running_loop().call_later(wait_s, self._publish, seat)

    def _publish(self, seat: TvSeat) -> None:
        if seat.later is not None:
            seat.later.cancel()
            seat.later = None
        seat.sent_s = self._clock.monotonic_s()
        seat.number += 1
        self._tell(seat.device, self._state_frame(seat))

    def _state_frame(self, seat: TvSeat) -> Frame:
        about = {"t": "state", "n": seat.number, "tv": seat.device, "name": seat.name}
        return about | asdict(seat.state) | {"now_ms": int(self._clock.wall_s() * 1000)}

    def _send_state_to(self, phone: PhoneSeat) -> None:
        seat = self._tvs.get(phone.target or "")
        if seat is not None:
            phone.send(json.dumps(self._state_frame(seat)))

    def _tell(self, device: str, frame: Frame) -> None:
        text = json.dumps(frame)
        for phone in self._phones:
            if phone.target == device:
                phone.send(text)

    def _tell_screens(self) -> None:
        for phone in self._phones:
            former = phone.target
            self._settle(phone)
            phone.send(self._screens_frame(phone))
            if phone.target != former:
                self._send_state_to(phone)

    def _screens_frame(self, phone: PhoneSeat) -> str:
        seen = [
            {"tv": one.device, "name": one.name}
            for one in self._tvs.values()
            if phone.bound_to in (None, one.device)
        ]
        return json.dumps({"t": "screens", "screens": seen, "to": phone.target})


def read_frame(text: str) -> Frame:
    """A JSON object with a ``t``.

    Raises:
        BadArgument: it is none, or longer than a frame may be.
    """
    if len(text) > FRAME_LIMIT_BYTES:
        raise BadArgument(f"a frame has at most {FRAME_LIMIT_BYTES} bytes")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise BadArgument("a frame is a JSON object") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        raise BadArgument('a frame is a JSON object with a "t"')
    return frame


def read_command(frame: Frame) -> Frame:
    """The command of a phone, reduced to the fields it may have, each checked.

    Raises:
        BadArgument: unknown command, or a field is missing or out of its range.
    """
    kind = frame["t"]
    match kind:
        case "play" | "pause":
            return {"t": kind}
        case "seek":
            return {"t": kind, "position_s": _needed(frame, "position_s")}
        case "open":
            item = _whole(frame, "item")
            if item is None:
                raise BadArgument("open needs an item")
            return {"t": kind, "item": item, "position_s": _number(frame, "position_s")}
        case "key":
            key = frame.get("key")
            if not isinstance(key, str) or key not in KEYS:
                raise BadArgument(f"no such key; there are {', '.join(sorted(KEYS))}")
            return {"t": kind, "key": key}
        case "volume":
            volume = _needed(frame, "volume")
            if volume > 1:
                raise BadArgument("volume lies between 0 and 1")
            return {"t": kind, "volume": volume}
        case "text":
            return {"t": kind, "text": _text(frame, "text", 500), "done": frame.get("done") is True}
        case _:
            raise BadArgument(f"no such command: {str(kind)[:20]!r}")


def error_frame(number: object, error: GatewayError) -> str:
    """The answer to a frame that failed."""
    return json.dumps({"t": "error", "id": number, "code": error.code, "message": error.message})


def _needed(frame: Frame, name: str) -> float:
    value = _number(frame, name)
    if value is None:
        raise BadArgument(f"{frame['t']} needs {name}")
    return value


def _number(frame: Frame, name: str) -> float | None:
    value = frame.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise BadArgument(f"{name} is a number from 0 on")
    return float(value)


def _whole(frame: Frame, name: str) -> int | None:
    value = frame.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
        raise BadArgument(f"{name} is a whole number from 1 on")
    return value


def _text(frame: Frame, name: str, limit: int) -> str:
    value = frame.get(name, "")
    if not isinstance(value, str):
        raise BadArgument(f"{name} is a text")
    return value[:limit]
