"""Real programs around the whole product: rclone as the vault's writer, players as nobody."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import find_program

AS_NOBODY = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "env",
    "HOME=/nonexistent",
)


def rclone_vault(folder: Path, files: Mapping[str, bytes], name: str = "vault") -> Path:
    """A crypt vault at ``folder/stored`` that rclone itself writes; its ``rclone.conf``.

    Standard names, a password and a second one.
    """
    program = find_program("rclone")
    assert program is not None
    conf, clear = folder / "rclone.conf", folder / "clear"
    for path, data in files.items():
        (clear / path).parent.mkdir(parents=True, exist_ok=True)
        (clear / path).write_bytes(data)
    words = (
        *("config", "create", name, "crypt", f"remote={folder / 'stored'}"),
        *("filename_encryption=standard", "password=open sesame", "password2=salt", "--obscure"),
    )
    for command in (words, ("copy", str(clear), f"{name}:")):
        subprocess.run(
            [program, "--config", str(conf), *command],
            capture_output=True,
            timeout=60,
            check=True,
        )
    for path in files:
        (clear / path).unlink()
    return conf


async def run_player(*words: str | None, within_s: float = 60, is_nobody: bool = False) -> bytes:
    """Run a program to its end, which must be a good one; its standard output."""
    command = [one for one in words if one is not None]
    process = await asyncio.create_subprocess_exec(
        *(AS_NOBODY if is_nobody else ()),
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_s):
            out, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = (command, out[-2000:], complaint[-2000:])
    assert process.returncode == 0, said
    return out
