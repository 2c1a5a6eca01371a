"""Direct play through rclone crypt: us, ``rclone serve http`` of the same remote, nginx plain."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.client import open_body
from benchmarks.report import Row
from benchmarks.servers import Server, find, free_port, gateway, running

STALLED = 60


def client(*words: str) -> dict[str, float]:
    """Run the client process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.client", *words], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def make_vault(folder: Path, mib: int) -> tuple[Path, str]:
    """A film of random bytes in a vault that rclone writes; its configuration and its hash."""
    rclone = find("rclone")
    assert rclone is not None
    conf, clear = folder / "rclone.conf", folder / "clear"
    clear.mkdir()
    digest = hashlib.sha256()
    with (clear / "film.mkv").open("wb") as file:
        for _ in range(mib):
            piece = os.urandom(1 << 20)
            digest.update(piece)
            file.write(piece)
    base = [rclone, "--config", str(conf)]
    create = ["config", "create", "vault", "crypt", f"remote={folder / 'stored'}", "password=bench"]
    subprocess.run([*base, *create, "--obscure"], check=True, capture_output=True)
    subprocess.run([*base, "copy", str(clear), "vault:"], check=True, capture_output=True)
    return conf, digest.hexdigest()


def measure(folder: Path, *, mib: int, runs: int, seconds: float) -> list[Row]:
    """All of direct play."""
    conf, digest = make_vault(folder, mib)
    rclone, nginx = find("rclone"), find("nginx")
    with contextlib.ExitStack() as stack:
        source = ("--rclone-config", str(conf), "rclone:vault", "--no-dlna")
        ours = stack.enter_context(gateway(folder / "ours", *source))
        ours.wait_items(1)
        media = ours.base + ours.ask("/api/v1/items")["items"][0]["media"]
        us = Server("vaultcast", ours.server.process, media)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        peer = stack.enter_context(
            running(
                "rclone",
                [str(rclone), "--config", str(conf), "serve", "http", "vault:",
                 "--addr", f"127.0.0.1:{port}"],
                base + "/film.mkv",
            )
        )  # fmt: skip
        servers = [us, peer]
        if nginx is not None:
            port = free_port()
            (folder / "nginx.conf").write_text(
                f"daemon off; pid {folder}/nginx.pid; error_log /dev/null; events {{}}"
                f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port};"
                f"root {folder}/clear; }} }}"
            )
            folder.chmod(0o755)
            command = [nginx, "-c", str(folder / "nginx.conf"), "-g", "user root;"]
            url = f"http://127.0.0.1:{port}/film.mkv"
            servers.append(stack.enter_context(running("nginx, plain", command, url)))
        time.sleep(3)
        rows = _throughput(servers, digest, runs)
        rows += _seeks(servers, mib << 20, seconds)
        rows += _stalled(us, media)
        return rows


def _throughput(servers: list[Server], digest: str, runs: int) -> list[Row]:
    rows: list[Row] = []
    for connections, bars in ((1, (1.2, 0.7)), (8, (None, None))):
        speed: dict[str, list[float]] = {one.name: [] for one in servers}
        cost: dict[str, list[float]] = {one.name: [] for one in servers}
        for turn in range(runs + 1):
            for one in servers:
                before = one.cpu_s()
                told = client("fetch", one.url, str(connections))
                if told["hashes"] != [digest]:
                    raise RuntimeError(f"{one.name} sent wrong bytes")
                if turn:  # the first is to warm up
                    speed[one.name].append(told["bytes"] / told["s"] / 1e6)
                    cost[one.name].append((one.cpu_s() - before) / (told["bytes"] / 1e9))
        for what, values, bar, is_most in (
            ("MB/s", speed, bars[0], False),
            ("server CPU s/GB", cost, bars[1], True),
        ):
            middle = {name: statistics.median(found) for name, found in values.items()}
            rows.append(
                Row.compare(
                    f"direct play through crypt, {connections} connection(s), {what}",
                    middle, "rclone", bar=bar, is_most=is_most,
                )
            )  # fmt: skip
    return rows


def _seeks(servers: list[Server], size: int, seconds: float) -> list[Row]:
    rows = []
    for clients, bar in ((1, None), (16, 0.3)):
        found: dict[str, list[float]] = {one.name: [] for one in servers}
        for turn in range(3):
            for one in servers:
                words = (str(size), str(clients), str(seconds), str(turn))
                found[one.name].append(client("seek", one.url, *words)["p50_ms"])
        middle = {name: statistics.median(values) for name, values in found.items()}
        what = f"random 256 KiB, {clients} client(s), p50 ms"
        rows.append(Row.compare(what, middle, "rclone", bar=bar, is_most=True))
    return rows


def _stalled(us: Server, media: str) -> list[Row]:
    idle = us.pss_mb()
    held: list[socket.socket] = []
    for _ in range(STALLED):
        one, _, _ = open_body(media)
        held.append(one)
    time.sleep(3)
    grown = us.pss_mb() - idle
    began = time.perf_counter()
    one, _, _ = open_body(media, "Range: bytes=0-999\r\n")
    answered_ms = (time.perf_counter() - began) * 1000
    for each in (*held, one):
        each.close()
    return [
        Row(f"memory above idle with {STALLED} stalled downloads, MB", {"vaultcast": grown},
            bar="≤ 60 MB", is_met=grown <= 60),
        Row("a new client's first byte beside them, ms", {"vaultcast": answered_ms},
            bar="at once", is_met=answered_ms < 100),
    ]  # fmt: skip
