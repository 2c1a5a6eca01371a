"""A loopback address for the converter without the gateway: a byte source served with ranges."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from transcode.source import ByteSource


class FileSource:
    """A plain file as the converter sees a film; counts what is read."""

    def __init__(self, path: Path, *, cut_at: int | None = None) -> None:
        self._path = path
        self._cut_at = cut_at
        self.size_bytes = path.stat().st_size

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(start)
            while start < stop:
                data = file.read(min(1 << 16, stop - start))
                if self._cut_at is not None and start + len(data) > self._cut_at:
                    raise OSError("cut")
                start += len(data)
                yield data


class Inputs:
    """An ``InputServer``; ``published`` counts how often an address was lent."""

    def __init__(self) -> None:
        self.published = 0
        self.open_now = 0

    @asynccontextmanager
    async def publish(self, source: ByteSource, suffix: str) -> AsyncIterator[str]:
        self.published += 1
        self.open_now += 1
        secret = secrets.token_hex(8)
        writers: set[asyncio.StreamWriter] = set()
        tasks: set[asyncio.Task[None] | None] = set()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            tasks.add(asyncio.current_task())
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert secret in head
                found = re.search(r"(?i)range: bytes=(\d+)-(\d*)", head)
                start = int(found[1]) if found else 0
                stop = int(found[2]) + 1 if found and found[2] else source.size_bytes
                writer.write(
                    f"HTTP/1.1 206 Partial Content\r\nContent-Length: {stop - start}\r\n"
                    f"Content-Range: bytes {start}-{stop - 1}/{source.size_bytes}\r\n"
                    "Accept-Ranges: bytes\r\nConnection: close\r\n\r\n".encode()
                )
                async for data in source.read(start, stop):
                    writer.write(bytes(data))
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/{secret}.{suffix}"
        finally:
            self.open_now -= 1
            server.close()
            for writer in writers:
                if not writer.is_closing():
                    writer.transport.abort()
            await asyncio.gather(*(one for one in tasks if one), return_exceptions=True)
