"""One walk of one source into one open scan of the library, in batches that show at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from gateway.clock import Clock
from gateway.library.records import Found, Item, Kind, Query, Sort
from gateway.metadata.guess import Guess, guess_plain
from gateway.metadata.kinds import MediaKind
from gateway.scan.base import OpenScan, ScanDrive, ScanLibrary
from gateway.scan.findings import Findings, find_media, guess_again, with_guess
from gateway.scan.sidecars import FolderSidecars, Sidecars, sidecars_of
from gateway.scan.walk import SeenFolder, walk

_INLINE_FILES = 100
"""More files than this are named in a thread: a plain name costs some 20 us."""
_NAMES_PER_TURN = 10
"""Names guessit reads before somebody else may use the thread: about 0.1 s."""
_PAGE_ITEMS = 1000
_PUT_AFTER_S = 0.3
"""A batch that is not full is shown after this time all the same."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a walk goes, or went; ``left_out`` counts folders that could not be listed."""

    folders: int = 0
    files: int = 0
    media: int = 0
    bad_names: int = 0
    bad_sizes: int = 0
    left_out: int = 0
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class RoundTools:
    """What all walks share; ``shown`` is called after each batch."""

    clock: Clock
    sidecars: Sidecars
    shown: Callable[[], None]
    batch_items: int


class Round:
    """Used once."""

    def __init__(
        self, source: str, scan: OpenScan, library: ScanLibrary, tools: RoundTools
    ) -> None:
        self._source = source
        self._scan = scan
        self._library = library
        self._tools = tools
        self._batch: list[Found] = []
        self._hard: list[Found] = []
        self._known: dict[str, tuple[str, Guess]] | None = None
        self._put_s = tools.clock.monotonic_s()
        self.progress = Progress(is_running=True)

    async def run(self, drive: ScanDrive, listings_at_once: int) -> bool:
        """Walk; True when every folder could be listed.

        Raises:
            GatewayError: the source failed; what was found before is in the library.
        """
        is_whole = True
        try:
            async with aclosing(walk(drive, listings_at_once)) as folders:
                async for folder in folders:
                    is_whole &= folder.is_whole
                    await self._take(folder)
            await self._put()
            await self._name_hard_ones()
        finally:
            self.progress = replace(self.progress, is_running=False)
        return is_whole

    async def _take(self, folder: SeenFolder) -> None:
        if len(folder.files) > _INLINE_FILES:
            sidecars, found = await asyncio.to_thread(self._find, folder)
        else:
            sidecars, found = self._find(folder)
        self._tools.sidecars.note(self._source, folder.path, sidecars)
        self._count(folder, found)
        self._batch += found.plain
        if found.hard:
            self._batch += await self._with_known_names(found.hard)
        is_due = self._tools.clock.monotonic_s() - self._put_s >= _PUT_AFTER_S
        if len(self._batch) >= self._tools.batch_items or is_due:
            await self._put()

    def _find(self, folder: SeenFolder) -> tuple[FolderSidecars, Findings]:
        sidecars = sidecars_of(folder.files)
        return sidecars, find_media(self._source, folder.files, sidecars.taken)

    def _count(self, folder: SeenFolder, found: Findings) -> None:
        so_far = self.progress
        self.progress = Progress(
            folders=so_far.folders + 1,
            files=so_far.files + len(folder.files),
            media=so_far.media + len(found.plain) + len(found.hard),
            bad_names=so_far.bad_names + folder.bad_names,
            bad_sizes=so_far.bad_sizes + folder.bad_sizes,
            left_out=so_far.left_out + (not folder.is_whole),
            is_running=True,
        )

    async def _put(self) -> None:
        batch, self._batch = self._batch, []
        size = self._tools.batch_items
        for at in range(0, len(batch), size):
            await self._scan.put(batch[at : at + size])
        self._put_s = self._tools.clock.monotonic_s()
        if batch:
            self._tools.shown()

    async def _with_known_names(self, hard: tuple[Found, ...]) -> list[Found]:
        """Take over names read in an earlier scan; the others are shown as they are, for now."""
        if self._known is None:
            self._known = await self._read_known()
        shown = []
        for found in hard:
            version, guess = self._known.get(found.path, (None, None))
            # A title that is still the provisional one was never read: a walk was cut short.
            is_read = guess is not None and guess.title != found.title
            if guess is not None and is_read and version == found.version:
                shown.append(with_guess(found, guess))
            else:
                shown.append(found)
                self._hard.append(found)
        return shown

    async def _read_known(self) -> dict[str, tuple[str, Guess]]:
        """Version and guess of the videos in the library that no plain rule can name."""
        known: dict[str, tuple[str, Guess]] = {}
        start, total = 0, 1
        while start < total:
            page = await self._library.list_items(
                Query(source=self._source, sort=Sort.PATH, start=start, count=_PAGE_ITEMS)
            )
            for item in page.items:
                is_video = item.kind in {Kind.FILM, Kind.EPISODE}
                if is_video and guess_plain(item.path, MediaKind.VIDEO) is None:
                    known[item.path] = (item.version, _guess_of(item))
            total = page.total if page.items else 0
            start += len(page.items)
        return known

    async def _name_hard_ones(self) -> None:
        """Have guessit read what no plain rule could, in a thread, some at a time."""
        for at in range(0, len(self._hard), _NAMES_PER_TURN):
            some = self._hard[at : at + _NAMES_PER_TURN]
            self._batch += await asyncio.to_thread(_guess_all, some)
            await self._put()


def _guess_all(found: list[Found]) -> list[Found]:
    return [guess_again(one) for one in found]


def _guess_of(item: Item) -> Guess:
    is_episode = item.kind is Kind.EPISODE
    return Guess(
        title=item.title,
        year=item.year,
        series=item.series if is_episode else None,
        season=item.season if is_episode else None,
        episode=item.episode if is_episode else None,
    )
