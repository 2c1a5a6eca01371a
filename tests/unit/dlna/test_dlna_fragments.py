import html
from dataclasses import replace

import pytest
from defusedxml import ElementTree

from gateway.dlna.fragments import ADDRESS, TOKEN, FragmentRenderer, features_of
from gateway.dlna.plays import Chance, abilities
from gateway.library.records import Item, Kind
from gateway.upnp import didl
from gateway.upnp.filter import parse_filter
from tests.fakes.shelf import film
from transcode.facts import AudioFacts, MediaFacts, VideoFacts

H264 = VideoFacts(0, "h264", 1280, 720, fps=25, level=31)
HEVC = VideoFacts(0, "hevc", 1920, 1080, fps=25, level=120, bit_depth=10)
AAC = AudioFacts(1, "aac", 2, 48_000)
AC3 = AudioFacts(1, "ac3", 6, 48_000)
MP4 = MediaFacts("mp4", 60.0, 8000, video=(H264,), audio=(AAC,))
MKV = MediaFacts("matroska", 60.0, 8000, video=(HEVC,), audio=(AC3,))

SPACES = {
    "": "urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "upnp": "urn:schemas-upnp-org:metadata-1-0/upnp/",
}


def shown(item: Item, profile_class: str = "generic", filter_text: str = "*") -> ElementTree:
    text = FragmentRenderer().item_xml(item, "films", profile_class, parse_filter(filter_text))
    assert "<" not in text
    plain = html.unescape(text).replace(ADDRESS, "http://10.0.0.1:8420").replace(TOKEN, "T0KEN")
    return ElementTree.fromstring(f"{didl.HEAD}{plain}{didl.FOOT}")[0]


def resources(item: Item, profile_class: str = "generic") -> list[tuple[str, str]]:
    return [
        (one.text, one.attrib["protocolInfo"].split(":")[2])
        for one in shown(item, profile_class).iterfind("res", SPACES)
    ]


def test_a_film_every_player_plays_is_offered_as_it_is() -> None:
    item = film(
        7, "Tom & Jerry", facts_json=MP4.to_json(), bitrate_kbps=8000, width=1280, height=720
    )
    element = shown(item)
    (res,) = element.findall("res", SPACES)
    assert res.text == "http://10.0.0.1:8420/media/T0KEN/7.mp4"
    assert res.attrib == {
        "protocolInfo": f"http-get:*:video/mp4:{features_of(item)}",
        "size": "1007",
        "duration": "0:01:00.000",
        "bitrate": "1000000",
        "sampleFrequency": "48000",
        "nrAudioChannels": "2",
        "resolution": "1280x720",
    }
    assert element.findtext("dc:title", namespaces=SPACES) == "Tom & Jerry"
    assert element.findtext("upnp:class", namespaces=SPACES) == "object.item.videoItem.movie"
    assert element.attrib == {"id": "i7", "parentID": "films", "restricted": "1"}


def test_a_film_in_doubt_is_offered_converted_too_the_file_first() -> None:
    item = film(8, "Big", facts_json=MKV.to_json(), path="Big.MKV", mime="video/x-matroska")
    assert resources(item) == [
        ("http://10.0.0.1:8420/media/T0KEN/8.mkv", "video/x-matroska"),
        ("http://10.0.0.1:8420/stream/T0KEN/8.ts", "video/mpeg"),
    ]
    converted = shown(item).findall("res", SPACES)[1]
    assert "DLNA.ORG_OP=10;DLNA.ORG_CI=1;" in converted.attrib["protocolInfo"]
    assert "size" not in converted.attrib
    assert converted.attrib["duration"] == "0:01:00.000"


def test_a_player_of_everything_gets_the_file_alone() -> None:
    item = film(8, "Big", facts_json=MKV.to_json(), path="Big.mkv", mime="video/x-matroska")
    assert len(resources(item, "everything")) == 1


def test_what_no_player_plays_is_offered_converted_alone() -> None:
    raw = MediaFacts("mov", 60.0, None, video=(VideoFacts(0, "prores", 1920, 1080),))
    item = film(9, "Cut", facts_json=raw.to_json(), mime="video/quicktime", path="Cut.mov")
    assert [mime for _, mime in resources(item)] == ["video/mpeg"]


