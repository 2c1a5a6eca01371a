"""Sources as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.host_specs import HttpSpec, LocalSpec, ResolvedRemote, WebDavSpec
from gateway.config.sources import (
    Form,
    SourceSpec,
    find_secret,
    parse_secret_file,
    parse_source,
    parse_sources,
    resolve_source,
)
from gateway.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "name", "form", "location"),
    [
        ("/srv/Films", "Films", Form.FOLDER, "/srv/Films"),
        ("/srv/Films/", "Films", Form.FOLDER, "/srv/Films"),
        ("/srv/a b (c)", "a b -c", Form.FOLDER, "/srv/a b (c)"),
        ("/", "files", Form.FOLDER, "/"),
        ("/srv/x:y", "x-y", Form.FOLDER, "/srv/x:y"),
        ("file:/srv/Films", "Films", Form.FOLDER, "/srv/Films"),
        ("file:///srv/A%20B", "A B", Form.FOLDER, "/srv/A B"),
        ("Kino=/srv/Films", "Kino", Form.FOLDER, "/srv/Films"),
        ("Unser Kino=rclone:v:", "Unser Kino", Form.RCLONE, "v:"),
        ("rclone:vault", "vault", Form.RCLONE, "vault:"),
        ("rclone:vault:", "vault", Form.RCLONE, "vault:"),
        ("rclone:vault:/a/Films/", "Films", Form.RCLONE, "vault:a/Films"),
        ("webdav+https://nas.lan/dav", "dav", Form.WEBDAV, "https://nas.lan/dav/"),
        ("webdav+http://127.0.0.1:8099", "127.0.0.1", Form.WEBDAV, "http://127.0.0.1:8099/"),
        ("WebDAV+HTTP://nas.lan/", "nas.lan", Form.WEBDAV, "http://nas.lan/"),
        ("https://nas.lan/My%20Films/", "My Films", Form.HTTP, "https://nas.lan/My%20Films/"),
        ("x=http://[::1]:8080/f", "x", Form.HTTP, "http://[::1]:8080/f/"),
        ("https://nas.lan/a=b/", "a-b", Form.HTTP, "https://nas.lan/a=b/"),
    ],
)
def test_every_form_is_read(text, name, form, location) -> None:
    spec = parse_source(text)
    assert (spec.name, spec.form, spec.location) == (name, form, location)
    again = parse_source(spec.text)
    assert (again.form, again.location, again.user) == (form, location, spec.user)


def test_a_relative_folder_becomes_absolute(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_source("./Films").location == str(tmp_path / "Films")
    assert parse_source("Films").location == str(tmp_path / "Films")
    monkeypatch.setenv("HOME", "/home/someone")
    assert parse_source("~/Films").location == "/home/someone/Films"


def test_a_user_may_stand_in_an_address_and_is_kept_apart() -> None:
    spec = parse_source("webdav+https://a%40b@nas.lan:8443/dav/")
    assert (spec.user, spec.location) == ("a@b", "https://nas.lan:8443/dav/")
    assert parse_source(spec.text) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty source"),
        ("   ", "empty source"),
        ("file:", "names no folder"),
        ("rclone:", "names no remote"),
        ("rclone::webdav,url=x:", "names no remote"),
        ("https://mega.nz/file/abc#key", "MEGA link, which this release does not read yet"),
        ("https://mega.nz/#F!abc!def", "MEGA link"),
        ("mega:me@example.org", "a MEGA account, which this release does not read yet"),
        ("cryptomator:/srv/v", "a Cryptomator vault, which this release does not read yet"),
        ("gocryptfs:/srv/v", "gocryptfs"),
        ("age:/srv/v", "age files"),
        ("s3://bucket/x", "S3"),
        ("sftp://h/x", "SFTP"),
        ("ftp://h/x", "no known form.*webdav"),
        ("webdav+https://", "names no host"),
        ("https:///x", "names no host"),
        ("https://h:port/x", "address is wrong"),
        ("https://h/x?token=1", r"\? or #"),
    ],
)
def test_a_source_that_cannot_be_read_says_why(text, words) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_source(text)


@pytest.mark.parametrize(
    "text", ["https://u:hush@h/x", "webdav+http://u:hush@h/", "ftp://u:hush@h/"]
)
def test_a_password_in_a_source_is_refused_and_never_repeated(text) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_source(text)
    assert "hush" not in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_sources(["mega:a@b", "a=/x", "ftp://h", "A=/y"])
    assert len(caught.value.mistakes) == 3


def test_derived_names_that_meet_get_a_number() -> None:
    specs = parse_sources(["/a/Films", "/b/Films", "Films-2=/c", "/d/films"])
    assert [spec.name for spec in specs] == ["Films", "Films-3", "Films-2", "films-4"]


@given(st.text(max_size=60))
def test_any_text_is_a_source_or_a_settings_error(text) -> None:
    try:
        spec = parse_source(text)
    except SettingsError:
        return
    assert spec.name
    assert spec.location


def test_the_secret_comes_from_file_or_environment(tmp_path) -> None:
    spec = parse_source("My Films=/srv")
    assert spec.secret_variable == "VAULTCAST_SECRET_MY_FILMS"
    environ = {"VAULTCAST_SECRET_MY_FILMS": "from env"}
    assert find_secret(spec, environ, {}) == "from env"
    assert find_secret(spec, {}, {}) is None
    file = tmp_path / "secret"
    file.write_text(" from file \n", encoding="utf-8")
    assert find_secret(spec, environ, {"My Films": file}) == " from file "


def test_a_bad_secret_file_is_named(tmp_path) -> None:
    spec = parse_source("a=/srv")
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")
    for file, words in ((tmp_path / "none", "No such file"), (empty, "empty"), (binary, "UTF-8")):
        with pytest.raises(SettingsError, match=f"{file.name}.*{words}"):
            find_secret(spec, {}, {"a": file})


def test_a_secret_file_option_is_read_and_its_mistake_not_repeated() -> None:
    assert parse_secret_file("a=/run/secret") == ("a", Path("/run/secret"))
    with pytest.raises(SettingsError) as caught:
        parse_secret_file("hush")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("/srv/Films", LocalSpec(Path("/srv/Films"))),
        ("webdav+https://u@h/d", WebDavSpec("https://h/d/", "u", "pw")),
        ("https://h/d", HttpSpec("https://h/d/", None, "pw")),
    ],
)
def test_a_source_resolves_to_its_host(text, host) -> None:
    resolved = resolve_source(
        parse_source(text), secret="pw", rclone_config=None, environ={}, home=Path("/nowhere")
    )
    assert resolved == ResolvedRemote(host)


def test_no_secret_is_printed() -> None:
    assert "hush" not in repr(
        WebDavSpec("https://h/", "u", "hush", "hush", headers=(("A", "hush"),))
    )
    assert "hush" not in repr(HttpSpec("https://h/", "u", "hush", (("A", "hush"),)))


def test_a_folder_below_keeps_the_rest() -> None:
    assert LocalSpec(Path("/a")).below("b/c") == LocalSpec(Path("/a/b/c"))
    assert LocalSpec(Path("/a")).below("") == LocalSpec(Path("/a"))
    assert WebDavSpec("https://h/d/", "u", "p").below("x y/z") == WebDavSpec(
        "https://h/d/x%20y/z/", "u", "p"
    )
    assert HttpSpec("https://h/d/").below("") == HttpSpec("https://h/d/")


def test_specs_are_equal_by_value() -> None:
    assert parse_source("/srv") == SourceSpec("srv", Form.FOLDER, "/srv")
