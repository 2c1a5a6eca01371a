from __future__ import annotations

import pytest

from gateway.config.schema import KEYS
from gateway.config.settings import (
    check_settings,
    default_config_path,
    default_data_path,
    load_settings,
)
from gateway.errors import SettingsError


def test_no_file_means_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = load_settings(None)
    assert settings.number("server.port") == 8420
    assert settings.texts("server.bind") == []
    assert settings.flag("server.dlna") is True
    assert settings.sources == {}


def test_a_named_file_that_is_missing_is_a_mistake(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        load_settings(tmp_path / "absent.toml")


def test_broken_toml_names_the_file(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[server\n")
    with pytest.raises(SettingsError, match=r"config\.toml"):
        load_settings(file)


def test_all_mistakes_are_told_at_once_with_the_nearest_key():
    raw = {
        "server": {"prot": 1, "port": 70000, "open": "yes", "bind": [1]},
        "transcode": {"preset": "slowest"},
        "name": "x",
        "sources": {"Films": 3},
    }
    with pytest.raises(SettingsError) as caught:
        check_settings(raw, "f.toml")
    text = "\n".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 7
    assert "unknown key server.prot; did you mean server.port?" in text
    assert "server.port must be at most 65535" in text
    assert "server.open must be true or false, not 'yes'" in text
    assert "server.bind must be a list of texts" in text
    assert "transcode.preset must be one of ultrafast" in text
    assert "name stands outside any section" in text
    assert "sources.Films must be a text" in text


def test_true_is_no_number():
    with pytest.raises(SettingsError, match=r"server\.port must be a whole number"):
        check_settings({"server": {"port": True}}, "f.toml")


def test_the_command_line_goes_before_the_file():
    settings = check_settings({"server": {"port": 9000, "name": "A"}}, "f.toml")
    over = settings.with_values(server__port=0, server__name=None)
    assert over.number("server.port") == 0
    assert over.text("server.name") == "A"
    with pytest.raises(SettingsError, match="at most 65535"):
        settings.with_values(server__port=99999)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_default_is_accepted(key):
    section, _, name = key.name.partition(".")
    assert check_settings({section: {name: key.default}}, "f").values[key.name] == key.default


def test_asking_for_the_wrong_type_is_our_own_mistake():
    settings = check_settings({}, "f")
    with pytest.raises(TypeError):
        settings.text("server.port")
    with pytest.raises(TypeError):
        settings.texts("server.port")


def test_folders_follow_xdg(tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_DATA_HOME": str(tmp_path / "d")}
    assert default_config_path(environment) == tmp_path / "c" / "vaultcast" / "config.toml"
    assert default_data_path(environment) == tmp_path / "d" / "vaultcast"
    assert default_data_path({}).parts[-3:] == (".local", "share", "vaultcast")
