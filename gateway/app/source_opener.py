"""From a source as written to an opened drive: host, retry and limit, vault, cache."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from gateway.config.host_specs import HostSpec, HttpSpec, LocalSpec, WebDavSpec
from gateway.config.settings import Settings
from gateway.config.sources import SourceSpec, resolve_source
from gateway.drives.cache import BlockCache
from gateway.drives.drive import Drive
from gateway.hosts.base import Host
from gateway.hosts.http_listing import HttpListingHost, HttpListingSettings
from gateway.hosts.layers.limit import LimitHost
from gateway.hosts.layers.retry import RetryHost
from gateway.hosts.local import LocalHost
from gateway.hosts.webdav import WebDavHost, WebDavSettings
from gateway.outbound import Outbound
from gateway.vaults.base import Vault
from gateway.vaults.plain import PlainVault
from gateway.vaults.rclone import CryptVault, derive_keys

_KIB = 1 << 10


@dataclass(frozen=True, slots=True)
class SourceOpener:
    """Opens sources; ``cache`` is None where nothing may be kept on disk."""

    outbound: Outbound
    settings: Settings
    cache: BlockCache | None = None

    async def open(self, spec: SourceSpec, find_secret: Callable[[], str | None]) -> Drive:
        """Open a source; its key is not proven yet.

        ``find_secret`` is called in a thread, as it may wait for a person.

        Raises:
            Locked: it needs a secret and there is none.
            WrongKey: an encrypted ``rclone.conf`` does not open.
            SettingsError, Unsupported: the source is wrong or of a kind nobody reads here.
        """
        secret = await asyncio.to_thread(find_secret)
        config = self.settings.text("rclone.config")
        remote = await asyncio.to_thread(
            resolve_source,
            spec,
            secret=secret,
            rclone_config=_user_path(config) if config else None,
            environ=os.environ,
            home=Path.home(),
        )
        vault: Vault = PlainVault()
        host = remote.host
        if remote.vault is None:
            host = host.below(remote.inside) if remote.inside else host
        else:
            passwords = (remote.vault.password, remote.vault.password2)
            vault = sealed = CryptVault(
                remote.vault, await asyncio.to_thread(derive_keys, *passwords)
            )
            if remote.inside:
                host = host.below(sealed.stored_path(remote.inside, is_folder=True))
        is_cached = vault.is_encrypted and not isinstance(host, LocalSpec)
        return Drive(
            spec.name,
            self._host(host),
            vault,
            cache=self.cache if is_cached else None,
            read_ahead_bytes=self.settings.number("hosts.read_ahead") * _KIB,
        )

    def _host(self, spec: HostSpec) -> Host:
        match spec:
            case LocalSpec(path):
                return LocalHost(path)
            case WebDavSpec():
                far: Host = WebDavHost(
                    WebDavSettings(
                        spec.url,
                        user=spec.user or "",
                        password=spec.password or "",
                        bearer=spec.bearer,
                        headers=spec.headers,
                    ),
                    self.outbound,
                )
            case HttpSpec():
                far = HttpListingHost(
                    HttpListingSettings(
                        spec.url,
                        user=spec.user or "",
                        password=spec.password or "",
                        headers=spec.headers,
                    ),
                    self.outbound,
                )
            case _:
                assert_never(spec)
        return RetryHost(LimitHost(far, background=self.settings.number("hosts.requests")))


def _user_path(text: str) -> Path:
    return Path(text).expanduser()
