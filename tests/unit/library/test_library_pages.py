"""Browse: order, pages, texts, classes of players, ids of changes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from gateway.errors import BadArgument, NotFound
from gateway.library.records import Kind, Known, Query, Sort, SourceState
from gateway.upnp.sort import parse_sort
from tests.fakes.fragments import PlainFragments
from tests.fakes.library import episode, film, id_of, names, opened, scanned, track


async def browse(library, container, *, cls="generic", start=0, count=0, sort="", fields=None):
    return await library.browse_children(
        container, cls, "http://a:1", "TOK", start, count, parse_sort(sort), fields
    )


async def test_the_tree_of_a_mixed_source(tmp_path: Path) -> None:
    found = [
        film("films/Alien.mp4"),
        episode("tv/Dark/s1e2.mp4", "Dark", 1, 2),
        episode("tv/Dark/s1e1.mp4", "Dark", 1, 1),
        episode("tv/Dark/s2e1.mp4", "Dark", 2, 1),
        track("music/b.mp3", 1),
        track("music/a.mp3", 2),
    ]
    async with opened(tmp_path) as library:
        await scanned(library, found)
        assert await names(library, "0") == [
            "Films", "Series", "Music", "Photos", "Folders", "Recently added",
        ]  # fmt: skip
        ((series,), total) = await library.groups("series")
        assert (series.title, series.count, total) == ("Dark", 2, 1)
        seasons, _ = await library.groups("seasons", series.key)
        assert [(one.title, one.count, one.subtitle) for one in seasons] == [
            ("Season 1", 2, "1"), ("Season 2", 1, "2"),
        ]  # fmt: skip
        assert await names(library, seasons[0].key) == ["Part 1", "Part 2"]
        ((album,), _) = await library.groups("albums")
        assert (album.title, album.subtitle) == ("Waves", "Sea")
        assert await names(library, album.key) == ["b", "a"]
        assert await names(library, "tracks") == ["a", "b"]
        ((root,), _) = await library.groups("folders")
        assert root.title == "home"
        assert await names(library, root.key) == ["films", "music", "tv"]
        assert (await library.list_items(Query(series=series.key))).total == 3
        assert (await library.list_items(Query(series="Dark", season=2))).total == 1
        assert (await library.list_items(Query(album=album.key, sort=Sort.ALBUM))).total == 2
        folder = (await library.groups("folders", root.key))[0][0]
        assert (await library.list_items(Query(folder=folder.key))).total == 1
        assert (await library.counts())[Kind.EPISODE] == 3


async def test_titles_stand_in_natural_order(tmp_path: Path) -> None:
    titles = ["film 10", "Film 2", "élan", "Eland", "film 1", "ZOO", "a", "Film 002 b"]
    async with opened(tmp_path) as library:
        await scanned(library, [film(f"{title}.mp4") for title in titles])
        assert await names(library, "films") == [
            "a", "élan", "Eland", "film 1", "Film 2", "Film 002 b", "film 10", "ZOO",
        ]  # fmt: skip


async def test_pages_join_to_the_whole_list_wherever_they_are_cut(tmp_path: Path) -> None:
    shuffled = [f"{number:05d} x" for number in range(700)]
    random.Random(5).shuffle(shuffled)
    async with opened(tmp_path) as library:
        await scanned(library, [film(f"{title}.mp4") for title in shuffled])
        whole = await names(library, "films")
        assert whole == sorted(shuffled)
        for start, count in ((0, 200), (333, 7), (650, 200), (699, 1), (700, 5), (9999, 5)):
            page = await browse(library, "films", start=start, count=count)
            shown = whole[start : start + count]
            assert (page.returned, page.total) == (len(shown), 700)
            assert await names(library, "films", start, count) == shown


async def test_texts_are_filled_with_address_token_and_parent(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("films/Alien.mp4")])
        item = await id_of(library, "Alien")
        ((root,), _) = await library.groups("folders")
        folder = (await library.groups("folders", root.key))[0][0].key
        for parent in ("films", folder, "recent"):
            assert (await browse(library, parent)).result == (
                f"<i{item} parent={parent} class=generic>Alien|http://a:1/media/TOK/{item}</i>\n"
            )
        alone = await library.browse_metadata(f"i{item}", "generic", "http://a:1", "TOK")
        assert "parent=films" in alone.result and (alone.returned, alone.total) == (1, 1)
        root_text = await library.browse_metadata("0", "generic", "http://a:1", "TOK")
        assert root_text.result == "<0 parent=-1 count=6 art=None>Vaultcast</c>\n"


@pytest.mark.parametrize("object_id", ["", "i", "i999", "film", "i1 OR 1=1", "x'y", "i" + "9" * 40])
async def test_what_is_not_there_is_not_found(tmp_path: Path, object_id: str) -> None:
    async with opened(tmp_path) as library:
        with pytest.raises(NotFound):
            await library.browse_metadata(object_id, "generic", "a", "t")
        with pytest.raises(NotFound):
            await browse(library, object_id)


async def test_a_negative_slice_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        for start, count in ((-1, 5), (0, -5)):
            with pytest.raises(BadArgument):
                await browse(library, "0", start=start, count=count)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("+dc:title", "abc"),
        ("-dc:title", "cba"),
        ("-res@size", "bca"),
        ("+res@duration,-dc:title", "acb"),
        ("+upnp:class,+dc:title", "abc"),
        ("+foo:bar", "abc"),
    ],
)
async def test_other_orders(tmp_path: Path, sort: str, expected: str) -> None:
    async with opened(tmp_path) as library:
        sizes = {"a.mp4": 1, "b.mp4": 3, "c.mp4": 2}
        await scanned(library, [film(path, size=size) for path, size in sizes.items()])
        for title, duration_s in (("a", 1.0), ("b", 2.0), ("c", 2.0)):
            known = Known(title, "{}", duration_s=duration_s)
            await library.record_probe(await id_of(library, title), known)
        page = await browse(library, "films", sort=sort)
        assert "".join(line.partition(">")[2][0] for line in page.result.splitlines()) == expected


async def test_every_sortable_property_can_be_sorted_by(tmp_path: Path) -> None:
    from gateway.upnp.sort import SORTABLE

    async with opened(tmp_path) as library:
        await scanned(library, [film("a.mp4"), track("b.mp3", 1)])
        for name in SORTABLE:
            assert (await browse(library, "films", sort=f"-{name}")).returned == 1
            ((root,), _) = await library.groups("folders")
            assert (await browse(library, root.key, sort=f"-{name}")).returned == 2


async def test_fewer_fields_are_rendered_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("a.mp4")])
        page = await browse(library, "films", fields=frozenset({"dc:title"}))
        assert "fields=dc:title" in page.result
        assert "fields" not in (await browse(library, "films")).result


async def test_a_new_class_is_answered_at_once_and_then_kept(tmp_path: Path) -> None:
    fragments = PlainFragments()
    async with opened(tmp_path, fragments=fragments) as library:
        await scanned(library, [film(f"{number}.mp4") for number in range(450)])
        first = await browse(library, "films", cls="samsung", count=3)
        assert first.result.count("class=samsung") == 3
        async with asyncio.timeout(10):
            while (
                library._readers.short(
                    lambda c: c.execute("SELECT count(*) FROM profile_class WHERE is_complete").get
                )
                < 2
            ):
                await asyncio.sleep(0)
        rendered = fragments.items
        assert (await browse(library, "films", cls="samsung", count=3)).result == first.result
        assert fragments.items == rendered


async def test_stored_texts_of_another_renderer_are_not_used(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("a.mp4")])
    async with opened(tmp_path, fragments=PlainFragments(" edition=2")) as library:
        assert "edition=2" in (await browse(library, "films")).result
        assert await names(library, "0", 0, 1) == ["Films"]


async def test_update_ids_go_up_only_where_something_changed(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("a.mp4"), track("m/b.mp3", 1)])
        before = library.system_update_id
        ids = library.container_update_ids(["films", "tracks"])
        await library.record_probe(await id_of(library, "a"), Known("x", "{}", duration_s=3.0))
        after = library.container_update_ids(["films", "tracks"])
        assert library.system_update_id == before + 1
        assert after["films"] == before + 1 and after["tracks"] == ids["tracks"]
        assert (await browse(library, "films")).update_id == before + 1
    async with opened(tmp_path) as library:
        assert library.system_update_id == before + 1


async def test_an_empty_album_vanishes_from_its_list(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        keep = [track(f"m/{number}.mp3", number) for number in range(9)]
        await scanned(library, [*keep, track("n/x.mp3", 1, "Gone")])
        assert await names(library, "albums") == ["Gone", "Waves"]
        await scanned(library, keep)
        assert await names(library, "albums") == ["Waves"]
        assert await names(library, "folders") == ["home"]


async def test_a_picture_gives_its_album_a_picture(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [track("m/a.mp3", 1), track("m/b.mp3", 2)])
        second = await id_of(library, "b")
        await library.save_art(second, b"jpeg")
        ((album,), _) = await library.groups("albums")
        assert album.sample_item == second
        assert f"art={second}" in (await browse(library, "albums")).result


async def test_pages_stay_right_while_a_large_container_is_left_stale(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film(f"{number}.mp4") for number in range(1200)])
        library._tree._next_s.update(dict.fromkeys(library._tree._nodes, 1e18))
        item = await id_of(library, "7")
        await library.record_probe(item, Known("x", "{}", title="Zulu"))
        shown = await names(library, "films", 0, 1000)
        assert len(shown) == 1000 and shown[7] == "Zulu"  # not sorted in yet, but its new text
        library._tree._next_s.clear()
        async with asyncio.timeout(10):
            while (await names(library, "films", 1199, 1)) != ["Zulu"]:
                await asyncio.sleep(0.01)
        await library.set_source_state("home", SourceState.READY)


async def test_list_slices_and_orders(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film(f"{number}.mp4") for number in range(20)])
        page = await library.list_items(Query(kind=Kind.FILM, start=5, count=3))
        assert [one.title for one in page.items] == ["5", "6", "7"]
        assert (page.total, page.start) == (20, 5)
        down = await library.list_items(Query(descending=True, count=2))
        assert [one.title for one in down.items] == ["19", "18"]
        for sort in Sort:
            assert (await library.list_items(Query(sort=sort))).total == 20
        assert (await library.list_items(Query(source="other"))).total == 0
        with pytest.raises(NotFound):
            await library.list_items(Query(folder="folder-999"))
        with pytest.raises(BadArgument):
            await library.groups("nonsense")
