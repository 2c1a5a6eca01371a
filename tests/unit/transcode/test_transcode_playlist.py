from __future__ import annotations

import pytest

from transcode.playlist import SubtitleRendition, render_master, render_media, render_subtitles
from transcode.variant import Package


def test_fmp4_playlist_is_complete_and_names_its_init():
    assert render_media([2.002, 2.002, 0.5], Package.FMP4) == (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:2.002000,\n0.m4s\n#EXTINF:2.002000,\n1.m4s\n#EXTINF:0.500000,\n2.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_ts_playlist_has_no_map():
    text = render_media([4.0], Package.TS)
    assert "EXT-X-MAP" not in text
    assert text.startswith("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n")
    assert text.endswith("#EXTINF:4.000000,\n0.ts\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize(("longest", "target"), [(2.49, 2), (2.5, 3), (0.1, 1), (9.6, 10)])
def test_target_duration_covers_every_rounded_segment(longest, target):
    text = render_media([0.1, longest], Package.TS)
    assert f"#EXT-X-TARGETDURATION:{target}\n" in text


def test_subtitle_playlist_lists_vtt_segments():
    assert "#EXTINF:4.004000,\n1.vtt\n" in render_subtitles([4.0, 4.004])


def test_a_film_without_segments_has_no_playlist():
    with pytest.raises(ValueError, match="at least one segment"):
        render_media([], Package.TS)


def test_master_names_codecs_size_rate_and_subtitles():
    text = render_master(
        address="index.m3u8",
        bandwidth_bps=6160000,
        codecs=("avc1.640029", "mp4a.40.2"),
        size=(1280, 720),
        rate=24000 / 1001,
        subtitles=[
            SubtitleRendition('Deutsch "voll"', "de", "../subs-2/index.m3u8", is_default=True),
            SubtitleRendition("English", None, "../subs-3/index.m3u8", is_forced=True),
        ],
    )
    assert text == (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Deutsch  voll ",LANGUAGE="de",'
        'DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI="../subs-2/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",'
        'DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,URI="../subs-3/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=6160000,CODECS="avc1.640029,mp4a.40.2",'
        'RESOLUTION=1280x720,FRAME-RATE=23.976,SUBTITLES="subs"\nindex.m3u8\n'
    )


def test_master_of_unknown_codecs_leaves_them_out():
    text = render_master(address="index.m3u8", bandwidth_bps=1, codecs=(), size=None, rate=None)
    assert text.endswith("#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8\n")
