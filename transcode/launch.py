"""Becomes another program after boxing itself in: ``launch.py PARENT_PID RULES PROGRAM ARG…``.

Run by ``process.start_child`` with a bare interpreter (``-I -S``), a few milliseconds of start-up.
"""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace


def main() -> None:
    """Confine, then replace this process by the program."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    from transcode.box import confine, parse_order  # noqa: PLC0415  the path is known only now

    parent, order, *program = sys.argv[1:]
    rules = SimpleNamespace(**parse_order(order))
    confine(rules, parent_pid=int(parent))  # type: ignore[arg-type]  # same fields, no dataclass
    try:
        os.execv(program[0], program)  # noqa: S606  no shell is the purpose
    except OSError as error:
        sys.stderr.write(f"{program[0]} could not be started: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
