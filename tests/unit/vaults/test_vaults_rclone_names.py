"""Names of rclone crypt: EME, the encodings, obfuscation, version marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadName
from gateway.vaults.base import FolderKey
from gateway.vaults.rclone import CryptSettings, CryptVault, NameEncoding, NameMode, derive_keys
from gateway.vaults.rclone.eme import Eme
from gateway.vaults.rclone.encodings import decode, encode
from gateway.vaults.rclone.obfuscate import deobfuscate, obfuscate

FOLDER = FolderKey()
KEYS = derive_keys("password", "salt")


def crypt(**options) -> CryptVault:
    return CryptVault(CryptSettings(password="password", password2="salt", **options), KEYS)


def test_eme_agrees_with_the_public_vector() -> None:
    """Source: rfjakob/eme ``eme_test.go`` in its simplest form: zero key, zero tweak, 16 bytes.

    Of one block EME is ``AES(AES(AES(P^L)^T)... )``: checked here against the definition itself.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key, tweak, message = bytes(range(32)), bytes(range(16)), b"sixteen bytes ok"
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def block(value: int) -> int:
        return int.from_bytes(aes.update(value.to_bytes(16, "little")), "little")

    mask = block(0) << 1
    mask = (mask & (1 << 128) - 1) ^ 0x87 if mask >> 128 else mask
    tweak_value = int.from_bytes(tweak, "little")
    ppp = block(int.from_bytes(message, "little") ^ mask)
    expected = block(block(ppp ^ tweak_value) ^ tweak_value) ^ mask
    assert Eme(key, tweak).encrypt(message) == expected.to_bytes(16, "little")


@given(st.integers(1, 128), st.binary(min_size=16, max_size=16))
def test_eme_comes_back_for_every_length(blocks, seed) -> None:
    eme = Eme(bytes(range(32)), seed)
    message = (seed * 128)[: 16 * blocks]
    assert eme.decrypt(eme.encrypt(message)) == message


@pytest.mark.parametrize("length", [0, 1, 15, 17, 2064])
def test_eme_refuses_other_lengths(length) -> None:
    with pytest.raises(ValueError, match="EME takes"):
        Eme(bytes(32), bytes(16)).encrypt(bytes(length))


@given(st.sampled_from(NameEncoding), st.binary(min_size=1, max_size=300))
def test_every_encoding_comes_back(encoding, data) -> None:
    assert decode(encoding, encode(encoding, data)) == data


def test_base32_ignores_case() -> None:
    assert decode(NameEncoding.BASE32, "P0E52NREEAJ0A5EA7S64M4J72S") == decode(
        NameEncoding.BASE32, "p0e52nreeaj0a5ea7s64m4j72s"
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (NameEncoding.BASE32, ""),
        (NameEncoding.BASE32, "p0e52nreeaj0a5ea7s64m4j72s="),
        (NameEncoding.BASE32, "a"),
        (NameEncoding.BASE32, "1_0"),
        (NameEncoding.BASE32, " 10"),
        (NameEncoding.BASE32, "wxyz"),
        (NameEncoding.BASE32, "١٢"),
        (NameEncoding.BASE64, ""),
        (NameEncoding.BASE64, "yBxRX25ypgUVyj8MSxJnFw=="),
        (NameEncoding.BASE64, "yBxRX"),
        (NameEncoding.BASE64, "a+/b"),
        (NameEncoding.BASE64, "a\nbc"),
        (NameEncoding.BASE32768, ""),
        (NameEncoding.BASE32768, "abc"),
        (NameEncoding.BASE32768, "ƀ詮"),
        (NameEncoding.BASE32768, "詮"),
        (NameEncoding.BASE32768, "😀"),
        (NameEncoding.BASE32768, "\udc80"),
    ],
)
def test_text_of_no_alphabet_is_a_bad_name(encoding, text) -> None:
    with pytest.raises(BadName):
        decode(encoding, text)


def test_sealed_names_must_be_whole_blocks() -> None:
    with pytest.raises(BadName, match="8 bytes"):
        crypt().clear_name(encode(NameEncoding.BASE32, bytes(8)), FOLDER, is_folder=False)


