"""Files beside the media: whose they are."""

from __future__ import annotations

from gateway.drives.base import Entry
from gateway.hosts.base import Stored
from gateway.scan.sidecars import NONE, Sidecars, sidecars_of


def entries(*paths: str) -> list[Entry]:
    return [Entry(path, False, 1, "1", None, Stored(path, False, 1, "1")) for path in paths]


def test_subtitles_belong_to_the_film_of_their_stem() -> None:
    found = sidecars_of(
        entries("F/Heat.mkv", "F/Heat.srt", "F/heat.de.forced.srt", "F/Other.srt", "F/Heat 2.srt")
    )
    assert found.subtitles == {"heat": ("F/Heat.srt", "F/heat.de.forced.srt")}


def test_a_title_with_dots_keeps_its_subtitles() -> None:
    found = sidecars_of(entries("a.b.c.mkv", "a.b.c.en.srt", "a.b.srt"))
    assert found.subtitles == {"a.b.c": ("a.b.c.en.srt",)}


def test_the_best_cover_is_taken_and_no_cover_is_a_photo() -> None:
    found = sidecars_of(entries("A/1.mp3", "A/Folder.JPG", "A/front.png", "A/holiday.jpg"))
    assert found.cover == "A/Folder.JPG"
    assert found.taken == {"A/Folder.JPG", "A/front.png"}


def test_a_films_own_picture_comes_before_the_folders() -> None:
    book = Sidecars()
    book.note(
        "s", "F", sidecars_of(entries("F/a.mkv", "F/b.mkv", "F/b-thumb.webp", "F/poster.jpg"))
    )
    assert book.picture_of("s", "F/b.mkv") == "F/b-thumb.webp"
    assert book.picture_of("s", "F/a.mkv") == "F/poster.jpg"
    assert book.picture_of("s", "a.mkv") is None
    assert book.picture_of("other", "F/a.mkv") is None


def test_photos_alone_have_no_sidecars() -> None:
    assert sidecars_of(entries("cover.jpg", "a.jpg", "x.srt", "notes.txt")) is NONE


def test_what_went_is_forgotten() -> None:
    book = Sidecars()
    book.note("s", "", sidecars_of(entries("a.mkv", "a.srt")))
    assert book.subtitles_of("s", "a.mkv") == ("a.srt",)
    book.note("s", "", sidecars_of(entries("a.mkv")))
    assert book.subtitles_of("s", "a.mkv") == ()
    book.note("s", "", sidecars_of(entries("a.mkv", "a.srt")))
    book.forget("s")
    assert book.subtitles_of("s", "a.mkv") == ()
