"""What paths, suffixes, tags and bytes tell of a file."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metadata.guess import Guess, guess_hard, guess_plain, provisional
from gateway.metadata.identity import (
    SAMPLE_BYTES,
    identity_of_samples,
    identity_of_seal,
    sample_spans,
)
from gateway.metadata.kinds import MediaKind, media_type
from gateway.metadata.tags import Tags, read_tags

PLAIN = [
    ("Films/Blade.Runner.1982.1080p.BluRay.x264-GRP.mkv", Guess("Blade Runner", 1982)),
    ("Films/Heat (1995).mp4", Guess("Heat", 1995)),
    ("Films/Heat (1995)/Heat.mkv", Guess("Heat", 1995)),
    ("Films/Michael Mann (2000)/Heat.mkv", Guess("Heat")),
    ("Films/2001 A Space Odyssey (1968) [1080p].mkv", Guess("2001 A Space Odyssey", 1968)),
    ("Blade Runner 2049 (2017) - 4K.mkv", Guess("Blade Runner 2049", 2017)),
    ("1917 (2019).mkv", Guess("1917", 2019)),
    ("2012.2009.1080p.mkv", Guess("2012", 2009)),
    ("1917.mkv", Guess("1917")),
    ("Der Pate.mkv", Guess("Der Pate")),
    ("Dr. No.mkv", Guess("Dr. No")),
    ("Se7en.mkv", Guess("Se7en")),
    ("Toy Story 3.mkv", Guess("Toy Story 3")),
    ("What's Up, Doc?.mkv", Guess("What's Up, Doc?")),
    ("千と千尋の神隠し.mkv", Guess("千と千尋の神隠し")),
    ("Camera/VID_20210504_123456.mp4", Guess("VID_20210504_123456")),
    ("Dark/Season 1/Dark.S01E03.German.720p.mkv", Guess("Episode 3", None, "Dark", 1, 3)),
    ("Dark/Dark - S01E01 - Secrets.mkv", Guess("Secrets", None, "Dark", 1, 1)),
    ("Dark.S01E02.Lies.1080p.WEB.x264.mkv", Guess("Lies", None, "Dark", 1, 2)),
    ("Dark (2017)/Season 2/S02E03.mkv", Guess("Episode 3", None, "Dark", 2, 3)),
    ("Dark/Season 01/03 - Past and Present.mkv",
     Guess("Past and Present", None, "Dark", 1, 3)),
    ("Dark/Staffel 2/Folge 4.mkv", Guess("Episode 4", None, "Dark", 2, 4)),
    ("Dark/Specials/01 Making of.mkv", Guess("Making of", None, "Dark", 0, 1)),
    ("show/s1/e01.mkv", Guess("Episode 1", None, "show", 1, 1)),
    ("Friends/1x02 The One.mkv", Guess("The One", None, "Friends", 1, 2)),
    ("Friends/Friends.s1e00.mkv", Guess("Episode 0", None, "Friends", 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "guess"), PLAIN)
def test_plain_video_names_need_no_guessit(path, guess) -> None:
    assert guess_plain(path, MediaKind.VIDEO) == guess
    assert guess.is_episode is (guess.series is not None)


@pytest.mark.parametrize(
    "path",
    [
        "[Grp] Mushishi - 03 [1080p].mkv",
        "Dark.S01E01E02.mkv",
        "some.release.german.x264.mkv",
        "Show Episode 4.mkv",
        "Show E04.mkv",
        "S01E01.mkv",
        "(1999).mkv",
    ],
)
def test_other_names_are_left_to_guessit(path) -> None:
    assert guess_plain(path, MediaKind.VIDEO) is None


@pytest.mark.parametrize(
    ("path", "guess"),
    [
        ("x/[Grp] Mushishi - 03 [1080p].mkv", Guess("Episode 3", None, "Mushishi", None, 3)),
        ("Dark.S01E01E02.mkv", Guess("Episode 1", None, "Dark", 1, 1)),
        ("Some.Film.German.2003.AC3.x264.mkv", Guess("Some Film", 2003)),
        ("[].mkv", Guess("[]")),
        ("The.Daily.Show.2021.05.04.x264.mkv", Guess("The Daily Show")),
        ("", Guess("")),
    ],
)
def test_guessit_reads_what_the_plain_rules_leave(path, guess) -> None:
    assert guess_hard(path) == guess


def test_an_equal_name_is_guessed_once() -> None:
    first = guess_hard("a/Odd_Name.x264.v2.mkv")
    assert guess_hard("top/a/Odd_Name.x264.v2.mkv") is not first
    assert guess_hard("a/Odd_Name.x264.v2.mkv") is first


def test_a_provisional_title_is_the_name_without_its_dots() -> None:
    assert provisional("a/Some.odd_name.mkv") == Guess("Some odd name")
    assert provisional("a/---.mkv") == Guess("---.mkv")


@pytest.mark.parametrize(
    ("path", "guess"),
    [
        ("Music/Nena/Nena (1983)/01 - Kino.mp3",
         Guess("Kino", 1983, artist="Nena", album="Nena", track_number=1)),
        ("Nena - Fragezeichen/03. Song.flac",
         Guess("Song", artist="Nena", album="Fragezeichen", track_number=3)),
        ("Musik/Nena/CD2/2-07 Nena - Lied.mp3",
         Guess("Lied", artist="Nena", album="Nena", track_number=7)),
        ("A/B/07 A - Song.mp3", Guess("Song", artist="A", album="B", track_number=7)),
        ("Nena - Kino.mp3", Guess("Kino", artist="Nena")),
        ("song.mp3", Guess("song")),
        ("Music/x_y.mp3", Guess("x y")),
    ],
)  # fmt: skip
def test_tracks_are_read_from_their_folders(path, guess) -> None:
    assert guess_plain(path, MediaKind.AUDIO) == guess


def test_a_photo_is_called_by_its_name() -> None:
    assert guess_plain("a/IMG_1.2.jpg", MediaKind.PHOTO) == Guess("IMG_1.2")


@given(st.text(max_size=60), st.sampled_from(MediaKind))
def test_no_path_breaks_the_plain_rules(path, kind) -> None:
    guess = guess_plain(path, kind)
    assert guess is None or isinstance(guess.title, str)


def test_ten_thousand_plain_names_are_read_in_a_second() -> None:
    names = [f"Films/The Film of {n} (19{n % 100:02}) [1080p].mkv" for n in range(5000)]
    names += [f"Show {n}/Season 1/Show.S01E{n % 99:02}.1080p.mkv" for n in range(5000)]
    start = time.process_time()
    for name in names:
        assert guess_plain(name, MediaKind.VIDEO) is not None
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("name", "kind", "mime"),
    [
        ("a.MKV", MediaKind.VIDEO, "video/x-matroska"),
        ("a.b.mp4", MediaKind.VIDEO, "video/mp4"),
        ("a.flac", MediaKind.AUDIO, "audio/flac"),
        ("a.JPG", MediaKind.PHOTO, "image/jpeg"),
        ("a.de.srt", MediaKind.SUBTITLE, "application/x-subrip"),
    ],
)
def test_the_suffix_tells_the_kind(name, kind, mime) -> None:
    found = media_type(name)
    assert found is not None
    assert (found.kind, found.mime) == (kind, mime)
    assert found.suffix == name.rpartition(".")[2].lower()


@pytest.mark.parametrize(
    "name",
    ["a.txt", "mkv", ".mkv", "._a.mkv", ".Trash-1.mp4", "sample.mkv", "a-Sample.mkv", "", "a."],
)
def test_what_is_no_media_is_left_out(name) -> None:
    assert media_type(name) is None


def test_a_song_called_sample_is_a_song() -> None:
    assert media_type("sample.mp3") is not None


def test_tags_are_read_in_any_case_and_cleaned() -> None:
    assert read_tags(
        {
            "TITLE": " A\x01B\x00 ",
            "ARTIST": "Nena",
            "Album_Artist": "Various",
            "album": "x" * 500,
            "GENRE": "(17)Rock; Pop",
            "DATE": "1983-05-01",
            "track": "3/12",
            "DISCNUMBER": "2",
            "show": "Dark",
            "season_number": "1",
            "episode_sort": "4",
            "comment": "ignored",
        }
    ) == Tags(
        title="A B",
        artist="Nena",
        album="x" * 300,
        album_artist="Various",
        genre="Rock",
        year=1983,
        track_number=3,
        disc_number=2,
        series="Dark",
        season=1,
        episode=4,
    )


def test_silent_and_senseless_tags_give_nothing() -> None:
    tags = {"title": " ", "date": "unknown", "track": "A1", "disc": "0/0", "genre": "(12)"}
    assert read_tags(tags) == Tags()


def test_creation_time_is_the_last_resort_for_the_year() -> None:
    assert read_tags({"creation_time": "2021-05-04T10:00:00Z"}).year == 2021
    assert read_tags({"creation_time": "2021-05-04", "date": "1999"}).year == 1999


@pytest.mark.parametrize("size", [0, 1, SAMPLE_BYTES * 2, SAMPLE_BYTES * 2 + 1, 10**12])
def test_no_more_than_both_ends_are_sampled(size) -> None:
    spans = sample_spans(size)
    assert sum(span.length_bytes for span in spans) == min(size, 2 * SAMPLE_BYTES)
    assert not spans or (spans[0].start, spans[-1].stop) == (0, size)


def test_identities_tell_contents_apart() -> None:
    assert identity_of_seal(b"\x01\xff") == "crypt:01ff"
    same = identity_of_samples(5, b"12345")
    assert same == identity_of_samples(5, b"12345")
    assert same.startswith("sh:5:")
    assert len({same, identity_of_samples(5, b"12346"), identity_of_samples(6, b"12345")}) == 3
