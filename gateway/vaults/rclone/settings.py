"""Options of a crypt remote, read from and written to a section of ``rclone.conf``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from gateway.errors import SettingsError, Unsupported
from gateway.vaults.rclone.encodings import NameEncoding
from gateway.vaults.rclone.names import NameMode
from gateway.vaults.rclone.obscure import obscure, reveal

_Choice = TypeVar("_Choice", bound=StrEnum)

# Source: Go ``strconv.ParseBool``, by which rclone reads its options.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class CryptSettings:
    """One crypt remote; passwords are clear here and never printed.

    Attributes:
        password: the empty one means keys of zeros, as in rclone.
        password2: the salt; empty means rclone's default salt.
        suffix: of stored files when names are not encrypted; with its dot, or empty.

    Source: vaults.md 1.1.
    """

    password: str = field(repr=False)
    password2: str = field(default="", repr=False)
    filename_encryption: NameMode = NameMode.STANDARD
    directory_name_encryption: bool = True
    filename_encoding: NameEncoding = NameEncoding.BASE32
    suffix: str = ".bin"
    no_data_encryption: bool = False


def settings_from_section(options: Mapping[str, str], password: str | None = None) -> CryptSettings:
    """Read a section of type ``crypt``.

    Args:
        options: the section's keys and values, passwords obscured.
        password: clear one to take where the section has none.

    Raises:
        WrongKey: a password field was never obscured.
        Unsupported: a mode or encoding nobody here knows.
        SettingsError: a yes-or-no value is neither.
    """
    obscured = options.get("password", "")
    return CryptSettings(
        password=reveal(obscured) if obscured else password or "",
        password2=reveal(options["password2"]) if options.get("password2") else "",
        filename_encryption=_choice(NameMode, options, "filename_encryption", NameMode.STANDARD),
        directory_name_encryption=_flag(options, "directory_name_encryption", default=True),
        filename_encoding=_choice(NameEncoding, options, "filename_encoding", NameEncoding.BASE32),
        suffix=_suffix(options.get("suffix", "")),
        no_data_encryption=_flag(options, "no_data_encryption", default=False),
    )


def choose_settings(password: str | None = None, password2: str = "") -> CryptSettings:
    """Settings of a new vault: rclone's own defaults, a random password where none is given."""
    return CryptSettings(password=password or secrets.token_urlsafe(24), password2=password2)


def render_section(name: str, settings: CryptSettings, remote: str) -> str:
    """Text of the section by which rclone itself opens the vault.

    Args:
        name: of the remote; letters, digits, ``_``, ``-``, ``.``, ``+``, ``@`` and inner spaces.
        settings: passwords are written obscured, everything else that is not rclone's default.
        remote: where the stored files lie, as rclone writes it (a path or ``other:path``).
    """
    usual = CryptSettings(password="")
    options = {"type": "crypt", "remote": remote, "password": obscure(settings.password)}
    if settings.password2:
        options["password2"] = obscure(settings.password2)
    for key in ("filename_encryption", "filename_encoding"):
        if (value := getattr(settings, key)) != getattr(usual, key):
            options[key] = str(value)
    for key in ("directory_name_encryption", "no_data_encryption"):
        if (value := getattr(settings, key)) != getattr(usual, key):
            options[key] = str(value).lower()
    if settings.suffix != usual.suffix:
        options["suffix"] = settings.suffix or "none"
    lines = [f"[{name}]", *(f"{key} = {value}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


def _choice(kind: type[_Choice], options: Mapping[str, str], key: str, default: _Choice) -> _Choice:
    text = options.get(key, "").strip().lower()
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise Unsupported(f"{key} = {text!r} of a crypt remote; known are {known}") from None


def _flag(options: Mapping[str, str], key: str, *, default: bool) -> bool:
    text = options.get(key, "").strip()
    if not text:
        return default
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise SettingsError([f"{key} = {text!r} of a crypt remote: write true or false"])


def _suffix(text: str) -> str:
    text = text.strip()
    if not text:
        return ".bin"
    if text == "none":
        return ""
    return text if text.startswith(".") else "." + text
