"""Real servers in front of the same files: rclone (webdav, http), nginx (HTML, JSON), python."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.drives.base import KeyProof
from gateway.drives.cache import SLOT_BYTES, BlockCache
from gateway.drives.drive import Drive
from gateway.errors import HostRefused, NotFound
from gateway.hosts.base import Host, Stored
from gateway.hosts.http_listing import HttpListingHost, HttpListingSettings
from gateway.hosts.layers.limit import LimitHost
from gateway.hosts.layers.retry import RetryHost
from gateway.hosts.webdav import WebDavHost, WebDavSettings
from gateway.outbound import Outbound
from gateway.spans import Span
from gateway.vaults.rclone import CryptSettings, CryptVault, derive_keys, obscure
from tests.conftest import find_program

BIG = os.urandom(1_500_000)
FILES = {"film.mkv": BIG, "a b/Ü #1 100%.txt": b"sub", "a b/deep/x&y;z.bin": b"deep"}
RCLONE = pytest.mark.needs("rclone")
NGINX = pytest.mark.needs("nginx")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Servers:
    """Starts one server and waits until it listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        for path, data in FILES.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data)
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, port: int, *command: object) -> str:
        self.running.append(
            subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
        )
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return f"http://127.0.0.1:{port}/"
        raise AssertionError(f"{command[0]} does not listen")

    def rclone(self, kind: str, *options: str, root: Path | None = None) -> str:
        port = free_port()
        place = f"127.0.0.1:{port}"
        return self.start(
            port, find_program("rclone"), "serve", kind, root or self.root, "--addr", place,
            "--config", self.folder / "none.conf", *options,
        )  # fmt: skip

    def nginx(self, *options: str) -> str:
        port = free_port()
        lines = "".join(f"{option};" for option in ("autoindex on", *options))
        (self.folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {self.folder}/pid; error_log /dev/null;"
            f"events {{}} http {{ access_log off; client_body_temp_path {self.folder}/t1;"
            f"proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;"
            f"uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;"
            f"server {{ listen 127.0.0.1:{port}; root {self.root}; {lines} }} }}"
        )
        return self.start(
            port, find_program("nginx"), "-p", self.folder, "-c", self.folder / "nginx.conf"
        )

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
            process.wait(10)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    made = Servers(tmp_path)
    yield made
    made.stop()


def dav(url: str, outbound: Outbound, **login: str) -> Host:
    return WebDavHost(WebDavSettings(url, **login), outbound)


def page(url: str, outbound: Outbound) -> Host:
    return HttpListingHost(HttpListingSettings(url), outbound)


async def read(host: Host, item: Stored, span: Span) -> bytes:
    async with aclosing(host.read(item, span)) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


KINDS: dict[str, tuple[Callable[[Servers], str], Callable[..., Host]]] = {
    "rclone webdav": (lambda servers: servers.rclone("webdav"), dav),
    "rclone http": (lambda servers: servers.rclone("http"), page),
    "nginx": (lambda servers: servers.nginx(), page),
    "nginx, rounded sizes": (lambda servers: servers.nginx("autoindex_exact_size off"), page),
    "nginx, JSON": (lambda servers: servers.nginx("autoindex_format json"), page),
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=NGINX if "nginx" in kind else RCLONE) for kind in KINDS],
)
async def test_a_real_server_lists_and_reads_exactly(servers: Servers, kind: str) -> None:
    start, connect = KINDS[kind]
    async with Outbound() as outbound:
        host = connect(start(servers), outbound)
        root = {entry.path: entry for entry in await host.list("")}
        assert {path: entry.size_bytes for path, entry in root.items()} == {
            "film.mkv": len(BIG),
            "a b": 0,
        }
        inside = {entry.path for entry in await host.list("a b")}
        assert inside == {"a b/Ü #1 100%.txt", "a b/deep"}
        film = await host.stat("film.mkv")
        assert film == root["film.mkv"]
        for span in (Span(0, len(BIG)), Span(0, 1), Span(70_000, 1_400_001)):
            assert await read(host, film, span) == BIG[span.start : span.stop]
        odd = await host.stat("a b/deep/x&y;z.bin")
        assert await read(host, odd, Span(1, 4)) == b"eep"
        with pytest.raises(NotFound):
            await host.stat("missing")


async def test_pythons_own_server_lists_but_ignores_ranges(servers: Servers) -> None:
    port = free_port()
    url = servers.start(
        port, sys.executable, "-m", "http.server", port, "-b", "127.0.0.1", "-d", servers.root
    )
    async with Outbound() as outbound:
        host = page(url, outbound)
        film = await host.stat("film.mkv")
        assert film.size_bytes == len(BIG)
        assert await read(host, film, Span(0, len(BIG))) == BIG


@RCLONE
async def test_a_login_is_needed_where_rclone_wants_one(servers: Servers) -> None:
    url = servers.rclone("webdav", "--user", "anna", "--pass", "geheim")
    async with Outbound() as outbound:
        assert len(await dav(url, outbound, user="anna", password="geheim").list("")) == 2
        with pytest.raises(HostRefused):
            await dav(url, outbound, user="anna", password="nein").list("")
        with pytest.raises(HostRefused):
            await dav(url, outbound).list("")


@RCLONE
async def test_a_vault_rclone_wrote_is_read_through_its_webdav(
    servers: Servers, tmp_path: Path
) -> None:
    stored = tmp_path / "stored"
    stored.mkdir()
    config = tmp_path / "crypt.conf"
    config.write_text(f"[c]\ntype = crypt\nremote = {stored}\npassword = {obscure('right')}\n")
    command = [find_program("rclone"), "--config", config, "copy", servers.root, "c:"]
    copied = await asyncio.create_subprocess_exec(*map(str, command))
    assert await copied.wait() == 0
    url = servers.rclone("webdav", root=stored)
    vault = CryptVault(CryptSettings("right"), derive_keys("right", ""))
    async with Outbound() as outbound, BlockCache(tmp_path / "c", 99 * SLOT_BYTES) as cache:
        drive = Drive("d", RetryHost(LimitHost(dav(url, outbound))), vault, cache)
        assert await drive.prove_key() is KeyProof.PROVEN
        reader = await drive.open(await drive.stat("film.mkv"))
        for _ in range(2):
            got = bytearray()
            async for piece in reader.read(Span(3, 1_499_999)):
                got += piece
            assert got == BIG[3:1_499_999]
        reads = outbound.ledger["127.0.0.1", "read"]
        # The proof's and the film's heads, then everything else in one; the second time nothing.
        assert reads.received_bytes < len(BIG) * 1.2
        deep = await drive.open(await drive.stat("a b/deep/x&y;z.bin"))
        assert [bytes(piece) async for piece in deep.read(Span(0, 4))] == [b"deep"]
        await drive.close()
