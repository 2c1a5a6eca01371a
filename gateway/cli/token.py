"""``token``: an owner token, or the owner's QR, of the running gateway of a data folder."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request

from gateway.cli.options import add_common, data_of
from gateway.cli.qr import qr_text
from gateway.errors import HostDown, HostNonsense

_TIMEOUT_S = 10.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("token", help="print an owner token of the running gateway")
    parser.add_argument(
        "--qr", action="store_true", help="print a one-time owner address with its QR instead"
    )
    add_common(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    folder = data_of(options)
    try:
        running = json.loads(folder.running_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HostDown(
            f"no gateway runs on {folder.path}; start it with vaultcast serve, or name its --data"
        ) from None
    answer = _ask(running, "owner-link" if options.qr else "token")
    if options.qr:
        link = str(answer["url"])
        if not options.quiet:
            sys.stderr.write(qr_text(link))
        sys.stdout.write(f"{link}\n")
    else:
        sys.stdout.write(f"{answer['token']}\n")
    return 0


def _ask(running: dict[str, str], what: str) -> dict[str, object]:
    request = urllib.request.Request(  # noqa: S310 - the address is the one our gateway wrote
        f"{running['url']}/api/v1/local/{what}",
        data=json.dumps({"secret": running["secret"]}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as reply:
            answer = json.load(reply)
    except (urllib.error.URLError, TimeoutError, OSError) as failure:
        raise HostDown(f"the gateway at {running['url']} does not answer: {failure}") from failure
    except ValueError as failure:
        raise HostNonsense(f"what answers at {running['url']} is no gateway") from failure
    if not isinstance(answer, dict):
        raise HostNonsense(f"what answers at {running['url']} is no gateway")
    return answer
