from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field

import pytest

from gateway.drives.base import Entry
from gateway.errors import BadArgument, HostChanged, Locked, NotFound
from gateway.hosts.base import Stored
from gateway.library.records import Item, Kind, Position
from gateway.playback.delivery import Delivery, LibraryIndexes, ReaderSource
from gateway.playback.open import FRESH_S, Opener
from gateway.playback.positions import Positions
from tests.fakes.clock import FakeClock
from transcode.decision import Wishes
from transcode.facts import AudioFacts, MediaFacts, VideoFacts
from transcode.profiles import load
from transcode.screens import Screen
from transcode.variant import Variant

FACTS = MediaFacts(
    "matroska",
    60.0,
    4000,
    video=(VideoFacts(0, "h264", 1280, 720),),
    audio=(AudioFacts(1, "aac", 2, 48000),),
)


def make_item(number=1, source="home", **more):
    return Item(
        number, source, "Films/A.MKV", Kind.FILM, "video/x-matroska", "A", 9, "v1", 0.0, **more
    )


class FakeReader:
    size_bytes = 9
    etag = '"1"'
    identity = None
    is_outdated = False

    async def read(self, span):
        yield b"clear all"[span.start : span.stop]


class FakeDrive:
    def __init__(self):
        self.stats = 0
        self.is_folder = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def stat(self, path):
        self.stats += 1
        await self.gate.wait()
        stored = Stored(path, self.is_folder, 9, "v1")
        return Entry(path, self.is_folder, 9, "v1", None, stored)

    async def open(self, entry):
        return FakeReader()


@dataclass
class FakeLibrary:
    items: dict[int, Item] = field(default_factory=lambda: {1: make_item()})
    positions: dict[tuple[int, str], Position] = field(default_factory=dict)
    indexes: dict[str, bytes] = field(default_factory=dict)

    async def item(self, item_id):
        if item_id not in self.items:
            raise NotFound(f"no item {item_id}")
        return self.items[item_id]

    async def position(self, item_id, profile):
        return self.positions.get((item_id, profile))

    async def save_position(self, position):
        self.positions[position.item, position.profile] = position

    async def media_index(self, key):
        return self.indexes.get(key)

    async def save_media_index(self, key, data):
        self.indexes[key] = data


class House:
    def __init__(self):
        self.library, self.clock, self.drive = FakeLibrary(), FakeClock(), FakeDrive()
        self.drives = {"home": self.drive}
        self.opener = Opener(self.library, self.drives, self.clock)


async def test_a_run_of_ranges_asks_the_host_once():
    house = House()
    for _ in range(5):
        opened = await house.opener.open(1)
    assert house.drive.stats == 1
    assert opened.item.id == 1
    house.clock.move(FRESH_S + 1)
    await house.opener.open(1)
    assert house.drive.stats == 2


async def test_a_file_found_changed_is_opened_anew_at_once():
    house = House()
    opened = await house.opener.open(1)
    opened.reader.is_outdated = True
    again = await house.opener.open(1)
    assert again.reader is not opened.reader
    assert house.drive.stats == 2


async def test_two_viewers_at_once_ask_the_host_once():
    house = House()
    house.drive.gate.clear()

    async def open_gate():
        house.drive.gate.set()

    first, second, _ = await asyncio.gather(house.opener.open(1), house.opener.open(1), open_gate())
    assert first.reader is second.reader
    assert house.drive.stats == 1


async def test_a_locked_source_gives_nothing_even_when_it_was_open():
    house = House()
    await house.opener.open(1)
    house.opener.forget("home")
    del house.drives["home"]
    with pytest.raises(Locked):
        await house.opener.open(1)


async def test_a_source_opened_anew_is_read_through_its_new_drive():
    house = House()
    await house.opener.open(1)
    house.drives["home"] = other = FakeDrive()
    await house.opener.open(1)
    assert other.stats == 1


