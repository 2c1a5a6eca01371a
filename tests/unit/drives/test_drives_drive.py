"""A drive over a host in memory and over a folder: exact bytes, shared reads, damage, the key."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.drives.base import KeyProof, Reader
from gateway.drives.cache import SLOT_BYTES, BlockCache
from gateway.drives.drive import Drive
from gateway.errors import BadRange, Corrupt, HostChanged, HostDown, NotFound, WrongKey
from gateway.hosts.local import LocalHost
from gateway.spans import Span
from gateway.vaults.plain import PlainVault
from gateway.vaults.rclone import CryptSettings, CryptVault, NameMode, derive_keys
from tests.fakes.memory_host import MemoryHost

KEYS = derive_keys("right", "")
OTHER = derive_keys("wrong", "")
BLOCK = 65536
CLEAR = os.urandom(40 * BLOCK + 1234)
FILES = {"film.mkv": CLEAR, "S/e1": CLEAR[:BLOCK], "S/Ü": b"x", "empty": b""}


def vault(keys: object = KEYS, **options: object) -> CryptVault:
    return CryptVault(CryptSettings("right", **options), keys)


def sealed(with_vault: CryptVault, files: dict[str, bytes] = FILES) -> dict[str, bytes]:
    return {
        with_vault.stored_path(path, is_folder=False): b"".join(with_vault.seal([data]))
        for path, data in files.items()
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


async def pour(reader: Reader, span: Span, into: bytearray) -> None:
    async with aclosing(reader.read(span)) as pieces:
        async for piece in pieces:
            into += piece


async def collect(reader: Reader, span: Span | None = None) -> bytes:
    got = bytearray()
    await pour(reader, span or Span(0, reader.size_bytes), got)
    return bytes(got)


@pytest.fixture(params=["near", "far", "far, cached", "near, plain", "far, plain"])
async def drive(request: pytest.FixtureRequest, tmp_path: Path):
    kind = request.param
    files = FILES if "plain" in kind else sealed(vault())
    host = LocalHost(write(tmp_path / "v", files)) if "near" in kind else MemoryHost(files)
    made = PlainVault() if "plain" in kind else vault()
    async with BlockCache(tmp_path / "c", 20 * SLOT_BYTES) as cache:
        drive = Drive("d", host, made, cache if "cached" in kind else None)
        yield drive
        await drive.close()


async def test_clear_names_sizes_and_folders(drive: Drive) -> None:
    root = {entry.path: entry for entry in (await drive.list("")).entries}
    assert {path: entry.size_bytes for path, entry in root.items()} == {
        "film.mkv": len(CLEAR),
        "empty": 0,
        "S": 0,
    }
    assert {entry.path for entry in (await drive.list("S")).entries} == {"S/e1", "S/Ü"}
    assert (await drive.stat("S/Ü")).size_bytes == 1
    assert (await drive.stat("S")).is_folder
    for missing in ("nothing", "S/nothing", "nothing/x"):
        with pytest.raises(NotFound):
            await drive.stat(missing)


async def test_spans_are_exact_twice(drive: Drive) -> None:
    reader = await drive.open(await drive.stat("film.mkv"))
    size = len(CLEAR)
    for _ in range(2):
        for start, stop in (
            (0, size),
            (0, 1),
            (BLOCK - 1, BLOCK + 1),
            (BLOCK, 2 * BLOCK),
            (size - 1, size),
            (5 * BLOCK + 7, 30 * BLOCK - 7),
            (9, 9),
        ):
            assert await collect(reader, Span(start, stop)) == CLEAR[start:stop]
    with pytest.raises(BadRange):
        await collect(reader, Span(0, size + 1))
    assert await collect(await drive.open(await drive.stat("empty"))) == b""


async def test_the_same_file_has_one_tag_and_another_has_another(drive: Drive) -> None:
    first = await drive.open(await drive.stat("film.mkv"))
    again = await drive.open(await drive.stat("film.mkv"))
    other = await drive.open(await drive.stat("S/e1"))
    assert first.etag == again.etag != other.etag
    assert first.etag.startswith('"')
    assert "film" not in first.etag


async def test_many_readers_at_once_get_their_own_bytes(drive: Drive) -> None:
    reader = await drive.open(await drive.stat("film.mkv"))
    spans = [Span(n * 70_000, n * 70_000 + 600_000) for n in range(20)]
    got = await asyncio.gather(*(collect(reader, span) for span in spans))
    assert got == [CLEAR[span.start : span.stop] for span in spans]


@pytest.mark.parametrize("near", [True, False])
async def test_a_damaged_block_is_never_served_but_those_around_it_are(
    tmp_path: Path, near: bool
) -> None:
    files = sealed(vault(), {"f": CLEAR})
    (stored,) = files
    data = bytearray(files[stored])
    data[32 + 10 * 65552 + 500] ^= 1
    files[stored] = bytes(data)
    host = LocalHost(write(tmp_path, files)) if near else MemoryHost(files)
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    got = bytearray()
    with pytest.raises(Corrupt) as caught:
        await pour(reader, Span(0, len(CLEAR)), got)
    assert caught.value.block == 10
    assert got == CLEAR[: 10 * BLOCK]
    assert await collect(reader, Span(11 * BLOCK, 20 * BLOCK)) == CLEAR[11 * BLOCK : 20 * BLOCK]
    assert await collect(reader, Span(0, 10 * BLOCK)) == CLEAR[: 10 * BLOCK]
    await drive.close()


async def test_a_block_damaged_on_the_way_is_fetched_once_more() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    host.flips_once = {32 + 10 * 65552 + 500}
    assert await collect(reader, Span(BLOCK, len(CLEAR))) == CLEAR[BLOCK:]
    assert host.reads[-1][1] == Span(32 + 10 * 65552, 32 + 11 * 65552)
    await drive.close()


async def test_a_damaged_cache_is_healed_from_the_host(tmp_path: Path) -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    async with BlockCache(tmp_path, 50 * SLOT_BYTES) as cache:
        drive = Drive("d", host, vault(), cache)
        reader = await drive.open(await drive.stat("f"))
        for index in range(41):  # whole by its checksum, and yet not what the host has
            cache.put(reader._file.place, index, b"\0" * 65552)
        await cache.flush()
        assert await collect(reader) == CLEAR
        await cache.flush()
        before = len(host.reads)
        again = Drive("d", host, vault(), cache)
        assert await collect(await again.open(await again.stat("f"))) == CLEAR
        assert len(host.reads) - before <= 1 + 1  # the head, and what memory alone had
        await drive.close()


async def test_the_cache_file_holds_no_clear_byte(tmp_path: Path) -> None:
    text = b"never in the clear " * 20_000
    async with BlockCache(tmp_path, 50 * SLOT_BYTES) as cache:
        for name, made in (
            ("crypt", vault()),
            ("plain", PlainVault()),
            ("names only", vault(no_data_encryption=True)),
        ):
            files = {"f": text} if name == "plain" else sealed(made, {"f": text})
            drive = Drive(name, MemoryHost(files), made, cache)
            assert await collect(await drive.open(await drive.stat("f"))) == text
            await drive.close()
        await cache.flush()
        assert cache.used_bytes >= 5 * SLOT_BYTES
    assert b"never in the clear" not in (tmp_path / "blocks").read_bytes()


async def test_two_readers_of_one_place_cause_one_host_read() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    entry = await drive.stat("f")
    readers = await asyncio.gather(*(drive.open(entry) for _ in range(3)))
    assert len(host.reads) == 1
    got = await asyncio.gather(*(collect(reader) for reader in readers))
    assert got == [CLEAR] * 3
    assert len(host.reads) == 2  # the head, and one for all three
    await drive.close()


async def test_a_shared_download_outlives_the_reader_that_started_it() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    first = reader.read(Span(2 * BLOCK, len(CLEAR)))
    await anext(first)
    second = asyncio.get_running_loop().create_task(collect(reader, Span(2 * BLOCK, len(CLEAR))))
    await asyncio.sleep(0)
    await first.aclose()
    assert await second == CLEAR[2 * BLOCK :]
    assert len(host.reads) == 2
    await drive.close()


async def test_a_slow_reader_does_not_hold_up_a_fast_one() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault(), read_ahead_bytes=4 * 65552)
    reader = await drive.open(await drive.stat("f"))
    slow = reader.read(Span(0, len(CLEAR)))
    got = bytearray(await anext(slow))
    assert await collect(reader) == CLEAR
    async for piece in slow:
        got += piece
    assert bytes(got) == CLEAR
    await drive.close()


async def test_nothing_is_read_past_the_window_while_nobody_asks() -> None:
    window = 4 * 65552
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault(), read_ahead_bytes=window)
    reader = await drive.open(await drive.stat("f"))
    opened_bytes = host.delivered_bytes
    pieces = reader.read(Span(5 * BLOCK, len(CLEAR)))
    await anext(pieces)
    for _ in range(500):
        await asyncio.sleep(0)
    assert host.delivered_bytes - opened_bytes <= window + 2 * 65552
    await pieces.aclose()
    await drive.close()


async def test_a_reader_that_goes_away_stops_the_host_read() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    host.stall()
    waiting = asyncio.get_running_loop().create_task(collect(reader, Span(3 * BLOCK, 9 * BLOCK)))
    while not host.running:
        await asyncio.sleep(0)
    begun = time.monotonic()
    waiting.cancel()
    while host.running:
        await asyncio.sleep(0)
    assert time.monotonic() - begun < 0.1
    await drive.close()


async def test_a_changed_file_is_never_mixed() -> None:
    files = sealed(vault(), {"f": CLEAR})
    host = MemoryHost(files)
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    host.versions[next(iter(files))] = "v2"
    assert not reader.is_outdated
    with pytest.raises(HostChanged):
        await collect(reader, Span(BLOCK, 3 * BLOCK))
    assert reader.is_outdated
    await drive.close()


async def test_a_host_failure_comes_after_the_good_bytes() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    host.cut_at(4 * 65552 + 100)
    got = bytearray()
    with pytest.raises(HostDown):
        await pour(reader, Span(BLOCK, len(CLEAR)), got)
    assert bytes(got) == CLEAR[BLOCK : 5 * BLOCK]
    await drive.close()


async def test_a_closed_drive_ends_its_readers_with_an_error() -> None:
    host = MemoryHost(sealed(vault(), {"f": CLEAR}))
    drive = Drive("d", host, vault())
    reader = await drive.open(await drive.stat("f"))
    host.stall()
    waiting = asyncio.get_running_loop().create_task(collect(reader, Span(3 * BLOCK, 9 * BLOCK)))
    while not host.running:
        await asyncio.sleep(0)
    await drive.close()
    with pytest.raises(HostDown):
        await waiting


async def test_names_that_are_no_text_are_shown_escaped_and_read(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"latin")
    drive = Drive("d", LocalHost(tmp_path), PlainVault())
    entry = await drive.stat("d\\xe9/caf\\xe9")
    assert await collect(await drive.open(entry)) == b"latin"


NAMES = [NameMode.STANDARD, NameMode.OBFUSCATE, NameMode.OFF]


@pytest.mark.parametrize("mode", NAMES)
async def test_the_right_key_is_proved_and_the_wrong_one_named(mode: NameMode) -> None:
    right = vault(filename_encryption=mode)
    host = MemoryHost(sealed(right))
    assert await Drive("d", host, right).prove_key() is KeyProof.PROVEN
    with pytest.raises(WrongKey):
        await Drive("d", host, vault(OTHER, filename_encryption=mode)).prove_key()


@pytest.mark.parametrize("mode", NAMES)
async def test_an_empty_vault_cannot_tell(mode: NameMode) -> None:
    drive = Drive("d", MemoryHost({}), vault(OTHER, filename_encryption=mode))
    assert await drive.prove_key() is KeyProof.CANNOT_TELL


async def test_foreign_files_beside_a_vault_are_counted_not_blamed() -> None:
    host = MemoryHost({**sealed(vault()), "README.txt": b"hello"})
    drive = Drive("d", host, vault())
    assert (await drive.list("")).bad_names == 1
    assert await drive.prove_key() is KeyProof.PROVEN
