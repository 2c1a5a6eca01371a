"""Who asks: the device behind a cookie, a Bearer token or a token in the path, and what it may.

Pages use ``welcome`` (a new browser gets a waiting device and a cookie) and ``page_token`` (the
prefix of media addresses on a page).
"""

from __future__ import annotations

from aiohttp import web

from gateway.errors import BadToken, NotFound, NotPaired, Refused
from gateway.security.devices import Device, DeviceKind, DeviceState, Role
from gateway.security.grants import PLAYBACK, Grant, Purpose
from gateway.security.host_check import plain_address
from gateway.web.keys import ASKER, PARTS

COOKIE = "vaultcast"
COOKIE_LIFE_S = 365 * 24 * 3600
EVERYONE = (Role.OWNER, Role.REMOTE, Role.VIEWER)
_SECRET_LENGTH = 128


def peer_address(request: web.BaseRequest) -> str:
    """The address a request comes from, one spelling per address."""
    return plain_address(request.remote or "")


def bearer_of(request: web.BaseRequest) -> str | None:
    """The token of an ``Authorization: Bearer`` header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def find_asker(request: web.Request) -> Device | None:
    """The device behind the request's secret, in whatever state, or None."""
    if ASKER in request:
        return request[ASKER]
    secret = bearer_of(request) or request.cookies.get(COOKIE)
    if not secret or len(secret) > _SECRET_LENGTH:
        return None
    device = request.app[PARTS].devices.recognise(secret, peer_address(request))
    if device is not None:
        request[ASKER] = device
    return device


def require(request: web.Request, *roles: Role) -> Device:
    """The asking device, let in and in one of the roles.

    Raises:
        NotPaired: nobody we know, or one who still waits.
        Refused: shut out, or not in that role.
    """
    device = find_asker(request)
    if device is None or device.state is DeviceState.WAITING:
        raise NotPaired("this device has not been let in yet")
    if not device.is_admitted:
        raise Refused("this device was shut out")
    if device.role not in (roles or EVERYONE):
        raise Refused("only the owner may do this" if roles == (Role.OWNER,) else "not yours to do")
    return device


def require_owner(request: web.Request) -> Device:
    """The owner, or Refused."""
    return require(request, Role.OWNER)


def welcome(request: web.Request, kind: DeviceKind, name: str) -> tuple[Device, str | None]:
    """The device of a page's visitor; a new one comes with the secret for ``remember``."""
    known = find_asker(request)
    if known is not None:
        return known, None
    device, secret = request.app[PARTS].devices.enrol(kind, peer_address(request), name)
    request[ASKER] = device
    return device, secret


def remember(response: web.StreamResponse, secret: str) -> None:
    """Give a browser its secret. ``Secure`` is impossible on plain http."""
    response.set_cookie(
        COOKIE, secret, max_age=COOKIE_LIFE_S, path="/", httponly=True, samesite="Strict"
    )


def page_token(request: web.Request, device: Device) -> str:
    """The token for media addresses on this device's pages; it must have been let in."""
    if not device.is_admitted:
        raise NotPaired("this device has not been let in yet")
    return request.app[PARTS].grants.issue(device.id, Purpose.PAGE, peer_address(request))


def check_token(request: web.Request, purposes: tuple[Purpose, ...] = PLAYBACK) -> Grant:
    """The grant of the token in the path.

    Raises:
        BadToken: unknown, or of another address or purpose.
        Expired: unused for too long.
    """
    token = request.match_info["token"]
    if len(token) > _SECRET_LENGTH:
        raise BadToken("this address was not made for this device; open the list again")
    return request.app[PARTS].grants.check(token, purposes, peer_address(request))


def item_of(request: web.Request) -> int:
    """The item number in the path.

    Raises:
        NotFound: too long for one.
    """
    digits = request.match_info["item"]
    if len(digits) > 15:
        raise NotFound(f"no item {digits[:20]}…")
    return int(digits)
