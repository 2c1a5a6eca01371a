"""Every range form against real nginx with the same file: status, Content-Range, body."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from gateway.security.grants import Purpose
from tests.fakes.house import DATA, House

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
SIZE = len(DATA)
HERE = "127.0.0.1"
CONFIG = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1;
events {{}}
http {{
  access_log off; types {{ video/x-matroska mkv; }}
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""
RANGES = [
    None,
    "bytes=0-0",
    "bytes=0-",
    f"bytes={SIZE - 10}-",
    "bytes=-5",
    f"bytes=-{SIZE * 2}",
    f"bytes=5-{SIZE * 3}",
    "bytes=100000-165535",
    "bytes=0-9223372036854775807",
    "BYTES=0-1",
    "bytes= 0 - 1 ",
    "bytes=0-1,5-6",
    "bytes=5-6,0-1",
    "bytes=0-1,0-1",
    "bytes= 0-1 , 3-4",
    "bytes=-3,100000-100009,0-0",
    f"bytes=0-1,{SIZE}-",
    "bytes=5-3,0-1",
    "bytes=0-1,5-3",
    "bytes=-0,0-0",
    f"bytes=0-{SIZE - 1},0-{SIZE - 1}",
    f"bytes=0-{SIZE // 2},{SIZE // 3}-",
    "items=0-1",
    "bytes = 0-1",
    "bytes=",
    "bytes=-0",
    "bytes=-",
    "bytes=5-3",
    f"bytes={SIZE}-",
    f"bytes={SIZE}-,5-3",
    "bytes=9223372036854775807-",
    "bytes=99999999999999999999-",
    "bytes=0-99999999999999999999",
    "bytes=-99999999999999999999",
    "bytes=a-b",
    "bytes=0-x",
    "bytes=0-1,",
    "bytes=,0-1",
    "bytes=0-1,,2-3",
    "bytes=0-1;2-3",
    "bytes=0",
    "bytes=0--1",
]
CONDITIONS = [
    {"If-Range": "{etag}"},
    {"If-Range": '"other"'},
    {"If-Range": "W/{etag}"},
    {"If-Range": "{date}"},
    {"If-Range": "Tue, 14 Nov 2000 22:13:19 GMT"},
    {"If-Range": "nonsense"},
    {"If-None-Match": "{etag}"},
    {"If-None-Match": 'W/{etag}, "x"'},
    {"If-None-Match": '"other"'},
    {"If-None-Match": "*"},
    {"If-Match": "{etag}"},
    {"If-Match": '"other"'},
    {"If-Match": "*"},
    {"If-Modified-Since": "{date}"},
    {"If-Unmodified-Since": "{date}"},
    {"If-Unmodified-Since": "Tue, 14 Nov 2000 22:13:19 GMT"},
]


async def ask(
    port: int, path: str, method: str, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """One request in plain sight: no client in between may tidy up."""
    reader, writer = await asyncio.open_connection(HERE, port)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HERE}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(10):
        raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) if ": " in line else (line[:-1], "") for line in rest)
    return int(first.split()[1]), {name.lower(): value for name, value in fields.items()}, body


def plain(body: bytes, fields: dict[str, str]) -> bytes:
    """The body with its multipart border, which is random, replaced."""
    border = re.search(r"boundary=(\S+)", fields.get("content-type", ""))
    return body.replace(border[1].encode(), b"BORDER") if border else body


@pytest.fixture
async def nginx(tmp_path: Path):
    (tmp_path / "www").mkdir()
    file = tmp_path / "www" / "7.mkv"
    file.write_bytes(DATA)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    tmp_path.chmod(0o755)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port))
    process = subprocess.Popen([NGINX, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    await ask(port, "/7.mkv", "HEAD", {})
                    break
                except ConnectionError:
                    await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(5)


@pytest.mark.needs("nginx")
async def test_each_case_is_answered_as_nginx_answers_it(nginx: int) -> None:
    cases: list[dict[str, str]] = [{} if one is None else {"Range": one} for one in RANGES]
    cases += CONDITIONS
    cases += [one | {"Range": "bytes=10-19"} for one in CONDITIONS]
    async with House(is_open=True) as house:
        token = house.grants.issue("device", Purpose.DLNA, HERE)
        ours = (house.listener.port, f"/media/{token}/7.mkv")
        theirs = (nginx, "/7.mkv")
        known = [(await ask(*side, "HEAD", {}))[1] for side in (ours, theirs)]
        for case in cases:
            for method in ("GET", "HEAD"):
                got = []
                for side, about in zip((ours, theirs), known, strict=True):
                    headers = {
                        name: text.format(etag=about["etag"], date=about["last-modified"])
                        for name, text in case.items()
                    }
                    status, fields, body = await ask(*side, method, headers)
                    fair = status in (200, 206)
                    got.append(
                        {
                            "status": status,
                            "content-range": fields.get("content-range"),
                            "length": fields.get("content-length") if fair else None,
                            "type": fields["content-type"].split(";")[0] if fair else None,
                            "last-modified": fields.get("last-modified") if fair else None,
                            "body": plain(body, fields) if fair else b"",
                        }
                    )
                # The border of nginx is shorter or longer than ours.
                if (got[0]["type"] or "").startswith("multipart"):
                    for one in got:
                        one["length"] = None
                assert got[0] == got[1], (case, method)
