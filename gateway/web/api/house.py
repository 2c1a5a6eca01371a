"""The owner's side: sources, files, devices, sessions; and the doors: pairing, link, token."""

from __future__ import annotations

from aiohttp import web

from gateway.errors import BadToken, NotPaired, Refused
from gateway.library.records import SourceRecord
from gateway.security.devices import Device, DeviceKind, Role
from gateway.security.grants import Purpose
from gateway.security.owner import is_same_secret
from gateway.web.api.items import PROFILE, file_address
from gateway.web.api.reading import query_text, read_fields
from gateway.web.asker import (
    find_asker,
    peer_address,
    remember,
    require,
    require_owner,
)
from gateway.web.keys import PARTS, STREAMS


async def list_sources(request: web.Request) -> web.Response:
    """Every source; where it lies is told to owners alone."""
    device = require(request)
    sources = await request.app[PARTS].catalogue.sources()
    return web.json_response({"sources": [_source_json(one, device) for one in sources]})


async def add_source(request: web.Request) -> web.Response:
    """Add a source and scan it."""
    owner = require_owner(request)
    fields = await read_fields(request)
    record = await request.app[PARTS].sources.add(
        fields.optional_text("name", 60), fields.text("spec", 4000)
    )
    return web.json_response(_source_json(record, owner), status=201)


async def remove_source(request: web.Request) -> web.Response:
    """Remove a source; its streams end."""
    require_owner(request)
    name = request.match_info["name"]
    await request.app[PARTS].sources.remove(name)
    request.app[STREAMS].cut_source(name)
    return web.json_response({})


async def command_source(request: web.Request) -> web.Response:
    """Lock, unlock or rescan a source; locking ends its streams."""
    require_owner(request)
    name, act = request.match_info["name"], request.match_info["act"]
    sources = request.app[PARTS].sources
    if act == "lock":
        await sources.lock(name)
        request.app[STREAMS].cut_source(name)
    elif act == "unlock":
        await sources.unlock(name, (await read_fields(request)).text("secret", 4000))
    else:
        await sources.rescan(name)
    return web.json_response({})


async def list_files(request: web.Request) -> web.Response:
    """A folder as stored: every file, each with an address for its bytes."""
    owner = require_owner(request)
    parts = request.app[PARTS]
    source, path = query_text(request, "source") or "", query_text(request, "path") or ""
    listing = await parts.sources.list_folder(source, path.strip("/"))
    token = parts.grants.issue(owner.id, Purpose.FILES, peer_address(request))
    entries = [
        {
            "name": one.name,
            "path": one.path,
            "folder": one.is_folder,
            "size_bytes": one.size_bytes,
            "modified_s": one.modified_s,
            "address": None if one.is_folder else file_address(token, source, one.path),
        }
        for one in listing.entries
    ]
    return web.json_response({"entries": entries, "bad_names": listing.bad_names})


async def list_devices(request: web.Request) -> web.Response:
    """All devices for the owner; for others themselves and the TV they command."""
    asker = require(request)
    devices = request.app[PARTS].devices.list()
    shown = [one for one in devices if asker.is_owner or one.id in (asker.id, asker.target)]
    screens = {one.device for one in request.app[PARTS].screens.list()}
    return web.json_response(
        {"devices": [_device_json(one, is_here=one.id in screens) for one in shown]}
    )


async def command_device(request: web.Request) -> web.Response:
    """Approve, revoke or forget a device."""
    owner = require_owner(request)
    devices = request.app[PARTS].devices
    device_id, act = request.match_info["device"], request.match_info["act"]
    if act == "approve":
        device = await devices.approve(device_id)
        return web.json_response(_device_json(device, is_here=False))
    if device_id == owner.id:
        raise Refused("you cannot shut yourself out; do it from another owner's phone")
    if act == "forget":
        await devices.forget(device_id)
        return web.json_response({})
    return web.json_response(_device_json(await devices.revoke(device_id), is_here=False))


async def show_door(request: web.Request) -> web.Response:
    """Where the asking device stands: for pages without a socket, and programs."""
    device = find_asker(request)
    if device is None:
        raise NotPaired("open /tv or /remote first")
    return web.json_response(
        {
            "device": device.id,
            "state": device.state.value,
            "number": device.number,
            "role": device.role.value,
            "target": device.target,
        }
    )


async def stop_session(request: web.Request) -> web.Response:
    """A page stopped playing: its place is kept, what was converted for it ends."""
    device = require(request)
    parts = request.app[PARTS]
    fields = await read_fields(request)
    item_id = fields.whole("item")
    if item_id is not None:
        await parts.catalogue.item(item_id)
        place_s, length_s = fields.number("position_s"), fields.optional_number("duration_s")
        await parts.positions.report(item_id, PROFILE, place_s, length_s)
    await parts.delivery.release(device.id)
    return web.json_response({})


