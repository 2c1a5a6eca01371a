"""Scans: items show while the walk runs, faults delete nothing, each file is probed once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import (
    Corrupt,
    HostChanged,
    HostDown,
    HostRefused,
    Locked,
    NotFound,
    QuotaSpent,
    WrongKey,
)
from gateway.library.records import Kind, ScanDiff, SourceState
from gateway.metadata.identity import identity_of_samples
from gateway.scan.base import ScanSettings
from gateway.scan.scanner import Scanner
from gateway.scan.walk import MAX_DEPTH, walk
from gateway.spans import Span
from tests.fakes.clock import FakeClock
from tests.fakes.scanned import FakeDrive, FakeLibrary, FakeProbed, FakeWorkers
from transcode.errors import ConverterFailed, ConverterMissing

FILES = {
    "Films/Heat (1995).mp4": b"film",
    "Films/cover.txt": b"text",
    "Series/Dark/Season 1/01 - Secrets.mkv": b"one",
    "Music/Nena/Nena/01 - Kino.mp3": b"song",
    "Photos/a.jpg": b"photo",
    "Photos/empty.jpg": b"",
}


class House:
    """A scanner with one source and everything around it."""

    def __init__(self, files=FILES, *, answer=None, is_sealed=True, **settings) -> None:
        self.drive = FakeDrive(files, is_sealed=is_sealed)
        self.library = FakeLibrary()
        self.workers = FakeWorkers(answer)
        self.clock = FakeClock()
        self.drives = {"home": self.drive}
        self.scanner = Scanner(
            self.drives, self.library, self.workers, self.clock, ScanSettings(**settings)
        )

    async def scan(self) -> None:
        async with asyncio.timeout(10):
            self.scanner.request("home")
            await self.scanner.wait_idle()

    @property
    def paths(self) -> set[str]:
        return {path for _, path in self.library.items}

    @property
    def last_state(self) -> tuple[SourceState, str | None]:
        _, state, reason = self.library.states[-1]
        return state, reason


async def test_a_scan_finds_all_media_and_probes_each_once() -> None:
    house = House()
    async with house.scanner:
        await house.scan()
        await house.scan()
    assert house.paths == {path for path in FILES if not path.endswith(("txt", "empty.jpg"))}
    kinds = {item.path.partition("/")[0]: item.kind for item in house.library.items.values()}
    assert kinds == {
        "Films": Kind.FILM,
        "Series": Kind.EPISODE,
        "Music": Kind.TRACK,
        "Photos": Kind.PHOTO,
    }
    assert len(house.workers.probed) == 4
    assert (
        house.library.states
        == [
            ("home", SourceState.SCANNING, None),
            ("home", SourceState.READY, None),
        ]
        * 2
    )
    assert house.library.finished == [("home", True)] * 2
    known = house.library.known["Films/Heat (1995).mp4"]
    assert known.identity == "crypt:" + b"Films/Heat (1995).mp4".hex()
    assert (known.duration_s, known.width, known.tile) == (60.0, 1280, b"made")
    progress = house.scanner.progress("home")
    assert (progress.media, progress.files, progress.is_running) == (4, 6, False)


async def test_items_are_visible_while_the_walk_goes_on() -> None:
    house = House({"a.mp4": b"1", "deep/b.mp4": b"2"}, batch_items=1)
    async with house.scanner:
        house.drive.gate = gate = asyncio.Event()
        gate.set()
        house.scanner.request("home")
        async with asyncio.timeout(10):
            while not house.library.items:
                await asyncio.sleep(0)
                gate.clear() if house.drive.listed else None
            assert house.paths == {"a.mp4"}
            assert house.scanner.progress("home").is_running
            assert not house.library.finished
            gate.set()
            await house.scanner.wait_idle()
    assert house.paths == {"a.mp4", "deep/b.mp4"}


async def test_no_media_byte_is_read_to_list() -> None:
    house = House()
    house.workers.gate = asyncio.Event()
    async with house.scanner:
        house.scanner.request("home")
        async with asyncio.timeout(10):
            while not house.library.finished:
                await asyncio.sleep(0)
    assert house.drive.reads == []


async def test_listings_at_once_are_bounded() -> None:
    house = House({f"{n}/{m}/x.mp4": b"1" for n in range(6) for m in range(4)}, listings_at_once=3)
    async with house.scanner:
        await house.scan()
    assert house.drive.most_at_once == 3
    assert len(house.paths) == 24


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (HostDown("no answer"), SourceState.AWAY),
        (QuotaSpent("used up"), SourceState.QUOTA),
        (WrongKey("not it"), SourceState.LOCKED),
    ],
)
async def test_a_host_that_fails_on_the_way_deletes_nothing(fault, state) -> None:
    house = House()
    async with house.scanner:
        await house.scan()
        before = house.paths
        house.drive.folder_faults["Films"] = fault
        await house.scan()
        assert house.paths == before
        assert house.library.finished[-1] == ("home", False)
        assert house.last_state == (state, fault.message)
        del house.drive.folder_faults["Films"]
        await house.scan()
        assert house.last_state == (SourceState.READY, None)


async def test_a_root_that_is_gone_is_away() -> None:
    house = House()
    house.drive.folder_faults[""] = NotFound("no such folder")
    async with house.scanner:
        await house.scan()
    assert house.last_state == (SourceState.AWAY, "no such folder")


@pytest.mark.parametrize("fault", [HostRefused("no"), NotFound("gone")])
async def test_a_forbidden_folder_is_left_out_and_deletes_nothing(fault) -> None:
    house = House()
    async with house.scanner:
        await house.scan()
        before = house.paths
        house.drive.folder_faults["Films"] = fault
        await house.scan()
    assert house.paths == before
    assert house.library.finished[-1] == ("home", False)
    assert house.last_state == (
        SourceState.READY,
        "1 folders could not be listed, nothing was removed",
    )


async def test_a_source_that_lists_far_less_is_away() -> None:
    house = House()
    house.library.diff = ScanDiff(away=True, reason="lists 30 % less")
    async with house.scanner:
        await house.scan()
    assert house.last_state == (SourceState.AWAY, "lists 30 % less")


async def test_a_failed_source_is_tried_again_by_itself() -> None:
    house = House(retry_s=0.01)
    house.drive.folder_faults[""] = HostDown("no answer")
    async with house.scanner:
        house.scanner.request("home")
        async with asyncio.timeout(10):
            while len(house.library.finished) < 2:
                await asyncio.sleep(0.001)
            house.drive.folder_faults.clear()
            while house.last_state[0] is not SourceState.READY:
                await asyncio.sleep(0.001)


async def test_a_source_is_scanned_again_by_itself() -> None:
    house = House(rescan_interval_s=0.01)
    async with house.scanner, asyncio.timeout(10):
        while len(house.library.finished) < 3:
            await asyncio.sleep(0.001)


async def test_a_source_locked_during_its_scan_keeps_its_state() -> None:
    house = House()
    house.drive.gate = asyncio.Event()
    async with house.scanner:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while not house.library.states:
                await asyncio.sleep(0)
            del house.drives["home"]
            house.drive.folder_faults[""] = HostDown("closed")
            house.drive.gate.set()
            await house.scanner.wait_idle()
    assert house.library.states == [("home", SourceState.SCANNING, None)]


async def test_forgetting_a_source_ends_its_scan() -> None:
    house = House()
    house.drive.gate = asyncio.Event()
    async with house.scanner:
        house.scanner.request("home")
        await asyncio.sleep(0)
        await house.scanner.forget("home")
        await house.scanner.forget("home")
        assert not house.scanner.progress("home").is_running
        async with asyncio.timeout(10):
            await house.scanner.wait_idle()
    assert house.library.finished == []


async def test_a_source_nobody_opened_is_not_scanned() -> None:
    house = House()
    async with house.scanner:
        house.scanner.request("elsewhere")
        await house.scan()
    assert {name for name, _, _ in house.library.states} == {"home"}


async def test_undecryptable_names_are_counted_and_told() -> None:
    house = House()
    house.drive.bad_names = {"": 2, "Films": 1}
    async with house.scanner:
        await house.scan()
    assert house.scanner.progress("home").bad_names == 3
    assert house.last_state == (SourceState.READY, "3 names do not decrypt and are left out")


async def test_a_removed_file_goes_and_a_changed_one_is_probed_again() -> None:
    house = House()
    async with house.scanner:
        await house.scan()
        del house.drive.files["Photos/a.jpg"]
        house.drive.versions["Films/Heat (1995).mp4"] = "2"
        await house.scan()
    assert "Photos/a.jpg" not in house.paths
    assert house.workers.probed.count(b"film") == 2


async def test_hard_names_are_shown_at_once_and_read_by_guessit_later() -> None:
    name = "Shows/[Grp] Mushishi - 03 [1080p].mkv"
    house = House({name: b"1"})
    async with house.scanner:
        await house.scan()
        first, second = house.library.batches
        assert (first[0].kind, first[0].title) == (Kind.FILM, "[Grp] Mushishi - 03 [1080p]")
        assert (second[0].kind, second[0].series, second[0].episode) == (
            Kind.EPISODE, "Mushishi", 3,
        )  # fmt: skip
        await house.scan()
        assert house.library.batches[2:] == [second]
        house.drive.versions[name] = "2"
        await house.scan()
    assert [batch[0].title for batch in house.library.batches[3:]] == [
        first[0].title,
        second[0].title,
    ]


async def test_a_name_left_provisional_by_a_cut_walk_is_read_later() -> None:
    name = "Shows/[Grp] Mushishi - 03 [1080p].mkv"
    house = House({name: b"1"})
    async with house.scanner:
        await house.scan()
        house.library.take(house.library.batches[0][0])
        assert house.library.items["home", name].kind is Kind.FILM
        await house.scan()
    assert house.library.items["home", name].series == "Mushishi"


async def test_names_read_before_are_found_beyond_the_first_page() -> None:
    files = {f"f/Film {n} (2000).mp4": b"1" for n in range(1500)}
    name = "z/[Grp] Mushishi - 03 [1080p].mkv"
    house = House(files | {name: b"1"}, makes_pictures=False)
    async with house.scanner:
        await house.scan()
        before = len(house.library.batches)
        await house.scan()
    shown = [one.title for batch in house.library.batches[before:] for one in batch]
    assert len(shown) == 1501
    assert shown[-1] == "Episode 3"


async def test_large_folders_are_named_in_order() -> None:
    house = House({f"f/Film {n} (2000).mp4": b"1" for n in range(1203)}, batch_items=500)
    async with house.scanner:
        await house.scan()
    assert [len(batch) for batch in house.library.batches] == [500, 500, 203]


async def test_a_crashing_file_is_marked_and_never_tried_again_unchanged() -> None:
    house = House({"bad.mp4": b"crash", "good.mp4": b"fine"})
    async with house.scanner:
        await house.scan()
        await house.scan()
        assert house.workers.probed.count(b"crash") == 1
        assert house.library.failed == {"bad.mp4": "the worker broke down"}
        assert "good.mp4" in house.library.known
        house.drive.versions["bad.mp4"] = "2"
        await house.scan()
    assert house.workers.probed.count(b"crash") == 2


async def test_a_damaged_file_is_marked_with_its_own_reason() -> None:
    house = House({"bad.mp4": b"x" * 100})
    house.drive.file_faults["bad.mp4"] = Corrupt("block 0 failed its authentication", block=0)
    async with house.scanner:
        await house.scan()
    assert house.library.failed == {"bad.mp4": "block 0 failed its authentication"}


async def test_a_file_that_wants_to_be_read_whole_many_times_is_marked() -> None:
    house = House({"bad.mp4": b"hungry" + bytes(1000)}, probe_bytes=5000)
    async with house.scanner:
        await house.scan()
    assert "too much" in house.library.failed["bad.mp4"]
    assert sum(span.length_bytes for span in house.drive.reads) <= 5000


async def test_a_file_that_takes_too_long_is_marked() -> None:
    house = House({"slow.mp4": b"1"}, probe_s=0.01)
    house.workers.gate = asyncio.Event()
    async with house.scanner:
        await house.scan()
    assert house.library.failed == {"slow.mp4": "looking into it took too long"}


async def test_a_host_that_fails_during_a_probe_is_no_fault_of_the_file() -> None:
    house = House({"a.mp4": b"x" * 100})
    house.drive.file_faults["a.mp4"] = HostDown("gone")
    async with house.scanner:
        await house.scan()
        assert house.library.failed == house.library.known == {}
        del house.drive.file_faults["a.mp4"]
        await house.scan()
    assert "a.mp4" in house.library.known


async def test_an_unforeseen_failure_of_one_file_leaves_the_others(caplog) -> None:
    def answer(head: bytes, suffix: str) -> FakeProbed:
        if head == b"strange":
            raise ZeroDivisionError
        return FakeProbed()

    house = House({"a.mp4": b"strange", "b.mp4": b"fine"}, answer=answer)
    async with house.scanner:
        await house.scan()
    assert set(house.library.known) == {"b.mp4"}
    assert "unforeseen" in caplog.text


async def test_without_a_converter_nothing_is_marked() -> None:
    def missing(head: bytes, suffix: str) -> FakeProbed:
        raise ConverterMissing("no ffmpeg")

    house = House({"a.mp4": b"1"}, answer=missing)
    async with house.scanner:
        await house.scan()
    assert house.library.failed == house.library.known == {}


async def test_many_postponed_items_do_not_hide_the_others() -> None:
    files = {f"{n:02}.mp4": b"x" * 100 for n in range(40)}
    house = House(files | {"z.mp4": b"fine"})
    house.drive.file_faults = {path: HostDown("gone") for path in files}
    async with house.scanner:
        await house.scan()
    assert set(house.library.known) == {"z.mp4"}


async def test_a_file_changed_since_its_listing_waits_for_the_next_scan() -> None:
    house = House({"a.mp4": b"1"})
    house.workers.gate = asyncio.Event()
    async with house.scanner:
        async with asyncio.timeout(10):
            while not house.library.items:
                await asyncio.sleep(0)
        house.drive.versions["a.mp4"] = "2"
        item = next(iter(house.library.items.values()))
        assert item.version == "1"
        house.workers.gate.set()
        await house.scan()
    assert next(iter(house.library.items.values())).version == "2"
    assert "a.mp4" in house.library.known


async def test_without_a_nonce_both_ends_are_the_identity() -> None:
    content = bytes(200_000)
    house = House({"a.mp4": content}, is_sealed=False, makes_pictures=False)
    async with house.scanner:
        await house.scan()
    expected = identity_of_samples(200_000, content[:65536] + content[-65536:])
    assert house.library.known["a.mp4"].identity == expected
    assert house.drive.reads == [Span(0, 65536), Span(134_464, 200_000), Span(0, 64)]


def answer_with_pictures(head: bytes, suffix: str) -> FakeProbed:
    if suffix == "jpg":
        return FakeProbed(picture=b"from " + head, tile=b"of " + head)
    if head.startswith(b"covered"):
        return FakeProbed(cover=b"embedded")
    return FakeProbed(picture=b"frame")


async def test_the_best_picture_is_kept() -> None:
    house = House(
        {
            "A/one.mp3": b"covered",
            "A/two.mp3": b"bare",
            "A/three.mp3": b"bare",
            "A/Cover.jpg": b"sleeve",
            "F/film.mkv": b"bare",
            "F/film-poster.jpg": b"poster",
            "G/film.mkv": b"bare",
            "P/p.jpg": b"photo",
            "P/cover.jpg": b"photo two",
        },
        answer=answer_with_pictures,
    )
    async with house.scanner:
        await house.scan()
    assert house.library.art == {
        "A/one.mp3": b"embedded",
        "A/two.mp3": b"from sleeve",
        "A/three.mp3": b"from sleeve",
        "F/film.mkv": b"from poster",
        "G/film.mkv": b"frame",
        "P/p.jpg": b"from photo",
        "P/cover.jpg": b"from photo two",
    }
    assert house.library.known["A/two.mp3"].tile == b"of sleeve"
    assert house.library.known["A/one.mp3"].tile == b"tile"
    assert house.workers.probed.count(b"sleeve") == 1
    assert "A/Cover.jpg" not in house.paths


async def test_a_film_without_any_picture_gets_one_made() -> None:
    files = {"film.mkv": b"bare", "a.jpg": b"photo", "b.mkv": b"sound", "c.mp3": b"song"}
    house = House(files)
    async with house.scanner:
        await house.scan()
    assert house.library.art == {"film.mkv": b"made of bare", "a.jpg": b"made of photo"}
    assert house.library.known["film.mkv"].tile == b"made"
    assert set(house.library.known) == set(files)
    thrifty = House(files, makes_pictures=False)
    async with thrifty.scanner:
        await thrifty.scan()
    assert thrifty.library.art == {}
    assert set(thrifty.library.known) == set(files)


async def test_a_viewer_who_waits_gets_the_facts_before_the_picture_is_made() -> None:
    house = House({"film.mkv": b"bare"})
    async with house.scanner:
        house.workers.gate = asyncio.Event()
        async with asyncio.timeout(10):
            while not house.library.items:
                await asyncio.sleep(0)
        house.workers.gate.set()
        facts = await house.scanner.probe_now(next(iter(house.library.items.values())))
        assert facts.duration_s == 60.0
        await house.scanner.wait_idle()
    assert house.library.known["film.mkv"].tile == b"made"
    assert house.library.art == {"film.mkv": b"made of bare"}


async def test_a_viewer_who_waits_hears_why_there_is_nothing() -> None:
    house = House({"a.mp4": b"crash", "b.mp4": b"fine"}, probe_s=0.5)
    async with house.scanner:
        await house.scan()
        items = {path: item for (_, path), item in house.library.items.items()}
        with pytest.raises(ConverterFailed, match="broke down"):
            await house.scanner.probe_now(items["a.mp4"])
        with pytest.raises(HostChanged):
            await house.scanner.probe_now(replace(items["b.mp4"], version="0"))
        house.workers.gate = asyncio.Event()
        with pytest.raises(ConverterFailed, match="too long"):
            await house.scanner.probe_now(items["b.mp4"])
        with pytest.raises(Locked):
            await house.scanner.probe_now(replace(items["b.mp4"], source="elsewhere"))


async def test_a_broken_picture_beside_a_film_is_left_out() -> None:
    house = House({"film.mkv": b"bare", "poster.jpg": b"crash"}, answer=answer_with_pictures)
    async with house.scanner:
        await house.scan()
    assert house.library.art == {"film.mkv": b"frame"}
    assert house.library.failed == {}


async def test_tags_of_tracks_are_trusted_and_titles_in_films_are_not() -> None:
    tags = {"title": "T", "artist": "A", "album": "B", "track": "2/9", "date": "1983", "show": "S"}
    house = House(answer=lambda head, suffix: FakeProbed(tags=tags))
    async with house.scanner:
        await house.scan()
    track = house.library.known["Music/Nena/Nena/01 - Kino.mp3"]
    assert (track.title, track.artist, track.album, track.track_number) == ("T", "A", "B", 2)
    film = house.library.known["Films/Heat (1995).mp4"]
    assert (film.title, film.artist, film.series, film.year) == (None, None, None, None)
    episode = house.library.known["Series/Dark/Season 1/01 - Secrets.mkv"]
    assert (episode.title, episode.series) == (None, "S")


async def test_an_item_removed_while_it_is_probed_stops_nothing() -> None:
    house = House({"a.mp4": b"1", "b.mp4": b"2"})
    house.workers.gate = asyncio.Event()
    async with house.scanner:
        async with asyncio.timeout(10):
            while len(house.library.finished) < 1:
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            del house.library.items["home", "a.mp4"]
            house.workers.gate.set()
            await house.scanner.wait_idle()
    assert set(house.library.known) == {"b.mp4"}


async def test_folders_nobody_means_to_watch_are_not_walked() -> None:
    drive = FakeDrive({".hidden/a.mp4": b"1", "@eaDir/b.mp4": b"1", "ok/c.mp4": b"1"})
    seen = [folder.path async for folder in walk(drive, 4)]
    assert seen == ["", "ok"]


async def test_a_circle_of_links_ends() -> None:
    drive = FakeDrive({"x/" * 100 + "a.mp4": b"1"})
    folders = [folder async for folder in walk(drive, 4)]
    assert len(folders) == 1 + MAX_DEPTH
    assert [folder.is_whole for folder in folders].count(False) == 1


async def test_near_folders_come_first() -> None:
    drive = FakeDrive({"a/b/c/x.mp4": b"1", "b/x.mp4": b"1", "a/x.mp4": b"1"})
    assert [folder.path async for folder in walk(drive, 1)] == ["", "a", "b", "a/b", "a/b/c"]


def test_settings_have_the_bounds_of_the_issue() -> None:
    settings = ScanSettings()
    assert settings.probe_bytes == (32 << 20) + (1 << 20)
    assert settings.listings_at_once == 4
    assert replace(settings, retry_s=1).retry_s == 1
