"""The user's own ``rclone.conf``: finding, opening, and following wrapped remotes to their host.

Never writes the file and keeps no copy of it. Passwords are clear only in the records returned.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from gateway.config.host_specs import (
    HostSpec,
    HttpSpec,
    LocalSpec,
    ResolvedRemote,
    WebDavSpec,
    url_below,
)
from gateway.errors import Locked, SettingsError, Unsupported
from gateway.vaults.rclone import reveal, settings_from_section
from gateway.vaults.rclone.sealed_conf import is_sealed, open_sealed

# Source: rclone ``fs/fspath/path.go``, the characters of a remote's name.
_REMOTE = re.compile(r"(?P<name>[\w.+@](?:[\w.+@ -]*[\w.+@-])?):(?P<path>.*)", re.DOTALL)
# Backends that hand everything through: ``hasher`` keeps checksums, ``cache`` keeps copies.
_TRANSPARENT = frozenset({"alias", "hasher", "cache"})
_STRANGE_WEBDAV = frozenset({"sharepoint", "sharepoint-ntlm"})
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RcloneConf:
    """A parsed configuration; ``sections`` holds obscured passwords as they stand in the file."""

    file: Path
    sections: Mapping[str, Mapping[str, str]] = field(repr=False)


def find_conf(asked: Path | None, environ: Mapping[str, str], home: Path) -> Path:
    """The configuration rclone itself would take.

    Args:
        asked: ``--rclone-config``.
        environ: ``RCLONE_CONFIG``, ``XDG_CONFIG_HOME`` and ``APPDATA`` are looked at.
        home: the user's home folder.

    Raises:
        SettingsError: there is none; all places are named.

    Source: rclone ``fs/config/config.go``, ``makeConfigPath``.
    """
    if asked is not None or environ.get("RCLONE_CONFIG"):
        wanted = asked if asked is not None else Path(environ["RCLONE_CONFIG"])
        if not wanted.is_file():
            origin = "--rclone-config" if asked is not None else "RCLONE_CONFIG"
            raise SettingsError([f"{origin} names {wanted}, which is no file"])
        return wanted
    folders = [environ.get("APPDATA"), environ.get("XDG_CONFIG_HOME"), str(home / ".config")]
    places = [Path(folder) / "rclone" / "rclone.conf" for folder in folders if folder]
    places.append(home / ".rclone.conf")
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(map(str, places))
    raise SettingsError([f"no rclone.conf found (looked at {looked}): name it by --rclone-config"])


def load_conf(file: Path, password: str | None = None) -> RcloneConf:
    """Read a configuration, encrypted or not.

    Raises:
        SettingsError: unreadable, or not in rclone's form; file and line are named.
        Locked: it is encrypted and no password is given.
        WrongKey: the password does not open it.
    """
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError([f"{file} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file} is no text in UTF-8"]) from error
    if len(raw) > _MAX_BYTES:
        raise SettingsError([f"{file} has {len(raw)} bytes: this is no rclone.conf"])
    if is_sealed(text):
        if password is None:
            raise Locked(f"{file} is encrypted and waits for its password")
        text = open_sealed(text, password)
    return RcloneConf(file, parse_conf(text, file))


def parse_conf(text: str, file: Path) -> dict[str, dict[str, str]]:
    """Sections of the INI text rclone writes: no escapes, no continued lines, no interpolation."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1].strip(), {})
            continue
        key, delimiter, value = line.partition("=")
        if not delimiter or section is None:
            # The line itself may be half a password: it is not repeated.
            raise SettingsError([f"{file}, line {number}: neither [section] nor key = value"])
        section[key.strip()] = value.strip()
    return sections


def resolve(conf: RcloneConf, remote: str, secret: str | None = None) -> ResolvedRemote:
    """Follow ``name[:path]`` through all wrappers to the host that stores the bytes.

    Args:
        conf: the user's configuration.
        remote: as on rclone's command line; a bare name means its root.
        secret: password of a crypt remote whose section has none.

    Raises:
        SettingsError: no such remote, a missing option, or remotes that wrap one another.
        Unsupported: a type this release does not read; the sentence says what to do instead.
        Locked: a crypt remote has no password and ``secret`` is None.
        WrongKey: a password field was never obscured.
    """
    return _Walk(conf, secret).follow(remote if ":" in remote else remote + ":", ())


