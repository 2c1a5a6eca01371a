"""Every script, as it is sent, is ES5: one newer word and an old set shows nothing at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tv_ui.static_files import static_files

SCRIPTS = {name: file for name, file in static_files().items() if name.endswith(".js")}


@pytest.mark.needs("npm")
def test_scripts_are_es5(tmp_path: Path) -> None:
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "acorn@8"],
        cwd=tmp_path,
        check=True,
        timeout=120,
    )
    acorn = tmp_path / "node_modules/.bin/acorn"

    def parses(text: bytes) -> bool:
        path = tmp_path / "script.js"
        path.write_bytes(text)
        return subprocess.run([acorn, "--ecma5", "--silent", path], check=False).returncode == 0

    assert len(SCRIPTS) > 15
    assert not parses(b"var f = () => 1;")
    assert [name for name, file in SCRIPTS.items() if not parses(file.content)] == []
