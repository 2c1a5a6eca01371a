"""The HTTP server as clients meet it: over real sockets on loopback, rooms out of memory."""

from __future__ import annotations

import asyncio
import json
import re

import aiohttp
import pytest

from gateway.security.devices import DeviceKind, Role
from gateway.security.grants import PAUSE_S, Purpose
from gateway.web import server
from gateway.web.keys import STREAMS
from tests.fakes.house import DATA, REMUX, TITLE, House

HERE = "127.0.0.1"
OPEN_TO_ALL = ("/", "/health", "/metrics", "/api/v1/openapi.json")
GONE = (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, ConnectionError)


@pytest.fixture
async def house():
    async with House() as made:
        yield made


@pytest.fixture
async def client(house: House):
    async with aiohttp.ClientSession(house.base) as session:  # noqa: TID251 - the other side
        yield session


@pytest.fixture
async def viewer(house: House) -> tuple[str, str]:
    """A let-in player's id and its token."""
    device = await house.devices.approve(house.devices.see(DeviceKind.PLAYER, HERE, "LG").id)
    return device.id, house.grants.issue(device.id, Purpose.DLNA, HERE)


@pytest.fixture
def token(viewer: tuple[str, str]) -> str:
    return viewer[1]


def bearer(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.owner}"}


async def until(fact, within_s: float = 2.0) -> None:
    async with asyncio.timeout(within_s):
        while not fact():
            await asyncio.sleep(0.005)


def paths(house: House) -> list[tuple[str, str]]:
    """Every method and path of the application, with something in each hole."""
    fill = {"item": "7", "suffix": ".mkv", "variant": str(REMUX), "number": "0", "track": "2"}
    fill |= {"source": "films", "path": "a", "name": "films", "act": "lock", "device": "d"}
    out = []
    for route in house.app.router.routes():
        path = route.resource.canonical
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", fill.get(name, "x"))
        out.append((route.method, path.replace("suffix", "m4s")))
    return out


async def test_a_crawl_by_a_stranger_finds_no_title_and_no_byte(house, client) -> None:
    crawled = paths(house)
    assert len(crawled) > 30
    for method, path in crawled:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "vaultcast=x"}):
            async with client.request(
                method, path, headers=headers, json={}, allow_redirects=False
            ) as reply:
                body = await reply.read()
                assert TITLE.encode() not in body, path
                assert DATA[:50] not in body, path
                assert b"SEGMENT" not in body, path
                # Pages answer a stranger with the lobby: no title, as checked above.
                if path not in OPEN_TO_ALL and not path.startswith(("/tv", "/remote", "/static/")):
                    assert reply.status >= 400, path
    assert house.rooms.reader.started == 0
    assert not house.rooms.locked


async def test_a_waiting_device_is_as_blind_as_a_stranger(house, client) -> None:
    _, secret = house.devices.enrol(DeviceKind.TV, HERE, "TV")
    cookie = {"Cookie": f"vaultcast={secret}"}
    for path in ("/api/v1/items", "/api/v1/home", "/api/v1/sources", "/api/v1/devices"):
        async with client.get(path, headers=cookie) as reply:
            assert reply.status == 401
            assert (await reply.json())["code"] == "not_paired"
    async with client.get("/api/v1/door", headers=cookie) as reply:
        assert (await reply.json())["state"] == "waiting"


@pytest.mark.parametrize(
    ("text", "status", "start", "stop"),
    [
        (None, 200, 0, len(DATA)),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=-5", 206, len(DATA) - 5, len(DATA)),
        ("bytes=65530-65550", 206, 65530, 65551),
        ("items=0-1", 200, 0, len(DATA)),
    ],
)
async def test_bytes_come_exactly_and_head_says_the_same(
    house, client, token, text, status, start, stop
) -> None:
    headers = {} if text is None else {"Range": text}
    seen = []
    for method in ("GET", "HEAD"):
        async with client.request(method, f"/media/{token}/7.mkv", headers=headers) as reply:
            assert reply.status == status
            body = await reply.read()
            assert body == (DATA[start:stop] if method == "GET" else b"")
            seen.append({k.lower(): v for k, v in reply.headers.items() if k != "Date"})
    assert seen[0] == seen[1]
    assert seen[0]["content-length"] == str(stop - start)
    assert seen[0]["accept-ranges"] == "bytes"
    assert seen[0]["etag"] == '"fake-1"'
    assert seen[0]["cache-control"] == "no-store"
    assert seen[0]["referrer-policy"] == "no-referrer"
    assert seen[0]["transfermode.dlna.org"] == "Streaming"
    assert seen[0]["contentfeatures.dlna.org"] == "DLNA.ORG_OP=01"
    assert seen[0]["ext"] == ""
    assert "DLNADOC" in seen[0]["server"]