@dataclass(frozen=True, slots=True)
class _Walk:
    """One resolution; ``seen`` are the remotes on the way, to notice a circle."""

    conf: RcloneConf
    secret: str | None = field(repr=False)

    def follow(self, remote: str, seen: tuple[str, ...]) -> ResolvedRemote:
        match = _REMOTE.fullmatch(remote)
        if match is None or (os.name == "nt" and len(match["name"]) == 1):
            return self._local(remote)
        name, path = match["name"], match["path"]
        if name in seen:
            circle = " -> ".join((*seen[seen.index(name) :], name))
            raise SettingsError([f"remotes of {self.conf.file} wrap one another: {circle}"])
        section = self._section(name, seen)
        kind = section.get("type", "").lower()
        if kind == "crypt":
            return self._crypt(name, section, path, (*seen, name))
        if kind in _TRANSPARENT:
            target = _joined(self._option(name, section, "remote"), path)
            return self.follow(target, (*seen, name))
        if kind == "local":
            return self._local(path)
        if kind == "webdav":
            return ResolvedRemote(self._webdav(name, section).below(path))
        if kind == "http":
            return ResolvedRemote(self._http(name, section).below(path))
        raise _unsupported(name, f"of type {kind!r}")

    def _section(self, name: str, seen: tuple[str, ...]) -> Mapping[str, str]:
        section = self.conf.sections.get(name)
        if section is None:
            known = ", ".join(sorted(self.conf.sections)) or "none"
            origin = f" (wanted by {seen[-1]!r})" if seen else ""
            raise SettingsError(
                [f"{self.conf.file} has no remote {name!r}{origin}; it has: {known}"]
            )
        return section

    def _option(self, name: str, section: Mapping[str, str], key: str) -> str:
        value = section.get(key, "")
        if not value:
            raise SettingsError([f"remote {name!r} of {self.conf.file} lacks {key!r}"])
        return value

    def _crypt(
        self, name: str, section: Mapping[str, str], path: str, seen: tuple[str, ...]
    ) -> ResolvedRemote:
        below = self.follow(self._option(name, section, "remote"), seen)
        if below.vault is not None:
            raise _unsupported(name, "a crypt remote inside another one")
        if not section.get("password") and self.secret is None:
            raise Locked(f"remote {name!r} has no password in {self.conf.file}: it waits for one")
        settings = settings_from_section(section, self.secret)
        return ResolvedRemote(below.host, settings, path.strip("/"))

    def _local(self, path: str) -> ResolvedRemote:
        folder = Path(path).expanduser()
        if not folder.is_absolute():
            # rclone takes its working folder, which a service does not have: the folder of
            # rclone.conf is where such a path points when it exists there and not here.
            here, there = Path.cwd() / folder, self.conf.file.resolve().parent / folder
            folder = there if there.exists() and not here.exists() else here
        return ResolvedRemote(LocalSpec(folder))

    def _webdav(self, name: str, section: Mapping[str, str]) -> HostSpec:
        url, user, password = self._url(name, section)
        vendor = section.get("vendor", "").lower() or "other"
        if vendor in _STRANGE_WEBDAV:
            raise _unsupported(name, f"a WebDAV remote with the login of {vendor!r}")
        if section.get("bearer_token_command"):
            raise _unsupported(name, "a WebDAV remote whose token comes from a command")
        if section.get("pass"):
            password = reveal(section["pass"])
        return WebDavSpec(
            url=url,
            user=section.get("user") or user,
            password=password,
            bearer=section.get("bearer_token") or None,
            vendor=vendor,
            headers=self._headers(name, section),
        )

    def _http(self, name: str, section: Mapping[str, str]) -> HostSpec:
        url, user, password = self._url(name, section)
        return HttpSpec(url, user, password, self._headers(name, section))

    def _url(self, name: str, section: Mapping[str, str]) -> tuple[str, str | None, str | None]:
        """The address without its login, and the login."""
        text = self._option(name, section, "url")
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError(
                [f"remote {name!r} of {self.conf.file}: its url is no http address"]
            )
        login, _, place = parts.netloc.rpartition("@")
        user, colon, password = login.partition(":")
        return (
            url_below(urlunsplit((parts.scheme, place, parts.path, "", "")), ""),
            unquote(user) or None,
            unquote(password) if colon else None,
        )

    def _headers(self, name: str, section: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Rclone keeps them as one CSV line: key, value, key, value."""
        text = section.get("headers", "")
        if not text:
            return ()
        cells = next(csv.reader([text], skipinitialspace=True))
        if len(cells) % 2:
            raise SettingsError(
                [f"remote {name!r} of {self.conf.file}: headers want key,value pairs"]
            )
        return tuple(zip(cells[::2], cells[1::2], strict=True))


def _joined(remote: str, path: str) -> str:
    path = path.strip("/")
    if not path:
        return remote
    return f"{remote}{path}" if remote.endswith((":", "/")) else f"{remote}/{path}"


def _unsupported(name: str, what: str) -> Unsupported:
    return Unsupported(
        f"remote {name!r} is {what}, which this release does not read: run"
        f" `rclone serve webdav {name}: --addr 127.0.0.1:8099` and use"
        " webdav+http://127.0.0.1:8099/ as the source"
    )
