"""What is to be opened: a host's address and login, and the vault on it. Records only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from gateway.vaults.rclone import CryptSettings


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """A folder of this machine; ``path`` is absolute."""

    path: Path

    def below(self, folder: str) -> LocalSpec:
        """The same host, its root moved into a stored folder (slash-separated, ``""`` for none)."""
        return replace(self, path=self.path / folder)


@dataclass(frozen=True, slots=True)
class WebDavSpec:
    """A WebDAV folder; ``url`` carries no login and ends in ``/``.

    Attributes:
        bearer: token instead of user and password.
        vendor: rclone's name for the kind of server (``nextcloud``, ``other``).
        headers: further ones, sent with every request.
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    vendor: str = "other"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def below(self, folder: str) -> WebDavSpec:
        """The same host, its root moved into a stored folder."""
        return replace(self, url=url_below(self.url, folder))


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """An open directory listing over HTTP; ``url`` carries no login and ends in ``/``."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def below(self, folder: str) -> HttpSpec:
        """The same host, its root moved into a stored folder."""
        return replace(self, url=url_below(self.url, folder))


HostSpec = LocalSpec | WebDavSpec | HttpSpec


@dataclass(frozen=True, slots=True)
class ResolvedRemote:
    """A source, resolved down to the host that stores its bytes.

    Attributes:
        vault: crypt options, or None when the bytes are stored as they are.
        inside: clear folder inside the vault that the source begins at. Its stored path is known
            only once the keys are derived: then ``host.below`` takes
            ``CryptVault.stored_path(inside, is_folder=True)``.
    """

    host: HostSpec
    vault: CryptSettings | None = None
    inside: str = ""


def url_below(url: str, folder: str) -> str:
    """The address of a folder under ``url``; both ends stay slash-separated, ``/`` at the end."""
    base = url if url.endswith("/") else url + "/"
    folder = folder.strip("/")
    return f"{base}{quote(folder)}/" if folder else base
