"""The HTTP face without a socket of its own: handlers are called with made requests."""

import io

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from defusedxml import ElementTree
from PIL import Image

from gateway.bus import Bus
from gateway.dlna.routes import routes
from gateway.dlna.server import ICONS, DlnaServer, DlnaSettings, server_token, stable_udn
from gateway.security.devices import Devices
from gateway.security.grants import Grants
from gateway.upnp.description import CONTENT_DIRECTORY
from tests.fakes.clock import FakeClock
from tests.fakes.keep import MemoryKeep
from tests.fakes.shelf import FakeShelf, film


class Wire:
    """Both ends of a connection, as a transport tells them."""

    def __init__(self, peer: str) -> None:
        self._ends = {"peername": (peer, 50_000), "sockname": ("10.0.0.1", 8420)}

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._ends.get(name, default)


class BrokenShelf(FakeShelf):
    """Fails in a way nobody foresaw."""

    async def browse_children(self, *_args: object, **_more: object) -> object:
        raise RuntimeError("a secret title")


def server(shelf: FakeShelf) -> DlnaServer:
    keep, clock, bus = MemoryKeep(), FakeClock(), Bus()
    grants = Grants(keep, clock)

    async def nowhere(*_: object) -> None:
        return None

    return DlnaServer(
        DlnaSettings("Home", "uuid:12345678", "1.0", server_token("1.0")),
        shelf=shelf,
        devices=Devices(keep, clock, bus, grants, is_open=True),
        grants=grants,
        deliver=nowhere,
        interfaces=lambda: (),
        http_port=lambda: 8420,
        bus=bus,
        clock=clock,
    )


async def send(
    method: str, path: str, *, shelf: FakeShelf | None = None, peer: str = "10.0.0.9",
    body: bytes = b"", **headers: str,
) -> web.Response:  # fmt: skip
    app = web.Application()
    app.add_routes(routes(server(shelf or FakeShelf([film(1, "A")]))))
    wire = Wire(peer)
    request = make_mocked_request(method, path, headers=headers, transport=wire, app=app)
    request._read_bytes = body
    found = await app.router.resolve(request)
    request._match_info = found
    answer = await found.handler(request)
    assert isinstance(answer, web.Response)
    return answer


def browse(object_id: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<u:Browse xmlns:u="{CONTENT_DIRECTORY.type}"><ObjectID>{object_id}</ObjectID>'
        "<BrowseFlag>BrowseDirectChildren</BrowseFlag></u:Browse></s:Body></s:Envelope>"
    ).encode()


ACTION = {"SOAPACTION": f'"{CONTENT_DIRECTORY.type}#Browse"'}
CONTROL = "/upnp/control/content"


async def test_a_browse_is_answered_with_the_headers_players_look_for() -> None:
    answer = await send("POST", CONTROL, body=browse("0"), **ACTION)
    assert answer.status == 200
    assert answer.headers["EXT"] == ""
    assert "DLNADOC/1.50" in answer.headers["Server"]
    assert answer.headers["Content-Type"] == 'text/xml; charset="utf-8"'
    assert b"Films" in answer.body


@pytest.mark.parametrize(
    ("body", "headers", "status", "number"),
    [
        (browse("0"), {}, 400, "402"),
        (b"<", ACTION, 500, "402"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', ACTION, 500, "402"),
        (browse("nowhere"), ACTION, 500, "701"),
        (browse("0"), {"SOAPACTION": '"urn:other#Browse"'}, 500, "401"),
    ],
)
async def test_faults_are_soap(
    body: bytes, headers: dict[str, str], status: int, number: str
) -> None:
    answer = await send("POST", CONTROL, body=body, **headers)
    assert answer.status == status
    codes = [
        one.text for one in ElementTree.fromstring(answer.body).iter() if "errorCode" in one.tag
    ]
    assert codes == [number]


async def test_an_unforeseen_failure_is_a_fault_without_its_words() -> None:
    answer = await send("POST", CONTROL, shelf=BrokenShelf([]), body=browse("0"), **ACTION)
    assert answer.status == 500
    assert b"501" in answer.body
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/upnp/description.xml"),
        ("POST", CONTROL),
        ("SUBSCRIBE", "/upnp/events/content"),
        ("UNSUBSCRIBE", "/upnp/events/content"),
    ],
)
async def test_strangers_from_elsewhere_are_refused(method: str, path: str) -> None:
    answer = await send(method, path, peer="8.8.8.8", body=browse("0"), **ACTION)
    assert answer.status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/upnp/nothing.xml"),
        ("GET", "/upnp/icons/nothing.png"),
        ("POST", "/upnp/control/nothing"),
        ("SUBSCRIBE", "/upnp/events/nothing"),
    ],
)
async def test_what_is_not_there_is_404(method: str, path: str) -> None:
    assert (await send(method, path)).status == 404


async def test_a_body_beyond_the_limit_is_refused_unread() -> None:
    answer = await send("POST", CONTROL, **ACTION, **{"Content-Length": "70000"})
    assert answer.status == 413


@pytest.mark.parametrize("icon", ICONS, ids=lambda one: one.name)
async def test_icons_have_the_size_they_state(icon: object) -> None:
    answer = await send("GET", f"/upnp/icons/{icon.name}")
    assert answer.headers["Content-Type"] == icon.mime
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert picture.size == (icon.pixels, icon.pixels)
        assert picture.mode == "RGB"


async def test_the_udn_is_made_once() -> None:
    keep = MemoryKeep()
    first = await stable_udn(keep)
    assert first.startswith("uuid:")
    assert await stable_udn(keep) == first
