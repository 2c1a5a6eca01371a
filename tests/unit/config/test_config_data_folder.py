from __future__ import annotations

import stat

import pytest

from gateway.config.data_folder import open_data_folder, write_private
from gateway.errors import SettingsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return open_data_folder(tmp_path / "data")


def test_the_instance_stays_the_same(folder):
    assert open_data_folder(folder.path).instance == folder.instance


def test_the_key_file_lies_outside_the_data_folder_and_is_private(folder):
    key = folder.database_key({})
    assert len(key) == 32
    assert folder.database_key({}) == key
    (file,) = folder.key_folder.iterdir()
    assert folder.path not in file.parents
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_passphrase_goes_before_the_key_file_and_leaves_none(folder):
    first = folder.database_key({"VAULTCAST_PASSPHRASE": "blue whale"})
    assert folder.database_key({"VAULTCAST_PASSPHRASE": "blue whale"}) == first
    assert folder.database_key({"VAULTCAST_PASSPHRASE": "blue whales"}) != first
    assert not folder.key_folder.exists()


def test_a_systemd_credential_goes_before_everything(folder, tmp_path):
    (tmp_path / "vaultcast-key").write_bytes(bytes(range(32)))
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "VAULTCAST_PASSPHRASE": "x"}
    assert folder.database_key(environment) == bytes(range(32))


def test_a_broken_key_file_is_named_and_not_replaced(folder):
    folder.database_key({})
    (file,) = folder.key_folder.iterdir()
    file.write_text("half a k")
    with pytest.raises(SettingsError, match="must hold 32 bytes or 64 hexadecimal digits"):
        folder.database_key({})
    assert file.read_text() == "half a k"


def test_a_second_gateway_is_kept_out(folder):
    with folder.locked(), pytest.raises(SettingsError, match="already runs"), folder.locked():
        pass
    with folder.locked():
        pass


def test_a_folder_that_cannot_be_made_is_a_settings_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data folder"):
        open_data_folder(tmp_path / "file" / "below")


def test_a_private_file_is_replaced_whole_and_leaves_no_part(tmp_path):
    file = tmp_path / "deep" / "secret"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert [one.name for one in file.parent.iterdir()] == ["secret"]
