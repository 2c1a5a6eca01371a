"""Us and the peers in turn on the same files: ``python -m benchmarks [--only NAME,...] [--quick]``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import bytes_parts
from benchmarks.report import Row, table, write

_BYTES = {"direct": bytes_parts.direct, "seek": bytes_parts.seek, "stalled": bytes_parts.stalled}
_OTHERS: dict[str, Callable[[Path, bool], Iterator[Row]]] = {}


def measure(wanted: set[str], quick: bool, rows: list[Row], failures: dict[str, str]) -> None:
    def take(name: str, found: Iterator[Row]) -> None:
        try:
            for row in found:
                print(table([row]).splitlines()[-1], flush=True)
                rows.append(row)
        except Exception as fault:  # noqa: BLE001 - one part's fault is told, the others run
            failures[name] = f"{type(fault).__name__}: {fault}"
            print(name, "did not finish:", failures[name], flush=True)

    if wanted & _BYTES.keys():
        with (
            tempfile.TemporaryDirectory() as folder,
            bytes_parts.servers(Path(folder), 64 if quick else 512) as found,
        ):
            for name, part in _BYTES.items():
                if name in wanted:
                    take(name, part(*found))
    for name, part in _OTHERS.items():
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                take(name, part(Path(folder), quick))


def main() -> None:
    names = [*_BYTES, *_OTHERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(names), help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="small files, 1 000 items")
    options = parser.parse_args()
    wanted = set(options.only.split(","))
    if unknown := wanted - set(names):
        parser.error(
            f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers are ended too
    rows: list[Row] = []
    failures: dict[str, str] = {}
    measure(wanted, options.quick, rows, failures)
    write(rows, failures)
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
