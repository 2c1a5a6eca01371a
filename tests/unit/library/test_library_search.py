"""Search: exact substring sets, every property, no text that breaks it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import NotFound
from gateway.library.criteria import compile_criteria
from gateway.library.natural import fold
from gateway.library.records import Known, Query
from gateway.library.search_index import SearchIndex, row_key
from gateway.library.search_rows import SearchRow
from gateway.upnp.search import BadCriteria, parse_criteria
from gateway.upnp.sort import parse_sort
from tests.fakes.library import film, id_of, opened, scanned, track

WORDS = [
    "the",
    "a",
    "of",
    "Red",
    "blue",
    "Élan",
    "river",
    "st",
    "moon",
    "winter",
    "7",
    "10",
    "silver-iron",
    "x",
]


def rows(count: int, seed: int = 1) -> list[SearchRow]:
    chance = random.Random(seed)
    return [
        SearchRow(
            entry=number + 1,
            title=fold(" ".join(chance.choices(WORDS, k=chance.randint(1, 5)))),
            upnp_class=chance.choice(
                ["object.item.videoitem.movie", "object.item.audioitem.musictrack"]
            ),
            parent="films",
            artists=chance.choice(["", "sea", "sea\x1fland"]),
            size_bytes=number,
            duration_s=chance.choice([-1.0, 60.0, 3600.0]),
        )
        for number in range(count)
    ]


def load(index: SearchIndex, unordered) -> None:
    index.load(sorted(unordered, key=row_key))


def found(index: SearchIndex, text: str, **more) -> list[int]:
    chooser = compile_criteria(parse_criteria(text), index.object_id)
    hits = index.search(chooser, count=100_000, **more)
    assert hits.total == len(hits.rows)
    return [hit.entry for hit in hits.rows]


@pytest.mark.parametrize("word", ["e", "s", "st", "1", "10", "the", "moon w", "ÉLAN", "zzz", " "])
def test_a_substring_of_any_length_gives_the_exact_set_in_title_order(word: str) -> None:
    index, all_rows = SearchIndex(), rows(3000)
    load(index, all_rows)
    expected = [row.entry for row in sorted(all_rows, key=row_key) if fold(word) in row.title]
    assert found(index, f'dc:title contains "{word}"') == expected


def test_any_page_has_the_exact_total() -> None:
    index = SearchIndex()
    load(index, rows(3000))
    whole = found(index, 'dc:title contains "e"')
    chooser = compile_criteria(parse_criteria('dc:title contains "e"'), index.object_id)
    for start in (0, 1, 511, 1000, len(whole) - 1, len(whole), 10**9):
        hits = index.search(chooser, start=start, count=200)
        assert hits.total == len(whole)
        assert [hit.entry for hit in hits.rows] == whole[start : start + 200]


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["a", "b 2", "b 10", "é", "a\nb"]))))
@settings(max_examples=60, deadline=None)
def test_changes_one_by_one_equal_a_load(changes: list[tuple[int, str]]) -> None:
    index = SearchIndex()
    index.load(())
    now: dict[int, SearchRow] = {}
    for entry, title in changes:
        lost = [(now[entry].title, entry)] if entry in now else []
        row = SearchRow(entry, fold(title), "object.item", "films")
        index.change(lost, [row])
        now[entry] = row
    fresh = SearchIndex()
    load(fresh, now.values())
    assert found(index, "*") == found(fresh, "*")
    assert found(index, 'dc:title contains "b"') == found(fresh, 'dc:title contains "b"')


def test_many_changes_split_and_empty_the_chunks() -> None:
    index, all_rows = SearchIndex(), rows(2500)
    for row in all_rows:
        index.change((), [row])
    assert len(index) == 2500 and len(index._chunks) > 1
    assert found(index, "*") == [row.entry for row in sorted(all_rows, key=row_key)]
    index.change([(row.title, row.entry) for row in all_rows], ())
    assert len(index) == 0 and found(index, "*") == []


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("*", "abcd"),
        ('upnp:class derivedfrom "object.item.audioItem"', "cd"),
        ('upnp:class derivedfrom "object.item.audio"', ""),
        ('upnp:class = "OBJECT.ITEM.VIDEOITEM.MOVIE" and dc:title != "a"', "b"),
        ('dc:title = "A"', "a"),
        ('dc:title startsWith "c" or dc:title startsWith "a"', "ac"),
        ('dc:title doesNotContain "a"', "bcd"),
        ('upnp:artist = "sea"', "cd"),
        ('dc:creator contains "EA"', "cd"),
        ('microsoft:artistPerformer = "Sea"', "cd"),
        ('upnp:artist != "sea"', "ab"),
        ("upnp:artist exists false", "ab"),
        ("@refID exists false", "abcd"),
        ("@refID exists true", ""),
        ('@refID = "1"', ""),
        ('upnp:actor doesNotContain "x"', "abcd"),
        ('upnp:album = "waves"', "cd"),
        ('@parentID = "films"', "ab"),
        ('res@size > "501"', "abd"),
        ("res@size <= 501", "c"),
        ('res@duration >= "0:01:00"', "a"),
        ("res@duration exists true", "a"),
        ('res@size contains "5"', ""),
        ('res@size > "many"', ""),
        ('dc:date < "1990-01-01"', ""),
        ('dc:date >= "2001-09-09"', "abcd"),
        ('pv:lastUpdated > 0 and dc:title = "b"', "b"),
        ('dc:title < "c"', "ab"),
    ],
)
async def test_every_property_and_operator(tmp_path: Path, text: str, titles: str) -> None:
    async with opened(tmp_path) as library:
        files = [film("f/a.mp4"), film("f/b.mp4"), track("m/c.mp3", 1), track("m/d.mp3", 2)]
        await scanned(library, files)
        await library.record_probe(await id_of(library, "a"), Known("x", "{}", duration_s=60.0))
        page = await library.search("0", parse_criteria(text), "generic", "h", "t", 0, 0)
        shown = [line.partition(">")[2][0] for line in page.result.splitlines() if line[1] == "i"]
        assert "".join(shown) == titles


async def test_containers_are_found_and_a_scope_holds(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("f/a.mp4"), track("m/a.mp3", 1), track("m/c.mp3", 2)])

        async def ids(container: str, text: str) -> list[str]:
            page = await library.search(
                container, parse_criteria(text), "generic", "h", "t", 0, 0, parse_sort("-res@size")
            )
            return [line[1:].partition(" ")[0] for line in page.result.splitlines()]

        ((album,), _) = await library.groups("albums")
        assert await ids("0", 'upnp:class = "object.container.album.musicAlbum"') == [album.key]
        assert await ids("0", f'@id = "{album.key}"') == [album.key]
        film_id, track_id = [
            one.id for one in (await library.list_items(Query(text="a"))).items if one.title == "a"
        ]
        assert await ids("films", 'dc:title = "a"') == [f"i{film_id}"]
        assert await ids(album.key, 'dc:title contains "a"') == [f"i{track_id}"]
        assert await ids("music", 'dc:title = "a"') == [f"i{track_id}"]
        assert len(await ids("recent", "*")) == 3
        assert await ids("0", f'@id = "i{film_id}"') == [f"i{film_id}"]
        with pytest.raises(NotFound):
            await ids("nowhere", "*")


async def test_a_hit_stands_under_its_home_and_follows_changes(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("f/old name.mp4"), film("f/other.mp4")])

        async def result(word: str) -> str:
            tree = parse_criteria(f'dc:title contains "{word}"')
            return (await library.search("0", tree, "generic", "h", "t", 0, 0)).result

        assert "parent=films" in await result("old n")
        item = await id_of(library, "old name")
        await library.record_probe(item, Known("x", "{}", title="new name"))
        assert await result("old n") == ""
        assert "new name" in await result("new n")
    async with opened(tmp_path) as library:
        assert "new name" in await result("new n")


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_value_is_ever_more_than_a_value(value: str) -> None:
    index = SearchIndex()
    load(index, rows(40))
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    for name in ("dc:title", "upnp:artist", "@id", "res@size"):
        for relation in ("contains", "=", "<", "startsWith"):
            expected = parse_criteria(f'{name} {relation} "{quoted}"')
            chooser = compile_criteria(expected, index.object_id)
            assert index.search(chooser).total <= 40
    wanted = fold(value)
    assert found(index, f'dc:title contains "{quoted}"') == [
        row.entry for row in sorted(rows(40), key=row_key) if wanted in row.title
    ]


@given(st.text(alphabet='()"<>=! andorcontains*\\dc:title@%_\x00', max_size=60))
@settings(max_examples=200, deadline=None)
def test_nonsense_is_refused_or_answered(text: str) -> None:
    index = SearchIndex()
    load(index, rows(10))
    try:
        tree = parse_criteria(text)
    except BadCriteria:
        return
    assert index.search(compile_criteria(tree, index.object_id)).total <= 10


async def test_text_of_a_query_finds_people_and_albums_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await scanned(library, [film("Seaside.mp4"), film("Dry.mp4"), track("m/x.mp3", 1)])
        shown = await library.list_items(Query(text="SEA"))
        assert [one.title for one in shown.items] == ["Seaside", "x"] and shown.total == 2
        hostile = await library.list_items(Query(text="'; DROP TABLE item; --"))
        assert hostile.total == 0
