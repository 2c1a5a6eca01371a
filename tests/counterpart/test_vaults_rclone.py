"""The real rclone reads what we seal and names as we do; we read what it seals."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.host_specs import LocalSpec
from gateway.config.rclone_conf import load_conf, resolve
from gateway.spans import Span
from gateway.vaults.rclone import (
    CryptSettings,
    CryptVault,
    NameEncoding,
    NameMode,
    derive_keys,
    obscure,
    render_section,
    reveal,
)
from tests.fakes.vault_files import read_clear

BESIDE = Path(sys.executable).parent / "rclone"
RCLONE = str(BESIDE) if BESIDE.exists() else shutil.which("rclone") or "rclone"

pytestmark = pytest.mark.needs("rclone")

NAMES = [
    "Films/Blade Runner (1982).mkv",
    "Films/Größe & 重慶 🎬.mkv",
    "Series/Dark/s01e01-v2001-02-03-040506-123.mkv",
    "Series/Dark/backup-v2001-02-03-040506-123",
    "a!b.c-3.tar.gz",
    ".hidden",
    "x" * 130,
]
SIZES = [0, 1, 65535, 65536, 65537, 200_000, 1]
FORMS: dict[str, CryptSettings] = {
    "base32": CryptSettings("pässwörd", "sält"),
    "base64": CryptSettings("p", filename_encoding=NameEncoding.BASE64),
    "base32768": CryptSettings("p", "s", filename_encoding=NameEncoding.BASE32768),
    "obfuscate": CryptSettings("p", "s", filename_encryption=NameMode.OBFUSCATE),
    "off": CryptSettings("p", "s", filename_encryption=NameMode.OFF),
    "off-suffix": CryptSettings("p", "s", filename_encryption=NameMode.OFF, suffix=".sealed"),
    "off-no-suffix": CryptSettings("p", filename_encryption=NameMode.OFF, suffix=""),
    "plain-folders": CryptSettings("p", "s", directory_name_encryption=False),
    "obfuscate-plain-folders": CryptSettings(
        "p", filename_encryption=NameMode.OBFUSCATE, directory_name_encryption=False
    ),
    "no-data": CryptSettings("p", "s", no_data_encryption=True),
}
every_form = pytest.mark.parametrize("settings", FORMS.values(), ids=FORMS.keys())


def rclone(conf: Path, *arguments: str) -> str:
    done = subprocess.run(
        [RCLONE, "--config", str(conf), *arguments],
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "RCLONE_CONFIG_PASS": ""},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"NOTICE" not in done.stderr, done.stderr.decode()
    return done.stdout.decode()


def vault_of(settings: CryptSettings) -> CryptVault:
    return CryptVault(settings, derive_keys(settings.password, settings.password2))


def content(size: int) -> bytes:
    return bytes(range(251))[: size % 251] + bytes(range(251)) * (size // 251)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "stored").mkdir()
    return tmp_path


def write_conf(place: Path, settings: CryptSettings) -> Path:
    conf = place / "rclone.conf"
    conf.write_text(render_section("vault", settings, str(place / "stored")), encoding="utf-8")
    return conf


@every_form
def test_rclone_decrypts_what_we_sealed(settings, place) -> None:
    conf, vault = write_conf(place, settings), vault_of(settings)
    for name, size in zip(NAMES, SIZES, strict=True):
        stored = place / "stored" / vault.stored_path(name, is_folder=False)
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(b"".join(vault.seal([content(size)])))
    sums = rclone(conf, "hashsum", "sha256", "--download", "vault:")
    seen = {name: digest for digest, name in (line.split("  ", 1) for line in sums.splitlines())}
    assert seen == {
        name: hashlib.sha256(content(size)).hexdigest()
        for name, size in zip(NAMES, SIZES, strict=True)
    }


@every_form
def test_we_decrypt_what_rclone_sealed(settings, place) -> None:
    conf = write_conf(place, settings)
    for name, size in zip(NAMES, SIZES, strict=True):
        clear = place / "clear" / name
        clear.parent.mkdir(parents=True, exist_ok=True)
        clear.write_bytes(content(size))
    rclone(conf, "copy", str(place / "clear"), "vault:")
    resolved = resolve(load_conf(conf), "vault")
    assert resolved.host == LocalSpec(place / "stored")
    assert resolved.vault == settings
    vault = vault_of(resolved.vault)
    for name, size in zip(NAMES, SIZES, strict=True):
        stored = (place / "stored" / vault.stored_path(name, is_folder=False)).read_bytes()
        assert vault.clear_size(len(stored)) == size
        assert read_clear(vault, stored, Span(0, size)) == content(size)


def test_obscured_passwords_go_both_ways(place) -> None:
    conf = write_conf(place, CryptSettings("p"))
    assert rclone(conf, "reveal", obscure("pässwörd ☃")).strip() == "pässwörd ☃"
    assert reveal(rclone(conf, "obscure", "pässwörd ☃").strip()) == "pässwörd ☃"


def test_a_configuration_rclone_encrypted_opens(place) -> None:
    conf = write_conf(place, CryptSettings("p", "s"))
    rclone(conf, "config", "encryption", "set", "--password-command", "echo confpäss")
    assert "RCLONE_ENCRYPT_V0:" in conf.read_text(encoding="utf-8")
    opened = resolve(load_conf(conf, "confpäss"), "vault")
    assert opened.vault == CryptSettings("p", "s")
