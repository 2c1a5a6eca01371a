"""rclone.conf: found, opened, wrapped remotes followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.host_specs import HttpSpec, LocalSpec, ResolvedRemote, WebDavSpec
from gateway.config.rclone_conf import RcloneConf, find_conf, load_conf, parse_conf, resolve
from gateway.config.sources import parse_source, resolve_source
from gateway.errors import Locked, SettingsError, Unsupported, WrongKey
from gateway.vaults.rclone import CryptSettings, obscure, render_section

GOLDEN = Path(__file__).parents[2] / "golden" / "vaults"


def conf(text: str, file: Path = Path("/etc/rclone.conf")) -> RcloneConf:
    return RcloneConf(file, parse_conf(text, file))


VAULT = render_section("vault", CryptSettings(password="p", password2="s"), "under:stored")


def test_crypt_over_alias_over_a_folder() -> None:
    text = VAULT + "[under]\ntype = alias\nremote = /srv/data\n"
    assert resolve(conf(text), "vault:Films/New") == ResolvedRemote(
        LocalSpec(Path("/srv/data/stored")),
        CryptSettings(password="p", password2="s"),
        "Films/New",
    )
    assert resolve(conf(text), "vault").inside == ""


@pytest.mark.parametrize("kind", ["alias", "hasher", "cache"])
def test_transparent_wrappers_are_looked_through(kind) -> None:
    text = f"[a]\ntype = {kind}\nremote = b:x\n[b]\ntype = {kind}\nremote = c:\n[c]\ntype = local\n"
    assert resolve(conf(text), "a:/srv").host == resolve(conf(text), "b:x/srv").host
    absolute = text.replace("c:\n", "c:/top\n")
    assert resolve(conf(absolute), "a:y").host == LocalSpec(Path("/top/x/y"))


def test_crypt_over_webdav_gets_login_vendor_and_headers() -> None:
    text = VAULT + (
        "[under]\ntype = webdav\nurl = https://nas.lan/remote.php/dav/me\nvendor = Nextcloud\n"
        f'user = me\npass = {obscure("hush")}\nheaders = X-One,1,"X,Two",2\n'
    )
    resolved = resolve(conf(text), "vault:")
    assert resolved.host == WebDavSpec(
        url="https://nas.lan/remote.php/dav/me/stored/",
        user="me",
        password="hush",
        vendor="nextcloud",
        headers=(("X-One", "1"), ("X,Two", "2")),
    )
    assert resolved.vault is not None


def test_a_bearer_token_is_taken() -> None:
    text = "[w]\ntype = webdav\nurl = https://h/d/\nbearer_token = tok\n"
    assert resolve(conf(text), "w:a b").host == WebDavSpec("https://h/d/a%20b/", bearer="tok")


def test_an_http_remote_loses_the_login_in_its_address() -> None:
    text = "[h]\ntype = http\nurl = https://u%40x:p%3A@h:8443/d\n"
    assert resolve(conf(text), "h:").host == HttpSpec("https://h:8443/d/", "u@x", "p:")


def test_a_relative_path_is_one_of_the_working_folder_or_beside_the_file(
    tmp_path, monkeypatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (there / "remote").mkdir(parents=True)
    monkeypatch.chdir(here)
    text = "[under]\ntype = alias\nremote = ./remote\n"
    assert resolve(conf(text, there / "rclone.conf"), "under:").host == LocalSpec(there / "remote")
    (here / "remote").mkdir()
    assert resolve(conf(text, there / "rclone.conf"), "under:").host == LocalSpec(here / "remote")


@pytest.mark.parametrize(
    ("text", "remote", "error", "words"),
    [
        ("[a]\ntype = alias\nremote = b:\n[b]\ntype = alias\nremote = a:\n", "a", SettingsError,
         "a -> b -> a"),
        (render_section("a", CryptSettings(password="p"), "a:x"), "a", SettingsError, "a -> a"),
        ("[a]\ntype = alias\nremote = b:\n", "a:x", SettingsError, "'b' .wanted by 'a'.*has: a"),
        ("", "a", SettingsError, "has: none"),
        ("[a]\ntype = alias\n", "a", SettingsError, "lacks 'remote'"),
        ("[a]\ntype = webdav\n", "a", SettingsError, "lacks 'url'"),
        ("[a]\ntype = webdav\nurl = nas/dav\n", "a", SettingsError, "no http address"),
        ("[a]\ntype = http\nurl = http://h:x/\n", "a", SettingsError, "no http address"),
        ("[a]\ntype = http\nurl = http://h/\nheaders = A\n", "a", SettingsError, "pairs"),
        ("[a]\ntype = drive\n", "a", Unsupported, "type 'drive'.*rclone serve webdav a:"),
        ("[a]\n", "a", Unsupported, "type ''"),
        ("[a]\ntype = webdav\nurl = http://h/\nvendor = sharepoint\n", "a", Unsupported, "sharepo"),
        ("[a]\ntype = webdav\nurl = http://h/\nbearer_token_command = x\n", "a", Unsupported,
         "command"),
        (VAULT + render_section("under", CryptSettings(password="q"), "/x"), "vault", Unsupported,
         "inside another"),
        ("[a]\ntype = crypt\nremote = /x\n", "a", Locked, "no password"),
        ("[a]\ntype = crypt\nremote = /x\npassword = clear!\n", "a", WrongKey, "obscure"),
        ("[a]\ntype = webdav\nurl = http://h/\npass = clear!\n", "a", WrongKey, "obscure"),
    ],
)  # fmt: skip
def test_a_remote_that_leads_nowhere_says_why(text, remote, error, words) -> None:
    with pytest.raises(error, match=words):
        resolve(conf(text), remote)


def test_the_sources_secret_fills_a_missing_password() -> None:
    resolved = resolve(conf("[a]\ntype = crypt\nremote = /x\n"), "a", "given")
    assert resolved.vault == CryptSettings(password="given")


def test_comments_blank_lines_and_percent_signs_are_read_as_rclone_does() -> None:
    text = "# c\n; c\n\n[a b]\n type=local \nk = 1=2 %x% #y\n[a b]\nz =\n"
    assert parse_conf(text, Path("f")) == {"a b": {"type": "local", "k": "1=2 %x% #y", "z": ""}}


@pytest.mark.parametrize("text", ["[a]\nhush\n", "hush = 1\n"])
def test_a_line_of_no_form_is_named_by_number_alone(text) -> None:
    with pytest.raises(SettingsError, match=r"/f, line \d") as caught:
        parse_conf(text, Path("/f"))
    assert "hush" not in str(caught.value)


def test_a_file_that_is_no_configuration_is_refused(tmp_path) -> None:
    binary, huge = tmp_path / "binary", tmp_path / "huge"
    binary.write_bytes(b"\xff\xfe\xff")
    huge.write_bytes(b"#" * 2_000_000)
    for file, words in ((tmp_path / "none", "No such"), (binary, "UTF-8"), (huge, "2000000")):
        with pytest.raises(SettingsError, match=words):
            load_conf(file)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path) -> None:
    file = tmp_path / "rclone.conf"
    file.write_text("\ufeff[a]\ntype = local\n", encoding="utf-8")
    assert load_conf(file).sections == {"a": {"type": "local"}}


def test_an_encrypted_file_waits_for_its_password() -> None:
    file = GOLDEN / "rclone/std-b32-salt/rclone-encrypted.conf"
    with pytest.raises(Locked, match="encrypted"):
        load_conf(file)
    with pytest.raises(WrongKey):
        load_conf(file, "another")
    clear = load_conf(GOLDEN / "rclone/std-b32-salt/rclone.conf")
    assert load_conf(file, "config pass").sections == clear.sections


def test_the_file_is_looked_for_where_rclone_looks(tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"looked at .*--rclone-config"):
        find_conf(None, {}, tmp_path)
    old = tmp_path / ".rclone.conf"
    usual = tmp_path / ".config/rclone/rclone.conf"
    xdg = tmp_path / "xdg/rclone/rclone.conf"
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    for place in (old, usual, xdg):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
        assert find_conf(None, environ, tmp_path) == place
    named = tmp_path / "named.conf"
    named.write_text("")
    assert find_conf(None, {**environ, "RCLONE_CONFIG": str(named)}, tmp_path) == named
    assert find_conf(old, {"RCLONE_CONFIG": str(named)}, tmp_path) == old


def test_a_named_file_that_is_missing_is_an_error(tmp_path) -> None:
    missing = tmp_path / "x"
    with pytest.raises(SettingsError, match="--rclone-config names"):
        find_conf(missing, {}, tmp_path)
    with pytest.raises(SettingsError, match="RCLONE_CONFIG names"):
        find_conf(None, {"RCLONE_CONFIG": str(missing)}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "secret"),
    [({"RCLONE_CONFIG_PASS": "config pass"}, None), ({}, "config pass")],
)
def test_an_rclone_source_resolves_through_an_encrypted_file(environ, secret) -> None:
    file = GOLDEN / "rclone/std-b32-salt/rclone-encrypted.conf"
    resolved = resolve_source(
        parse_source("rclone:vault:Films"),
        secret=secret,
        rclone_config=file,
        environ=environ,
        home=Path("/nowhere"),
    )
    assert resolved.host == LocalSpec(file.parent / "remote")
    assert resolved.vault == CryptSettings(password="correct horse", password2="battery staple")
    assert resolved.inside == "Films"
