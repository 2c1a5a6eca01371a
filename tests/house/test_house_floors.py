"""The floors hold, every module imports alone, and nothing is forgotten in a table."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gateway
import tests
import transcode
import tv_ui
from gateway import errors
from gateway.cli.errors import EXIT_CODES
from gateway.dlna import errors as dlna_errors
from gateway.web import errors as web_errors
from transcode import errors as transcode_errors

ROOT = Path(tests.__file__).parent.parent


def _modules() -> list[str]:
    names = []
    for package in (gateway, transcode, tv_ui):
        names += [
            one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        ]
    return sorted(name for name in names if not name.endswith("__main__"))


def _own_errors() -> list[type[Exception]]:
    found: list[type[Exception]] = []
    for module in (errors, transcode_errors):
        for _, one in inspect.getmembers(module, inspect.isclass):
            if issubclass(one, Exception) and one.__module__ == module.__name__:
                found.append(one)
    return found


def test_the_floors_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_module_imports_alone():
    # One interpreter forgets everything between two imports: a module that leans on another's
    # import order fails here and nowhere else.
    code = (
        "import importlib, sys\n"
        "kept = set(sys.modules)\n"
        "for name in sys.stdin.read().split():\n"
        "    for other in [one for one in sys.modules if one.partition('.')[0] in"
        " ('gateway', 'transcode', 'tv_ui')]:\n"
        "        del sys.modules[other]\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except SystemExit:\n"
        "        pass\n"
        "    except BaseException as failure:\n"
        "        print(name, type(failure).__name__, failure)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(_modules()),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, ""), result.stderr[-2000:]


@pytest.mark.parametrize("error", _own_errors(), ids=lambda one: one.__name__)
def test_every_error_has_a_row_in_each_table(error):
    assert error in EXIT_CODES
    assert error in web_errors.REPLIES
    assert error in dlna_errors.FAULTS


@pytest.mark.parametrize("error", _own_errors(), ids=lambda one: one.__name__)
def test_every_error_has_a_code_of_its_own_tree(error):
    assert isinstance(error.code, str)
    assert error.code == error.code.lower()


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == gateway.__version__
