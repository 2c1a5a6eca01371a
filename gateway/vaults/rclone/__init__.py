"""rclone crypt: the vault format of ``rclone``'s crypt remotes, read and written."""

from gateway.vaults.rclone.encodings import NameEncoding
from gateway.vaults.rclone.keys import CryptKeys, derive_keys
from gateway.vaults.rclone.names import NameMode
from gateway.vaults.rclone.obscure import obscure, reveal
from gateway.vaults.rclone.settings import (
    CryptSettings,
    choose_settings,
    render_section,
    settings_from_section,
)
from gateway.vaults.rclone.vault import CryptVault

__all__ = [
    "CryptKeys",
    "CryptSettings",
    "CryptVault",
    "NameEncoding",
    "NameMode",
    "choose_settings",
    "derive_keys",
    "obscure",
    "render_section",
    "reveal",
    "settings_from_section",
]
