"""The SQL steps of the library, read once from ``sql/*.sql``, found by their names.

A file holds steps one after the other; ``-- name: step`` begins each.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import apsw

_FOLDER = resources.files("gateway.library").joinpath("sql")
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")
_FILES = ("items.sql", "tree.sql", "pages.sql", "state.sql")


@cache
def _steps() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _FILES:
        parts = _NAME.split(_FOLDER.joinpath(file).read_text(encoding="utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"two SQL steps are named {name}")
            found[name] = text.strip()
    return found


def step(name: str, **parts: str) -> str:
    """The text of a step; ``{part}`` in it is replaced by SQL of ours, never by a value."""
    text = _steps()[name]
    return text.format(**parts) if parts else text


def numbers(cursor: apsw.Cursor) -> list[int]:
    """The first column of all rows."""
    return [int(str(row[0])) for row in cursor]


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """Every migration with the ``user_version`` it leads to, in order."""
    found = [
        (int(match[1]), file.read_text(encoding="utf-8"))
        for file in _FOLDER.iterdir()
        if (match := _MIGRATION.fullmatch(file.name))
    ]
    return tuple(sorted(found))
