"""Typed keys of the application and of a request."""

from __future__ import annotations

from aiohttp import web

from gateway.security.devices import Device
from gateway.web.parts import Parts
from gateway.web.streams import Streams

PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)
STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)
ASKER: web.RequestKey[Device] = web.RequestKey("asker", Device)
