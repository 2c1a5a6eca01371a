"""A gateway killed at any moment leaves a whole database with everything it had promised."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from gateway.library.sealed import connect, is_whole
from tests.fakes.library import KEY, names, opened

_ROUNDS = 20
_CHILD = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from gateway.library.records import Position
    from tests.fakes.library import film, opened

    async def write(folder, turn):
        async with opened(folder) as library:
            await library.add_source("home", "/home")
            print("ready", flush=True)
            number = 0
            while True:
                scan = await library.begin_scan("home")
                for start in range(0, 4000, 20):
                    await scan.put(
                        [film(f"{turn}/{turn} {one}.mp4") for one in range(start, start + 20)]
                    )
                    number += 1
                    await library.keep_save("count", "n", f"{turn} {number}")
                    print(number, flush=True)

    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
    """
)


def kill_while_writing(folder: Path, turn: int, after_s: float) -> int:
    """Start a writer, kill it, give the last number it was told to be safe."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder), str(turn)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(after_s)
    finally:
        child.send_signal(signal.SIGKILL)
        told = child.stdout.read()
        child.stdout.close()
        child.wait(timeout=10)
    lines = [line for line in told.split("\n")[:-1] if line]
    return int(lines[-1]) if lines else 0


async def test_twenty_kills_lose_nothing_that_was_promised(tmp_path: Path) -> None:
    chance = random.Random(7)
    total = 0
    for turn in range(_ROUNDS):
        safe = kill_while_writing(tmp_path, turn, chance.uniform(0.0, 0.12))
        total += safe
        connection = connect(tmp_path / "library.db", KEY)
        assert is_whole(connection)
        row = connection.execute("SELECT value FROM keep WHERE kind = 'count'").fetchone()
        connection.close()
        if safe:
            kept_turn, kept = map(int, str(row[0]).split())
            assert kept_turn == turn and kept >= safe
    assert total > _ROUNDS
    assert not list(tmp_path.glob("damaged-*"))
    async with opened(tmp_path) as library:
        titles = set()
        for start in range(0, 20_000, 1000):
            titles.update(await names(library, "films", start, 1000))
        connection = connect(tmp_path / "library.db", KEY, read_only=True)
        rows = connection.execute("SELECT title FROM item").fetchall()
        connection.close()
        assert titles == {row[0] for row in rows}
