"""``serve``: the gateway until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.app.gateway import Gateway, GatewayOptions, running_gateway
from gateway.cli.log import set_up_logging
from gateway.cli.options import (
    add_common,
    add_server_options,
    add_source_options,
    data_of,
    secret_files_of,
    settings_of,
)
from gateway.cli.qr import qr_text
from gateway.config.settings import Settings
from gateway.config.sources import SourceSpec, parse_sources
from gateway.tasks import Tasks

STOPPED = 0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="serve sources to the TVs and phones of this house")
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="added to the settings' ones")
    add_server_options(parser)
    add_source_options(parser)
    add_common(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    written = [f"{name}={source}" for name, source in settings.sources.items()]
    specs = parse_sources([*written, *options.sources])
    if not specs and not options.quiet:
        sys.stderr.write("no source is given: add one from the phone, or name it: serve SOURCE\n")
    return asyncio.run(_serve(options, settings, specs))


async def _serve(
    options: argparse.Namespace, settings: Settings, specs: Sequence[SourceSpec]
) -> int:
    async with served(options, settings, specs) as gateway, until_told_to_stop() as told:
        await stopped(gateway, told)
    return STOPPED


@asynccontextmanager
async def served(
    options: argparse.Namespace, settings: Settings, specs: Sequence[SourceSpec]
) -> AsyncIterator[Gateway]:
    """A running gateway, announced on the terminal.

    Raises:
        SettingsError: the data folder is in use, or a port or address is.
        WrongKey: no source at all could be opened.
    """
    set_up_logging(settings.text("log.format"), quiet=options.quiet)
    gateway_options = GatewayOptions(
        settings=settings,
        data=data_of(options),
        specs=tuple(specs),
        secret_files=secret_files_of(options),
        is_port_asked=options.port is not None,
    )
    async with running_gateway(gateway_options) as gateway:
        announce(gateway, quiet=options.quiet)
        yield gateway


def announce(gateway: Gateway, *, quiet: bool) -> None:
    """Print the addresses; ``ready <base url>`` last, as requests are answered by now."""
    if not quiet:
        owner = gateway.owner_url()
        lines = [*gateway.notices(), "", f"  TV     open {gateway.base_url}/tv in its browser"]
        if gateway.has_dlna:
            lines.append(f"         or look for “{gateway.name}” among its media servers")
        lines.append(f"  Phone  {gateway.base_url}/remote")
        if owner is not None:
            lines += [
                "",
                "  The phone that opens this address first owns the gateway:",
                f"  {owner}",
            ]
        sys.stderr.write("\n".join(lines) + "\n")
        if owner is not None:
            sys.stderr.write(qr_text(owner))
        sys.stderr.flush()
    sys.stdout.write(f"ready {gateway.base_url}\n")
    sys.stdout.flush()


async def stopped(gateway: Gateway, told: asyncio.Event) -> None:
    """Wait until the user stops the gateway.

    Raises:
        WrongKey: the last source turned out not to open.
    """
    async with Tasks("serve") as tasks:
        asked = tasks.start("signal", told.wait())
        await asyncio.wait({asked, gateway.opened}, return_when=asyncio.FIRST_COMPLETED)
        if gateway.opened.done() and (wrong := gateway.opened.result()) is not None:
            raise wrong
        await asked


@asynccontextmanager
async def until_told_to_stop() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set while the block runs."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    with contextlib.ExitStack() as stack:
        for one in signals:
            loop.add_signal_handler(one, told.set)
            stack.callback(loop.remove_signal_handler, one)
        yield told
