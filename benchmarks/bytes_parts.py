"""``direct``, ``seek``, ``stalled``: bytes of one encrypted film, beside ``rclone serve http``."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Row
from benchmarks.servers import RCLONE, Server, nginx_plain, rclone_http, vaultcast

_PIECE = 256 << 10


@contextmanager
def servers(folder: Path, mib: int) -> Iterator[tuple[Server, Server, Server, int, str]]:
    """Ours and rclone over one vault that rclone wrote, nginx over the clear file."""
    clear, vault = folder / "clear", folder / "vault"
    clear.mkdir()
    vault.mkdir()
    digest = hashlib.blake2b()
    with (clear / "film.mkv").open("wb") as file:
        for _ in range(mib):
            piece = os.urandom(1 << 20)
            digest.update(piece)
            file.write(piece)
    hidden = subprocess.run(
        [RCLONE, "obscure", "bench"], check=True, capture_output=True, text=True
    )
    config = folder / "rclone.conf"
    config.write_text(f"[c]\ntype = crypt\nremote = {vault}\npassword = {hidden.stdout}")
    subprocess.run([RCLONE, "--config", config, "copy", clear, "c:"], check=True, timeout=120)
    with (
        vaultcast(folder, "rclone:c", "--rclone-config", str(config)) as ours,
        rclone_http(config, "c:", "/film.mkv") as theirs,
        nginx_plain(folder, clear, "/film.mkv") as plain,
    ):
        ours.path = ours.items(1)[0]["media"]
        time.sleep(3)  # the failing probe of the random film is over
        yield ours, theirs, plain, mib << 20, digest.hexdigest()


def link_to(server: Server, extra: str = "") -> socket.socket:
    link = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    ask(link, server, extra)
    return link


def ask(link: socket.socket, server: Server, extra: str = "") -> None:
    host = f"127.0.0.1:{server.port}"
    link.sendall(f"GET {server.path} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode())


def head_of(link: socket.socket, wanted: bytes) -> bytes:
    """Read past the head; what came of the body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := link.recv(65536)):
            raise ConnectionError("the server hung up")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    if head.split(b" ", 2)[1] != wanted:
        raise ValueError(f"the answer was {head[:60]!r}")
    return body


def fetch(server: Server, size: int, hashed: bool = False) -> str:
    """The whole body, hashed or dropped in the kernel; its length is checked."""
    with link_to(server) as link:
        body = head_of(link, b"200")
        digest, got, buffer = hashlib.blake2b(body), len(body), bytearray(1 << 20)
        while got < size:
            n = link.recv_into(buffer, len(buffer), 0 if hashed else socket.MSG_TRUNC)
            if not n:
                raise ConnectionError(f"{server.name} ended after {got} of {size} bytes")
            got += n
            if hashed:
                digest.update(memoryview(buffer)[:n])
    return digest.hexdigest()


def together(count: int, work: Callable[[int], None]) -> None:
    faults: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as fault:  # noqa: BLE001 - told by the caller
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def drop(server: Server, start: int, stop: int) -> None:
    """A range of the file, dropped in the kernel."""
    with link_to(server, f"Range: bytes={start}-{stop - 1}\r\n") as link:
        left, buffer = stop - start - len(head_of(link, b"206")), bytearray(1 << 20)
        while left:
            left -= link.recv_into(buffer, min(left, len(buffer)), socket.MSG_TRUNC) or left_short()


def stream(server: Server, size: int, clients: int) -> tuple[float, float]:
    """The whole file once: by one connection, or each connection its own share."""
    cpu, begun = server.cpu_s(), time.perf_counter()
    if clients == 1:
        fetch(server, size)
    else:
        share = size // clients
        together(clients, lambda n: drop(server, n * share, (n + 1) * share))
    took = time.perf_counter() - begun
    return size / took / 1e6, (server.cpu_s() - cpu) / (size / 1e9)


def direct(ours: Server, theirs: Server, plain: Server, size: int, digest: str) -> Iterator[Row]:
    for server in (ours, theirs, plain):
        if fetch(server, size, hashed=True) != digest:
            raise ValueError(f"{server.name} serves other bytes")
    for clients in (1, 8):
        runs = {server.name: [] for server in (ours, theirs, plain)}
        for _ in range(5):
            for server in (ours, theirs, plain):
                runs[server.name].append(stream(server, size, clients))
        speed = {name: statistics.median(run[0] for run in all_) for name, all_ in runs.items()}
        cpu = {name: statistics.median(run[1] for run in all_) for name, all_ in runs.items()}
        bars = clients == 1
        yield Row(
            "direct",
            f"{clients} connections",
            speed["ours"],
            speed["rclone"],
            "MB/s",
            least=1.2 if bars else None,
            note=f"nginx plain {speed['nginx']:.0f}",
        )
        yield Row(
            "direct",
            f"{clients} connections, server CPU",
            cpu["ours"],
            cpu["rclone"],
            "s/GB",
            most=0.7 if bars else None,
            note=f"nginx plain {cpu['nginx']:.2f}",
        )


def seek_p50(server: Server, size: int, clients: int, count: int) -> float:
    times: list[float] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as link:
            for _ in range(count):
                at = rng.randrange(size - _PIECE)
                begun = time.perf_counter()
                ask(link, server, f"Range: bytes={at}-{at + _PIECE - 1}\r\n")
                left = _PIECE - len(head_of(link, b"206"))
                while left:
                    left -= len(link.recv(left)) or left_short()
                times.append(time.perf_counter() - begun)

    together(clients, client)
    return statistics.median(times) * 1e3


def left_short() -> int:
    raise ConnectionError("the server hung up inside a range")


def seek(ours: Server, theirs: Server, _plain: Server, size: int, _digest: str) -> Iterator[Row]:
    for clients in (1, 16):
        p50 = {server.name: [] for server in (ours, theirs)}
        for _ in range(3):
            for server in (ours, theirs):
                p50[server.name].append(seek_p50(server, size, clients, 60 if clients == 1 else 15))
        yield Row(
            "seek",
            f"random 256 KiB, {clients} clients, p50",
            statistics.median(p50["ours"]),
            statistics.median(p50["rclone"]),
            "ms",
            most=0.3 if clients == 16 else None,
        )


def stalled(
    ours: Server, theirs: Server, _plain: Server, _size: int, _digest: str
) -> Iterator[Row]:
    grown, waits = {}, {}
    for server in (ours, theirs):
        idle = server.memory_mb()
        links = [link_to(server) for _ in range(60)]
        for link in links:
            left = 64 << 10
            while left > 0:
                left -= len(link.recv(left)) or left_short()
        time.sleep(3)
        grown[server.name] = server.memory_mb() - idle
        begun = time.perf_counter()
        with link_to(server, "Range: bytes=0-0\r\n") as link:
            head_of(link, b"206")
        waits[server.name] = (time.perf_counter() - begun) * 1e3
        for link in links:
            link.close()
    yield Row(
        "stalled",
        "memory of 60 stalled downloads",
        grown["ours"],
        None,
        "MB",
        most=60,
        note=f"rclone {grown['rclone']:.0f} MB; RSS over that before the part",
    )
    yield Row(
        "stalled",
        "a new client beside them",
        waits["ours"],
        None,
        "ms",
        most=100,
        note=f"rclone {waits['rclone']:.1f} ms",
    )
