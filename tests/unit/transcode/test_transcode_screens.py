from __future__ import annotations

import pytest

from transcode import profiles
from transcode.screens import QUESTIONS, screen_from_json, screen_from_table
from transcode.variant import Package

SAFE = ['video/mp4; codecs="avc1.640029"', 'audio/mp4; codecs="mp4a.40.2"']


def test_every_profile_loads():
    assert {"generic_dlna", "old_dlna", "chromium_browser", "tizen", "webos"} <= set(
        profiles.names()
    )
    for name in profiles.names():
        screen = profiles.load(name)
        assert screen.video
        assert screen.audio


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(KeyError, match="generic_dlna"):
        profiles.load("toaster")


def test_an_unknown_key_of_a_profile_is_named():
    with pytest.raises(ValueError, match="'contaners'"):
        screen_from_table("x", {"contaners": []})


def test_a_browsers_yes_becomes_an_ability_and_silence_none():
    screen = screen_from_json({"mse": SAFE, "native": [], "width": 1920, "height": 1080})
    assert screen.video_ability("h264").level == 41
    assert screen.video_ability("hevc") is None
    assert screen.audio_ability("ac3") is None
    assert screen.packages == (Package.FMP4,)
    assert screen.picture_height == 1080


def test_the_greatest_yes_of_a_codec_counts():
    every = [question.mime for question in QUESTIONS]
    screen = screen_from_json({"mse": every, "native": every, "hdr": True})
    assert screen.video_ability("hevc").level == 153
    assert screen.video_ability("hevc").bit_depth == 10
    assert screen.hdr
    assert "matroska" in screen.containers


def test_an_old_set_with_native_hls_alone_gets_transport_streams():
    screen = screen_from_json(
        {
            "native": [*SAFE, "application/vnd.apple.mpegurl"],
            "agent": "Mozilla/5.0 (Web0S; Linux) Chrome/38.0.2125.122",
        }
    )
    assert screen.packages == (Package.TS, Package.FMP4)


def test_a_phone_held_upright_counts_by_its_short_side():
    screen = screen_from_json({"mse": SAFE, "width": 360, "height": 800, "ratio": 3})
    assert screen.picture_height == 1080


@pytest.mark.parametrize(
    "answers",
    [{}, {"mse": "all"}, {"mse": [1, None]}, {"height": "tall"}, {"native": {"a": 1}, "ratio": []}],
)
def test_senseless_answers_are_no_answers(answers):
    screen = screen_from_json(answers)
    assert screen.video == ()
    assert screen.packages == ()


def test_words_of_other_clients_for_h264_and_aac_are_understood() -> None:
    screen = screen_from_json({"mse": ['video/mp4; codecs="avc1.4D401F,mp4a.40.2"']})
    (video,) = screen.video
    assert (video.codec, video.level) == ("h264", 31)
    assert [one.codec for one in screen.audio] == ["aac"]
    assert screen_from_json({"mse": ["video/mp4"]}).video == ()
