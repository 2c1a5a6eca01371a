"""Direct play through crypt: ours, rclone's own server of the same remote, nginx in the clear."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import statistics
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.client import Address, Downloads, Link, at_once, seek_times
from benchmarks.report import Report, Row, p50, p95
from benchmarks.servers import Server, nginx, rclone_http, vaultcast
from benchmarks.soap import Player, read_answer
from gateway.cli.vault_writer import write_sealed
from gateway.vaults.rclone import CryptVault, choose_settings, derive_keys, render_section

_PART = "direct play"
_STALLED = 60
_BESIDE = 3


def measure(report: Report, folder: Path, *, mib: int, runs: int) -> None:
    """All of this part."""
    config, digest = _make_film(folder, mib)
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                vaultcast(folder / "ours", ["film=rclone:bench:"], "--rclone-config", str(config))
            ),
            stack.enter_context(rclone_http(config, "bench:")),
            stack.enter_context(nginx(folder / "nginx", folder / "clear")),
        ]
        addresses = {one.name: Address(one.port, "/film.mkv") for one in servers}
        addresses["vaultcast"] = Address(servers[0].port, media_path(servers[0]))
        idle = {one.name: one.pss_mb() for one in servers}
        _stream(report, servers, addresses, mib << 20, digest, runs)
        _seek(report, servers, addresses, mib << 20)
        _beside(report, servers[0], addresses["vaultcast"])
        _stall(report, servers, addresses, idle)


def _make_film(folder: Path, mib: int) -> tuple[Path, bytes]:
    """A film of random bytes, sealed and in the clear: the remote's settings, the hash."""
    for name in ("clear", "sealed"):
        (folder / name).mkdir(parents=True)
    settings = choose_settings("measured")
    vault = CryptVault(settings, derive_keys(settings.password))
    digest = hashlib.sha256()
    with (folder / "clear" / "film.mkv").open("wb") as clear:

        def pieces() -> Iterator[bytes]:
            chance = random.Random(1)
            for _ in range(mib):
                piece = chance.randbytes(1 << 20)
                digest.update(piece)
                clear.write(piece)
                yield piece

        write_sealed(vault, folder / "sealed", "film.mkv", pieces())
    config = folder / "rclone.conf"
    config.write_text(render_section("bench", settings, str(folder / "sealed")))
    return config, digest.digest()


def media_path(server: Server, container: str = "films") -> str:
    """Where a player finds the film, as Browse tells it."""
    player = Player("vaultcast", server.port)
    deadline = time.monotonic() + 60
    while True:
        text = read_answer(player.browse(container, 0, 10)).text
        found = re.search(r">(http://[^<]*/media/[^<]*)</res>", text)
        if found:
            player.close()
            return urllib.parse.urlsplit(found[1]).path
        if time.monotonic() > deadline:
            raise RuntimeError("the film did not come into the library")
        time.sleep(0.2)


def _stream(
    report: Report,
    servers: list[Server],
    addresses: dict[str, Address],
    size_bytes: int,
    digest: bytes,
    runs: int,
) -> None:
    downloads = Downloads(size_bytes, digest, 8)
    for clients in (1, 8):
        speed: dict[str, list[float]] = {one.name: [] for one in servers}
        cost: dict[str, list[float]] = {one.name: [] for one in servers}
        for run in range(runs + 1):
            for server in servers:
                before_s = server.cpu_s()
                took_s = downloads.run(addresses[server.name], clients)
                cpu_s = server.cpu_s() - before_s
                if run:  # the first fills caches and buffers
                    speed[server.name].append(clients * size_bytes / took_s / 1e6)
                    cost[server.name].append(cpu_s / (clients * size_bytes / 1e9))
        what = f"whole film, {clients} connection{'s' * (clients > 1)}"
        note = f"medians of {runs}"
        report.compare(
            _PART, f"{what}: speed", "MB/s", _medians(speed), "rclone",
            (">=", 1.2) if clients == 1 else None, note,
        )  # fmt: skip
        report.compare(
            _PART, f"{what}: server CPU", "s/GB", _medians(cost), "rclone",
            ("<=", 0.7) if clients == 1 else None, note,
        )  # fmt: skip
    downloads.close()


def _medians(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(some) for name, some in values.items()}


def _seek(
    report: Report, servers: list[Server], addresses: dict[str, Address], size_bytes: int
) -> None:
    for clients in (1, 16):
        times: dict[str, list[float]] = {one.name: [] for one in servers}
        for _ in range(3):
            for server in servers:
                count = 200 if clients == 1 else 480
                times[server.name] += seek_times(addresses[server.name], size_bytes, clients, count)
        report.compare(
            _PART,
            f"random 256 KiB, {clients} client{'s' * (clients > 1)}, p50",
            "ms",
            {name: 1e3 * p50(some) for name, some in times.items()},
            "rclone",
            ("<=", 0.3) if clients == 16 else None,
        )


def _beside(report: Report, server: Server, address: Address) -> None:
    """A trivial request while three bodies run at full speed."""
    stop = threading.Event()
    waits_s: list[float] = []

    def stream() -> None:
        buffer = memoryview(bytearray(1 << 30))
        while not stop.is_set():
            link = Link(address.port)
            link.send("GET", address.path, {"Connection": "close"})
            link.receive(buffer)
            link.close()

    def work(number: int) -> None:
        if number < _BESIDE:
            stream()
            return
        time.sleep(0.5)
        for _ in range(100):
            began = time.perf_counter()
            link = Link(server.port)
            link.ask("GET", "/health", {})
            waits_s.append(time.perf_counter() - began)
            link.close()
            time.sleep(0.01)
        stop.set()

    at_once(_BESIDE + 1, work)
    figures = {"p50": 1e3 * p50(waits_s), "p95": 1e3 * p95(waits_s)}
    what = "a trivial request beside three streams at full speed"
    report.add(Row(_PART, what, "ms", figures, figures["p50"], ("<=", 20), "a goal, no bar"))


def _stall(
    report: Report,
    servers: list[Server],
    addresses: dict[str, Address],
    idle_mb: dict[str, float],
) -> None:
    grown: dict[str, float] = {}
    waits: dict[str, float] = {}
    for server in servers:
        address = addresses[server.name]
        links = []
        for _ in range(_STALLED):
            link = Link(address.port)
            link.send("GET", address.path, {"Connection": "close"})
            links.append(link)
        time.sleep(3)
        grown[server.name] = server.pss_mb() - idle_mb[server.name]
        waits[server.name] = 1e3 * seek_times(address, 1 << 20, 1, 1)[0]
        for link in links:
            link.close()
    ours = grown["vaultcast"]
    what = f"{_STALLED} stalled downloads: memory above idle"
    report.add(Row(_PART, what, "MB", grown, ours, ("<=", 60)))
    what = f"{_STALLED} stalled downloads: a new client's 256 KiB"
    report.add(Row(_PART, what, "ms", waits, waits["vaultcast"], ("<=", 100), "at once: 100 ms"))