def test_padding_of_another_key_is_a_bad_name() -> None:
    eme = Eme(KEYS.name, KEYS.tweak)
    for padded in (b"a" * 15 + b"\x00", b"a" * 15 + b"\x11", b"a" * 14 + b"\x01\x02"):
        stored = encode(NameEncoding.BASE32, eme.encrypt(padded))
        with pytest.raises(BadName, match="does not decrypt"):
            crypt().clear_name(stored, FOLDER, is_folder=False)


def test_bytes_that_are_no_text_are_a_bad_name() -> None:
    stored = encode(NameEncoding.BASE32, Eme(KEYS.name, KEYS.tweak).encrypt(b"\xff" * 15 + b"\x01"))
    with pytest.raises(BadName, match="to text"):
        crypt().clear_name(stored, FOLDER, is_folder=False)


def test_a_name_too_long_for_the_format_is_refused() -> None:
    with pytest.raises(BadName, match="too long"):
        crypt().stored_name("x" * 2048, FOLDER, is_folder=False)


@pytest.mark.parametrize(
    ("name", "marked"),
    [
        ("film-v2001-02-03-040506-123.mp4", True),
        ("film-v2001-02-03-040506-123", True),
        ("film-v2001-13-03-040506-123.mp4", False),
        ("film-v2001-02-30-040506-123.mp4", False),
        ("film-v2001-02-03-040506.mp4", False),
        (".film-v2001-02-03-040506-123", True),
        ("film-v2001-02-03-040506-123.mp4.x", False),
    ],
)
@pytest.mark.parametrize("mode", [NameMode.STANDARD, NameMode.OBFUSCATE])
def test_a_version_mark_stays_outside_the_encryption(name, marked, mode) -> None:
    vault = crypt(filename_encryption=mode)
    stored = vault.stored_name(name, FOLDER, is_folder=False)
    assert ("-v2001-02-03-040506-123" in stored) is marked
    assert vault.clear_name(stored, FOLDER, is_folder=False) == name


def test_a_folder_name_keeps_its_mark_inside_and_opens_either_way() -> None:
    vault = crypt()
    name = "old-v2001-02-03-040506-123"
    inside = vault.stored_name(name, FOLDER, is_folder=True)
    outside = vault.stored_name(name, FOLDER, is_folder=False)
    assert inside != outside
    assert vault.clear_name(inside, FOLDER, is_folder=True) == name
    assert vault.clear_name(outside, FOLDER, is_folder=True) == name


def test_names_off_need_their_suffix() -> None:
    vault = crypt(filename_encryption=NameMode.OFF, suffix=".sealed")
    assert vault.stored_path("Films/a.mkv", is_folder=False) == "Films/a.mkv.sealed"
    for stored in ("a.mkv", ".sealed", "a.mkv.bin"):
        with pytest.raises(BadName):
            vault.clear_name(stored, FOLDER, is_folder=False)
    bare = crypt(filename_encryption=NameMode.OFF, suffix="")
    assert bare.clear_name("a.mkv", FOLDER, is_folder=False) == "a.mkv"


def test_the_root_path_stays_empty() -> None:
    assert crypt().stored_path("", is_folder=True) == ""


@given(st.text(min_size=1), st.integers(0, 255 * 32))
def test_obfuscation_comes_back(name, key_sum) -> None:
    assert deobfuscate(obfuscate(name, key_sum), key_sum) == name


def test_a_name_of_another_encoding_stays_as_it_was() -> None:
    assert deobfuscate("!.caf", 7) == "caf"


@pytest.mark.parametrize(
    "stored", ["", "film", "x.film", "12", "1234.film", "-1.film", "12.", "٣.a"]
)
def test_a_name_without_its_number_is_no_obfuscated_one(stored) -> None:
    with pytest.raises(BadName, match="not an obfuscated"):
        deobfuscate(stored, 0)


def test_obfuscation_under_another_key_is_seen() -> None:
    with pytest.raises(BadName, match="another key"):
        deobfuscate(obfuscate("film.mkv", 1000), 1001)


def test_a_quote_at_the_end_is_no_crash() -> None:
    with pytest.raises(BadName):
        deobfuscate("7.abc!", 0)
