"""Listings, moves, losses, returns; what survives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bus import Bus, LibraryChanged, SourceChanged
from gateway.errors import BadArgument, NotFound
from gateway.library.records import Known, Position, ProbeState, Query, SourceState
from tests.fakes.clock import FakeClock
from tests.fakes.library import film, id_of, names, opened, scanned

TEN = [film(f"films/Film {number}.mp4") for number in range(10)]


def position(item: int, at_s: float = 60.0) -> Position:
    return Position(item, "p", at_s, 100.0, False, 5.0)


async def test_items_are_seen_while_the_scan_runs(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.add_source("home", "/home")
        scan = await library.begin_scan("home")
        await scan.put(TEN[:3])
        assert await names(library, "films") == ["Film 0", "Film 1", "Film 2"]
        await scan.put(TEN[3:])
        diff = await scan.finish(True)
        assert (len(diff.added), diff.kept, diff.away) == (10, 0, False)


async def test_an_unchanged_listing_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        before = library.system_update_id
        diff = await scanned(library, TEN)
        assert (diff.added, diff.changed, diff.removed, diff.kept) == ((), (), (), 10)
        assert library.system_update_id == before


async def test_a_moved_file_keeps_id_position_picture_and_date(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        added_s = (await library.item(item)).added_s
        await library.save_position(position(item))
        await library.save_art(item, b"jpeg")
        clock.move(1000)
        moved = [one for one in TEN if one.title != "Film 3"]
        moved.append(film("elsewhere/Film 3.mp4"))
        diff = await scanned(library, moved)
        assert diff.added == () and diff.removed == () and diff.changed == (item,)
        there = await library.item(item)
        assert (there.path, there.added_s, there.has_art) == ("elsewhere/Film 3.mp4", added_s, True)
        assert await library.position(item, "p") == position(item)
        assert await library.art(item) == b"jpeg"
        assert (await library.list_items(Query())).total == 10


async def test_a_renamed_file_is_known_by_size_and_version(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        renamed = [one for one in TEN if one.title != "Film 3"]
        renamed.append(film("films/Better Name.mp4", version="v-Film 3"))
        await scanned(library, renamed)
        assert (await library.item(item)).title == "Better Name"


async def test_two_possible_sources_of_a_move_are_not_guessed(tmp_path: Path) -> None:
    twins = [film("a/x.mp4", version="same"), film("b/y.mp4", version="same")]
    async with opened(tmp_path) as library:
        await scanned(library, TEN + twins)
        diff = await scanned(library, [*TEN, film("c/z.mp4", version="same")])
        assert len(diff.added) == 1 and len(diff.removed) == 2


async def test_content_found_again_after_its_deletion_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        assert await library.record_probe(item, Known("content-3", "{}")) == item
        await library.save_position(position(item))
        rest = [one for one in TEN if one.title != "Film 3"]
        assert (await scanned(library, rest)).removed == (item,)
        with pytest.raises(NotFound):
            await library.item(item)
        back = [*rest, film("new/Other Name.mp4", version="quite other")]
        (fresh,) = (await scanned(library, back)).added
        assert await library.record_probe(fresh, Known("content-3", "{}")) == item
        assert await library.position(item, "p") == position(item)
        with pytest.raises(NotFound):
            await library.item(fresh)
        assert sorted(await names(library, "films"))[-1] == "Other Name"


async def test_a_file_that_returns_to_its_path_is_the_same_item(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 9")
        await library.save_position(position(item))
        await scanned(library, TEN[:9])
        await scanned(library, TEN)
        assert (await library.item(item)).title == "Film 9"
        assert await library.position(item, "p") == position(item)


async def test_what_is_gone_for_thirty_days_is_erased(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 9")
        await scanned(library, TEN[:9])
        clock.move(31 * 86400)
        await library._purge()
        (fresh,) = (await scanned(library, TEN)).added
        assert fresh > item


async def test_new_content_under_an_old_path_begins_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        await library.record_probe(item, Known("old", "{}", title="Told", duration_s=9.0))
        await library.save_position(position(item))
        changed = [*TEN[:3], film("films/Film 3.mp4", version="new"), *TEN[4:]]
        assert (await scanned(library, changed)).changed == (item,)
        now = await library.item(item)
        assert (now.title, now.identity, now.duration_s, now.probe) == (
            "Film 3", None, None, ProbeState.UNKNOWN,
        )  # fmt: skip
        assert await library.position(item, "p") is None


@pytest.mark.parametrize(("left", "is_away"), [(8, False), (7, True), (0, True)])
async def test_a_listing_that_lost_more_than_a_fifth_is_not_believed(
    tmp_path: Path, left: int, is_away: bool
) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        diff = await scanned(library, TEN[:left])
        assert diff.away is is_away
        assert (await library.list_items(Query())).total == (10 if is_away else left)
        (source,) = await library.sources()
        assert source.state is (SourceState.AWAY if is_away else SourceState.READY)
        assert (source.reason is not None) is is_away


async def test_an_incomplete_listing_removes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        scan = await library.begin_scan("home")
        await scan.put(TEN[:9])
        diff = await scan.finish(False)
        assert diff.away and diff.removed == ()
        assert len(await names(library, "films")) == 10


async def test_the_owner_can_confirm_that_files_are_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        await scanned(library, TEN[:2])
        assert len(await library.confirm_removal("home")) == 8
        assert await names(library, "films") == ["Film 0", "Film 1"]
        assert (await library.sources())[0].state is SourceState.READY
        with pytest.raises(BadArgument):
            await library.confirm_removal("home")


async def test_a_probe_tells_more_than_the_name_and_survives_a_new_listing(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        await library.save_position(position(item))
        await library.record_probe(item, Known("c3", '{"a":1}', title="Zulu", tile=b"t", width=5))
        assert (await names(library, "films"))[-1] == "Zulu"
        assert await library.position(item, "p") == position(item)
        again = [*TEN[:3], film("films/Film 3.mp4", size=1000), *TEN[4:]]
        await scanned(library, again)
        known = await library.item(item)
        assert (known.title, known.facts_json, known.tile, known.width) == (
            "Zulu", '{"a":1}', b"t", 5,
        )  # fmt: skip
        assert item not in {one.id for one in await library.items_to_probe(100)}


async def test_a_file_that_failed_is_not_probed_again_until_it_changes(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        await library.record_probe_failed(item, "v-other", "stale answer")
        assert item in {one.id for one in await library.items_to_probe(100)}
        await library.record_probe_failed(item, "v-Film 3", "crashed")
        assert item not in {one.id for one in await library.items_to_probe(100)}
        await scanned(library, [*TEN[:3], film("films/Film 3.mp4", version="new"), *TEN[4:]])
        assert item in {one.id for one in await library.items_to_probe(100)}


async def test_a_locked_source_is_invisible_everywhere(tmp_path: Path) -> None:
    bus = Bus()
    async with opened(tmp_path, bus=bus) as library:
        await scanned(library, TEN)
        await scanned(library, [film("Secret.mp4", source="vault")], "vault")
        item = await id_of(library, "Secret")
        await library.save_position(position(item))
        await library.save_art(item, b"jpeg")
        with bus.listen() as events:
            await library.set_source_state("vault", SourceState.LOCKED, "by its owner")
            assert isinstance(await events.get(), LibraryChanged)
            assert await events.get() == SourceChanged("vault", "locked")
        assert "Secret" not in await names(library, "films")
        assert "Secret" not in await names(library, "recent")
        assert await names(library, "folders") == ["home"]
        assert [one.key for one in (await library.groups("sources"))[0]] == ["home"]
        assert (await library.list_items(Query(text="secret"))).total == 0
        assert (await library.list_items(Query())).total == 10
        assert await library.continue_watching("p", 10) == []
        assert await library.art(item) is None
        assert await library.position(item, "p") is None
        for read in (library.item(item), library.browse_metadata(f"i{item}", "generic", "a", "t")):
            with pytest.raises(NotFound):
                await read
        await library.set_source_state("vault", SourceState.READY)
        assert "Secret" in await names(library, "films")
        assert (await library.list_items(Query(text="secret"))).total == 1


async def test_an_away_source_stays_listed(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        await library.set_source_state("home", SourceState.AWAY, "no answer")
        assert len(await names(library, "films")) == 10
        assert await library.items_to_probe(5) == []


async def test_a_removed_source_comes_back_with_its_items(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        item = await id_of(library, "Film 3")
        await library.save_position(position(item))
        await library.remove_source("home")
        assert await library.sources() == [] and await names(library, "films") == []
        await scanned(library, TEN)
        assert await library.position(item, "p") == position(item)
        assert (await library.sources())[0].item_count == 10


async def test_continue_watching_shows_each_content_once_latest_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, TEN)
        first, copy, second = [await id_of(library, f"Film {number}") for number in (1, 2, 3)]
        for item in (first, copy):
            await library.record_probe(item, Known("same", "{}"))
        await library.save_position(Position(first, "p", 5.0, 9.0, False, 1.0))
        await library.save_position(Position(second, "p", 6.0, 9.0, False, 2.0))
        fifth = await id_of(library, "Film 5")
        await library.save_position(Position(fifth, "p", 0.0, 9.0, True, 3))
        begun = await library.continue_watching("p", 10)
        assert [item.id for item, _ in begun] == [second, first]
        assert await library.position(copy, "p") is not None
