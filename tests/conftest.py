"""What every test gets: counterparts found or reported missing, one at a time on the network."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_NEXT_TO_PYTHON = Path(sys.executable).parent


def find_program(name: str) -> str | None:
    """A program by name: next to the interpreter first (rclone of its wheel), then on PATH."""
    for folder in (str(_NEXT_TO_PYTHON), None, "/usr/sbin:/sbin"):
        if (found := shutil.which(name, path=folder)) is not None:
            return found
    return None


def _missing(item: pytest.Item) -> str | None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if find_program(name) is None:
                return f"{name} is not installed"
    if item.get_closest_marker("netns") is not None:
        if os.geteuid() != 0:
            return "network namespaces need root"
        if find_program("ip") is None:
            return "ip (iproute2) is not installed"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose counterpart is missing; fail it where all are required."""
    missing = _missing(item)
    if missing is None:
        return
    if os.environ.get("VAULTCAST_REQUIRE") == "all":
        pytest.fail(f"{missing}, and VAULTCAST_REQUIRE=all", pytrace=False)
    pytest.skip(missing)
