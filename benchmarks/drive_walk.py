"""The walk of a byte: our reader over a crypt vault on disk behind aiohttp, beside rclone's own.

Alternated runs over the same vault: MB/s and server CPU seconds per GB with 1 and 8 connections,
random reads of 256 KiB with 1 and 16 clients, memory with 60 stalled downloads, and how long a
trivial request waits beside three streams at full speed.

    python benchmarks/drive_walk.py [--mib 512] [--runs 5] [--run KiB]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import psutil
from aiohttp import web

from gateway.drives import reader as reader_room
from gateway.drives.drive import Drive
from gateway.hosts.local import LocalHost
from gateway.spans import Span
from gateway.vaults.rclone import CryptSettings, CryptVault, derive_keys, obscure

PASSWORD = "drive-walk"
RCLONE = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


async def serve(root: str, port: int) -> None:
    """Our side: Range to span to writes, nothing else."""
    drive = Drive("bench", LocalHost(root), CryptVault(*vault_parts()))

    async def media(request: web.Request) -> web.StreamResponse:
        entry = await drive.stat("film.bin")
        reader = await drive.open(entry)
        span = Span(0, reader.size_bytes)
        if match := re.match(r"bytes=(\d+)-(\d+)", request.headers.get("Range", "")):
            span = Span(int(match[1]), int(match[2]) + 1)
        response = web.StreamResponse(status=206 if match else 200)
        response.content_length = span.length_bytes
        await response.prepare(request)
        async with aclosing(reader.read(span)) as pieces:
            async for piece in pieces:
                await response.write(piece)
        return response

    async def ping(_: web.Request) -> web.Response:
        return web.Response(text="pong")

    app = web.Application()
    app.router.add_get("/film.bin", media)
    app.router.add_get("/ping", ping)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


def vault_parts() -> tuple[CryptSettings, object]:
    settings = CryptSettings(PASSWORD)
    return settings, derive_keys(settings.password, settings.password2)


def make_vault(folder: Path, mib: int) -> str:
    vault = CryptVault(*vault_parts())
    digest = hashlib.blake2b()

    def clear() -> Iterator[bytes]:
        rng = random.Random(1)
        for _ in range(mib):
            piece = rng.randbytes(1 << 20)
            digest.update(piece)
            yield piece

    with (folder / vault.stored_name("film.bin", is_folder=False)).open("wb") as file:
        for piece in vault.seal(clear()):
            file.write(piece)
    return digest.hexdigest()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port: int, request: str, attempts: int = 1) -> socket.socket:
    for attempt in range(attempts):
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=30)
            break
        except OSError:
            if attempt == attempts - 1:
                raise
            time.sleep(0.05)
    link.sendall(f"GET {request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return link


def fetch(port: int, digest: bool = False) -> tuple[int, str]:
    link = connect(port, "/film.bin")
    head = b""
    while b"\r\n\r\n" not in head:
        head += link.recv(4096)
    body = head.split(b"\r\n\r\n", 1)[1]
    got, hashed = len(body), hashlib.blake2b(body)
    buffer = bytearray(1 << 20)
    while n := link.recv_into(buffer, len(buffer), 0 if digest else socket.MSG_TRUNC):
        got += n
        if digest:
            hashed.update(memoryview(buffer)[:n])
    link.close()
    return got, hashed.hexdigest()


def seek_times(port: int, size: int, clients: int, count: int) -> list[float]:
    times: list[float] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        link = socket.create_connection(("127.0.0.1", port))
        for _ in range(count // clients):
            at = rng.randrange(size - 262144)
            begun = time.perf_counter()
            link.sendall(
                b"GET /film.bin HTTP/1.1\r\nHost: x\r\n"
                b"Range: bytes=%d-%d\r\n\r\n" % (at, at + 262143)
            )
            data = b""
            while b"\r\n\r\n" not in data:
                data += link.recv(65536)
            left = 262144 - len(data.split(b"\r\n\r\n", 1)[1])
            while left:
                left -= len(link.recv(left))
            times.append(time.perf_counter() - begun)
        link.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def measure_stream(
    port: int, process: psutil.Process, size: int, clients: int
) -> tuple[float, float]:
    before = process.cpu_times()
    begun = time.perf_counter()
    threads = [threading.Thread(target=fetch, args=(port,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return clients * size / took / 1e6, cpu / (clients * size / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--run", type=int, default=reader_room.RUN_BYTES >> 10)
    parser.add_argument("--only", choices=["stream"])
    parser.add_argument("--serve", nargs=2)
    options = parser.parse_args()
    reader_room.RUN_BYTES = options.run << 10
    if options.serve:
        asyncio.run(serve(options.serve[0], int(options.serve[1])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        run(Path(temporary), options)


def run(temporary: Path, options: argparse.Namespace) -> None:
    root = temporary / "vault"
    root.mkdir()
    wanted = make_vault(root, options.mib)
    size = options.mib << 20
    config = temporary / "rclone.conf"
    config.write_text(f"[c]\ntype = crypt\nremote = {root}\npassword = {obscure(PASSWORD)}\n")
    ours, theirs = free_port(), free_port()
    commands = {
        "ours": [sys.executable, __file__, "--run", str(options.run), "--serve", root, str(ours)],
        "rclone": [
            RCLONE,
            "--config",
            config,
            "serve",
            "http",
            "c:",
            "--addr",
            f"127.0.0.1:{theirs}",
        ],
    }
    ports = {"ours": ours, "rclone": theirs}
    started = {
        name: subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
        for name, command in commands.items()
    }
    try:
        for name, port in ports.items():
            connect(port, "/ping", attempts=200).close()
            got, digest = fetch(port, digest=True)
            assert (got, digest) == (size, wanted), f"{name} serves other bytes"
        compare(started, ports, size, options)
    finally:
        for process in started.values():
            process.terminate()
            process.wait(10)


def compare(
    started: dict[str, subprocess.Popen[bytes]],
    ports: dict[str, int],
    size: int,
    options: argparse.Namespace,
) -> None:
    watched = {name: psutil.Process(process.pid) for name, process in started.items()}
    for clients in (1, 8):
        rows = {name: [] for name in ports}
        for _ in range(options.runs):
            for name, port in ports.items():
                rows[name].append(measure_stream(port, watched[name], size, clients))
        speed = {name: statistics.median(row[0] for row in rows[name]) for name in rows}
        cpu = {name: statistics.median(row[1] for row in rows[name]) for name in rows}
        for name in rows:
            print(
                f"{clients} connections {name:7} {speed[name]:6.0f} MB/s {cpu[name]:.2f} CPU s/GB"
            )
        print(
            f"  ratio {speed['ours'] / speed['rclone']:.2f} speed, "
            f"{cpu['ours'] / cpu['rclone']:.2f} CPU"
        )
    if options.only:
        return
    for clients in (1, 16):
        medians = {}
        for name, port in ports.items():
            times = sorted(seek_times(port, size, clients, 160 * (2 if clients > 1 else 1)))
            medians[name] = statistics.median(times) * 1e3
            print(
                f"seek, {clients} clients {name:7} p50 {medians[name]:.2f} ms "
                f"p95 {times[int(len(times) * 0.95)] * 1e3:.1f}"
            )
        print(f"  ratio {medians['ours'] / medians['rclone']:.2f}")
    stop = threading.Event()

    def stream() -> None:
        while not stop.is_set():
            fetch(ports["ours"])

    threads = [threading.Thread(target=stream) for _ in range(3)]
    for thread in threads:
        thread.start()
    waits = []
    for _ in range(100):
        begun = time.perf_counter()
        link = connect(ports["ours"], "/ping")
        while link.recv(4096):
            pass
        link.close()
        waits.append(time.perf_counter() - begun)
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    print(
        f"trivial request beside 3 streams: p50 {statistics.median(waits) * 1e3:.1f} ms, "
        f"max {max(waits) * 1e3:.0f}"
    )
    for name, port in ports.items():
        before = watched[name].memory_info().rss
        links = [connect(port, "/film.bin") for _ in range(60)]
        time.sleep(3)
        grown = (watched[name].memory_info().rss - before) / 1e6
        begun = time.perf_counter()
        link = connect(port, "/ping")
        link.recv(100)
        print(
            f"60 stalled {name:7} +{grown:.0f} MB, "
            f"a new client {1e3 * (time.perf_counter() - begun):.0f} ms"
        )
        for link in links:
            link.close()


if __name__ == "__main__":
    main()