async def list_sessions(request: web.Request) -> web.Response:
    """What runs: connected TV pages with their state, and bodies being sent."""
    require_owner(request)
    screens = [
        {
            "device": one.device,
            "name": one.name,
            "item": one.state.item,
            "title": one.state.title,
            "playing": one.state.playing,
            "position_s": one.state.position_s,
            "duration_s": one.state.duration_s,
        }
        for one in request.app[PARTS].screens.list()
    ]
    streams = [
        {
            "device": one.device,
            "way": one.way,
            "item": one.item,
            "source": one.source,
            "started_s": one.started_s,
            "sent_bytes": one.sent_bytes,
        }
        for one in request.app[STREAMS].all()
    ]
    return web.json_response({"screens": screens, "streams": streams})


async def pair(request: web.Request) -> web.Response:
    """Six digits from a TV make this phone its remote; an owner's phone stays owner."""
    parts = request.app[PARTS]
    fields = await read_fields(request)
    address = peer_address(request)
    digits = "".join(fields.text("code", 20).split())
    target = parts.devices.get(parts.codes.redeem(digits, address))
    if not target.is_admitted:
        raise NotPaired("that TV has not been let in yet; approve it first")
    known = find_asker(request)
    if known is not None and known.is_owner:
        return web.json_response({"role": known.role.value, "target": target.id})
    name = fields.optional_text("name", 60) or "Phone"
    return await _become(request, Role.REMOTE, name, target.id)


async def own(request: web.Request) -> web.Response:
    """The one-time secret of the owner link makes this phone an owner."""
    fields = await read_fields(request)
    request.app[PARTS].owner_link.redeem(fields.text("secret", 200))
    return await _become(request, Role.OWNER, fields.optional_text("name", 60) or "Phone", None)


async def make_local_token(request: web.Request) -> web.Response:
    """An owner token for the user who started the gateway."""
    await _prove_local(request)
    _, token = await request.app[PARTS].devices.admit(
        DeviceKind.PROGRAM, peer_address(request), "Token of the terminal", Role.OWNER
    )
    return web.json_response({"token": token})


async def make_owner_link(request: web.Request) -> web.Response:
    """A new owner link; one that was printed before is void."""
    await _prove_local(request)
    parts = request.app[PARTS]
    secret = parts.owner_link.make()
    links = [f"{base}/remote#own.{secret}" for base in parts.addresses()]
    return web.json_response({"url": links[0], "urls": links})


async def _prove_local(request: web.Request) -> None:
    """Let only the user pass who started the gateway: he can read the running record.

    Raises:
        BadToken: another secret, or another machine.
    """
    parts = request.app[PARTS]
    given = (await read_fields(request)).text("secret", 200)
    is_here = parts.host_check.is_own_address(request.remote)
    if not is_same_secret(given, parts.local_secret) or not is_here:
        raise BadToken("this is not the secret of the running gateway")


async def _become(request: web.Request, role: Role, name: str, target: str | None) -> web.Response:
    """Give the asking browser a role; one that is known keeps its cookie."""
    devices = request.app[PARTS].devices
    known = find_asker(request)
    if known is not None and known.kind is DeviceKind.PHONE:
        device = await devices.promote(known.id, role, target=target)
        return web.json_response({"role": device.role.value, "target": device.target})
    device, secret = await devices.admit(
        DeviceKind.PHONE, peer_address(request), name, role, target=target
    )
    response = web.json_response({"role": device.role.value, "target": device.target})
    remember(response, secret)
    return response


def _source_json(source: SourceRecord, asker: Device) -> dict[str, object]:
    out: dict[str, object] = {
        "name": source.name,
        "state": source.state.value,
        "item_count": source.item_count,
        "last_scan_s": source.last_scan_s,
    }
    if asker.is_owner:
        out |= {"spec": source.spec, "reason": source.reason}
    return out


def _device_json(device: Device, *, is_here: bool) -> dict[str, object]:
    return {
        "id": device.id,
        "kind": device.kind.value,
        "name": device.name,
        "address": device.address,
        "state": device.state.value,
        "role": device.role.value,
        "number": device.number,
        "target": device.target,
        "first_seen_s": device.first_seen_s,
        "seen_s": device.seen_s,
        "connected": is_here,
    }


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [
        web.get("/api/v1/sources", list_sources),
        web.post("/api/v1/sources", add_source),
        web.delete("/api/v1/sources/{name}", remove_source),
        web.post("/api/v1/sources/{name}/{act:lock|unlock|rescan}", command_source),
        web.get("/api/v1/files", list_files),
        web.get("/api/v1/devices", list_devices),
        web.post("/api/v1/devices/{device}/{act:approve|revoke|forget}", command_device),
        web.get("/api/v1/door", show_door),
        web.get("/api/v1/sessions", list_sessions),
        web.post("/api/v1/sessions/stop", stop_session),
        web.post("/api/v1/pair", pair),
        web.post("/api/v1/owner", own),
        web.post("/api/v1/local/token", make_local_token),
        web.post("/api/v1/local/owner-link", make_owner_link),
    ]
