"""A folder of this machine as a host: listings and reads below one root, never outside of it.

A read is done at once where the page cache holds the bytes, else in a thread, so that a slow disk
never stops the event loop. Names that are no UTF-8 come and go as Python's own escapes
(``surrogateescape``).
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import stat
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.errors import HostChanged, HostDown, HostError, HostRefused, NotFound
from gateway.hosts.base import Entries, Stored
from gateway.spans import Span

PIECE_BYTES = 256 << 10
"""Bytes per read: four crypt blocks. Source: measured.md 2, "local file", and drive_walk.py."""

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_NOT_CACHED = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


class LocalHost:
    """One folder; links are followed as long as they stay inside."""

    def __init__(self, root: Path | str) -> None:
        self._root = os.path.realpath(root)

    @property
    def label(self) -> str:
        """All local folders are on the same host."""
        return "this machine"

    async def list(self, folder: str) -> Entries:
        """Entries directly inside; links out of the root, loops and special files are left out."""
        return await asyncio.to_thread(self._list, folder)

    async def stat(self, path: str) -> Stored:
        """One entry, links followed inside the root."""
        return await asyncio.to_thread(self._stat, path)

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """Exactly the span, in pieces of at most ``PIECE_BYTES``."""
        async with await self.open_file(item) as file:
            at = span.start
            while at < span.stop:
                piece = memoryview(bytearray(min(PIECE_BYTES, span.stop - at)))
                await file.fill(piece, at)
                at += len(piece)
                yield piece

    async def open_file(self, item: Stored) -> LocalFile:
        """The stored file itself, for readers that bring their own buffer.

        Raises:
            NotFound: it is gone.
            HostChanged: it is another one now.
            HostError: it cannot be opened.
        """
        opening = asyncio.get_running_loop().run_in_executor(None, self._open, item)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    async def close(self) -> None:
        """Nothing is kept open."""

    def _open(self, item: Stored) -> LocalFile:
        try:
            place = self._inside(item.path)
            fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _ours(error, item.path) from error
        file = LocalFile(fd, item)
        try:
            file.check_unchanged()
        except HostError:
            file.close()
            raise
        return file

    def _inside(self, path: str) -> str:
        """Real place of a path; refuses what lies outside the root."""
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise NotFound(f"{_shown(path)} is not inside the source's folder")
        place = os.path.realpath(os.path.join(self._root, path))  # noqa: PTH118 - keeps escapes
        if not self._holds(place):
            raise HostRefused(f"{_shown(path)} is a link that leads out of the source's folder")
        return place

    def _holds(self, place: str) -> bool:
        return place == self._root or place.startswith(self._root.rstrip("/") + "/")

    def _list(self, folder: str) -> Entries:
        try:
            place = self._inside(folder)
            above = self._places_on_the_way(folder)
            with os.scandir(place) as entries:
                found = [self._entry(folder, entry, above) for entry in entries]
        except OSError as error:
            raise _ours(error, folder) from error
        return [entry for entry in found if entry is not None]

    def _places_on_the_way(self, folder: str) -> frozenset[str]:
        parts = folder.split("/") if folder else []
        return frozenset(self._inside("/".join(parts[:count])) for count in range(len(parts) + 1))

    def _entry(self, folder: str, entry: os.DirEntry[str], above: frozenset[str]) -> Stored | None:
        try:
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                # A folder linked from inside itself would make the tree endless.
                if not self._holds(target) or target in above:
                    return None
            facts = entry.stat()
        except OSError:
            return None  # a dead link, or gone since the folder was read
        return _stored(f"{folder}/{entry.name}" if folder else entry.name, facts)

    def _stat(self, path: str) -> Stored:
        try:
            found = _stored(path, Path(self._inside(path)).stat())
        except OSError as error:
            raise _ours(error, path) from error
        if found is None:
            raise HostRefused(f"{_shown(path)} is neither a file nor a folder")
        return found


class LocalFile:
    """One open file; owned by the reader that opened it, used by one task at a time."""

    __slots__ = ("_busy", "_fd", "_item", "_nowait")

    def __init__(self, fd: int, item: Stored) -> None:
        self._fd = fd
        self._item = item
        self._nowait = _NOWAIT != 0
        self._busy: asyncio.Future[None] | None = None

    def fill_now(self, buffer: memoryview, at: int) -> int:
        """Fill from the page cache without ever waiting for the disk; tells how many bytes came.

        Fewer than asked means that the rest has to come from ``fill``.
        """
        if not self._nowait:
            return 0
        try:
            got = os.preadv(self._fd, [buffer], at, _NOWAIT)
        except OSError as error:
            if error.errno not in _NOT_CACHED:
                raise _ours(error, self._item.path) from error
            # EAGAIN is a miss; the others mean that this file system never answers.
            self._nowait = error.errno == errno.EAGAIN
            return 0
        if got == len(buffer):
            self.check_unchanged()
        return got

    async def fill(self, buffer: memoryview, at: int) -> None:
        """Fill the whole buffer with the bytes at ``at``.

        Raises:
            HostChanged: the file was changed or cut since it was listed.
        """
        got = self.fill_now(buffer, at)
        if got == len(buffer):
            return
        loop = asyncio.get_running_loop()
        self._busy = loop.run_in_executor(None, self._fill_slowly, buffer[got:], at + got)
        # The thread cannot be stopped: leaving early hands it the descriptor (see ``close``).
        await asyncio.shield(self._busy)
        self._busy = None

    def _fill_slowly(self, buffer: memoryview, at: int) -> None:
        while buffer:
            try:
                got = os.preadv(self._fd, [buffer], at)
            except OSError as error:
                raise _ours(error, self._item.path) from error
            if got == 0:
                raise HostChanged(f"{_shown(self._item.path)} was cut while it was read")
            buffer, at = buffer[got:], at + got
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Compare the open file with its entry.

        Raises:
            HostChanged: size or time moved.
            HostRefused: it is no ordinary file.
        """
        facts = os.fstat(self._fd)
        if not stat.S_ISREG(facts.st_mode):
            raise HostRefused(f"{_shown(self._item.path)} is not an ordinary file")
        if _version(facts) != self._item.version:
            raise HostChanged(f"{_shown(self._item.path)} changed since it was listed")

    def close(self) -> None:
        """Close the descriptor, at once or when the thread that still reads has ended."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        if self._busy is not None and not self._busy.done():
            self._busy.add_done_callback(functools.partial(_close_late, fd))
        else:
            os.close(fd)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _close_unwanted(opening: asyncio.Future[LocalFile]) -> None:
    if not _forget_failure(opening):
        opening.result().close()


def _close_late(fd: int, done: asyncio.Future[None]) -> None:
    os.close(fd)
    _forget_failure(done)


def _forget_failure(done: asyncio.Future[LocalFile] | asyncio.Future[None]) -> bool:
    """Take a failure nobody waits for any more, so that it is not reported as lost."""
    return done.cancelled() or done.exception() is not None


def _stored(path: str, facts: os.stat_result) -> Stored | None:
    is_folder = stat.S_ISDIR(facts.st_mode)
    if not is_folder and not stat.S_ISREG(facts.st_mode):
        return None
    return Stored(
        path=path,
        is_folder=is_folder,
        size_bytes=0 if is_folder else facts.st_size,
        version=_version(facts),
        modified_s=facts.st_mtime,
    )


def _version(facts: os.stat_result) -> str:
    return f"{facts.st_size:x}-{facts.st_mtime_ns:x}"


def _shown(path: str) -> str:
    """A path that any log or answer can carry."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8") or "the folder"


def _ours(error: OSError, path: str) -> HostError | NotFound:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG:
            return NotFound(f"{_shown(path)} does not exist")
        case errno.EACCES | errno.EPERM | errno.ELOOP:
            return HostRefused(f"{_shown(path)}: no permission to read it")
        case errno.ENXIO | errno.ENODEV:
            return HostRefused(f"{_shown(path)} is not an ordinary file")
        case _:
            return HostDown(f"{_shown(path)}: {error.strerror}")
