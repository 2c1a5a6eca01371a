"""``vaultcast``: reads the command line, runs one command, turns failures into exit codes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from gateway import __version__
from gateway.cli import demo, inspect, serve, token, vault
from gateway.cli.errors import exit_code, sentences
from gateway.errors import GatewayError
from transcode.errors import TranscodeError

_log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="vaultcast",
        description="Encrypted media of yours, on the TV at home.",
        epilog="Secrets never stand on a command line: VAULTCAST_SECRET_<NAME>, --secret-file "
        "NAME=FILE, or a prompt.",
    )
    parser.add_argument("--version", action="version", version=f"vaultcast {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (demo, serve, inspect, token, vault):
        module.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code (see :mod:`gateway.cli.errors`)."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (GatewayError, TranscodeError) as failure:
        for sentence in sentences(failure):
            sys.stderr.write(f"vaultcast: {sentence}\n")
        return exit_code(failure)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except BrokenPipeError:
        # The reader of our output left (``| head``): nothing to tell, and nowhere to tell it.
        sys.stderr.close()
        return 0
    except Exception as failure:  # noqa: BLE001 - the last place before the user: say and fail
        _log.debug("unforeseen", exc_info=True)
        sys.stderr.write(f"vaultcast: unforeseen: {type(failure).__name__}: {failure}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
