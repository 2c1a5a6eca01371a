"""The client, a process of its own: ``fetch`` whole bodies, ``seek`` at random, ``stall``.

    python -m benchmarks.client fetch URL CONNECTIONS
    python -m benchmarks.client seek URL SIZE CLIENTS SECONDS SEED

Prints one JSON object. Bodies are hashed after the clock has stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import socket
import statistics
import sys
import threading
import time
from urllib.parse import urlsplit

PIECE_BYTES = 256 << 10


def open_body(url: str, headers: str = "") -> tuple[socket.socket, bytes, int]:
    """Send a GET; the socket, what came of the body with the head, and the body's length."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    one = socket.create_connection((parts.hostname, parts.port or 80), timeout=60)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += one.recv(65536)
    top, _, rest = head.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in top.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return one, rest, length


def fetch(url: str, connections: int) -> dict[str, object]:
    """Every connection reads the whole body."""
    one, _, size = open_body(url)
    one.close()
    buffers = [bytearray(b"\1") * size for _ in range(connections)]  # touched before the clock
    bodies: list[bytearray] = []

    def read() -> None:
        one, rest, length = open_body(url)
        body = buffers.pop()
        body[: len(rest)] = rest
        view, at = memoryview(body), len(rest)
        while at < length:
            got = one.recv_into(view[at:])
            if not got:
                break
            at += got
        one.close()
        bodies.append(body[:at] if at < length else body)

    threads = [threading.Thread(target=read) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - began
    hashes = {hashlib.sha256(body).hexdigest() for body in bodies}
    return {"bytes": sum(map(len, bodies)), "s": took_s, "hashes": sorted(hashes)}


def seek(url: str, size: int, clients: int, seconds: float, seed: int) -> dict[str, object]:
    """Ranges of 256 KiB anywhere, each client one at a time over its own connection."""
    parts = urlsplit(url)
    took: list[float] = []

    def read(number: int) -> None:
        chance = random.Random(seed + number)
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            start = chance.randrange(size - PIECE_BYTES)
            began = time.perf_counter()
            line.request(
                "GET", parts.path, headers={"Range": f"bytes={start}-{start + PIECE_BYTES - 1}"}
            )
            reply = line.getresponse()
            assert reply.status == 206, reply.status
            assert len(reply.read()) == PIECE_BYTES
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"count": len(took), "p50_ms": statistics.median(took) * 1000}


if __name__ == "__main__":
    act, address, *rest = sys.argv[1:]
    if act == "fetch":
        print(json.dumps(fetch(address, int(rest[0]))))
    else:
        print(json.dumps(seek(address, int(rest[0]), int(rest[1]), float(rest[2]), int(rest[3]))))
