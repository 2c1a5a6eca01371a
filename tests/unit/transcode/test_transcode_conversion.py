"""Beat, command lines, cutter and the two writers, without starting anything."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from transcode.codecs import codec_strings, mime_of
from transcode.command import (
    OUTPUT_SHIFT_S,
    Encoding,
    conversion_of,
    init_arguments,
    output_size,
    segment_arguments,
    stream_arguments,
)
from transcode.containers.fragments import (
    FragmentError,
    FragmentParser,
    Run,
    Sample,
    find_box,
    write_fragment,
)
from transcode.containers.transport import Setup, read_setup, write_segment
from transcode.cutter import Cutter
from transcode.errors import NoWayToPlay
from transcode.facts import AudioFacts, MediaFacts, VideoFacts
from transcode.timing import beat_of, snap_rate
from transcode.variant import Variant

GOLDEN = Path(__file__).parents[2] / "golden" / "commands"
VIDEO = VideoFacts(0, "hevc", 1920, 1080, 23.976, bit_depth=10)
FACTS = MediaFacts("matroska", 600.0, 9000, video=(VIDEO,), audio=(AudioFacts(1, "ac3", 6, 48000),))
BOTH = Variant.parse("fmp4-v0h720-a1aac")


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (23.976, Fraction(24000, 1001)),
        (23.976023976, Fraction(24000, 1001)),
        (24.0, Fraction(24)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (25.0, Fraction(25)),
        (18.0, Fraction(18)),
        (None, Fraction(25)),
        (0.0, Fraction(25)),
        (90000.0, Fraction(25)),
    ],
)
def test_a_measured_rate_becomes_the_exact_one(fps, rate):
    assert snap_rate(fps) == rate


def test_borders_are_whole_pictures_and_cover_the_film():
    beat = beat_of(VIDEO, 600.0, 720)
    assert beat.frames == 48
    assert beat.start(1) == Fraction(2002, 1000)
    assert sum(beat.frames_in(n) for n in range(beat.count)) == beat.total_frames
    assert beat.start(beat.count - 1) + beat.duration(beat.count - 1) >= 600 - 1 / 24
    assert [beat.sound_stop(n) for n in range(5)] == [beat.sound_start(n + 1) for n in range(5)]
    assert beat.segment_at(2.001) == 0
    assert beat.segment_at(2.002) == 1
    assert beat.segment_at(9e9) == beat.count - 1


def test_fast_tall_pictures_are_halved_in_rate_and_fast_small_ones_not():
    fast = VideoFacts(0, "hevc", 3840, 2160, 60.0)
    assert beat_of(fast, 10.0, 1080).rate == 30
    assert beat_of(fast, 10.0, 720).rate == 60


@pytest.mark.parametrize(
    ("video", "height", "size"),
    [
        (VideoFacts(0, "h264", 1920, 1080), 720, (1280, 720)),
        (VideoFacts(0, "h264", 3840, 1600), 1080, (1920, 800)),
        (VideoFacts(0, "h264", 640, 360), 720, (640, 360)),
        (VideoFacts(0, "h264", 1080, 1920), 720, (404, 720)),
        (VideoFacts(0, "h264", 1920, 1080, rotation=90), 720, (404, 720)),
        (VideoFacts(0, "mpeg2video", 720, 576, pixel_aspect=64 / 45), 720, (1024, 576)),
    ],
)
def test_the_picture_fits_its_box_with_even_sides(video, height, size):
    assert output_size(video, height) == size


def _orders() -> dict[str, list[str]]:
    conversion = conversion_of(FACTS, BOTH)
    hdr = MediaFacts(
        "mpegts",
        60.0,
        9000,
        start_s=1.4,
        video=(VideoFacts(0, "hevc", 3840, 2160, 50.0, transfer="smpte2084", interlaced=True),),
    )
    silent = Variant.parse("ts-v0h720")
    encoding = Encoding()
    return {
        "segment_0": segment_arguments("ffmpeg", "URL", FACTS, conversion, 0, encoding),
        "segment_7": segment_arguments("ffmpeg", "URL", FACTS, conversion, 7, encoding),
        "segment_hdr": segment_arguments(
            "ffmpeg", "URL", hdr, conversion_of(hdr, silent), 3, encoding
        ),
        "init": init_arguments("ffmpeg", conversion, encoding),
        "stream_copy": stream_arguments(
            "ffmpeg", "URL", FACTS, Variant.parse("ts-v0-a1"), 0.0, encoding
        ),
        "stream_sound": stream_arguments(
            "ffmpeg", "URL", FACTS, Variant.parse("ts-v0-a1aac"), 12.5, encoding
        ),
        "stream_convert": stream_arguments("ffmpeg", "URL", FACTS, BOTH, 12.5, encoding),
    }


@pytest.mark.parametrize("name", list(_orders()))
def test_the_command_line_is_the_reviewed_one(name):
    assert "\n".join(_orders()[name]) + "\n" == (GOLDEN / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("text", ["fmp4-v0-a1", "fmp4-v5h720", "fmp4-v0h720-a7aac", "fmp4-a1aac"])
def test_a_variant_that_does_not_fit_is_refused(text):
    with pytest.raises(NoWayToPlay):
        conversion_of(FACTS, Variant.parse(text))


def test_a_film_of_unknown_length_cannot_be_cut():
    with pytest.raises(NoWayToPlay, match="length is unknown"):
        conversion_of(
            MediaFacts("matroska", None, None, video=(VIDEO,)), Variant.parse("fmp4-v0h720")
        )


def test_codec_names_of_copies_and_conversions():
    copy = Variant.parse("fmp4-v0-a1")
    assert codec_strings(FACTS, copy) == ("hvc1.2.4.L120.90", "ac-3")
    assert mime_of(FACTS, BOTH) == 'video/mp4; codecs="avc1.640029, mp4a.40.2"'
    assert mime_of(FACTS, Variant.parse("ts-v0h720")) == 'video/mp2t; codecs="avc1.640029"'


def _picture(number: int, beat, *, key: bool | None = None) -> Sample:
    time = number * beat.ticks + OUTPUT_SHIFT_S * beat.scale
    return Sample(1, time, 1, number % beat.frames == 0 if key is None else key, b"v")


def _sound(number: int) -> Sample:
    return Sample(2, number * 1024 + OUTPUT_SHIFT_S * 48000, 0, True, b"a")


def test_the_cutter_drops_the_run_in_and_cuts_at_the_border():
    beat = conversion_of(FACTS, BOTH).beat
    cutter = Cutter(beat, 2, with_sound=True)
    first = beat.sound_start(2)
    assert cutter.feed([_picture(n, beat) for n in range(96, 145)]) == []
    (piece,) = cutter.feed([_sound(n) for n in range(first - 3, beat.sound_stop(2) + 1)])
    assert piece.n == 2
    assert [one.time // beat.ticks for one in piece.video] == list(range(96, 144))
    assert [one.time // 1024 for one in piece.audio] == list(range(first, beat.sound_stop(2)))
    assert {one.duration for one in piece.audio} == {1024}


def test_sound_that_ended_is_not_waited_for_for_ever():
    beat = conversion_of(FACTS, BOTH).beat
    cutter = Cutter(beat, 0, with_sound=True)
    assert cutter.feed([_picture(n, beat) for n in range(95)]) == []
    (piece,) = cutter.feed([_picture(95, beat)])
    assert piece.audio == ()


def test_a_key_picture_off_the_beat_is_an_error():
    beat = conversion_of(FACTS, BOTH).beat
    with pytest.raises(FragmentError, match="picture 1 is a key picture"):
        Cutter(beat, 0, with_sound=False).feed([_picture(0, beat), _picture(1, beat, key=True)])


def test_a_gap_between_pictures_is_an_error():
    beat = conversion_of(FACTS, BOTH).beat
    with pytest.raises(FragmentError, match="picture 3 came where 1 was due"):
        Cutter(beat, 0, with_sound=False).feed([_picture(0, beat), _picture(3, beat)])


def test_a_stream_that_ends_early_still_gives_every_segment():
    beat = conversion_of(FACTS, BOTH).beat
    cutter = Cutter(beat, beat.count - 2, with_sound=False)
    cutter.feed([_picture((beat.count - 2) * 48, beat)])
    pieces = cutter.finish()
    assert [(one.n, len(one.video)) for one in pieces] == [(beat.count - 2, 1), (beat.count - 1, 0)]
    assert cutter.is_done


def test_a_fragment_reads_back_as_it_was_written():
    video = [Sample(1, 1000 + n, 1, n == 0, bytes([n]) * (n + 1)) for n in range(3)]
    audio = [Sample(2, 7000, 5, True, b"sound")]
    data = write_fragment(9, [Run(1, 1000, video), Run(2, 7000, audio)])
    parser = FragmentParser()
    read = [sample for at in range(len(data)) for sample in parser.feed(data[at : at + 1])]
    assert read == [*video, *audio]
    assert struct.unpack(">I", find_box(data, b"moof", b"mfhd")[4:])[0] == 9


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\4moof",
        b"\xff\xff\xff\xffmdat",
        b"\0\0\0\x10moof\0\0\0\x08traf" + b"\0\0\0\x08mdat",
    ],
)
def test_senseless_boxes_are_refused(data):
    with pytest.raises(FragmentError):
        FragmentParser().feed(data)


def test_a_transport_segment_starts_with_tables_and_ends_every_counter_at_15():
    setup = Setup(b"\0\0\0\1\x67sps\0\0\0\1\x68pps", b"\x11\x90")
    unit = struct.pack(">I", 700) + b"\x65" + bytes(699)
    video = [Sample(1, n * 1001, 1001, n == 0, unit) for n in range(9)]
    audio = [Sample(2, n * 1024, 1024, True, bytes(300)) for n in range(17)]
    data = write_segment(setup, video, 24000, audio, 48000)
    assert len(data) % 188 == 0
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    assert all(packet[0] == 0x47 for packet in packets)
    counters: dict[int, list[int]] = {}
    for packet in packets:
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        counters.setdefault(pid, []).append(packet[3] & 15)
    assert set(counters) == {0, 0x1000, 0x100, 0x101}
    for found in counters.values():
        assert found == [n % 16 for n in range(len(found))]
        assert found[-1] == 15


def test_an_init_without_a_picture_has_no_setup():
    with pytest.raises(FragmentError):
        read_setup(b"\0\0\0\x08moov")