async def test_a_range_behind_the_end_is_416_with_the_size(house, client, token) -> None:
    async with client.get(f"/media/{token}/7", headers={"Range": "bytes=900000-"}) as reply:
        assert reply.status == 416
        assert reply.headers["Content-Range"] == f"bytes */{len(DATA)}"
        assert (await reply.json())["code"] == "bad_range"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"transferMode.dlna.org": "Interactive"}, 200),
        ({"transferMode.dlna.org": "evil"}, 400),
        ({"getcontentFeatures.dlna.org": "0"}, 400),
        ({"PlaySpeed.dlna.org": "speed=1"}, 200),
        ({"PlaySpeed.dlna.org": "speed=2"}, 406),
        ({"PlaySpeed.dlna.org": "fast"}, 400),
        ({"TimeSeekRange.dlna.org": "npt=1-"}, 406),
        ({"TimeSeekRange.dlna.org": "npt=1-", "Range": "bytes=0-1"}, 206),
        ({"getMediaInfo.sec": "1"}, 200),
        ({"If-None-Match": '"fake-1"'}, 304),
        ({"If-Match": '"other"'}, 412),
    ],
)
async def test_players_headers_follow_their_rules(client, token, headers, status) -> None:
    async with client.get(f"/media/{token}/7", headers=headers) as reply:
        assert reply.status == status
        await reply.read()
        if "getMediaInfo.sec" in headers:
            assert reply.headers["MediaInfo.sec"] == "SEC_Duration=10000;"


async def test_requests_in_a_pipeline_are_answered_in_order(house, token) -> None:
    reader, writer = await asyncio.open_connection(HERE, house.listener.port)
    for first in (0, 100_000, 299_990):
        request = f"GET /media/{token}/7 HTTP/1.1\r\nHost: {HERE}\r\n"
        writer.write(f"{request}Range: bytes={first}-{first + 9}\r\n\r\n".encode())
    for first in (0, 100_000, 299_990):
        head = await reader.readuntil(b"\r\n\r\n")
        assert f"bytes {first}-{first + 9}/".encode() in head
        assert await reader.readexactly(10) == DATA[first : first + 10]
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_stops_the_reading_within_100_ms(house, client, token) -> None:
    house.rooms.reader.endless = True
    reply = await client.get(f"/media/{token}/7")
    await until(lambda: house.rooms.reader.open == 1)
    reply.close()
    await until(lambda: house.rooms.reader.open == 0, 0.1)
    await until(lambda: house.app[STREAMS].all() == ())


async def test_damage_in_the_middle_breaks_the_connection(house, client, token, caplog) -> None:
    house.rooms.reader.fail_at = 131072
    async with client.get(f"/media/{token}/7") as reply:
        assert reply.status == 200
        with pytest.raises(GONE):
            await reply.read()
    assert "cut after 131072 bytes" in caplog.text
    assert token not in caplog.text
    async with client.get(f"/media/{token}/7", headers={"Range": "bytes=0-9"}) as reply:
        assert await reply.read() == DATA[:10]


async def test_revocation_cuts_a_running_stream_and_closes_the_door(house, client, viewer) -> None:
    device, token = viewer
    house.rooms.reader.endless = True
    async with client.get(f"/media/{token}/7") as reply:
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        path = f"/api/v1/devices/{device}/revoke"
        async with client.post(path, headers=bearer(house)) as done:
            assert (await done.json())["state"] == "revoked"
        with pytest.raises(GONE):
            await reply.read()
        assert loop.time() - asked_s < 2
    assert house.rooms.reader.open == 0
    async with client.get(f"/media/{token}/7") as reply:
        assert reply.status == 403


