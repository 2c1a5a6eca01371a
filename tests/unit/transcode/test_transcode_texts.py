"""WebVTT, codec strings, worker frames, rules and seccomp programs."""

from __future__ import annotations

import struct

import pytest

from transcode.codec_strings import codec_string
from transcode.rules import InForce, Rules
from transcode.syscalls import SECCOMP_ARCHITECTURES, filter_program
from transcode.webvtt import Cue, plain_of_ass, render
from transcode.wire import pack_body, unpack_body


def test_cues_are_sorted_escaped_and_given_once() -> None:
    cues = [
        Cue(3661.5, 3662, "a < b & c"),
        Cue(1, 2, "<i>x</i>\n\n\ny"),
        Cue(1, 2, "<i>x</i>\n\n\ny"),
    ]
    assert render(cues, mpegts=None) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<i>x</i>\ny\n\n"
        "01:01:01.500 --> 01:01:02.000\na &lt; b &amp; c\n"
    )
    assert render([], mpegts=126_000).startswith(
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n"
    )
    assert "-->" not in render([Cue(2, 2, "never"), Cue(1, 3, "  ")])


def test_a_text_cannot_forge_a_cue() -> None:
    text = render([Cue(0, 1, "a\n\n00:00:05.000 --> 00:00:06.000\nforged")], mpegts=None)
    assert text.count(" --> ") == 1


def test_ass_lines_become_plain() -> None:
    line = r"0,0,Default,,0,0,0,,{\an8}{\i1}Oh{\i0}, no\Nwell\h, yes"
    assert plain_of_ass("0," + line.removeprefix("0,")).endswith("<i>Oh</i>, no\nwell , yes")


@pytest.mark.parametrize(
    ("codec", "extradata", "extra", "text"),
    [
        ("h264", bytes.fromhex("0164001fff"), {}, "avc1.64001F"),
        ("h264", bytes.fromhex("00000001674d4028aa"), {}, "avc1.4D4028"),
        ("h264", b"", {"profile": "High", "level": 41}, "avc1.640029"),
        ("hevc", bytes.fromhex("0102200000009000000000005d"), {}, "hvc1.2.4.L93.90"),
        ("hevc", b"", {"bit_depth": 10, "level": 120}, "hvc1.2.4.L120.B0"),
        ("av1", bytes.fromhex("81084c00"), {}, "av01.0.08M.10"),
        ("vp9", b"", {"level": 31}, "vp09.00.31.08"),
        ("aac", b"", {"profile": "HE-AAC"}, "mp4a.40.5"),
        ("eac3", b"", {}, "ec-3"),
        ("cook", b"", {}, None),
    ],
)
def test_codec_strings(codec: str, extradata: bytes, extra: dict[str, int], text: str) -> None:
    given = {"profile": None, "level": None, **extra}
    assert codec_string(codec, extradata, **given) == text


def test_frame_bodies_survive_and_damage_is_noticed() -> None:
    body = pack_body({"a": 1}, b"", b"xyz")
    assert unpack_body(body) == ({"a": 1}, [b"", b"xyz"])
    for damaged in (b"", body[:3], body[:-1], body + b"!"):
        with pytest.raises(ValueError, match=r".+"):
            unpack_body(damaged)


def test_rules_survive_the_launchers_argument() -> None:
    rules = Rules(memory_bytes=5, cpu_s=9, boxed=True, read_paths=("/a b", "/c"), tcp_port=80)
    assert Rules.from_text(rules.to_text()) == rules
    assert Rules.from_text(Rules().to_text()) == Rules()


def test_state_of_the_box_is_told_in_words() -> None:
    force = InForce(dies_with_parent=True, network_namespace=False, landlock=4, seccomp=True)
    assert str(force) == "dies with its parent, Landlock 4, seccomp"
    assert force.has_no_files
    assert force.has_no_network


def decide(program: bytes, number: int, *arguments: int, arch: int) -> int:
    """Run a seccomp program as the kernel would."""
    words = struct.pack("=iIQ6Q", number, arch, 0, *arguments, *([0] * (6 - len(arguments))))
    at = value = 0
    while True:
        code, yes, no, operand = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", words, operand)
        elif code == 0x54:
            value &= operand
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: value & operand}[code]
            at += yes if holds else no


ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


@pytest.mark.parametrize("strict", [True, False])
def test_seccomp_refuses_processes_and_foreign_architectures(strict: bool) -> None:
    arch = SECCOMP_ARCHITECTURES["x86_64"]
    program = filter_program("x86_64", strict=strict)
    assert decide(program, 0, arch=arch) == ALLOW
    assert decide(program, 57, arch=arch) == EPERM  # fork
    assert decide(program, 49, arch=arch) == EPERM  # bind
    assert decide(program, 56, 0x11, arch=arch) == EPERM  # clone of a process
    assert decide(program, 56, 0x3D0F00, arch=arch) == ALLOW  # clone of a thread
    assert decide(program, 435, arch=arch) == ENOSYS  # clone3
    assert decide(program, 0, arch=0x40000003) == KILL
    assert decide(program, 0x40000000, arch=arch) == EPERM  # x32
    # A program still to be loaded opens files and one kind of socket; a decoder none.
    assert decide(program, 257, arch=arch) == (EPERM if strict else ALLOW)
    assert decide(program, 41, 2, 1 | 0o2000000, arch=arch) == (EPERM if strict else ALLOW)
    assert decide(program, 41, 2, 2, arch=arch) == EPERM  # datagrams
    assert decide(program, 41, 1, 1, arch=arch) == EPERM  # unix sockets


def test_seccomp_knows_other_processors() -> None:
    arch = SECCOMP_ARCHITECTURES["aarch64"]
    assert decide(filter_program("aarch64", strict=True), 63, arch=arch) == ALLOW
    assert decide(filter_program("aarch64", strict=True), 198, arch=arch) == EPERM
