"""What the documents promise is what the program says of itself."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

import tests
from gateway.cli.main import build_parser
from gateway.config.schema import KEYS

ROOT = Path(tests.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def _commands(parser: argparse.ArgumentParser, prefix: str = "vaultcast") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found |= _commands(below, f"{prefix} {name}")
    if not found:
        options = {text for one in parser._actions for text in one.option_strings}
        found[prefix] = {text for text in options if text.startswith("--")}
    return found


COMMANDS = _commands(build_parser())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command):
    assert f"`{command}" in README or f"{command} " in README


@pytest.mark.parametrize("option", sorted(set().union(*COMMANDS.values()) - {"--help"}))
def test_every_option_stands_in_the_settings_document(option):
    assert f"`{option}" in SETTINGS


def test_no_document_names_an_option_that_does_not_exist():
    named = set(re.findall(r"`(--[a-z-]+)", README + SETTINGS))
    known = set().union(*COMMANDS.values()) | {"--version"}
    assert named <= known


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_settings_key_is_documented_as_it_is(key):
    row = next((line for line in SETTINGS.splitlines() if line.startswith(f"| `{key.name}`")), "")
    assert key.sentence in row
    assert f"`{render_default(key.default)}`" in row
    if key.unit:
        assert key.unit in row


def render_default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_commands_that_do_not_exist_yet_are_not_promised():
    for name in ("doctor", "devices", "cast", "lock", "unlock"):
        assert f"vaultcast {name}" not in README
        assert f"vaultcast {name}" not in COMMANDS
