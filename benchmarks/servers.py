"""The servers a benchmark compares, each as a process of its own, and what they cost."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

BESIDE = Path(sys.executable).parent
READY_S = 60.0


def find(program: str) -> str | None:
    """A program: beside the interpreter, on PATH, or among the system's."""
    return shutil.which(program, path=f"{BESIDE}:{os.environ['PATH']}:/usr/sbin:/sbin")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server and the address of what is fetched from it."""

    name: str
    process: subprocess.Popen[bytes]
    url: str

    def tree(self) -> list[psutil.Process]:
        """The process and all below it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def cpu_s(self) -> float:
        """User and system time of the living tree, seconds."""
        total = 0.0
        for one in self.tree():
            times = one.cpu_times()
            total += times.user + times.system
        return total

    def pss_mb(self) -> float:
        """Proportional set size of the tree, in 10^6 bytes."""
        return sum(one.memory_full_info().pss for one in self.tree()) / 1e6


@contextmanager
def running(name: str, command: list[str], url: str, **more: Any) -> Iterator[Server]:
    """Start a server, wait until its address answers, end it."""
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(command, stdout=log, stderr=log, **more)
    try:
        wait_for(url, process)
        yield Server(name, process, url)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for any HTTP answer."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} does not answer at {url}") from None
            time.sleep(0.05)
        else:
            return


@dataclass(frozen=True)
class Ours:
    """A running gateway of ours."""

    server: Server
    base: str
    token: str
    ready_s: float

    def ask(self, path: str, body: Any = None) -> Any:
        """One call of the API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, data, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def wait_items(self, count: int, within_s: float = 900.0) -> float:
        """Wait until the library lists so many; how long that took, seconds."""
        began = time.monotonic()
        while self.ask("/api/v1/items?count=1")["total"] < count:
            if time.monotonic() - began > within_s:
                raise RuntimeError(f"never listed {count} items")
            time.sleep(0.1)
        return time.monotonic() - began


@contextmanager
def gateway(folder: Path, *words: str) -> Iterator[Ours]:
    """``vaultcast serve`` with its state under ``folder``."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config")}
    command = [
        *(sys.executable, "-m", "gateway", "serve", "--data", str(folder / "data"), "--open"),
        *("--bind", "127.0.0.1", "--port", "0", "--no-mdns", *words),
    ]
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        ready = re.match(rb"ready (http://\S+)", process.stdout.readline())
        if ready is None:
            raise RuntimeError("the gateway did not start")
        ready_s = time.monotonic() - began
        base = ready[1].decode()
        secret = json.loads((folder / "data" / "running.json").read_text())["secret"]
        server = Server("vaultcast", process, base)
        bare = Ours(server, base, "", ready_s)
        yield Ours(
            server, base, bare.ask("/api/v1/local/token", {"secret": secret})["token"], ready_s
        )
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
