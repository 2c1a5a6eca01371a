"""``demo``: a small encrypted vault with media made on the spot, served at once."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.cli.demo_media import DemoFile, demo_files
from gateway.cli.options import add_common, add_server_options, data_of, settings_of
from gateway.cli.progress import show_progress
from gateway.cli.serve import served, until_told_to_stop
from gateway.cli.vault_writer import is_in_vault, write_sealed
from gateway.config.data_folder import DataFolder, write_private
from gateway.config.rclone_conf import load_conf, resolve
from gateway.config.sources import Form, SourceSpec
from gateway.tasks import Tasks
from gateway.vaults.rclone import CryptVault, choose_settings, derive_keys, render_section

NAME = "Demo vault"
_REMOTE = "demo"
_AT_ONCE = 2
"""Files made at the same time: one encoder of small pictures does not fill two cores."""


class _Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The demo ends while a file is being made."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="serve a small encrypted vault made on the spot")
    add_server_options(parser)
    add_common(parser)
    parser.set_defaults(run=lambda options: asyncio.run(_demo(options)), secret_file=[])


async def _demo(options: argparse.Namespace) -> int:
    data = data_of(options)
    vault = await asyncio.to_thread(_open_vault, data)
    missing = [one for one in demo_files() if not is_in_vault(vault, data.demo_vault, one.path)]
    settings = settings_of(options).with_values(rclone__config=str(data.demo_config))
    maker = _Maker(vault, data.demo_vault, missing)
    if missing:
        await maker.make_first()
    spec = SourceSpec(NAME, Form.RCLONE, f"{_REMOTE}:", is_named=True)
    async with (
        served(options, settings, [spec]) as gateway,
        until_told_to_stop() as told,
        Tasks("demo") as tasks,
    ):
        making = tasks.start(
            "media", maker.make_rest(lambda: gateway.sources.rescan(NAME), quiet=options.quiet)
        )
        stopping = tasks.start("stop", told.wait())
        await asyncio.wait({making, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            making.result()
            await told.wait()
        else:
            await maker.stop()
            await making
    return 0


def _open_vault(data: DataFolder) -> CryptVault:
    data.demo_vault.mkdir(parents=True, exist_ok=True)
    if not data.demo_config.exists():
        section = render_section(_REMOTE, choose_settings(), str(data.demo_vault))
        write_private(data.demo_config, section)
    remote = resolve(load_conf(data.demo_config), f"{_REMOTE}:")
    if remote.vault is None:
        raise RuntimeError("the demo's own remote is a crypt remote")
    keys = derive_keys(remote.vault.password, remote.vault.password2)
    return CryptVault(remote.vault, keys)


class _Maker:
    """Makes the missing files in threads, and can be stopped."""

    def __init__(self, vault: CryptVault, root: Path, missing: list[DemoFile]) -> None:
        self._vault = vault
        self._root = root
        self._missing = missing
        self._stopping = threading.Event()

    async def make_first(self) -> None:
        """Make one file, so that there is something to serve."""
        await asyncio.to_thread(self._make, self._missing.pop(0), lambda part: None)

    async def make_rest(self, made: Callable[[], Awaitable[None]], *, quiet: bool) -> None:
        """Make the others; ``made`` gives a coroutine to await after each."""
        if not self._missing:
            return
        total = sum(one.weight for one in self._missing)
        parts = dict.fromkeys(range(len(self._missing)), 0.0)
        lanes = asyncio.Semaphore(_AT_ONCE)

        async def make_one(number: int, one: DemoFile) -> None:
            def tell(part: float) -> None:
                parts[number] = part * one.weight
                told(sum(parts.values()), one.path.rpartition("/")[2])

            async with lanes:
                if not self._stopping.is_set():
                    await asyncio.to_thread(self._make, one, tell)
                    await made()

        with show_progress("making the demo's media", total, quiet=quiet) as told:
            try:
                async with asyncio.TaskGroup() as group:
                    for number, one in enumerate(self._missing):
                        group.create_task(make_one(number, one), name=f"demo {one.path}")
            except* _Stopped:
                pass
        if not quiet and not self._stopping.is_set():
            sys.stderr.write("the demo's media are complete\n")

    async def stop(self) -> None:
        """End the file at work; it is made anew at the next start."""
        self._stopping.set()

    def _make(self, one: DemoFile, tell: Callable[[float], None]) -> None:
        def tell_or_stop(part: float) -> None:
            if self._stopping.is_set():
                raise _Stopped
            tell(part)

        write_sealed(self._vault, self._root, one.path, [one.make(tell_or_stop)], replaces=True)
