"""``check``, ``ls`` and ``cat``: look into a source without a server."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from gateway.app.source_opener import SourceOpener
from gateway.cli.options import add_common, add_source_options, secret_for, settings_of
from gateway.config.sources import parse_source
from gateway.drives.base import Entry, KeyProof
from gateway.drives.drive import Drive
from gateway.errors import BadArgument, HostDown, Locked, NotFound
from gateway.metadata.kinds import media_type
from gateway.outbound import Outbound
from gateway.spans import Span

_Work = Callable[[argparse.Namespace, Drive, KeyProof], Awaitable[int]]


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands."""
    check = commands.add_parser("check", help="open a source read-only and prove its key")
    check.add_argument("source", metavar="SOURCE")
    check.set_defaults(run=lambda options: asyncio.run(_with_drive(options, _check)))

    listing = commands.add_parser("ls", help="list a folder of a source")
    listing.add_argument("source", metavar="SOURCE")
    listing.add_argument("path", metavar="PATH", nargs="?", default="")
    listing.add_argument("--json", action="store_true", help="path, size and kind as JSON lines")
    listing.set_defaults(run=lambda options: asyncio.run(_with_drive(options, _ls)))

    cat = commands.add_parser("cat", help="write clear bytes of a stored file to standard output")
    cat.add_argument("source", metavar="SOURCE")
    cat.add_argument("path", metavar="PATH")
    cat.add_argument("--offset", metavar="N", type=int, default=0, help="first byte (default 0)")
    cat.add_argument("--count", metavar="N", type=int, help="bytes (default: to the end)")
    cat.set_defaults(run=lambda options: asyncio.run(_with_drive(options, _cat)))

    for parser in (check, listing, cat):
        add_source_options(parser)
        add_common(parser)


async def _with_drive(options: argparse.Namespace, work: _Work) -> int:
    settings = settings_of(options)
    written = settings.sources.get(options.source)
    spec = parse_source(f"{options.source}={written}" if written else options.source)
    async with Outbound() as outbound:
        opener = SourceOpener(outbound, settings)
        try:
            drive = await opener.open(spec, lambda: secret_for(options, spec.name, None))
        except Locked:
            question = f"Secret of {spec.name}"
            drive = await opener.open(spec, lambda: secret_for(options, spec.name, question))
        try:
            await _require_root(drive, spec.location)
            return await work(options, drive, await drive.prove_key())
        finally:
            await drive.close()


async def _require_root(drive: Drive, location: str) -> None:
    """A source whose own folder is missing is out of reach, not a wrong argument."""
    try:
        await drive.host.stat("")
    except NotFound as missing:
        raise HostDown(f"{location}: {missing}") from missing


@dataclass(slots=True)
class _Count:
    files: Counter[str] = field(default_factory=Counter)
    size_bytes: Counter[str] = field(default_factory=Counter)
    bad_names: int = 0


async def _check(_options: argparse.Namespace, drive: Drive, proof: KeyProof) -> int:
    count = _Count()
    async for entry in _walk(drive, "", count):
        kind = _kind(entry)
        count.files[kind] += 1
        count.size_bytes[kind] += entry.size_bytes
    out = sys.stdout
    for kind, files in sorted(count.files.items()):
        out.write(f"{kind:8} {files:8} files {count.size_bytes[kind]:16} bytes\n")
    total = sum(count.files.values())
    out.write(f"{'total':8} {total:8} files {sum(count.size_bytes.values()):16} bytes\n")
    if count.bad_names:
        out.write(f"{count.bad_names} stored names do not decrypt and are left out\n")
    if proof is KeyProof.CANNOT_TELL:
        out.write("key: cannot tell, the source holds no file yet\n")
    elif drive.vault.is_encrypted:
        out.write("key: proven, a block of a file was opened\n")
    else:
        out.write("key: none needed, the source is not encrypted\n")
    return 0


async def _walk(drive: Drive, folder: str, count: _Count) -> AsyncIterator[Entry]:
    waiting = [folder]
    while waiting:
        listing = await drive.list(waiting.pop())
        count.bad_names += listing.bad_names
        for entry in listing.entries:
            if entry.is_folder:
                waiting.append(entry.path)
            else:
                yield entry


async def _ls(options: argparse.Namespace, drive: Drive, _proof: KeyProof) -> int:
    listing = await drive.list(options.path.strip("/"))
    for entry in sorted(listing.entries, key=lambda one: (not one.is_folder, one.path)):
        kind = _kind(entry)
        if options.json:
            record = {"path": entry.path, "size": entry.size_bytes, "kind": kind}
            line = json.dumps(record, ensure_ascii=False)
        else:
            line = f"{'-' if entry.is_folder else entry.size_bytes:>14}  {entry.path}"
            line += "/" if entry.is_folder else ""
        sys.stdout.write(line.encode("utf-8", "replace").decode() + "\n")
    if listing.bad_names:
        sys.stderr.write(f"{listing.bad_names} stored names do not decrypt and are left out\n")
    return 0


async def _cat(options: argparse.Namespace, drive: Drive, _proof: KeyProof) -> int:
    if options.offset < 0 or (options.count is not None and options.count < 0):
        raise BadArgument("--offset and --count must not be negative")
    entry = await drive.stat(options.path.strip("/"))
    if entry.is_folder:
        raise BadArgument(f"{options.path} is a folder; cat takes a file")
    reader = await drive.open(entry)
    stop = reader.size_bytes
    if options.count is not None:
        stop = min(stop, options.offset + options.count)
    start = min(options.offset, stop)
    if start < stop:
        async for piece in reader.read(Span(start, stop)):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _kind(entry: Entry) -> str:
    """``folder``, ``video``, ``audio``, ``photo``, ``subtitle``, or ``file`` for all else."""
    if entry.is_folder:
        return "folder"
    known = media_type(entry.name)
    return known.kind.value if known is not None else "file"