async def test_locking_a_source_cuts_its_streams(house, client, token) -> None:
    house.rooms.reader.endless = True
    async with client.get(f"/media/{token}/7") as reply:
        async with client.post("/api/v1/sources/films/lock", headers=bearer(house)) as done:
            assert done.status == 200
        with pytest.raises(GONE):
            await reply.read()
    async with client.get(f"/media/{token}/7") as reply:
        assert reply.status == 404
    for secret, status in (("not-it-1", 403), ("right", 200)):
        async with client.post(
            "/api/v1/sources/films/unlock", json={"secret": secret}, headers=bearer(house)
        ) as done:
            assert done.status == status
            assert secret not in await done.text()


async def test_a_token_of_another_address_or_of_yesterday_gets_nothing(house, client) -> None:
    foreign = house.grants.issue("d", Purpose.DLNA, "192.168.1.9")
    files = house.grants.issue("d", Purpose.FILES, HERE)
    mine = house.grants.issue("d", Purpose.DLNA, HERE)
    house.clock.move(PAUSE_S)
    for token in (foreign, files, mine, "x" * 200, "..%2f..", "%00"):
        for path in ("media/{}/7", "art/{}/7.jpg", "stream/{}/7.ts", "hls/{}/7/ts-v0/0.ts"):
            async with client.get("/" + path.format(token)) as reply:
                assert reply.status == 403
                assert TITLE not in await reply.text()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "vaultcast.local"}, 421),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "127.0.0.2"}, 421),
    ],
)
async def test_foreign_host_names_are_not_answered(client, headers, status) -> None:
    async with client.get("/health", headers=headers) as reply:
        assert reply.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({"Content-Type": "application/json"}, 401),
    ],
)
async def test_a_foreign_page_changes_nothing(house, client, headers, status) -> None:
    for path in ("/api/v1/sources/films/lock", "/api/v1/pair"):
        async with client.post(path, data=b"{}", headers=headers) as reply:
            assert reply.status == (400 if status == 401 and "pair" in path else status)
    assert not house.rooms.locked


