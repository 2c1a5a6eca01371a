"""The DLNA server against GUPnP's discovery and async_upnp_client, in namespaces with multicast."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client import UpnpDevice
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.const import HttpRequest, HttpResponse
from async_upnp_client.exceptions import UpnpActionError
from async_upnp_client.search import async_search
from defusedxml import ElementTree
from didl_lite import didl_lite

from gateway.upnp import ssdp
from gateway.upnp.description import CONTENT_DIRECTORY, MEDIA_SERVER
from tests.fakes.dlna_house import NAME
from tests.netns import Namespace, two_namespaces

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[2]


@dataclass
class House:
    """The running gateway and the player's side."""

    gateway: Namespace
    player: Namespace
    process: subprocess.Popen[str]
    port: int

    @property
    def location(self) -> str:
        return f"http://{self.gateway.address}:{self.port}/upnp/description.xml"

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.communicate("stop\n", timeout=10)


def start(gateway: Namespace, player: Namespace, *binds: str) -> House:
    process = subprocess.Popen(
        gateway.command(sys.executable, "-m", "tests.fakes.dlna_house", *binds),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("ready "):
        process.kill()
        pytest.fail(f"the gateway did not start: {process.communicate()[1]}")
    return House(gateway, player, process, int(line.split()[1]))


@pytest.fixture
def house() -> Iterator[House]:
    with two_namespaces() as (gateway, player):
        running = start(gateway, player)
        try:
            yield running
        finally:
            running.stop()
            running.process.kill()
            running.process.wait()


@contextlib.asynccontextmanager
async def control_point(house: House) -> AsyncIterator[UpnpDevice]:
    with house.player.enter():
        yield await UpnpFactory(AiohttpRequester()).async_create_device(house.location)


async def browse(device: UpnpDevice, object_id: str, flag: str = "BrowseDirectChildren"):
    action = device.service(CONTENT_DIRECTORY.type).action("Browse")
    out = await action.async_call(
        ObjectID=object_id,
        BrowseFlag=flag,
        Filter="*",
        StartingIndex=0,
        RequestedCount=0,
        SortCriteria="",
    )
    return didl_lite.from_xml_string(out["Result"], strict=False), out


@pytest.mark.needs("gssdp-discover")
def test_gssdp_finds_six_targets_with_the_location_of_its_own_side(house: House) -> None:
    found = house.player.run("gssdp-discover", "-i", house.player.link, "-n", "3")
    usns = set(re.findall(r"USN:\s*(\S+)", found.stdout))
    locations = set(re.findall(r"Location:\s*(\S+)", found.stdout))
    assert len(usns) == 6, found.stdout + found.stderr
    assert locations == {house.location}


@pytest.mark.needs("gssdp-discover")
def test_byebye_is_heard_when_the_gateway_stops(house: House) -> None:
    listener = subprocess.Popen(
        house.player.command(
            *("stdbuf", "-oL", "gssdp-discover", "-i", house.player.link, "-n", "8"),
            *("-m", "all", "-t", "upnp:rootdevice"),
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdout is not None
    heard = ""
    try:
        while "resource available" not in heard:
            line = listener.stdout.readline()
            assert line, heard
            heard += line
        house.stop()
        heard += listener.communicate(timeout=20)[0]
    finally:
        listener.kill()
        listener.wait()
    assert "resource unavailable" in heard


async def test_async_upnp_client_searches_and_is_answered_in_time(house: House) -> None:
    answers: list[tuple[float, str, str]] = []
    began = time.monotonic()

    async def take(headers: object) -> None:
        answers.append((time.monotonic() - began, headers["ST"], headers["LOCATION"]))

    with house.player.enter():
        await async_search(
            take, timeout=2, search_target=MEDIA_SERVER, source=(house.player.address, 0)
        )
    assert [(target, where) for _, target, where in answers] == [(MEDIA_SERVER, house.location)]
    assert answers[0][0] < 1.5


async def test_bad_searches_get_no_answer_and_a_unicast_one_gets_it_at_once(house: House) -> None:
    with house.player.enter():
        player = _Asker(house.player.address)
    async with player:
        everything = "ST: ssdp:all"
        man = 'MAN: "ssdp:discover"'
        for lines in (("MAN: ssdp:discover", "MX: 1", everything), (man, everything)):
            assert await player.ask((ssdp.GROUP, ssdp.PORT), *lines, wait_s=0.8) == []
        newer = f"ST: {MEDIA_SERVER[:-1]}2"
        assert await player.ask((ssdp.GROUP, ssdp.PORT), man, "MX: 1", newer, wait_s=0.8) == []
        assert (
            len(await player.ask((house.gateway.address, 1900), man, everything, wait_s=0.5)) == 6
        )
        flood = [man, "MX: 1", "ST: upnp:rootdevice"]
        for _ in range(40):
            player.send((ssdp.GROUP, ssdp.PORT), *flood)
        assert len(await player.collect(1.5)) <= 20


class _Asker:
    """A raw SSDP client."""

    def __init__(self, address: str) -> None:
        import socket

        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((address, 0))
        own = socket.inet_aton(address)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)

    def send(self, target: tuple[str, int], *lines: str) -> None:
        text = "\r\n".join(["M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", *lines, "", ""])
        self._socket.sendto(text.encode(), target)

    async def ask(self, target: tuple[str, int], *lines: str, wait_s: float) -> list[bytes]:
        self.send(target, *lines)
        return await self.collect(wait_s)

    async def collect(self, wait_s: float) -> list[bytes]:
        got: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while True:
                    got.append(await asyncio.get_running_loop().sock_recv(self._socket, 4096))
        return got

    async def __aenter__(self) -> _Asker:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()


async def test_a_control_point_waits_in_the_lobby_and_browses_once_let_in(house: House) -> None:
    async with control_point(house) as device:
        assert device.friendly_name == NAME
        (door,), before = await browse(device, "0")
        assert door.title.startswith(f"Let this player in: open http://{house.gateway.address}:")
        assert "Secret" not in before["Result"]
        house.tell("approve")
        (films,), after = await browse(device, "0")
        assert (films.title, films.child_count) == ("Films", "40")
        assert before["UpdateID"] != after["UpdateID"]
        items, out = await browse(device, "films")
        assert (len(items), out["TotalMatches"]) == (40, 40)
        assert items[0].res[0].uri.startswith(f"http://{house.gateway.address}:{house.port}/media/")
        metadata, _ = await browse(device, items[4].id, "BrowseMetadata")
        assert [one.title for one in metadata] == [items[4].title]


async def test_every_action_answers_and_faults_carry_numbers(house: House) -> None:
    async with control_point(house) as device:
        await browse(device, "0")
        house.tell("approve")
        arguments = {
            "ObjectID": "0",
            "ContainerID": "0",
            "BrowseFlag": "BrowseDirectChildren",
            "SearchCriteria": 'dc:title contains "005"',
            "Filter": "*",
            "StartingIndex": 0,
            "RequestedCount": 10,
            "SortCriteria": "+dc:title",
            "ConnectionID": 0,
            "DeviceID": "x",
            "RegistrationReqMsg": "",
        }
        called = 0
        for service in device.services.values():
            for action in service.actions.values():
                given = {one.name: arguments[one.name] for one in action.in_arguments()}
                out = await action.async_call(**given)
                assert set(out) == {one.name for one in action.out_arguments()}
                called += 1
        assert called == 13
        with pytest.raises(UpnpActionError) as refused:
            await browse(device, "nowhere")
        assert refused.value.error_code == 701


async def test_events_follow_the_rules_of_gena(house: House) -> None:
    events: list[tuple[int, dict[str, str]]] = []
    arrived = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        root = ElementTree.fromstring(await request.read())
        values = {one[0].tag: one[0].text or "" for one in root}
        events.append((int(request.headers["SEQ"]), values))
        arrived.set()
        return web.Response()

    async def event() -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(6):
            await arrived.wait()
        arrived.clear()
        return events[-1]

    async with control_point(house) as device:
        app = web.Application()
        app.router.add_route("NOTIFY", "/events", take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, house.player.address, 0)
        await site.start()
        callback = f"<http://{house.player.address}:{runner.addresses[0][1]}/events>"
        url = device.service(CONTENT_DIRECTORY.type).event_sub_url
        requester = AiohttpRequester()

        async def ask(method: str, **headers: str) -> HttpResponse:
            return await requester.async_http_request(HttpRequest(method, url, headers, None))

        elsewhere = {"NT": "upnp:event", "CALLBACK": f"<http://{house.gateway.address}:9999/>"}
        assert (await ask("SUBSCRIBE", **elsewhere)).status_code == 412
        assert (await ask("SUBSCRIBE", SID="uuid:none")).status_code == 412
        assert (await ask("SUBSCRIBE", SID="uuid:none", NT="upnp:event")).status_code == 400
        answer = await ask("SUBSCRIBE", NT="upnp:event", CALLBACK=callback)
        assert answer.status_code == 200
        assert answer.headers["TIMEOUT"] == "Second-300"
        sid = answer.headers["SID"]
        key, values = await event()
        assert (key, set(values)) == (0, {"SystemUpdateID", "ContainerUpdateIDs"})
        lobby_id = values["SystemUpdateID"]
        house.tell("approve")
        key, values = await event()
        assert key == 1
        assert values["SystemUpdateID"] == "1" != lobby_id
        house.tell("change")
        house.tell("change")
        key, values = await event()
        assert (key, values) == (2, {"SystemUpdateID": "3", "ContainerUpdateIDs": "films,3"})
        renewed = await ask("SUBSCRIBE", SID=sid)
        assert (renewed.status_code, renewed.headers["SID"]) == (200, sid)
        assert (await ask("UNSUBSCRIBE", SID=sid)).status_code == 200
        assert (await ask("UNSUBSCRIBE", SID=sid)).status_code == 412
        await runner.cleanup()


@pytest.mark.needs("gssdp-discover")
def test_a_new_address_is_announced_within_five_seconds(house: House) -> None:
    inside = ("ip", "-n", house.gateway.name, "address")
    subprocess.run([*inside, "add", "10.78.0.1/24", "dev", house.gateway.link], check=True)
    house.player.run("ip", "address", "add", "10.78.0.2/24", "dev", house.player.link)
    subprocess.run(
        [*inside, "del", f"{house.gateway.address}/24", "dev", house.gateway.link], check=True
    )
    house.player.run("ip", "address", "del", f"{house.player.address}/24", "dev", house.player.link)
    heard = house.player.run(
        *("gssdp-discover", "-i", house.player.link, "-n", "6", "-t", "upnp:rootdevice"),
        *("-r", "1"),
    )
    assert f"http://10.78.0.1:{house.port}/upnp/description.xml" in heard.stdout


async def test_each_side_is_told_the_address_of_its_own_side() -> None:
    with two_namespaces() as (gateway, player):
        links = (f"{gateway.link[:-1]}f", f"{player.link[:-1]}f")
        subprocess.run(
            [
                *("ip", "link", "add", links[0], "netns", gateway.name, "type", "veth"),
                *("peer", "name", links[1], "netns", player.name),
            ],
            check=True,
        )
        for side, link, last in ((gateway, links[0], 1), (player, links[1], 2)):
            side.run("ip", "address", "add", f"10.79.0.{last}/24", "dev", link)
            side.run("ip", "link", "set", link, "multicast", "on", "up")
        house = start(gateway, player)
        try:
            for own, theirs in ((player.address, gateway.address), ("10.79.0.2", "10.79.0.1")):
                with player.enter():
                    asker = _Asker(own)
                async with asker:
                    answers = await asker.ask(
                        *((ssdp.GROUP, ssdp.PORT), 'MAN: "ssdp:discover"', "MX: 1"),
                        *("ST: upnp:rootdevice",),
                        wait_s=1.2,
                    )
                assert [ssdp.parse_headers(one)["location"] for one in answers] == [
                    f"http://{theirs}:{house.port}/upnp/description.xml"
                ]
        finally:
            house.stop()
            house.process.kill()
            house.process.wait()


def test_loopback_works_with_multicast_when_it_is_asked_for() -> None:
    with two_namespaces() as (gateway, player):
        house = start(gateway, player, "127.0.0.1")
        try:
            asked = gateway.run(sys.executable, "-c", _ASK_LOOPBACK)
            assert f"http://127.0.0.1:{house.port}/upnp/description.xml" in asked.stdout, (
                asked.stderr
            )
        finally:
            house.stop()
            house.process.kill()
            house.process.wait()


_ASK_LOOPBACK = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
s.bind(("127.0.0.1", 0))
s.settimeout(3)
text = ["M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 1",
        "ST: upnp:rootdevice", "", ""]
s.sendto("\\r\\n".join(text).encode(), ("239.255.255.250", 1900))
print(s.recv(4096).decode())
"""
