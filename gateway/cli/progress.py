"""Long work made visible: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

_LINE_STEP = 0.25


class Told(Protocol):
    """Says how far the work is."""

    def __call__(self, done: float, what: str) -> None:
        """``done`` in the units of the total; ``what`` is at work now."""
        ...


@contextmanager
def show_progress(
    title: str, total: float, *, quiet: bool, in_bytes: bool = False
) -> Iterator[Told]:
    """Show work of ``total`` units on standard error while the block runs."""
    if quiet:
        yield lambda done, what: None
    elif sys.stderr.isatty():
        with _bar(in_bytes) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done, what: bar.update(
                task, completed=done, description=f"{title}: {what}" if what else title
            )
    else:
        yield _Lines(title, total)
        sys.stderr.write(f"{title}: done\n")


def _bar(in_bytes: bool) -> Progress:
    amount = DownloadColumn() if in_bytes else TaskProgressColumn()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class _Lines:
    """A line for each quarter of the work."""

    def __init__(self, title: str, total: float) -> None:
        self._title = title
        self._total = total or 1.0
        self._next = 0.0

    def __call__(self, done: float, what: str) -> None:
        part = done / self._total
        if part >= self._next:
            self._next = (part // _LINE_STEP + 1) * _LINE_STEP
            sys.stderr.write(f"{self._title}: {part:.0%} {what}".rstrip() + "\n")
            sys.stderr.flush()
