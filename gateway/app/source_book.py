"""The life of the sources: opened at the start, locked, unlocked, added, removed, listed anew.

A source is in one of these states, which the library keeps and ``/health`` shows::

    state     drive   how it gets there                              how it leaves
    locked    no      needs a secret, a wrong one, or ``lock``       ``unlock`` with the right one
    away      maybe   host silent, or its listing shrank              retried at every scan
    scanning  yes     opened, being listed                           the listing ends
    ready     yes     listed                                         ``lock``, or the host fails
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway.app.source_opener import SourceOpener
from gateway.config.sources import SourceSpec, find_secret, parse_source
from gateway.drives.base import Listing, Reader
from gateway.drives.drive import Drive
from gateway.errors import (
    BadArgument,
    GatewayError,
    HostError,
    Locked,
    NotFound,
    WrongKey,
)
from gateway.library.library import Library
from gateway.library.records import SourceRecord, SourceState
from gateway.playback.open import Opener
from gateway.scan.scanner import Scanner
from gateway.tasks import Tasks
from gateway.web.page_words import SourceWay

_log = logging.getLogger(__name__)
_KIND = "sources"
_RETRY_S = 30.0


class SourceBook:
    """All sources of a running gateway; owned by ``app``.

    ``drives`` is the live table that readers, scan and pages share: a source is in it exactly
    while its keys are loaded.
    """

    def __init__(
        self,
        library: Library,
        opener: SourceOpener,
        drives: dict[str, Drive],
        scanner: Scanner,
        readers: Opener,
        secret_files: Mapping[str, Path],
    ) -> None:
        self._library = library
        self._opener = opener
        self._drives = drives
        self._scanner = scanner
        self._readers = readers
        self._secret_files = secret_files
        self._specs: dict[str, SourceSpec] = {}
        self._given: dict[str, str] = {}
        self._turn: dict[str, asyncio.Lock] = {}
        self._tasks = Tasks("sources")
        self._failures: dict[str, GatewayError] = {}
        self._retries: dict[str, asyncio.Task[None]] = {}

    async def start(self, specs: Sequence[SourceSpec]) -> None:
        """Open the given sources and those added through the API; returns when each was tried.

        Raises:
            WrongKey: not one source could be opened, and none waits for a secret or its host.
        """
        added = {
            name: parse_source(text)
            for name, text in (await self._library.keep_load(_KIND)).items()
        }
        self._specs = {**added, **{spec.name: spec for spec in specs}}
        for record in await self._library.sources():
            if record.name not in self._specs:
                await self._library.set_source_state(
                    record.name, SourceState.LOCKED, "not among the sources of this start"
                )
        for spec in self._specs.values():
            await self._library.add_source(spec.name, spec.text)
        await asyncio.gather(*(self._try_open(name) for name in self._specs))
        wrong = [one for one in self._failures.values() if isinstance(one, WrongKey)]
        if wrong and not self._drives and len(wrong) == len(self._specs):
            raise wrong[0]

    async def close(self) -> None:
        """Close every drive."""
        await self._tasks.close()
        for drive in [self._drives.pop(name) for name in list(self._drives)]:
            await drive.close()

    async def add(self, name: str | None, spec: str) -> SourceRecord:
        """Add a source for good and scan it.

        Raises:
            SettingsError: no source is written like that.
            BadArgument: the name is taken.
        """
        parsed = parse_source(f"{name}={spec}" if name else spec)
        if parsed.name in self._specs:
            raise BadArgument(f"a source is named {parsed.name} already; give this one another")
        self._specs[parsed.name] = parsed
        await self._library.keep_save(_KIND, parsed.name, parsed.text)
        await self._library.add_source(parsed.name, parsed.text)
        await self._try_open(parsed.name)
        return await self._record(parsed.name)

    async def remove(self, name: str) -> None:
        """Remove a source; its items go, positions stay for 30 days."""
        self._spec(name)
        await self._drop_drive(name)
        del self._specs[name]
        self._given.pop(name, None)
        await self._library.keep_delete(_KIND, name)
        await self._library.remove_source(name)

    async def lock(self, name: str) -> None:
        """Drop a source's keys; running reads of it end."""
        self._spec(name)
        await self._drop_drive(name)
        self._given.pop(name, None)
        await self._library.set_source_state(name, SourceState.LOCKED, "locked by its owner")

    async def unlock(self, name: str, secret: str) -> None:
        """Open a source with its secret.

        Raises:
            WrongKey: it is not the one.
            HostError: the host failed.
        """
        self._spec(name)
        if secret:
            self._given[name] = secret
        await self._try_open(name)
        failure = self._failures.get(name)
        if failure is not None:
            if isinstance(failure, WrongKey):
                self._given.pop(name, None)
            raise failure

    async def rescan(self, name: str) -> None:
        """List a source anew."""
        self._spec(name)
        if name in self._drives:
            self._scanner.request(name)
        else:
            await self._try_open(name)

    async def list_folder(self, name: str, path: str) -> Listing:
        """A folder as stored, every file."""
        return await self._drive(name).list(path)

    async def open_file(self, name: str, path: str) -> Reader:
        """Any file by its clear path."""
        drive = self._drive(name)
        entry = await drive.stat(path)
        if entry.is_folder:
            raise BadArgument(f"{path} is a folder")
        return await drive.open(entry)

    def way(self, name: str) -> SourceWay | None:
        """Where a source's bytes lie, for the line under a title; None while it is locked."""
        drive = self._drives.get(name)
        return None if drive is None else SourceWay(drive.host.label, drive.vault.is_encrypted)

    def _spec(self, name: str) -> SourceSpec:
        try:
            return self._specs[name]
        except KeyError:
            raise NotFound(f"no source is named {name[:60]!r}") from None

    def _drive(self, name: str) -> Drive:
        self._spec(name)
        try:
            return self._drives[name]
        except KeyError:
            raise Locked(f"the source {name} is locked or away") from None

    async def _record(self, name: str) -> SourceRecord:
        for record in await self._library.sources():
            if record.name == name:
                return record
        raise NotFound(f"no source is named {name!r}")

    def _secret_finder(self, spec: SourceSpec) -> Callable[[], str | None]:
        return lambda: (
            self._given.get(spec.name) or find_secret(spec, os.environ, self._secret_files)
        )

    async def _try_open(self, name: str) -> None:
        """Open a source and say in the library how that went; never raises for a bad source."""
        async with self._turn.setdefault(name, asyncio.Lock()):
            if name in self._drives:
                return
            self._failures.pop(name, None)
            try:
                await self._open(self._spec(name))
            except GatewayError as failure:
                self._failures[name] = failure
                is_away = isinstance(failure, HostError | NotFound)
                state = SourceState.AWAY if is_away else SourceState.LOCKED
                _log.warning("source %s is %s: %s", name, state.value, failure)
                await self._library.set_source_state(name, state, str(failure))
                if is_away:
                    self._retries[name] = self._tasks.start(f"retry {name}", self._come_back(name))

    async def _open(self, spec: SourceSpec) -> None:
        drive = await self._opener.open(spec, self._secret_finder(spec))
        try:
            await drive.prove_key()
        except BaseException:
            await drive.close()
            raise
        self._drives[spec.name] = drive
        self._retries.pop(spec.name, None)
        await self._library.set_source_state(spec.name, SourceState.SCANNING)
        self._scanner.request(spec.name)

    async def _come_back(self, name: str) -> None:
        await asyncio.sleep(_RETRY_S)
        if name in self._specs:
            await self._try_open(name)

    async def _drop_drive(self, name: str) -> None:
        drive = self._drives.get(name)
        if drive is None:
            return
        self._readers.forget(name)
        await self._scanner.forget(name)
        del self._drives[name]
        await drive.close()