async def test_a_foreign_page_opens_no_socket(house, client) -> None:
    _, secret = await house.devices.admit(DeviceKind.PHONE, HERE, "Phone", Role.OWNER)
    headers = {"Cookie": f"vaultcast={secret}", "Origin": "http://evil.example"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect("/api/v1/socket", headers=headers)
    assert caught.value.status == 403


async def test_roles_bound_what_a_device_may_do(house, client) -> None:
    _, remote = await house.devices.admit(DeviceKind.PHONE, HERE, "R", Role.REMOTE, target="tv")
    headers = {"Authorization": f"Bearer {remote}"}
    async with client.get("/api/v1/items", headers=headers) as reply:
        assert (await reply.json())["items"][0]["title"] == TITLE
    for method, path in (
        ("POST", "/api/v1/sources/films/lock"),
        ("POST", "/api/v1/sources"),
        ("DELETE", "/api/v1/sources/films"),
        ("GET", "/api/v1/files?source=films"),
        ("GET", "/api/v1/sessions"),
        ("POST", "/api/v1/devices/x/approve"),
    ):
        async with client.request(method, path, headers=headers, json={}) as reply:
            assert reply.status == 403, path
    async with client.get("/api/v1/sources", headers=headers) as reply:
        assert "spec" not in (await reply.json())["sources"][0]


async def test_a_page_that_stops_keeps_its_place_and_ends_its_conversion(house, client) -> None:
    headers = bearer(house)
    body = {"item": 7, "position_s": 8.5, "duration_s": 10.0}
    async with client.post("/api/v1/sessions/stop", json=body, headers=headers) as reply:
        assert reply.status == 200
    async with client.get("/api/v1/items/7", headers=headers) as reply:
        assert (await reply.json())["position_s"] == 8.5
    assert len(house.rooms.released) == 1
    async with client.post("/api/v1/sessions/stop", json={"item": 7}, headers=headers) as reply:
        assert reply.status == 400
    async with client.post("/api/v1/sessions/stop", json={}) as reply:
        assert reply.status == 401
    assert len(house.rooms.released) == 1


async def test_items_positions_plans_and_files(house, client) -> None:
    headers = bearer(house)
    item = "/api/v1/items/7"
    async with client.post(item + "/position", json={"position_s": 4.5}, headers=headers) as reply:
        assert (await reply.json())["position_s"] == 4.5
    async with client.get(item, headers=headers) as reply:
        assert (await reply.json())["position_s"] == 4.5
    screen = {"mse": ['video/mp4; codecs="avc1.640028"', 'audio/mp4; codecs="mp4a.40.2"']}
    async with client.post(item + "/plan", json={"screen": screen}, headers=headers) as reply:
        plan = await reply.json()
        assert reply.status == 200, plan
    assert plan["mode"] in ("direct", "remux", "convert")
    assert plan["sentence"]
    assert plan["position_s"] == 4.5
    assert plan["subtitles"][0]["template"].endswith("/7/subs-2/$N.vtt")
    async with client.get(plan["url"]) as reply:
        assert reply.status == 200
        await reply.read()
    async with client.get("/api/v1/files?source=films&path=a%20b", headers=headers) as reply:
        [entry] = (await reply.json())["entries"]
    async with client.get(entry["address"], headers={"Range": "bytes=0-2"}) as reply:
        assert await reply.read() == DATA[:3]


async def test_segments_playlists_and_timed_text(house, client, token) -> None:
    base = f"/hls/{token}/7/{REMUX}"
    for path, body in (
        (f"{base}/init.mp4", b"INIT"),
        (f"{base}/1.m4s", b"SEGMENT1"),
    ):
        async with client.get(path) as reply:
            assert (reply.status, await reply.read()) == (200, body)
            assert reply.headers["Content-Type"] == "video/mp4"
    for path, status in (
        (f"{base}/1.ts", 404),
        (f"{base}/9.m4s", 404),
        (f"{base}/99999999999999999999.m4s", 404),
        (f"/hls/{token}/7/evil/0.m4s", 400),
        (f"/hls/{token}/99999999999999999999/{REMUX}/0.m4s", 404),
        (f"/hls/{token}/7/..%2f..%2fetc/index.m3u8", 400),
    ):
        async with client.get(path) as reply:
            assert reply.status == status, path
    async with client.get(f"/hls/{token}/7/subs-2/index.m3u8") as reply:
        text = await reply.text()
        assert "0.vtt\n" in text
        assert "EXT-X-MAP" not in text
        assert reply.content_type == "application/vnd.apple.mpegurl"
    async with client.get(f"/subs/{token}/7/2.vtt") as reply:
        text = await reply.text()
        assert text.startswith("WEBVTT\n")
        assert [text.count(one) for one in ("over the border", "cue 0", "cue 1")] == [1, 1, 1]


async def test_the_stream_is_sought_by_time_and_ends_with_its_connection(client, token) -> None:
    path = f"/stream/{token}/7.ts"
    async with client.head(path) as reply:
        assert reply.status == 200
    headers = {"TimeSeekRange.dlna.org": "npt=2.5-"}
    async with client.get(path, headers=headers) as reply:
        assert (await reply.read()).startswith(b"TS from 2.5")
        assert reply.headers["TimeSeekRange.dlna.org"] == "npt=2.500-10.000/10.000"
        assert reply.headers["Connection"] == "close"
        assert "Transfer-Encoding" not in reply.headers
    for value, status in (("npt=10-", 416), ("npt=x", 400)):
        async with client.get(path, headers={"TimeSeekRange.dlna.org": value}) as reply:
            assert reply.status == status


async def test_pictures_come_in_the_sizes_of_the_pages(client, token) -> None:
    from io import BytesIO

    from PIL import Image

    for size, pixels in (("", (640, 480)), ("?s=poster", (220, 330)), ("?s=wide", (384, 216))):
        async with client.get(f"/art/{token}/7.jpg{size}") as reply:
            image = Image.open(BytesIO(await reply.read()))
            assert (image.size, reply.content_type) == (pixels, "image/jpeg")
    async with client.get(f"/art/{token}/7.jpg?s=tile") as reply:
        assert reply.content_type == "image/png"
    async with client.get(f"/art/{token}/7.jpg?s=huge") as reply:
        assert reply.status == 400


async def test_the_owner_link_makes_an_owner_once(house, client) -> None:
    async with client.post("/api/v1/local/owner-link", json={"secret": "local-secret"}) as reply:
        link = (await reply.json())["url"]
    secret = link.partition("#own.")[2]
    async with client.post("/api/v1/owner", json={"secret": secret}) as reply:
        assert (await reply.json())["role"] == "owner"
        cookie = reply.headers["Set-Cookie"]
    for part in ("vaultcast=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=31536000"):
        assert part in cookie
    async with client.post("/api/v1/owner", json={"secret": secret}) as reply:
        assert reply.status == 403


async def test_a_local_token_needs_the_local_secret(house, client) -> None:
    for what in ("token", "owner-link"):
        async with client.post(f"/api/v1/local/{what}", json={"secret": "x"}) as reply:
            assert reply.status == 403
    async with client.post("/api/v1/local/token", json={"secret": "local-secret"}) as reply:
        token = (await reply.json())["token"]
    async with client.get(
        "/api/v1/sessions", headers={"Authorization": f"Bearer {token}"}
    ) as reply:
        assert reply.status == 200


async def test_a_code_of_a_tv_makes_a_remote_of_that_tv_alone(house, client) -> None:
    tv, _ = house.devices.enrol(DeviceKind.TV, HERE, "TV")
    async with client.post("/api/v1/pair", json={"code": house.codes.offer(tv.id).digits}) as reply:
        assert reply.status == 401
    await house.devices.approve(tv.id)
    digits = house.codes.offer(tv.id).digits
    shown = f"{digits[:3]} {digits[3:]}"
    async with client.post("/api/v1/pair", json={"code": shown}) as reply:
        assert await reply.json() == {"role": "remote", "target": tv.id}


async def test_health_is_open_and_metrics_are_text(house, client) -> None:
    async with client.get("/health") as reply:
        assert await reply.json() == {
            "status": "ok",
            "version": "1.2.3",
            "sources": [{"name": "films", "state": "ready"}],
        }
    async with client.get("/metrics") as reply:
        text = await reply.text()
    assert 'vaultcast_sources{state="ready"} 1' in text
    assert TITLE not in text


async def test_a_phone_commands_the_tv_page_and_sees_its_state(house, client) -> None:
    tv, tv_secret = house.devices.enrol(DeviceKind.TV, HERE, "TV")
    async with client.ws_connect(
        "/api/v1/socket", headers={"Cookie": f"vaultcast={tv_secret}"}
    ) as page:
        door = await page.receive_json(timeout=2)
        assert (door["state"], door["number"]) == ("waiting", tv.number)
        async with client.ws_connect("/api/v1/socket", headers=bearer(house)) as phone:
            assert (await phone.receive_json(timeout=2))["role"] == "owner"
            async with client.post(
                f"/api/v1/devices/{tv.id}/approve", headers=bearer(house)
            ) as reply:
                assert reply.status == 200
            assert (await page.receive_json(timeout=2))["state"] == "approved"
            await page.send_json({"t": "state", "item": 7, "title": TITLE, "playing": True})
            state: dict[str, object] = {}
            while state.get("t") != "state" or not state["playing"]:
                state = await phone.receive_json(timeout=2)
            assert (state["tv"], state["item"]) == (tv.id, 7)
            await phone.send_json({"t": "pause", "id": 5})
            assert await page.receive_json(timeout=2) == {"t": "pause", "id": 5}
            answer = await phone.receive_json(timeout=2)
            assert answer == {"t": "ok", "id": 5}
            await house.devices.revoke(tv.id)
            while (await page.receive(timeout=2)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert page.closed


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/items?count=9999", None, 400),
        ("GET", "/api/v1/items?start=-1", None, 400),
        ("GET", "/api/v1/items?kind=' OR 1=1", None, 400),
        ("GET", "/api/v1/items?start=" + "9" * 400, None, 400),
        ("GET", "/api/v1/items/0x7", None, 404),
        ("GET", "/api/v1/search", None, 400),
        ("GET", "/api/v1/search?q=" + "a" * 1001, None, 400),
        ("GET", "/api/v1/groups/evil", None, 400),
        ("GET", "/media/../../etc/passwd", None, 404),
        ("GET", "/nothing", None, 404),
        ("PUT", "/api/v1/items", b"{}", 405),
        ("POST", "/api/v1/items/7/position", b"{", 400),
        ("POST", "/api/v1/items/7/position", b"[" * 200_000, 400),
        ("POST", "/api/v1/items/7/position", b'{"position_s": NaN}', 400),
        ("POST", "/api/v1/items/7/position", b'{"position_s": true}', 400),
        ("POST", "/api/v1/items/7/position", b"x" * 300_000, 413),
        ("POST", "/api/v1/items/7/plan", b'{"screen": []}', 400),
        ("POST", "/api/v1/sources", b"{}", 400),
        ("POST", "/api/v1/sources/films/evil", b"{}", 404),
    ],
)
async def test_bad_requests_are_named(house, client, method, path, body, status) -> None:
    headers = bearer(house)
    async with client.request(method, path, data=body, headers=headers) as reply:
        assert reply.status == status
        error = await reply.json()
        assert set(error) >= {"code", "message", "remedy"}
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_unforeseen_failure_tells_nothing(house, client, token, caplog) -> None:
    house.rooms.film = None
    async with client.get(f"/media/{token}/7") as reply:
        assert reply.status == 500
        assert (await reply.json())["code"] == "failed"
    assert token not in caplog.text