@pytest.mark.parametrize(
    ("facts", "chance"),
    [
        (None, Chance.MAYBE),
        (MP4, Chance.SURE),
        (replace(MP4, container="matroska"), Chance.MAYBE),
        (replace(MP4, audio=(AC3,)), Chance.MAYBE),
        (replace(MP4, audio=(replace(AAC, channels=6),)), Chance.MAYBE),
        (replace(MP4, audio=()), Chance.SURE),
        (replace(MP4, video=(replace(H264, level=51),)), Chance.MAYBE),
        (replace(MP4, video=(replace(H264, level=None),)), Chance.SURE),
        (replace(MP4, video=(replace(H264, bit_depth=10),)), Chance.MAYBE),
        (replace(MP4, video=(replace(H264, height=2160),)), Chance.MAYBE),
        (replace(MP4, video=(HEVC,)), Chance.MAYBE),
        (replace(MP4, video=(replace(H264, codec="rv40"),)), Chance.NONE),
    ],
)
def test_what_an_unknown_player_plays(facts: MediaFacts | None, chance: Chance) -> None:
    assert abilities()["generic"].chance(facts) is chance


def test_a_track_carries_its_tags_and_no_conversion() -> None:
    facts = MediaFacts("mp3", 200.0, 320, audio=(AudioFacts(0, "mp3", 2, 44_100),))
    item = film(
        3,
        "Song",
        kind=Kind.TRACK,
        mime="audio/mpeg",
        path="a/Song.mp3",
        facts_json=facts.to_json(),
        artist="Anna",
        album="One",
        genre="Folk",
        track_number=4,
        year=1999,
        has_art=True,
    )
    element = shown(item)
    found = {one.tag.rpartition("}")[2]: one.text for one in element}
    assert found["class"] == "object.item.audioItem.musicTrack"
    assert (found["artist"], found["creator"], found["album"]) == ("Anna", "Anna", "One")
    assert (found["genre"], found["originalTrackNumber"], found["date"]) == (
        "Folk",
        "4",
        "1999-01-01",
    )
    assert found["albumArtURI"] == "http://10.0.0.1:8420/art/T0KEN/3.jpg"
    (res,) = element.findall("res", SPACES)
    assert ":DLNA.ORG_PN=MP3;DLNA.ORG_OP=01;" in res.attrib["protocolInfo"]


def test_a_photo_names_its_profile_by_its_pixels_and_other_kinds_get_a_jpeg() -> None:
    photo = film(
        4, "Sea", kind=Kind.PHOTO, mime="image/jpeg", path="Sea.jpg", width=800, height=600,
        taken_s=1_000_000_000.0, duration_s=None,
    )  # fmt: skip
    assert "PN=JPEG_MED;" in features_of(photo)
    assert shown(photo).findtext("dc:date", namespaces=SPACES) == "2001-09-09T01:46:40"
    webp = replace(photo, mime="image/webp", path="Sea.webp", has_art=True)
    assert [mime for _, mime in resources(webp)] == ["image/webp", "image/jpeg"]
    assert "PN" not in features_of(webp)


def test_an_episode_shows_its_numbers() -> None:
    item = film(5, "Pilot", kind=Kind.EPISODE, series="Home", season=1, episode=2)
    assert shown(item).findtext("dc:title", namespaces=SPACES) == "S01E02 Pilot"
    assert shown(item).findtext("upnp:seriesTitle", namespaces=SPACES) == "Home"


def test_a_filter_reaches_the_fragment_and_odd_suffixes_stay_out_of_addresses() -> None:
    item = film(6, "X", path="X.m p4", modified_s=1e30)
    element = shown(item, filter_text="dc:title,res")
    (res,) = element.findall("res", SPACES)[:1]
    assert res.text == "http://10.0.0.1:8420/media/T0KEN/6"
    assert set(res.attrib) == {"protocolInfo"}


def test_a_folder_is_escaped_once_for_the_answer() -> None:
    text = FragmentRenderer().container_xml(
        "albums-1", "albums", 'A "B" & C', "generic", child_count=3, artist="Anna", art_item=5
    )
    assert text.startswith('&lt;container id="albums-1"')
    assert 'A "B" &amp;amp; C' in text
    assert f"{ADDRESS}/art/{TOKEN}/5.jpg" in text
