"""Vaults walked and probed through a real drive, rclone's and one of our own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.bus import Bus
from gateway.drives.drive import Drive
from gateway.hosts.local import LocalHost
from gateway.library.library import Library
from gateway.library.records import ProbeState, Query, SourceState
from gateway.scan.scanner import Scanner
from gateway.vaults.rclone import CryptSettings, CryptVault, NameEncoding, NameMode, derive_keys
from tests.fakes.clock import FakeClock
from tests.fakes.fragments import PlainFragments
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


class Home:
    """A vault of our own in a folder, scanned into a real library."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "stored"
        self.root.mkdir()
        (folder / "data").mkdir()
        self.data = folder / "data"
        self.vault = CryptVault(CryptSettings(password="p"), derive_keys("p"))

    def stored(self, path: str) -> Path:
        return self.root / self.vault.stored_path(path, is_folder=False)

    def write(self, path: str) -> None:
        place = self.stored(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"".join(self.vault.seal([path.encode()])))


async def test_a_real_library_keeps_ids_over_a_move_and_believes_no_sudden_loss(tmp_path) -> None:
    home = Home(tmp_path)
    names = [f"Films/Film {word} (2001).mp4" for word in ("One", "Two", "Three", "Four", "Five")]
    for name in names:
        home.write(name)
    library = await Library.open(home.data, bytes(32), FakeClock(), Bus(), PlainFragments())
    await library.add_source("home", "file:/stored")
    drive = Drive("home", LocalHost(home.root), home.vault)
    try:
        async with (
            asyncio.timeout(30),
            Scanner({"home": drive}, library, FakeWorkers(), FakeClock()) as scanner,
        ):
            await _scan(scanner)
            before = {item.path: item for item in (await library.list_items(Query())).items}
            assert set(before) == set(names)
            assert {item.probe for item in before.values()} == {ProbeState.DONE}
            assert all(item.has_art for item in before.values())

            moved = "Moved/Film Uno (2001).mp4"
            home.stored(moved).parent.mkdir()
            home.stored(names[0]).rename(home.stored(moved))
            await _scan(scanner)
            after = {item.path: item for item in (await library.list_items(Query())).items}
            assert set(after) == {*names[1:], moved}
            assert after[moved].id == before[names[0]].id
            assert after[moved].title == "Film Uno"

            for name in names[1:4]:
                home.stored(name).unlink()
            await _scan(scanner)
            (source,) = await library.sources()
            assert source.state is SourceState.AWAY
            assert source.reason
            assert (await library.list_items(Query())).total == 5
    finally:
        await drive.close()
        await library.close()


async def _scan(scanner: Scanner) -> None:
    scanner.request("home")
    await scanner.wait_idle()