@pytest.mark.parametrize("way", ["goodbye", "end", "reset"])
async def test_a_tv_page_that_is_gone_releases_its_conversion(house, way) -> None:
    tv, secret = house.devices.enrol(DeviceKind.TV, HERE, "TV")
    await house.devices.approve(tv.id)
    reader, writer = await asyncio.open_connection(HERE, house.listener.port)
    writer.write(
        f"GET /api/v1/socket?as=tv HTTP/1.1\r\nHost: {HERE}:{house.listener.port}\r\n"
        f"Cookie: vaultcast={secret}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    assert house.rooms.released == []
    if way == "goodbye":
        writer.write(bytes([0x88, 0x80, 0, 0, 0, 0]))
    elif way == "end":
        writer.close()
    else:
        writer.transport.abort()
    async with asyncio.timeout(3):
        while not house.rooms.released:
            await asyncio.sleep(0.01)
    assert house.rooms.released == [tv.id]
    writer.close()


async def test_one_address_has_a_bounded_number_of_connections() -> None:
    async with House(per_address=3) as house:
        held = [await asyncio.open_connection(HERE, house.listener.port) for _ in range(3)]
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(HERE, house.listener.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        for _, one in [*held, (reader, writer)]:
            one.close()


async def test_a_connection_that_asks_nothing_is_closed(monkeypatch) -> None:
    monkeypatch.setattr(server, "HEADER_WITHIN_S", 0.05)
    async with House() as house:
        reader, writer = await asyncio.open_connection(HERE, house.listener.port)
        writer.write(b"GET /health HTTP/1.1\r\nX-Slow: ")
        async with asyncio.timeout(2):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()


async def test_the_stop_ends_running_streams_in_time(house, client, token) -> None:
    house.rooms.reader.endless = True
    reply = await client.get(f"/media/{token}/7")
    page = await client.ws_connect("/api/v1/socket", headers=bearer(house))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await house.listener.__aexit__(None, None, None)
    assert loop.time() - began_s < 5
    assert house.rooms.reader.open == 0
    with pytest.raises(GONE):
        await reply.read()
    await page.close()


async def test_every_route_of_the_api_is_described_and_no_other(house) -> None:
    document = json.loads(server.openapi.document())
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    built = {
        (route.method, route.resource.canonical)
        for route in house.app.router.routes()
        if route.resource.canonical.startswith("/api/") and route.method != "HEAD"
    }
    assert described == built
