"""What kinds of screens play, as data: one TOML file per kind, and their loader. Pure.

Source: ``/protocols/devices.md`` of the developers' pages, sections 2, 3, 9 and 10.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from transcode.screens import Screen, screen_from_table

__all__ = ["load", "names"]


@cache
def load(name: str) -> Screen:
    """The screen of a profile.

    Raises:
        KeyError: there is no such profile.
        ValueError: the profile's file is wrong.
    """
    if name not in names():
        raise KeyError(f"no screen profile {name!r}; there are {', '.join(names())}")
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    return screen_from_table(name, tomllib.loads(text))


@cache
def names() -> tuple[str, ...]:
    """All profiles, sorted."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))
