"""Walking a source's folders breadth-first, a few listings at a time. Reads no media byte."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.drives.base import Entry, Listing
from gateway.errors import HostRefused, NotFound
from gateway.scan.base import ScanDrive

_log = logging.getLogger(__name__)

MAX_DEPTH = 64
"""Folders deeper than this are taken for a circle of links."""

# What systems and NAS boxes put beside media; nobody means it to be watched.
_SKIPPED = frozenset(
    {"@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information"}
)


@dataclass(frozen=True, slots=True)
class SeenFolder:
    """One listed folder.

    Attributes:
        is_whole: False when this folder could not be listed, so that the walk is not complete.
    """

    path: str
    files: tuple[Entry, ...] = ()
    bad_names: int = 0
    bad_sizes: int = 0
    is_whole: bool = True


async def walk(drive: ScanDrive, listings_at_once: int) -> AsyncGenerator[SeenFolder, None]:
    """Every folder below the root, those near it first.

    A folder inside that vanished or is forbidden comes with ``is_whole`` False; the walk goes on.

    Raises:
        NotFound: the root itself is missing.
        HostError: the host failed; what was yielded before is true.
    """
    waiting = deque([""])
    while waiting:
        paths = [waiting.popleft() for _ in range(min(listings_at_once, len(waiting)))]
        answers = await asyncio.gather(*map(drive.list, paths), return_exceptions=True)
        for path, answer in zip(paths, answers, strict=True):
            if isinstance(answer, BaseException):
                if not path or not isinstance(answer, NotFound | HostRefused):
                    raise answer
                _log.info("a folder is left out of the scan: %s", type(answer).__name__)
                yield SeenFolder(path, is_whole=False)
                continue
            folders = _subfolders(answer)
            depth = path.count("/") + 1 if path else 0
            too_deep = depth >= MAX_DEPTH and bool(folders)
            if not too_deep:
                waiting.extend(folders)
            yield SeenFolder(
                path,
                tuple(entry for entry in answer.entries if not entry.is_folder),
                answer.bad_names,
                answer.bad_sizes,
                is_whole=not too_deep,
            )


def _subfolders(listing: Listing) -> list[str]:
    return [
        entry.path
        for entry in listing.entries
        if entry.is_folder and not entry.name.startswith(".") and entry.name.lower() not in _SKIPPED
    ]
