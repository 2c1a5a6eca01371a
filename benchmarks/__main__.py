"""``python -m benchmarks [--only PART,…] [--quick]``: every bar, measured beside its peer."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import catalogue, direct, segments
from benchmarks.report import Row, render, write

OUT = Path(__file__).parent / "out"


def parts(*, quick: bool) -> dict[str, Callable[[Path], list[Row]]]:
    """The parts by name."""
    sizes = (1_000,) if quick else (1_000, 10_000, 50_000)
    mib, runs, seconds = (128, 3, 2.0) if quick else (512, 5, 5.0)
    found: dict[str, Callable[[Path], list[Row]]] = {
        "direct": lambda folder: direct.measure(folder, mib=mib, runs=runs, seconds=seconds),
        "segments": lambda folder: segments.measure(folder, rounds=10 if quick else 24),
    }
    for size in sizes:
        found[f"catalogue-{size}"] = lambda folder, size=size: catalogue.measure(
            folder, count=size, rounds=60 if quick else 200
        )
    return found


def main() -> int:
    """Run the parts and print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", help="parts to run, separated by commas")
    parser.add_argument("--quick", action="store_true", help="small files, few rounds")
    options = parser.parse_args()
    known = parts(quick=options.quick)
    names = options.only.split(",") if options.only else list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(known)}")
    rows: list[Row] = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="vaultcast-bench-") as folder:
            new = known[name](Path(folder))
        print(render(new), flush=True)
        rows += new
        write(rows, OUT)
    return 1 if any(row.is_met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
