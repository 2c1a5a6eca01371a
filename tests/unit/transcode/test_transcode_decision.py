from __future__ import annotations

from dataclasses import replace

import pytest

from transcode import profiles
from transcode.decision import Mode, Wishes, decide
from transcode.errors import NoWayToPlay
from transcode.facts import AudioFacts, MediaFacts, SubtitleFacts, VideoFacts
from transcode.reasons import WORDS, Reason, Why

CHROMIUM = profiles.load("chromium_browser")
TIZEN = profiles.load("tizen")
FILM = MediaFacts(
    "matroska",
    5400.0,
    6000,
    video=(VideoFacts(0, "h264", 1920, 1080, 24.0, profile="High", level=41),),
    audio=(
        AudioFacts(1, "dts", 6, 48000, language="eng", is_default=True),
        AudioFacts(2, "ac3", 6, 48000, language="ger"),
        AudioFacts(3, "aac", 2, 48000, language="fre"),
    ),
    subtitles=(
        SubtitleFacts(4, "subrip", is_text=True),
        SubtitleFacts(5, "hdmv_pgs_subtitle", is_text=False),
    ),
)


def test_the_sentence_says_what_happens_and_why():
    plan = decide(FILM, TIZEN, Wishes())
    assert plan.sentence == "Picture untouched; sound changed: this screen has no DTS."
    assert plan.mode is Mode.CONVERT
    assert [(one.kind, one.does, one.becomes) for one in plan.actions] == [
        ("video", "copy", "h264"),
        ("audio", "convert", "aac"),
    ]


def test_a_direct_play_says_so_and_has_a_mime():
    plan = decide(replace(FILM, audio=FILM.audio[1:2]), TIZEN, Wishes())
    assert plan.direct
    assert plan.sentence == "Plays as it is."
    assert plan.direct_mime == "video/x-matroska"


def test_a_wished_language_takes_its_track_without_converting():
    plan = decide(FILM, TIZEN, Wishes(language="ger"))
    assert str(plan.variant) == "fmp4-v0-a2"
    assert plan.mode is Mode.REMUX


def test_a_wished_language_the_film_lacks_takes_the_default():
    assert decide(FILM, TIZEN, Wishes(language="jpn")).variant.audio == 1


def test_a_wished_track_is_taken_even_if_it_must_be_converted():
    plan = decide(FILM, CHROMIUM, Wishes(audio=2))
    assert str(plan.variant) == "fmp4-v0-a2aac"


def test_a_smaller_picture_is_made_when_wished():
    plan = decide(FILM, TIZEN, Wishes(audio=2, max_height=480))
    assert str(plan.variant) == "fmp4-v0h480-a2aac"
    assert Why.HEIGHT_WISHED in {one.why for one in plan.reasons}


def test_the_machines_height_bounds_a_conversion():
    film = replace(FILM, video=(VideoFacts(0, "vc1", 1920, 1080),))
    assert decide(film, TIZEN, Wishes(), convert_height=1080).variant.video_height == 1080
    assert decide(film, TIZEN, Wishes()).variant.video_height == 720


def test_after_a_failed_file_streams_are_copied_and_after_that_converted():
    film = replace(FILM, audio=FILM.audio[1:2])
    assert decide(film, TIZEN, Wishes(at_least=Mode.REMUX)).mode is Mode.REMUX
    assert decide(film, TIZEN, Wishes(at_least=Mode.CONVERT)).variant.video_height == 720


def test_picture_subtitles_are_named_and_do_not_hinder():
    film = replace(FILM, audio=FILM.audio[1:2])
    plan = decide(film, TIZEN, Wishes(subtitle=5))
    assert plan.direct
    assert [one.why for one in plan.reasons] == [Why.SUBTITLE_PICTURES]
    assert decide(film, TIZEN, Wishes(subtitle=4)).reasons == ()


@pytest.mark.parametrize("wish", [Wishes(audio=9), Wishes(subtitle=9)])
def test_a_stream_the_film_lacks_is_refused(wish):
    with pytest.raises(NoWayToPlay, match="stream 9"):
        decide(FILM, TIZEN, wish)


def test_a_file_without_picture_and_sound_is_refused():
    with pytest.raises(NoWayToPlay, match="neither picture nor sound"):
        decide(MediaFacts("matroska", 1.0, None), TIZEN, Wishes())


def test_a_film_of_unknown_length_is_streamed_not_cut():
    plan = decide(replace(FILM, duration_s=None), TIZEN, Wishes())
    assert plan.variant is None
    assert str(plan.stream_variant) == "ts-v0-a1aac"
    assert Why.LENGTH_UNKNOWN in {one.why for one in plan.reasons}


def test_too_many_bits_are_a_reason():
    film = replace(FILM, video=(replace(FILM.video[0], bitrate_kbps=90_000),))
    reasons = decide(film, TIZEN, Wishes(audio=2)).reasons
    assert Reason(Why.VIDEO_BITRATE, "90000", "60000") in reasons


def test_photos_go_as_they_are_or_not_at_all():
    photo = MediaFacts("jpeg", None, None, video=(VideoFacts(0, "mjpeg", 4000, 3000),))
    assert decide(photo, TIZEN, Wishes()).direct_mime == "image/jpeg"
    with pytest.raises(NoWayToPlay, match="heif"):
        decide(replace(photo, container="heif"), TIZEN, Wishes())


def test_every_reason_has_words():
    assert set(WORDS["en"]) == set(Why)
    for why in Why:
        assert "{" not in Reason(why, "a", "b").text("no such language")
