"""The devices of the house: who was seen, who waits in the lobby, who may watch, who owns.

A browser (TV page, phone, program with a token) is known by a random secret, kept hashed; a DLNA
player can carry none and is known by its address. The rule of admission is in one place:
``Device.is_admitted``. Pure bookkeeping: no HTTP here.

States::

    WAITING  --approve-->  APPROVED  --revoke-->  REVOKED  --approve-->  APPROVED
       any   --forget-->   gone (seen again, it waits again)
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Self

from gateway.bus import Bus, DeviceChanged
from gateway.clock import Clock
from gateway.errors import NotFound
from gateway.security.grants import Grants
from gateway.security.keep import Keep, WriteBehind

WAITING_LIMIT = 40
"""Devices in the lobby at once; the one unseen for longest makes room."""

TOKEN_LIMIT = 32
"""Owner tokens at once; the one unused for longest makes room."""

_SEEN_STEP_S = 3600.0
_NAME_LENGTH = 60
_KIND = "devices"


class DeviceKind(StrEnum):
    """How a device meets the gateway."""

    TV = "tv"
    PHONE = "phone"
    PLAYER = "player"
    PROGRAM = "program"


class DeviceState(StrEnum):
    """Where a device stands at the door."""

    WAITING = "waiting"
    APPROVED = "approved"
    REVOKED = "revoked"


class Role(StrEnum):
    """What an approved device may do: everything, command one TV and browse, or watch."""

    OWNER = "owner"
    REMOTE = "remote"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Attributes:
        id: opaque, never used again.
        address: where it was seen last (for a player: who it is).
        number: the two digits its lobby shows, so that the owner knows which one he lets in.
        target: of a remote: the TV it was paired with.
    """

    id: str
    kind: DeviceKind
    address: str
    name: str
    state: DeviceState
    role: Role
    number: str
    first_seen_s: float
    seen_s: float
    target: str | None = None
    secret_hash: str | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether it may see titles and fetch media."""
        return self.state is DeviceState.APPROVED

    @property
    def is_owner(self) -> bool:
        """Whether it may change things of the house."""
        return self.is_admitted and self.role is Role.OWNER


class Devices:
    """All devices; an async context that loads and saves them.

    With ``is_open`` every device that is not revoked counts as an approved viewer; nothing of that
    is stored, so a later start without it shows the lobby again.
    """

    def __init__(
        self, keep: Keep, clock: Clock, bus: Bus, grants: Grants, *, is_open: bool = False
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._grants = grants
        self._is_open = is_open
        self._store = WriteBehind(keep, _KIND)
        self._by_id: dict[str, Device] = {}
        self._by_secret: dict[str, str] = {}
        self._saved_s: dict[str, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether the house has no lobby."""
        return self._is_open

    @property
    def has_owner(self) -> bool:
        """Whether some phone owns this gateway already."""
        return any(one.is_owner and one.kind is DeviceKind.PHONE for one in self._by_id.values())

    def see(self, kind: DeviceKind, address: str, name: str) -> Device:
        """A device without a secret asked for something: find it by address, or let it wait.

        For DLNA players; browsers are recognised by ``recognise`` and begun by ``enrol``.
        """
        for one in self._by_id.values():
            if one.kind is kind and one.address == address and one.secret_hash is None:
                return self._effective(self._touch(one, address, name or one.name))
        return self._effective(self._add(self._new(kind, address, name, None)))

    def recognise(self, secret: str, address: str, name: str | None = None) -> Device | None:
        """The device that carries this secret (a cookie, a Bearer token), or None."""
        device_id = self._by_secret.get(_hash(secret))
        if device_id is None:
            return None
        known = self._by_id[device_id]
        return self._effective(self._touch(known, address, name or known.name))

    def enrol(self, kind: DeviceKind, address: str, name: str) -> tuple[Device, str]:
        """A browser without a secret came: a waiting device and the secret to give it.

        One that waits already at this address under this name gets a new secret instead of a
        second entry (its cookie was lost, or it keeps none).
        """
        secret = secrets.token_urlsafe(32)
        hashed = _hash(secret)
        for one in self._by_id.values():
            if (
                one.state is DeviceState.WAITING
                and one.secret_hash is not None
                and (one.kind, one.address, one.name) == (kind, address, _short(name))
            ):
                self._by_secret.pop(one.secret_hash, None)
                return self._effective(self._put(replace(one, secret_hash=hashed))), secret
        return self._effective(self._add(self._new(kind, address, name, hashed))), secret

    async def admit(
        self,
        kind: DeviceKind,
        address: str,
        name: str,
        role: Role,
        *,
        target: str | None = None,
    ) -> tuple[Device, str]:
        """Make an approved device at once (owner link, pairing code, token); with its secret."""
        tokens = [one for one in self._by_id.values() if one.kind is DeviceKind.PROGRAM]
        if kind is DeviceKind.PROGRAM and len(tokens) >= TOKEN_LIMIT:
            await self.forget(min(tokens, key=lambda one: one.seen_s).id)
        secret = secrets.token_urlsafe(32)
        fresh = self._new(kind, address, name, _hash(secret))
        device = self._add(replace(fresh, state=DeviceState.APPROVED, role=role, target=target))
        await self._store.flush()
        return device, secret

    async def promote(self, device_id: str, role: Role, *, target: str | None = None) -> Device:
        """Give a device that is here another role (its phone opened the owner link)."""
        known = self._stored(device_id)
        device = self._put(replace(known, state=DeviceState.APPROVED, role=role, target=target))
        await self._store.flush()
        return device

    async def approve(self, device_id: str, role: Role | None = None) -> Device:
        """Let a device in, as what it was or as ``role``.

        Raises:
            NotFound: no such device.
        """
        known = self._stored(device_id)
        return await self.promote(device_id, role or known.role, target=known.target)

    async def revoke(self, device_id: str) -> Device:
        """Shut a device out: its grants end, its running streams are cut, and its remotes go too.

        Raises:
            NotFound: no such device.
        """
        device = self._put(replace(self._stored(device_id), state=DeviceState.REVOKED))
        self._grants.revoke(device_id)
        for remote in [one.id for one in self._by_id.values() if one.target == device_id]:
            self._put(replace(self._by_id[remote], state=DeviceState.REVOKED))
            self._grants.revoke(remote)
        await self._store.flush()
        await self._grants.flush()
        return device

    async def forget(self, device_id: str) -> None:
        """Drop a device; when it comes again it waits again.

        Raises:
            NotFound: no such device.
        """
        await self.revoke(device_id)
        self._remove(self._stored(device_id))
        await self._store.flush()

    def get(self, device_id: str) -> Device:
        """One device.

        Raises:
            NotFound: no such device.
        """
        return self._effective(self._stored(device_id))

    def list(self) -> tuple[Device, ...]:
        """All devices, those who wait first, then by when they were seen last."""
        order = {DeviceState.WAITING: 0, DeviceState.APPROVED: 1, DeviceState.REVOKED: 2}
        devices = [self._effective(one) for one in self._by_id.values()]
        return tuple(sorted(devices, key=lambda one: (order[one.state], -one.seen_s)))

    def _effective(self, device: Device) -> Device:
        if self._is_open and device.state is DeviceState.WAITING:
            return replace(device, state=DeviceState.APPROVED)
        return device

    def _stored(self, device_id: str) -> Device:
        try:
            return self._by_id[device_id]
        except KeyError:
            raise NotFound(f"no device {device_id[:40]!r}") from None

    def _new(self, kind: DeviceKind, address: str, name: str, hashed: str | None) -> Device:
        now = self._clock.wall_s()
        taken = {one.number for one in self._by_id.values() if one.state is DeviceState.WAITING}
        free = [text for number in range(10, 100) if (text := str(number)) not in taken]
        return Device(
            id=secrets.token_hex(6),
            kind=kind,
            address=address,
            name=_short(name) or kind.value,
            state=DeviceState.WAITING,
            role=Role.VIEWER,
            number=secrets.choice(free),
            first_seen_s=now,
            seen_s=now,
            secret_hash=hashed,
        )

    def _add(self, device: Device) -> Device:
        waiting = [one for one in self._by_id.values() if one.state is DeviceState.WAITING]
        if len(waiting) >= WAITING_LIMIT:
            oldest = min(waiting, key=lambda one: one.seen_s)
            self._grants.revoke(oldest.id)
            self._remove(oldest)
        return self._put(device)

    def _touch(self, device: Device, address: str, name: str) -> Device:
        now = self._clock.wall_s()
        seen = replace(device, address=address, name=_short(name), seen_s=now)
        is_news = replace(seen, seen_s=device.seen_s) != device
        if is_news or now - self._saved_s.get(device.id, 0.0) >= _SEEN_STEP_S:
            return self._put(seen, quietly=not is_news)
        self._by_id[device.id] = seen
        return seen

    def _put(self, device: Device, *, quietly: bool = False) -> Device:
        self._by_id[device.id] = device
        if device.secret_hash is not None:
            self._by_secret[device.secret_hash] = device.id
        self._saved_s[device.id] = device.seen_s
        self._store.put(device.id, json.dumps(asdict(device)))
        if not quietly:
            self._bus.put(DeviceChanged(device.id, self._effective(device).state.value))
        return device

    def _remove(self, device: Device) -> None:
        del self._by_id[device.id]
        self._saved_s.pop(device.id, None)
        if device.secret_hash is not None:
            self._by_secret.pop(device.secret_hash, None)
        self._store.drop(device.id)
        self._bus.put(DeviceChanged(device.id, "forgotten"))

    async def __aenter__(self) -> Self:
        for text in (await self._store.load()).values():
            raw = json.loads(text)
            device = Device(
                **raw
                | {
                    "kind": DeviceKind(raw["kind"]),
                    "state": DeviceState(raw["state"]),
                    "role": Role(raw["role"]),
                }
            )
            self._by_id[device.id] = device
            if device.secret_hash is not None:
                self._by_secret[device.secret_hash] = device.id
        self._grants.keep_only(frozenset(one.id for one in self.list() if one.is_admitted))
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._store.__aexit__(kind, error, trace)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _short(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable()).strip()[:_NAME_LENGTH]
