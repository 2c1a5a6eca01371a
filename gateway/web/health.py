"""``/health`` and ``/metrics``: how the gateway is, without a title or a name of a file."""

from __future__ import annotations

from aiohttp import web

from gateway.security.host_check import is_loopback
from gateway.web.asker import require_owner
from gateway.web.keys import PARTS, STREAMS


async def send_health(request: web.Request) -> web.Response:
    """Status, version, and each source's state."""
    parts = request.app[PARTS]
    sources = await parts.catalogue.sources()
    return web.json_response(
        {
            "status": "ok",
            "version": parts.settings.version,
            "sources": [{"name": one.name, "state": one.state.value} for one in sources],
        }
    )


async def send_metrics(request: web.Request) -> web.Response:
    """Prometheus text; for this machine, or with an owner token."""
    if not is_loopback(request.remote):
        require_owner(request)
    parts = request.app[PARTS]
    states: dict[str, int] = {}
    for source in await parts.catalogue.sources():
        states[source.state.value] = states.get(source.state.value, 0) + 1
    kinds = await parts.catalogue.counts()
    devices: dict[str, int] = {}
    for device in parts.devices.list():
        devices[device.state.value] = devices.get(device.state.value, 0) + 1
    ways: dict[str, int] = {}
    for stream in request.app[STREAMS].all():
        ways[stream.way] = ways.get(stream.way, 0) + 1
    lines = _gauge("vaultcast_sources", "Sources by state.", "state", states)
    lines += _gauge(
        "vaultcast_items", "Items by kind.", "kind", {kind.value: n for kind, n in kinds.items()}
    )
    lines += _gauge("vaultcast_devices", "Devices by state.", "state", devices)
    lines += _gauge("vaultcast_streams", "Bodies being sent, by way.", "way", ways)
    lines += _gauge(
        "vaultcast_screens", "Connected TV pages.", None, {"": len(parts.screens.list())}
    )
    return web.Response(
        body=("\n".join(lines) + "\n").encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


def _gauge(name: str, sentence: str, label: str | None, values: dict[str, int]) -> list[str]:
    lines = [f"# HELP {name} {sentence}", f"# TYPE {name} gauge"]
    for value, number in sorted(values.items()):
        lines.append(f'{name}{{{label}="{value}"}} {number}' if label else f"{name} {number}")
    return lines


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [web.get("/health", send_health), web.get("/metrics", send_metrics)]
