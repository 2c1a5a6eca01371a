"""Vaults that rclone wrote, walked and probed through a real drive."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.drives.drive import Drive
from gateway.hosts.local import LocalHost
from gateway.scan.scanner import Scanner
from gateway.vaults.rclone import CryptSettings, CryptVault, NameEncoding, NameMode, derive_keys
from tests.fakes.clock import FakeClock
from tests.fakes.scanned import FakeLibrary, FakeWorkers

GOLDEN = Path(__file__).parent / "vaults"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in MANIFEST["cases"]}
MEDIA = (".mp4", ".mkv", ".mp3", ".jpg")


def settings_of(case) -> CryptSettings:
    return CryptSettings(
        password=case["password"],
        password2=case["password2"] or "",
        filename_encryption=NameMode(case["filename_encryption"]),
        directory_name_encryption=case["directory_name_encryption"],
        filename_encoding=NameEncoding(case["filename_encoding"]),
        no_data_encryption=case["no_data_encryption"],
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_every_media_file_of_a_vault_becomes_an_item(case) -> None:
    settings = settings_of(case)
    vault = CryptVault(settings, derive_keys(settings.password, settings.password2))
    drive = Drive("home", LocalHost(GOLDEN / case["remote_dir"]), vault)
    library, workers = FakeLibrary(), FakeWorkers()
    try:
        async with (
            asyncio.timeout(20),
            Scanner({"home": drive}, library, workers, FakeClock()) as scanner,
        ):
            scanner.request("home")
            await scanner.wait_idle()
            assert scanner.progress("home").bad_names == 0
            assert scanner.progress("home").files == len(case["files"])
    finally:
        await drive.close()
    media = {
        file["path"] for file in case["files"] if file["path"].endswith(MEDIA) and file["size"]
    }
    assert {path for _, path in library.items} == media
    assert set(library.known) == media
    assert not library.failed
    expected = "sh:" if case["no_data_encryption"] else "crypt:"
    assert all(known.identity.startswith(expected) for known in library.known.values())
