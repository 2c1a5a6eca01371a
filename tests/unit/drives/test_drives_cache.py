"""The block cache: what comes out is what went in, or nothing."""

from __future__ import annotations

import random
import resource
import signal
from pathlib import Path

import pytest

from gateway.drives.cache import SLOT_BYTES, BlockCache

A, B = b"a" * 16, b"b" * 16


def block(n: int, size: int = 65552) -> bytes:
    return random.Random(n).randbytes(size)


async def test_blocks_come_back_before_and_after_they_are_written(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 10 * SLOT_BYTES) as cache:
        cache.put(A, 0, block(0))
        cache.put(A, 7, block(7, 100))
        assert await cache.get(A, 0) == block(0)
        await cache.flush()
        assert await cache.get(A, 0) == block(0)
        assert await cache.get(A, 7) == block(7, 100)
        assert await cache.get(B, 0) is None
        assert await cache.get(A, 1) is None


async def test_it_stays_within_its_limit_and_drops_the_least_used(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 4 * SLOT_BYTES) as cache:
        for n in range(4):
            cache.put(A, n, block(n))
        await cache.flush()
        await cache.get(A, 0)
        cache.put(B, 9, block(9))
        await cache.flush()
        held = [n for n in range(4) if await cache.get(A, n) is not None]
        assert held == [0, 2, 3]
        assert await cache.get(B, 9) == block(9)
    assert (tmp_path / "blocks").stat().st_size <= 4 * SLOT_BYTES


async def test_a_restart_finds_the_blocks_in_their_order(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 3 * SLOT_BYTES) as cache:
        for n in range(5):
            cache.put(A, n, block(n))
            await cache.flush()
    async with BlockCache(tmp_path, 3 * SLOT_BYTES) as cache:
        assert [await cache.get(A, n) for n in range(5)] == [None, None, *map(block, (2, 3, 4))]
    async with BlockCache(tmp_path, SLOT_BYTES) as cache:
        assert (tmp_path / "blocks").stat().st_size <= SLOT_BYTES
        assert cache.used_bytes <= SLOT_BYTES


@pytest.mark.parametrize("seed", range(30))
async def test_a_torn_file_never_gives_a_wrong_block(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with BlockCache(tmp_path, 4 * SLOT_BYTES) as cache:
        for n in range(4):
            cache.put(A, n, block(n, rng.choice((65552, 17, 5000))))
        await cache.flush()
        sizes = {n: len(await cache.get(A, n) or b"") for n in range(4)}
    path = tmp_path / "blocks"
    data = bytearray(path.read_bytes())
    if seed % 3 == 0:
        del data[rng.randrange(len(data)) :]
    elif seed % 3 == 1:
        at = rng.randrange(len(data))
        data[at : at + 4096] = bytes(min(4096, len(data) - at))
    else:
        one, two = rng.sample(range(3), 2)
        end = (two + 1) * SLOT_BYTES
        data[one * SLOT_BYTES : (one + 1) * SLOT_BYTES] = data[two * SLOT_BYTES : end]
    path.write_bytes(data)
    async with BlockCache(tmp_path, 4 * SLOT_BYTES) as cache:
        for n in range(4):
            assert await cache.get(A, n) in (None, block(n, sizes[n]))
        cache.put(B, 1, block(1))
        await cache.flush()
        assert await cache.get(B, 1) == block(1)


async def test_killed_while_it_writes_it_keeps_only_whole_blocks(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 4 * SLOT_BYTES) as cache:
        cache.put(A, 0, block(0))
        await cache.flush()
        half = cache._path.read_bytes()[: SLOT_BYTES // 2]
    (tmp_path / "blocks").write_bytes(half)  # what a kill between two pages leaves
    async with BlockCache(tmp_path, 4 * SLOT_BYTES) as cache:
        assert await cache.get(A, 0) is None
        cache.put(A, 0, block(0))
        await cache.flush()
        assert await cache.get(A, 0) == block(0)


async def test_a_full_disk_switches_it_off_for_a_while(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SLOT_BYTES + 1000, before[1]))
        async with BlockCache(tmp_path, 10 * SLOT_BYTES) as cache:
            for n in range(3):
                cache.put(A, n, block(n))
            await cache.flush()
            assert await cache.get(A, 0) == block(0)
            assert await cache.get(A, 1) is None
            cache.put(A, 2, block(2))
            assert await cache.get(A, 2) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_folder_that_cannot_be_used_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with BlockCache(tmp_path / "file", 10 * SLOT_BYTES) as cache:
        cache.put(A, 0, block(0))
        assert await cache.get(A, 0) is None


async def test_two_gateways_do_not_share_one_file(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 10 * SLOT_BYTES) as first:
        first.put(A, 0, block(0))
        async with BlockCache(tmp_path, 10 * SLOT_BYTES) as second:
            second.put(A, 1, block(1))
            assert await second.get(A, 1) is None
        assert await first.get(A, 0) == block(0)


async def test_a_forgotten_block_is_gone_and_its_slot_is_used_again(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, 2 * SLOT_BYTES) as cache:
        for n in range(2):
            cache.put(A, n, block(n))
        await cache.flush()
        cache.forget(A, 1)
        assert await cache.get(A, 1) is None
        cache.put(B, 5, block(5))
        await cache.flush()
        assert await cache.get(A, 0) == block(0)
        assert cache.next_held(A, 0, 5) == 0
        assert cache.next_held(A, 1, 5) == 5
        assert cache.next_held(B, 0, 100) == 5


async def test_the_file_is_for_the_owner_alone(tmp_path: Path) -> None:
    async with BlockCache(tmp_path, SLOT_BYTES):
        assert (tmp_path / "blocks").stat().st_mode & 0o777 == 0o600
