"""The settings file: read, checked against the schema, all mistakes at once."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from gateway.config.schema import KEYS, SOURCES_SECTION, Key, Value
from gateway.errors import SettingsError

_T = TypeVar("_T", bool, int, str)
_BY_NAME = {key.name: key for key in KEYS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked values of every key, and the sources named in the file."""

    values: Mapping[str, Value]
    sources: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Value of a key that holds a text."""
        return self._of(name, str)

    def number(self, name: str) -> int:
        """Value of a key that holds a whole number."""
        return self._of(name, int)

    def flag(self, name: str) -> bool:
        """Value of a key that is true or false."""
        return self._of(name, bool)

    def texts(self, name: str) -> list[str]:
        """Value of a key that holds a list of texts."""
        value = self.values[name]
        if not isinstance(value, list):
            raise TypeError(f"{name} is no list")
        return value

    def _of(self, name: str, kind: type[_T]) -> _T:
        value = self.values[name]
        if type(value) is not kind:
            raise TypeError(f"{name} is {type(value).__name__}, asked for as {kind.__name__}")
        return value

    def with_values(self, **changes: Value | None) -> Settings:
        """A copy with command line values laid over (``section__key=value``; None keeps)."""
        over = {name.replace("__", "."): value for name, value in changes.items()}
        merged = {
            **self.values,
            **{name: value for name, value in over.items() if value is not None},
        }
        mistakes = [
            mistake
            for name in over
            if (mistake := _mistake(_BY_NAME[name], merged[name])) is not None
        ]
        if mistakes:
            raise SettingsError(mistakes)
        return Settings(merged, self.sources)


def default_config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the settings file lies when none is named. Source: XDG base directory specification."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "vaultcast" / "config.toml"


def default_data_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The data folder when none is named. Source: XDG base directory specification."""
    base = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "vaultcast"


def load_settings(path: Path | None) -> Settings:
    """Read a settings file; ``None`` takes the usual place, where a missing file means defaults.

    Raises:
        SettingsError: the file is missing, no TOML, or any key or value is wrong.
    """
    named = path is not None
    where = path if path is not None else default_config_path()
    try:
        raw = tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingsError([f"no settings file at {where}"]) from None
        raw = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as failure:
        raise SettingsError([f"{where}: {failure}"]) from failure
    return check_settings(raw, str(where))


def check_settings(raw: Mapping[str, Any], where: str) -> Settings:
    """Check parsed TOML against the schema.

    Raises:
        SettingsError: lists every mistake with the nearest known key.
    """
    mistakes: list[str] = []
    values: dict[str, Value] = {key.name: key.default for key in KEYS}
    sources: dict[str, str] = {}
    for section, content in raw.items():
        if section == SOURCES_SECTION and isinstance(content, dict):
            for name, source in content.items():
                if isinstance(source, str):
                    sources[name] = source
                else:
                    mistakes.append(f"{where}: sources.{name} must be a text")
            continue
        if not isinstance(content, dict):
            mistakes.append(f"{where}: {section} stands outside any section{_nearest(section)}")
            continue
        for name, value in content.items():
            full = f"{section}.{name}"
            key = _BY_NAME.get(full)
            if key is None:
                mistakes.append(f"{where}: unknown key {full}{_nearest(full)}")
            elif (mistake := _mistake(key, value)) is not None:
                mistakes.append(f"{where}: {mistake}")
            else:
                values[full] = cast(Value, value)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(values, sources)


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, [*_BY_NAME, SOURCES_SECTION], 1, 0.5)
    if not close:
        close = [full for full in _BY_NAME if full.partition(".")[2] == name.rpartition(".")[2]][:1]
    return f"; did you mean {close[0]}?" if close else ""


def _mistake(key: Key, value: object) -> str | None:
    expected = type(key.default)
    if type(value) is not expected:
        return f"{key.name} must be {_KIND_NAMES[expected]}, not {value!r}"
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return f"{key.name} must be a list of texts"
    if key.choices and value not in key.choices:
        return f"{key.name} must be one of {', '.join(key.choices)}, not {value!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if key.least is not None and value < key.least:
            return (
                f"{key.name} must be at least {key.least:g} {key.unit}".rstrip() + f", not {value}"
            )
        if key.most is not None and value > key.most:
            return f"{key.name} must be at most {key.most:g} {key.unit}".rstrip() + f", not {value}"
    return None


_KIND_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list of texts",
}
