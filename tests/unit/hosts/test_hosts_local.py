"""The folder of this machine: links, special files, names that are no text, changes."""

from __future__ import annotations

import os
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.errors import HostChanged, HostRefused, NotFound
from gateway.hosts.base import Stored
from gateway.hosts.local import LocalHost
from gateway.spans import Span


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a").write_bytes(b"abc")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


async def read(host: LocalHost, item: Stored) -> bytes:
    async with aclosing(host.read(item, Span(0, item.size_bytes))) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


async def test_a_link_out_of_the_root_is_neither_listed_nor_read(root: Path) -> None:
    (root / "out").symlink_to(root.parent / "secret")
    host = LocalHost(root)
    assert [entry.path for entry in await host.list("")] == ["in"]
    with pytest.raises(HostRefused):
        await host.stat("out")
    with pytest.raises(HostRefused):
        await read(host, Stored("out", False, 6, "v"))


async def test_dots_and_absolute_paths_lead_nowhere(root: Path) -> None:
    for path in ("../secret", "in/../../secret", str(root.parent / "secret"), "in/a\0b"):
        with pytest.raises(NotFound):
            await LocalHost(root).stat(path)


async def test_a_link_inside_the_root_is_followed(root: Path) -> None:
    (root / "same").symlink_to("in/a")
    host = LocalHost(root)
    assert await read(host, await host.stat("same")) == b"abc"


async def test_a_folder_linked_into_itself_does_not_make_the_tree_endless(root: Path) -> None:
    (root / "in" / "up").symlink_to(root)
    (root / "other").mkdir()
    (root / "other" / "x").symlink_to(root / "in")
    (root / "in" / "y").symlink_to(root / "other")
    host = LocalHost(root)
    seen, folders = [], [""]
    while folders:
        for entry in await host.list(folders.pop()):
            seen.append(entry.path)
            folders += [entry.path] if entry.is_folder else []
        assert len(seen) < 30
    assert "in/a" in seen


async def test_names_that_are_no_text_are_listed_and_read(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"latin")
    host = LocalHost(root)
    item = next(one for one in await host.list("") if not one.is_folder)
    assert await read(host, item) == b"latin"


async def test_a_pipe_is_not_listed_and_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    host = LocalHost(root)
    assert "pipe" not in {entry.path for entry in await host.list("")}
    with pytest.raises(HostRefused):
        await read(host, Stored("pipe", False, 1, "v"))


async def test_a_file_changed_since_the_listing_is_refused(root: Path) -> None:
    host = LocalHost(root)
    item = await host.stat("in/a")
    (root / "in" / "a").write_bytes(b"other!")
    with pytest.raises(HostChanged):
        await read(host, item)


async def test_a_file_cut_while_it_is_read_is_a_change(root: Path) -> None:
    (root / "big").write_bytes(os.urandom(1 << 20))
    host = LocalHost(root)
    item = await host.stat("big")
    async with aclosing(host.read(item, Span(0, item.size_bytes))) as pieces:
        await anext(pieces)
        os.truncate(root / "big", 300_000)
        with pytest.raises(HostChanged):
            async for _ in pieces:
                pass


async def test_no_descriptor_stays_open(root: Path) -> None:
    host = LocalHost(root)
    item = await host.stat("in/a")
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(20):
        pieces = host.read(item, Span(0, 3))
        await anext(pieces)
        await pieces.aclose()
    assert len([*Path("/proc/self/fd").iterdir()]) == before