async def test_what_is_gone_or_a_folder_is_not_found():
    house = House()
    with pytest.raises(NotFound):
        await house.opener.open(2)
    house.drive.is_folder = True
    with pytest.raises(NotFound, match="folder"):
        await house.opener.open(1)


@pytest.mark.parametrize(
    ("at_s", "kept_s", "watched"),
    [(5.0, 0.0, False), (-3.0, 0.0, False), (600.0, 600.0, False), (940.0, 0.0, True)],
)
async def test_positions_know_the_beginning_and_the_end(at_s, kept_s, watched):
    library = FakeLibrary()
    positions = Positions(library, FakeClock())
    await positions.report(1, "home", at_s, 1000.0)
    place = await positions.where(1, "home")
    assert (place.position_s, place.watched) == (kept_s, watched)


async def test_a_film_once_seen_stays_seen_while_it_runs_again():
    library = FakeLibrary()
    positions = Positions(library, FakeClock())
    await positions.report(1, "home", 990.0, 1000.0)
    await positions.report(1, "home", 100.0, 1000.0)
    place = await positions.where(1, "home")
    assert (place.position_s, place.watched) == (100.0, True)
    assert await positions.where(1, "other") is None


class FakeHls:
    async def playlist(self, media, variant):
        return f"{media.key} {variant}"


def make_delivery(house, probe=None):
    async def no_probe(item):
        raise AssertionError("nothing to probe")

    return Delivery(
        house.library, house.opener, probe or no_probe, FakeHls(), None, convert_height=480
    )


async def test_known_facts_are_not_probed_again():
    house = House()
    house.library.items[1] = make_item(facts_json=FACTS.to_json(), identity="crypt:ab")
    media = await make_delivery(house).media(1)
    assert (media.key, media.suffix, media.facts) == ("crypt:ab", "mkv", FACTS)
    assert [bytes(piece) async for piece in media.source.read(2, 5)] == [b"ear"]


async def test_facts_of_a_file_that_changed_are_not_used_for_its_new_bytes():
    house = House()
    house.library.items[1] = dataclasses.replace(
        make_item(facts_json=FACTS.to_json()), version="v0"
    )
    assert not (await house.opener.open(1)).is_as_listed
    with pytest.raises(HostChanged):
        await make_delivery(house).media(1)
    house.library.items[1] = make_item(facts_json=FACTS.to_json())
    assert (await make_delivery(house).media(1)).facts == FACTS


async def test_unknown_facts_are_probed_and_the_key_names_the_version():
    house = House()

    async def probe(item):
        return FACTS

    media = await make_delivery(house, probe).media(1)
    assert (media.key, media.facts) == ("item:1:v1", FACTS)


@pytest.mark.parametrize("text", ["fmp4-v3-a1", "fmp4-v0-a0"])
async def test_a_variant_of_other_streams_is_refused(text):
    house = House()
    house.library.items[1] = make_item(facts_json=FACTS.to_json())
    with pytest.raises(BadArgument, match=r"no (picture|sound) stream"):
        await make_delivery(house).playlist(1, Variant.parse(text))


async def test_a_plan_follows_the_height_of_the_settings():
    house = House()
    house.library.items[1] = make_item(facts_json=FACTS.to_json())
    screen: Screen = load("chromium_browser")
    plan = await make_delivery(house).plan(1, screen, Wishes(max_height=480))
    assert plan.variant is None or (plan.variant.video_height or 0) <= 480
    assert await make_delivery(house).playlist(1, Variant.parse("fmp4-v0-a1"))


async def test_indexes_are_kept_in_the_library():
    library = FakeLibrary()
    indexes = LibraryIndexes(library)
    assert await indexes.load("k") is None
    await indexes.save("k", b"data")
    assert await indexes.load("k") == b"data"


def test_a_reader_source_has_the_readers_size():
    assert ReaderSource(FakeReader()).size_bytes == 9
