"""Every crypt remote that rclone itself wrote, and damaged copies of its files."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import BadName, Corrupt, NotAVault, Truncated, VaultError, WrongKey
from gateway.spans import Span
from gateway.vaults.base import FolderKey
from gateway.vaults.rclone import (
    CryptKeys,
    CryptSettings,
    CryptVault,
    NameEncoding,
    NameMode,
    derive_keys,
    settings_from_section,
)
from gateway.vaults.rclone.sealed_conf import is_sealed, open_sealed
from tests.fakes.vault_files import open_stored, read_clear

GOLDEN = Path(__file__).parent / "vaults"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in MANIFEST["cases"]}
BROKEN = {case["id"]: case for case in MANIFEST["broken"]}
FOLDER = FolderKey()

keys_of = functools.cache(derive_keys)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def section(path: Path) -> dict[str, str]:
    """The crypt section of a small configuration without surprises."""
    text = path.read_text(encoding="utf-8").partition("type = crypt")[2]
    lines = [line.partition("=") for line in text.splitlines() if "=" in line]
    return {key.strip(): value.strip() for key, _, value in lines}


def vault_of(case: dict[str, Any], password: str | None = None) -> CryptVault:
    settings = settings_from_section(section(GOLDEN / case["config"]))
    return CryptVault(settings, keys_of(password or settings.password, settings.password2))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_configuration_gives_the_passwords_and_options_of_the_manifest(case) -> None:
    settings = settings_from_section(section(GOLDEN / case["config"]))
    assert settings == CryptSettings(
        password=case["password"],
        password2=case["password2"] or "",
        filename_encryption=NameMode(case["filename_encryption"]),
        directory_name_encryption=case["directory_name_encryption"],
        filename_encoding=NameEncoding(case["filename_encoding"]),
        suffix=case["suffix"],
        no_data_encryption=case["no_data_encryption"],
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_stored_name_decrypts_and_seals_to_itself(case) -> None:
    vault = vault_of(case)
    for file in case["files"]:
        *folders, name = file["enc_path"].split("/")
        clear = [vault.clear_name(one, FOLDER, is_folder=True) for one in folders]
        clear.append(vault.clear_name(name, FOLDER, is_folder=False))
        assert "/".join(clear) == file["path"]
        assert vault.stored_path(file["path"], is_folder=False) == file["enc_path"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_file_and_every_range_has_the_hash_of_the_manifest(case) -> None:
    vault = vault_of(case)
    for file in case["files"]:
        stored = (GOLDEN / case["remote_dir"] / file["enc_path"]).read_bytes()
        assert len(stored) == file["enc_size"]
        assert vault.clear_size(len(stored)) == file["size"]
        assert sha256(read_clear(vault, stored, Span(0, file["size"]))) == file["sha256"]
        for part in file["ranges"]:
            span = Span(part["offset"], part["offset"] + part["length"])
            assert sha256(read_clear(vault, stored, span)) == part["sha256"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_listing_of_the_stored_folders_has_no_name_that_fails(case) -> None:
    vault = vault_of(case)
    root = GOLDEN / case["remote_dir"]
    clear = set()
    for path in root.rglob("*"):
        if path.is_dir():
            continue
        *folders, name = path.relative_to(root).parts
        opened = [vault.clear_name(one, FOLDER, is_folder=True) for one in folders]
        clear.add("/".join([*opened, vault.clear_name(name, FOLDER, is_folder=False)]))
    assert clear == {file["path"] for file in case["files"]}


SEALED_NAMES = [
    key for key, case in CASES.items() if case["filename_encryption"] != "off" and key != "versions"
]


@pytest.mark.parametrize("key", SEALED_NAMES)
def test_a_wrong_password_opens_no_name(key) -> None:
    vault = vault_of(CASES[key], password="not the password")
    for file in CASES[key]["files"]:
        with pytest.raises(BadName):
            vault.clear_name(file["enc_path"].split("/")[-1], FOLDER, is_folder=False)


ERRORS: dict[str, tuple[type[VaultError], ...]] = {
    "corrupt": (Corrupt,),
    "not-a-vault-file": (NotAVault,),
    "bad-size": (Truncated,),
    "corrupt-or-wrong-password": (Corrupt, WrongKey),
    "undetectable": (),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_damage_is_refused_and_what_lies_beside_it_is_read(case) -> None:
    vault = vault_of(case, password=case.get("override_password"))
    stored = (GOLDEN / case["file"]).read_bytes()
    if case["size_from_arithmetic"] is None:
        with pytest.raises(Truncated):
            vault.clear_size(len(stored))
    else:
        assert vault.clear_size(len(stored)) == case["size_from_arithmetic"]
    for part in case["must_succeed"]:
        span = Span(part["offset"], part["offset"] + part["length"])
        assert sha256(read_clear(vault, stored, span)) == part["sha256"]
    for part in case["must_fail"]:
        with pytest.raises(ERRORS[case["kind"]]):
            read_clear(vault, stored, Span(part["offset"], part["offset"] + part["length"]))


def test_the_damaged_block_is_named() -> None:
    case = BROKEN["broken/rclone/flip-block1"]
    stored = (GOLDEN / case["file"]).read_bytes()
    with pytest.raises(Corrupt, match="block 1 ") as caught:
        read_clear(vault_of(case), stored, Span(0, 200_000))
    assert caught.value.block == 1


def test_the_identity_of_a_file_is_its_nonce() -> None:
    case = BROKEN["broken/rclone/flip-block1"]
    stored = (GOLDEN / case["file"]).read_bytes()
    assert open_stored(vault_of(case), stored).identity == stored[8:32]


@pytest.mark.parametrize("encoding", list(NameEncoding))
def test_public_name_vectors_hold(encoding) -> None:
    settings = CryptSettings(password="", filename_encoding=encoding)
    vault = CryptVault(settings, derive_keys(""))
    assert derive_keys("") == CryptKeys(bytes(32), bytes(32), bytes(16))
    for clear, stored in MANIFEST["known_names"][encoding].items():
        assert vault.stored_name(clear, FOLDER, is_folder=False) == stored
        assert vault.clear_name(stored, FOLDER, is_folder=False) == clear


def test_an_encrypted_configuration_opens_with_its_password_alone() -> None:
    entry = MANIFEST["encrypted_rclone_conf"]
    text = (GOLDEN / entry["file"]).read_text(encoding="utf-8")
    assert is_sealed(text)
    clear = open_sealed(text, entry["password"])
    plain = (GOLDEN / "rclone/std-b32-salt/rclone.conf").read_text(encoding="utf-8")
    assert set(clear.split()) == set(plain.split())
    with pytest.raises(WrongKey):
        open_sealed(text, "config  pass")
