"""Sections of rclone.conf, obscured passwords, sealed configurations, keys."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_secretbox

from gateway.errors import Corrupt, SettingsError, Unsupported, WrongKey
from gateway.spans import Span
from gateway.vaults.rclone import (
    CryptSettings,
    CryptVault,
    NameEncoding,
    NameMode,
    choose_settings,
    derive_keys,
    obscure,
    render_section,
    reveal,
    settings_from_section,
)
from gateway.vaults.rclone.content import block_nonce
from gateway.vaults.rclone.sealed_conf import is_sealed, open_sealed
from tests.fakes.vault_files import read_clear


def section_of(text: str) -> dict[str, str]:
    lines = [line.partition(" = ") for line in text.splitlines()[1:]]
    return {key: value for key, _, value in lines}


@given(st.text())
def test_obscured_text_comes_back(text) -> None:
    assert reveal(obscure(text)) == text


def test_obscuring_agrees_with_the_vectors_of_rclone() -> None:
    """Source: rclone ``fs/config/obscure/obscure_test.go``."""
    iv = b"aaaaaaaaaaaaaaaa"
    assert obscure("", iv=iv) == "YWFhYWFhYWFhYWFhYWFhYQ"
    assert obscure("potato", iv=iv) == "YWFhYWFhYWFhYWFhYWFhYXMaGgIlEQ"


@pytest.mark.parametrize(
    "text", ["", "short", "not base64 at all!", "YWFh+WFhYWFhYWFhYWFhYQ=", "ä"]
)
def test_a_password_that_was_never_obscured_says_so(text) -> None:
    with pytest.raises(WrongKey, match="obscured"):
        reveal(text)


def test_an_obscured_password_that_is_no_text_says_so() -> None:
    raw = base64.urlsafe_b64encode(bytes(16) + b"\xde" * 40).decode()
    with pytest.raises(WrongKey, match="rclone obscure"):
        reveal(raw)


@pytest.mark.parametrize("mode", list(NameMode))
@pytest.mark.parametrize("encoding", list(NameEncoding))
@pytest.mark.parametrize("suffix", ["", ".bin", ".x"])
def test_a_rendered_section_reads_back(mode, encoding, suffix) -> None:
    settings = CryptSettings(
        password="päss",
        password2="sält",
        filename_encryption=mode,
        filename_encoding=encoding,
        suffix=suffix,
        directory_name_encryption=mode is NameMode.STANDARD,
        no_data_encryption=mode is NameMode.OFF,
    )
    text = render_section("vault", settings, "/srv/stored")
    assert text.startswith("[vault]\ntype = crypt\nremote = /srv/stored\npassword = ")
    assert "päss" not in text
    assert settings_from_section(section_of(text)) == settings


def test_options_that_are_rclones_defaults_are_not_written() -> None:
    section = section_of(render_section("v", CryptSettings(password="p"), "/srv"))
    assert set(section) == {"type", "remote", "password"}


def test_options_are_read_without_case_and_suffix_gets_its_dot() -> None:
    section = {
        "password": obscure("p"),
        "filename_encryption": "OFF",
        "filename_encoding": "Base64",
        "directory_name_encryption": "F",
        "no_data_encryption": "T",
        "suffix": "sealed",
    }
    settings = settings_from_section(section)
    assert settings.filename_encryption is NameMode.OFF
    assert settings.filename_encoding is NameEncoding.BASE64
    assert not settings.directory_name_encryption
    assert settings.no_data_encryption
    assert settings.suffix == ".sealed"
    assert settings_from_section({"password": obscure("p"), "suffix": "none"}).suffix == ""


def test_a_section_without_password_takes_the_given_one() -> None:
    assert settings_from_section({}, "given").password == "given"
    assert settings_from_section({"password": obscure("own")}, "given").password == "own"


def test_unknown_values_are_named() -> None:
    with pytest.raises(Unsupported, match=r"'rot13'.*standard, obfuscate, off"):
        settings_from_section({"filename_encryption": "rot13"})
    with pytest.raises(SettingsError, match=r"no_data_encryption = 'maybe'"):
        settings_from_section({"no_data_encryption": "maybe"})


def test_a_new_vault_has_a_strong_password_of_its_own() -> None:
    settings = choose_settings()
    assert len(settings.password) >= 32
    assert CryptVault(settings, derive_keys(settings.password)).settings is settings
    assert choose_settings().password != choose_settings().password
    assert choose_settings("mine", "salt") == CryptSettings(password="mine", password2="salt")


def test_no_secret_is_printed() -> None:
    settings = CryptSettings(password="hush", password2="hushhush")
    assert "hush" not in repr(settings)
    assert repr(derive_keys("hush")) == "CryptKeys()"


def test_an_empty_salt_is_the_default_salt() -> None:
    assert derive_keys("p", "") == derive_keys("p", None)
    assert derive_keys("p", "s") != derive_keys("p")


def test_the_nonce_counter_runs_over_its_end() -> None:
    assert block_nonce((1 << 192) - 1, 1) == bytes(24)
    settings = CryptSettings(password="p")
    vault = CryptVault(settings, derive_keys("p"))
    content = bytes(200_000)
    stored = b"".join(vault.seal([content], nonce=b"\xff" * 24))
    assert read_clear(vault, stored, Span(0, len(content))) == content


@given(st.lists(st.binary(max_size=200_000), max_size=5))
def test_pieces_of_any_size_seal_to_the_same_file(pieces) -> None:
    vault = CryptVault(CryptSettings(password=""), derive_keys(""))
    nonce = bytes(range(24))
    whole = b"".join(vault.seal([b"".join(pieces)], nonce))
    assert b"".join(vault.seal(pieces, nonce)) == whole


def sealed_conf(text: str, password: str, mark: str = "RCLONE_ENCRYPT_V0:") -> str:
    key = hashlib.sha256(f"[{password}][rclone-config]".encode()).digest()
    box = bytes(24) + crypto_secretbox(text.encode(), bytes(24), key)
    return f"# Encrypted rclone configuration File\n\n{mark}\n{base64.b64encode(box).decode()}\n"


def test_a_sealed_configuration_opens_in_any_unicode_form_of_its_password() -> None:
    text = sealed_conf("[a]\ntype = local\n", "päss")
    assert open_sealed(text, "pa\u0308ss") == "[a]\ntype = local\n"
    with pytest.raises(WrongKey):
        open_sealed(text, "pass")


def test_a_sealed_configuration_of_another_version_is_unsupported() -> None:
    text = sealed_conf("", "p", "RCLONE_ENCRYPT_V1:")
    assert is_sealed(text)
    with pytest.raises(Unsupported, match="'1'"):
        open_sealed(text, "p")


def test_a_damaged_sealed_configuration_is_corrupt() -> None:
    for body in ("%%%", "YWFh"):
        with pytest.raises(Corrupt):
            open_sealed(f"RCLONE_ENCRYPT_V0:\n{body}\n", "p")
    with pytest.raises(Corrupt, match="not encrypted"):
        open_sealed("[a]\n", "p")


def test_a_clear_configuration_is_not_sealed() -> None:
    assert not is_sealed("[a]\ntype = local\n")
    assert not is_sealed("[a]\nRCLONE_ENCRYPT_V0:\n")
