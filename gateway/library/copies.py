"""Rolling sealed copies of the database, the check at the start, and the way back.

A damaged database is never thrown away: it is moved aside under a name that says when, the last
good copy takes its place, and what can still be read of settings and positions in the damaged file
is carried over.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import apsw

from gateway.errors import GatewayError, WrongKey
from gateway.library.sealed import DAMAGE, connect, is_whole, migrate

_log = logging.getLogger(__name__)

COPIES = 2
_CHECKED_BYTES = 64 * 1024 * 1024
"""A database up to this size is read whole at every start (about 0.1 s); a larger one only after a
stop that was none."""
_PRECIOUS = {
    "keep": "kind, key, value",
    "position": "place_key, profile, position_s, duration_s, watched, updated_s",
}
_PAGES_AT_ONCE = 256
_WRITER_CACHE_KIB = 24 * 1024
"""Inserts in title order touch pages everywhere; given back at the end of a scan."""


class Store:
    """The files of one library folder."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self.database = folder / "library.db"
        self._mark = folder / "key-mark"
        self._running = folder / "running"
        self._damaged = folder / "damaged"

    def open_writer(self, now_s: float) -> apsw.Connection:
        """Open the database for writing, going back to a copy if it is damaged.

        Raises:
            WrongKey: the key is not the one the folder was made with; nothing was touched.
            Unsupported: a newer version wrote it.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_key()
        if self.database.exists() and not self._is_good():
            self._go_back(now_s)
        connection = connect(self.database, self._key, cache_kib=_WRITER_CACHE_KIB)
        try:
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._running.touch(mode=0o600)
        return connection

    def open_reader(self, cache_kib: int) -> apsw.Connection:
        """Another connection, for reading only."""
        return connect(self.database, self._key, cache_kib=cache_kib, read_only=True)

    def closed_well(self) -> None:
        """Remember that the stop was an orderly one."""
        self._running.unlink(missing_ok=True)

    def found_damaged(self) -> None:
        """Damage was met while running: the next start goes back to a copy."""
        _log.error("the library %s is damaged; the next start uses its last copy", self.database)
        self._damaged.touch(mode=0o600)

    def copies(self) -> list[Path]:
        """Copies, the latest first."""
        return sorted(self._folder.glob("copy-*.db"), reverse=True)

    def make_copy(self, now_s: float) -> Path:
        """Copy the database as it is now, then drop the oldest copies; takes a while.

        Raises:
            GatewayError: the copy could not be written.
        """
        target = self._folder / f"copy-{int(now_s):012d}.db"
        partial = target.with_suffix(".part")
        _erase(partial)
        try:
            with (
                contextlib.closing(self.open_reader(1024)) as source,
                contextlib.closing(connect(partial, self._key)) as copy,
            ):
                with copy.backup("main", source, "main") as backup:
                    while not backup.done:
                        backup.step(_PAGES_AT_ONCE)
                copy.pragma("journal_mode", "delete")
        except apsw.Error as failure:
            _erase(partial)
            raise GatewayError(f"the library could not be copied: {failure}") from failure
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(target)
        for old in self.copies()[COPIES:]:
            _erase(old)
        return target

    def _check_key(self) -> None:
        """A mark made from the key tells a wrong key from a damaged file."""
        mark = hmac.new(self._key, b"vaultcast library", hashlib.sha256).hexdigest()
        if self._mark.exists():
            if not hmac.compare_digest(self._mark.read_text("ascii", "replace").strip(), mark):
                raise WrongKey(
                    f"the key does not open {self.database}; give the key or passphrase it was "
                    "made with"
                )
            return
        if self.database.exists():
            connect(self.database, self._key, read_only=True).close()
        partial = self._mark.with_suffix(".part")
        partial.write_text(mark, "ascii")
        partial.chmod(0o600)
        partial.replace(self._mark)

    def _is_good(self) -> bool:
        if self._damaged.exists():
            return False
        try:
            with contextlib.closing(connect(self.database, self._key)) as connection:
                connection.pragma("user_version")
                for table in _PRECIOUS if self._is_known() else ():
                    connection.execute(f"SELECT count(*) FROM {table}").get  # noqa: B018, S608
                was_orderly = not self._running.exists()
                if was_orderly and self.database.stat().st_size > _CHECKED_BYTES:
                    return True
                return is_whole(connection)
        except (*DAMAGE, WrongKey, apsw.IOError, apsw.SQLError):
            return False

    def _is_known(self) -> bool:
        with contextlib.closing(connect(self.database, self._key)) as connection:
            return int(connection.pragma("user_version")) > 0

    def _go_back(self, now_s: float) -> None:
        aside = self._folder / f"damaged-{int(now_s):012d}.db"
        for suffix in ("", "-wal", "-shm"):
            file = Path(f"{self.database}{suffix}")
            if file.exists():
                file.replace(f"{aside}{suffix}")
        self._damaged.unlink(missing_ok=True)
        for copy in self.copies():
            if self._opens_whole(copy):
                self.database.write_bytes(copy.read_bytes())
                self.database.chmod(0o600)
                _log.error(
                    "the library was damaged; it is kept as %s, the copy %s took its place",
                    aside.name,
                    copy.name,
                )
                break
        else:
            _log.error(
                "the library was damaged and no copy of it is good; it is kept as %s and a new "
                "one begins",
                aside.name,
            )
        self._carry_over(aside)

    def _opens_whole(self, file: Path) -> bool:
        try:
            with contextlib.closing(connect(file, self._key)) as connection:
                return is_whole(connection)
        except (WrongKey, apsw.Error):
            return False

    def _carry_over(self, damaged: Path) -> None:
        """Take from the damaged file what is newer and still readable of the precious tables."""
        with contextlib.closing(connect(self.database, self._key)) as target:
            migrate(target)
            try:
                source = connect(damaged, self._key, read_only=True)
            except (WrongKey, apsw.Error):
                return
            with contextlib.closing(source):
                for table, columns in _PRECIOUS.items():
                    marks = ", ".join("?" * len(columns.split(",")))
                    insert = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
                    with target:
                        target.executemany(insert, _readable(source, table, columns))


def _readable(
    source: apsw.Connection, table: str, columns: str
) -> Iterable[tuple[apsw.SQLiteValue, ...]]:
    """Rows up to the first damaged page."""
    try:
        yield from source.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - our own names
    except apsw.Error as failure:
        _log.warning("of %s only a part could be read: %s", table, failure)


def _erase(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
