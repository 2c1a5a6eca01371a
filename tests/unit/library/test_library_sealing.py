"""What lies in the folder: sealed, checked, copied, never overwritten by a wrong key."""

from __future__ import annotations

import logging
from pathlib import Path

import apsw
import pytest

from gateway.errors import Unsupported, WrongKey
from gateway.library.copies import COPIES, Store
from gateway.library.records import Known, Position
from gateway.library.sealed import connect, is_whole, migrate
from gateway.library.statements import migrations, step
from tests.fakes.clock import FakeClock
from tests.fakes.library import KEY, film, id_of, names, opened, scanned

FILMS = [film(f"Marker{number}Xyzzy/Marker{number}Plugh.mp4") for number in range(60)]


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(0, len(data), 4096):
        data[at] ^= 0xFF
    file.write_bytes(bytes(data))


async def test_no_file_of_the_folder_holds_a_clear_title(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, FILMS)
        await library.keep_save("devices", "d", "MarkerKeepXyzzy")
        item = await id_of(library, "Marker1Plugh")
        await library.record_probe(item, Known("MarkerIdXyzzy", "{}", title="Marker1Xyzzy"))
        await library.make_copy()
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert {file.suffix for file in files} >= {".db", ".db-wal", ".db-shm"}
        for file in files:
            data = file.read_bytes()
            assert not any(mark in data for mark in (b"Marker", b"Xyzzy", b"Plugh", b"SQLite for"))
        assert sum(file.stat().st_size for file in files) > 100_000


async def test_a_wrong_key_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, FILMS)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for _ in range(2):
        with pytest.raises(WrongKey, match="give the key"):
            async with opened(tmp_path, key=b"w" * 32):
                pass
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    (tmp_path / "key-mark").unlink()
    with pytest.raises(WrongKey):
        async with opened(tmp_path, key=b"w" * 32):
            pass
    async with opened(tmp_path) as library:
        assert len(await names(library, "films")) == 60


async def test_a_damaged_database_gives_way_to_its_copy_and_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, FILMS)
        item = await id_of(library, "Marker1Plugh")
        await library.make_copy()
    damage(tmp_path / "library.db")
    with caplog.at_level(logging.ERROR):
        async with opened(tmp_path) as library:
            assert len(await names(library, "films")) == 60
            assert (await library.item(item)).title == "Marker1Plugh"
    assert "took its place" in caplog.text
    assert len(list(tmp_path.glob("damaged-*.db"))) == 1


async def test_positions_newer_than_the_copy_are_carried_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, FILMS)
        item = await id_of(library, "Marker1Plugh")
        await library.make_copy()
        await library.save_position(Position(item, "p", 42.0, 100.0, False, 9.0))
        await library.keep_save("grants", "g", "new")
    Store(tmp_path, KEY).found_damaged()
    async with opened(tmp_path) as library:
        place = await library.position(item, "p")
        assert place is not None and place.position_s == 42.0
        assert await library.keep_load("grants") == {"g": "new"}


async def test_without_a_good_copy_a_new_library_begins_and_the_old_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, FILMS)
        await library.make_copy()
    damage(tmp_path / "library.db")
    for copy in tmp_path.glob("copy-*.db"):
        damage(copy)
    with caplog.at_level(logging.ERROR):
        async with opened(tmp_path) as library:
            assert await names(library, "films") == []
    assert "no copy of it is good" in caplog.text
    assert len(list(tmp_path.glob("damaged-*.db"))) == 1


async def test_only_the_latest_copies_are_kept_and_they_are_whole(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock) as library:
        await scanned(library, FILMS)
        for _ in range(COPIES + 2):
            clock.move(10)
            await library.make_copy()
    copies = sorted(tmp_path.glob("copy-*"))
    assert len(copies) == COPIES
    for copy in copies:
        connection = connect(copy, KEY)
        assert is_whole(connection)
        assert connection.execute("SELECT count(*) FROM item").get == 60
        connection.close()


async def test_keep_survives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.keep_save("k", "a", "1")
        await library.keep_save("k", "b", "2")
        await library.keep_save("other", "a", "3")
        await library.keep_delete("k", "b")
        await library.keep_delete("k", "never")
        await library.save_media_index("content", b"index")
    async with opened(tmp_path) as library:
        assert await library.keep_load("k") == {"a": "1"}
        assert await library.media_index("content") == b"index"
        assert await library.media_index("other") is None


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db", KEY)
    migrate(connection)
    connection.pragma("user_version", 9999)
    with pytest.raises(Unsupported, match="newer version"):
        migrate(connection)
    connection.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db", KEY)
    connection.execute("CREATE TABLE container (x)")
    with pytest.raises(apsw.SQLError):
        migrate(connection)
    assert connection.pragma("user_version") == 0
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert tables == [("container",)]
    connection.close()


def test_a_key_of_another_length_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        connect(tmp_path / "x.db", b"short")


def test_the_pages_of_a_list_are_found_without_sorting(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db", KEY)
    migrate(connection)
    plan = " ".join(
        row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + step("page"), (1, 1, 0, 9))
    )
    assert "USING PRIMARY KEY (container=? AND rank>?" in plan
    assert "USING PRIMARY KEY (class=? AND place=? AND entry=?)" in plan
    assert "TEMP B-TREE" not in plan
    connection.close()
