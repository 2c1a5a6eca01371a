"""Browse, Search and scan of many items: us and minidlna over the same folder."""

from __future__ import annotations

import contextlib
import html
import http.client
import io
import random
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from benchmarks.report import Row
from benchmarks.servers import find, free_port, gateway, running

WORDS = [
    "harbour",
    "lamp",
    "winter",
    "river",
    "silver",
    "stone",
    "garden",
    "night",
    "letter",
    "road",
    "island",
    "signal",
    "meadow",
    "orchard",
    "thunder",
    "velvet",
    "copper",
    "amber",
    "hollow",
    "summit",
]
_SOAP = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:{action} '
    'xmlns:u="urn:schemas-upnp-org:service:ContentDirectory:1">{arguments}</u:{action}>'
    "</s:Body></s:Envelope>"
)


def make_pictures(folder: Path, count: int) -> None:
    """Tiny photos whose titles are three words and a number."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (40, 80, 120)).save(out, "JPEG")
    chance = random.Random(count)
    folder.mkdir()
    for number in range(count):
        title = " ".join(chance.sample(WORDS, 3))
        (folder / f"{title} {number:05}.jpg").write_bytes(out.getvalue())


CONTROL = "/upnp/control/content"


class Control:
    """A control point over one kept-alive connection."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._line = http.client.HTTPConnection(
            self._parts.hostname or "", self._parts.port, timeout=120
        )

    def call(self, action: str, **arguments: object) -> str:
        """One action; the answer's text."""
        inside = "".join(
            f"<{name}>{html.escape(str(value))}</{name}>" for name, value in arguments.items()
        )
        headers = {
            "Content-Type": 'text/xml; charset="utf-8"',
            "SOAPACTION": f'"urn:schemas-upnp-org:service:ContentDirectory:1#{action}"',
        }
        body = _SOAP.format(action=action, arguments=inside).encode()
        self._line.request("POST", self._parts.path, body, headers)
        reply = self._line.getresponse()
        text = reply.read().decode()
        if reply.status != 200:
            raise RuntimeError(f"{action}: {reply.status} {text[:300]}")
        return text

    def browse(self, container: str, start: int, count: int) -> str:
        """Children of a folder."""
        return self.call(
            "Browse", ObjectID=container, BrowseFlag="BrowseDirectChildren", Filter="*",
            StartingIndex=start, RequestedCount=count, SortCriteria="",
        )  # fmt: skip

    def search(self, words: str) -> str:
        """Items whose titles hold the words (folders are named differently by each server)."""
        criteria = f'upnp:class derivedfrom "object.item" and dc:title contains "{words}"'
        return self.call(
            "Search", ContainerID="0", SearchCriteria=criteria, Filter="*",
            StartingIndex=0, RequestedCount=50, SortCriteria="",
        )  # fmt: skip


def total(answer: str) -> int:
    """TotalMatches of an answer."""
    found = re.search(r"<TotalMatches[^>]*>(\d+)<", answer)
    return int(found[1]) if found else -1


def times(act: Callable[[int], object], count: int) -> float:
    """Median time of an act, ms."""
    took = []
    for number in range(count):
        began = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def measure(folder: Path, *, count: int, rounds: int) -> list[Row]:
    """All of one library size."""
    pictures = folder / "pictures"
    make_pictures(pictures, count)
    minidlna = find("minidlnad")
    if minidlna is None:
        raise RuntimeError("minidlnad is not installed")
    with contextlib.ExitStack() as stack:
        port = free_port()
        (folder / "minidlna.conf").write_text(
            f"media_dir=P,{pictures}\ndb_dir={folder}/db\nlog_dir={folder}\nport={port}\n"
            "network_interface=lo\ninotify=no\nfriendly_name=peer\n"
        )
        base = f"http://127.0.0.1:{port}"
        command = [minidlna, "-d", "-f", str(folder / "minidlna.conf"), "-P", f"{folder}/pid"]
        began = time.monotonic()
        stack.enter_context(
            running("minidlna", command, base + "/rootDesc.xml", stdin=subprocess.DEVNULL)
        )
        peer = Control(base + "/ctl/ContentDir")
        while total(peer.browse("64", 0, 1)) < count:
            time.sleep(0.1)
        peer_scan_s = time.monotonic() - began
        ours = stack.enter_context(gateway(folder / "ours", str(pictures)))
        ours_scan_s = ours.wait_items(count)
        us = Control(ours.base + CONTROL)
        time.sleep(5)
        container = re.search(r"id=(?:&quot;|\")(folder-[^&\"]+)", us.browse("folders", 0, 10))
        if container is None:
            raise RuntimeError("no folder of ours")
        rows = [
            Row.compare(f"{count} items: listed after, s",
                        {"vaultcast": ours_scan_s, "minidlna": peer_scan_s}, "minidlna",
                        bar=None, is_most=True)
        ]  # fmt: skip
        chance = random.Random(7)
        places = [chance.randrange(max(1, count - 200)) for _ in range(rounds)]
        sides = {"vaultcast": (us, container[1]), "minidlna": (peer, "64")}
        sizes = {name: float(len(side.browse(key, 0, 200))) for name, (side, key) in sides.items()}
        browse = {
            name: times(lambda n, side=side, key=key: side.browse(key, places[n], 200), rounds)
            for name, (side, key) in sides.items()
        }
        rows.append(Row.compare(f"{count} items: Browse 200 anywhere, p50 ms", browse, "minidlna",
                                bar=1.0, is_most=True))  # fmt: skip
        rows.append(Row.compare(f"{count} items: answer size, bytes", sizes, "minidlna", bar=None,
                                is_most=True))  # fmt: skip
        for kind, asked, bar in (
            ("3 letters and more", [*WORDS, "0012", "er road", "lam"],
             {10_000: 0.3, 50_000: 0.1}.get(count)),
            ("1 and 2 letters", ["er", "a", "7", "st", "00", "x"], None),
        ):  # fmt: skip
            counts = [(total(us.search(one)), total(peer.search(one))) for one in asked]
            if any(mine != other for mine, other in counts):
                raise RuntimeError(
                    f"other results than minidlna: {list(zip(asked, counts, strict=True))}"
                )
            found = {
                name: times(
                    lambda n, side=side, words=asked: side.search(words[n % len(words)]),
                    3 * len(asked),
                )
                for name, (side, _) in sides.items()
            }
            what = f"{count} items: Search title, {kind}, p50 ms"
            rows.append(Row.compare(what, found, "minidlna", bar=bar, is_most=True))
        rows.append(Row(f"{count} items: idle PSS of all processes, MB",
                        {"vaultcast": ours.server.pss_mb()}))  # fmt: skip
    with gateway(folder / "ours", str(pictures)) as again:
        is_met = again.ready_s <= 2 if count == 1000 else None
        rows.append(Row(f"{count} items: start to ready, s", {"vaultcast": again.ready_s},
                        bar="≤ 2 s" if count == 1000 else "", is_met=is_met))  # fmt: skip
        time.sleep(20)
        pss = again.server.pss_mb()
        bar = "≤ 120 MB" if count == 50_000 else ""
        rows.append(Row(f"{count} items: idle PSS after a start, MB", {"vaultcast": pss}, bar=bar,
                        is_met=pss <= 120 if bar else None))  # fmt: skip
    return rows
