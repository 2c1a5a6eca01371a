"""The media of ``vaultcast demo``: drawn and encoded here, once, by the bundled ffmpeg.

Nothing is written in the clear: ffmpeg writes into anonymous memory, the caller seals what comes
out. The long film carries a frame code (see :func:`frame_code`) and a click every ten seconds, so
that a test, or a doubtful owner, can check that picture, sound and clock agree.
"""

from __future__ import annotations

import io
import math
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg
from PIL import Image, ImageDraw

from transcode.errors import ConverterFailed

LONG_FILM_FPS = 10
_FPS = 24
CODE_BARS = 20
CLICK_EVERY_S = 10.0
CLICK_S = 0.005

_DRAWN_W, _DRAWN_H = 128, 64
_STRIP_H = 8
_DRAWN_PER_S = 5
_ENCODER_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One file of the demo: where it goes in the vault and how its bytes come about."""

    path: str
    make: Callable[[Callable[[float], None]], bytes]
    weight: float


def frame_code(number: int) -> tuple[bool, ...]:
    """Light (True) and dark bars of one frame: 16 bits of its number, 4 bits of check.

    The bars fill the bottom ninth of the picture from left to right, most significant bit first;
    the check is the count of light bars modulo 16.
    """
    bits = tuple(bool(number >> bit & 1) for bit in range(15, -1, -1))
    check = sum(bits) % 16
    return bits + tuple(bool(check >> bit & 1) for bit in range(3, -1, -1))


def read_frame_code(bars: tuple[bool, ...]) -> int | None:
    """Frame number of 20 bars, or None when the check does not hold."""
    number = 0
    for bit in bars[:16]:
        number = number << 1 | bit
    return number if frame_code(number) == bars else None


@dataclass(frozen=True, slots=True)
class _Scene:
    sky_top: tuple[int, int, int]
    sky_low: tuple[int, int, int]
    land: tuple[int, int, int]
    sun: tuple[int, int, int]
    shape: str


_SCENES = (
    _Scene((24, 48, 66), (238, 162, 108), (34, 22, 52), (255, 232, 190), "hills"),
    _Scene((20, 66, 62), (132, 190, 128), (16, 44, 40), (244, 252, 220), "town"),
    _Scene((54, 20, 60), (228, 110, 96), (44, 14, 40), (255, 214, 170), "dunes"),
    _Scene((12, 20, 52), (70, 112, 168), (10, 16, 36), (240, 244, 255), "sea"),
    _Scene((60, 84, 116), (176, 196, 210), (40, 52, 70), (255, 255, 244), "hills"),
    _Scene((70, 30, 20), (246, 190, 90), (60, 24, 22), (255, 244, 200), "town"),
)


def _mix(low: tuple[int, int, int], high: tuple[int, int, int], part: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * part) for a, b in zip(low, high, strict=True))


def _backdrop(scene: _Scene, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for row in range(height):
        colour = _mix(scene.sky_top, scene.sky_low, row / height)
        draw.line([(0, row), (width, row)], fill=colour)
    return picture


def _draw_land(draw: ImageDraw.ImageDraw, scene: _Scene, width: int, height: int) -> None:
    ground = round(height * 0.78)
    if scene.shape == "town":
        for block in range(12):
            left = block * width // 12
            top = ground - round(height * (0.08 + 0.06 * ((block * 7) % 5)))
            draw.rectangle([left, top, left + width // 12 - 2, height], fill=scene.land)
    elif scene.shape == "sea":
        draw.rectangle([0, ground, width, height], fill=scene.land)
        tower = width * 3 // 4
        draw.rectangle([tower, ground - height // 3, tower + width // 40, ground], fill=scene.land)
    else:
        wave = 0.10 if scene.shape == "hills" else 0.05
        line = [
            (x, ground - round(height * wave * (1 + math.sin(x * 9 / width + len(scene.shape)))))
            for x in range(width + 1)
        ]
        draw.polygon([(0, height), *line, (width, height)], fill=scene.land)


def draw_scene(number: int, part: float, width: int, height: int) -> Image.Image:
    """Scene ``number`` at ``part`` (0..1) of its course: the sun crosses a still land."""
    scene = _SCENES[number % len(_SCENES)]
    picture = _backdrop(scene, width, height)
    draw = ImageDraw.Draw(picture)
    radius = height * 0.13
    x = width * (0.12 + 0.76 * part)
    y = height * (0.55 - 0.35 * math.sin(math.pi * part))
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=scene.sun)
    _draw_land(draw, scene, width, height)
    return picture


def _strip(number: int) -> bytes:
    row = b"".join(
        (b"\xeb" if light else b"\x10") * 3 * _bar_width(bar)
        for bar, light in enumerate(frame_code(number))
    )
    return row * _STRIP_H


def _bar_width(bar: int) -> int:
    return (bar + 1) * _DRAWN_W // CODE_BARS - bar * _DRAWN_W // CODE_BARS


@dataclass(frozen=True, slots=True)
class _Film:
    duration_s: float
    height: int
    first_scene: int
    scene_s: float
    tone_hz: float
    pixel_format: str
    encoders: tuple[str, ...]
    channels: str
    fps: int = _FPS
    extra_inputs: tuple[str, ...] = ()

    @property
    def frame_count(self) -> int:
        return round(self.duration_s * self.fps)


def _frames(film: _Film) -> Iterator[bytes]:
    drawn_at, picture = -1, b""
    held = max(1, film.fps // _DRAWN_PER_S)
    for number in range(film.frame_count):
        step = number // held
        if step != drawn_at:
            scene, inside = divmod(step * held / film.fps, film.scene_s)
            number_of_scene = film.first_scene + int(scene)
            image = draw_scene(number_of_scene, inside / film.scene_s, _DRAWN_W, _DRAWN_H)
            drawn_at, picture = step, image.tobytes()
        yield picture + _strip(number)


@contextmanager
def _memory_file() -> Iterator[tuple[int, str]]:
    """A seekable file in anonymous memory and the name a child opens it by."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("vaultcast-demo", 0)
        try:
            yield fd, f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
        return
    with tempfile.NamedTemporaryFile() as file:  # systems without memfd: unlinked on exit
        yield file.fileno(), file.name


def _encode(
    arguments: list[str], frames: Iterator[bytes] | None, told: Callable[[float], None], total: int
) -> bytes:
    with _memory_file() as (fd, name):
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-nostdin" if frames is None else "-hide_banner",),
            *("-hide_banner", "-loglevel", "error", "-y", "-threads", "2"),
            *arguments,
            name,
        ]
        child = subprocess.Popen(  # noqa: S603 - our own arguments, no shell, no user input
            command,
            stdin=subprocess.DEVNULL if frames is None else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(fd,),
        )
        watchdog = threading.Timer(_ENCODER_LIMIT_S, child.kill)
        watchdog.start()
        try:
            if frames is not None and child.stdin is not None:
                _feed(child.stdin, frames, told, total)
            _, complaint = child.communicate()
        finally:
            watchdog.cancel()
            if child.poll() is None:
                child.kill()
                child.wait()
        if child.returncode != 0:
            raise ConverterFailed(
                f"ffmpeg could not make a demo file (status {child.returncode})",
                complaint.decode(errors="replace")[-2000:],
            )
        told(1.0)
        size_bytes = os.fstat(fd).st_size
        return os.pread(fd, size_bytes, 0)


def _feed(
    pipe: IO[bytes],
    frames: Iterator[bytes],
    told: Callable[[float], None],
    total: int,
) -> None:
    try:
        for number, frame in enumerate(frames):
            pipe.write(frame)
            if number % 48 == 0:
                told(number / total)
    except BrokenPipeError:
        return  # ffmpeg ended early: its status tells why


_PICTURE = (
    f"[0:v]split[a][b];[a]crop={_DRAWN_W}:{_DRAWN_H}:0:0,scale={{w}}:{{p}}:flags=bilinear[p];"
    f"[b]crop={_DRAWN_W}:{_STRIP_H}:0:{_DRAWN_H},scale={{w}}:{{s}}:flags=neighbor[s];"
    "[p][s]vstack,format={f}[v]"
)


def _sound(tone_hz: float, duration_s: float) -> str:
    click = f"0.7*sin(2*PI*1000*t)*lt(t\\,{CLICK_S})"
    pattern = f"aevalsrc={click}+0.02*sin(2*PI*{tone_hz}*t):s=48000:d={CLICK_EVERY_S}"
    return (
        f"{pattern},aloop=loop=-1:size={round(48000 * CLICK_EVERY_S)},atrim=duration={duration_s}"
    )


def _make_film(film: _Film, told: Callable[[float], None]) -> bytes:
    width = film.height * 8 // 9 * 2
    picture_h = film.height * _DRAWN_H // (_DRAWN_H + _STRIP_H) // 2 * 2
    graph = _PICTURE.format(w=width, p=picture_h, s=film.height - picture_h, f=film.pixel_format)
    sound = _sound(film.tone_hz, film.duration_s)
    arguments = [
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{_DRAWN_W}x{_DRAWN_H + _STRIP_H}"),
        *("-r", str(film.fps), "-i", "pipe:0", "-f", "lavfi", "-i", sound),
        *film.extra_inputs,
        *("-filter_complex", f"{graph};[1:a]aformat=channel_layouts={film.channels}[s1]"),
        *("-map", "[v]", "-map", "[s1]", *film.encoders),
    ]
    return _encode(arguments, _frames(film), told, film.frame_count)


def _long_film(told: Callable[[float], None]) -> bytes:
    encoders = (
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-g", str(LONG_FILM_FPS * 2)),
        *("-x264-params", "bframes=2:b-adapt=0:scenecut=0", "-profile:v", "high"),
        *("-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k", "-metadata", "title=Salt Harbour"),
        *("-metadata", "date=2024", "-movflags", "+faststart", "-f", "mp4"),
    )
    film = _Film(*(612.0, 720, 0, 51.0, 110.0, "yuv420p", encoders, "stereo"), fps=LONG_FILM_FPS)
    return _make_film(film, told)


_CHAPTERS = ("The Harbour", "The Dunes", "The Lamp")


def _chaptered_film(told: Callable[[float], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="vaultcast-demo-") as folder:
        cues = Path(folder, "cues.srt")
        cues.write_text(
            "".join(
                f"{n + 1}\n{_srt_time(n * 5 + 1)} --> {_srt_time(n * 5 + 4)}\n"
                f"The lamp has burned for {n * 5} seconds.\n\n"
                for n in range(12)
            ),
            encoding="utf-8",
        )
        marks = Path(folder, "chapters.txt")
        marks.write_text(
            ";FFMETADATA1\ntitle=The Lamp Keeper\ndate=2023\n"
            + "".join(
                f"[CHAPTER]\nTIMEBASE=1/1\nSTART={n * 20}\nEND={n * 20 + 20}\ntitle={name}\n"
                for n, name in enumerate(_CHAPTERS)
            ),
            encoding="utf-8",
        )
        encoders = (
            *("-map", "2:s", "-map_metadata", "3", "-map_chapters", "3"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-crf", "26", "-tag:v", "hvc1"),
            *(
                "-x265-params",
                f"log-level=error:keyint={_FPS * 2}:min-keyint={_FPS * 2}:scenecut=0",
            ),
            *("-c:a", "ac3", "-b:a", "448k", "-metadata:s:a:0", "language=eng"),
            *("-c:s", "srt", "-metadata:s:s:0", "language=eng", "-f", "matroska"),
        )
        film = _Film(
            *(60.0, 480, 3, 20.0, 98.0, "yuv420p10le", encoders, "5.1"),
            extra_inputs=("-i", str(cues), "-f", "ffmetadata", "-i", str(marks)),
        )
        return _make_film(film, told)


def _srt_time(seconds: int) -> str:
    return f"00:{seconds // 60:02}:{seconds % 60:02},000"


def _episode(number: int) -> Callable[[Callable[[float], None]], bytes]:
    def make(told: Callable[[float], None]) -> bytes:
        encoders = (
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-g", str(_FPS * 2)),
            *(
                "-c:a",
                "aac",
                "-aac_coder",
                "fast",
                "-b:a",
                "96k",
                "-movflags",
                "+faststart",
                "-f",
                "mp4",
            ),
        )
        film = _Film(30.0, 360, number, 30.0, 90.0 + number * 6, "yuv420p", encoders, "stereo")
        return _make_film(film, told)

    return make


def _cover() -> bytes:
    out = io.BytesIO()
    draw_scene(3, 0.6, 600, 600).save(out, "JPEG", quality=88)
    return out.getvalue()


_ALBUM = ("Casting Off", "The Long Light", "Fog Signal", "Home by Morning")


def _track(number: int) -> Callable[[Callable[[float], None]], bytes]:
    def make(told: Callable[[float], None]) -> bytes:
        base = 110 * 2 ** (number * 3 / 12)
        chord = "+".join(
            f"0.16*sin(2*PI*{base * 2 ** (step / 12):.2f}*t)*(0.6+0.4*sin(2*PI*t/{4 + step}))"
            for step in (0, 7, 12, 16)
        )
        with tempfile.TemporaryDirectory(prefix="vaultcast-demo-") as folder:
            cover = Path(folder, "cover.jpg")
            cover.write_bytes(_cover())
            tags = {
                "title": _ALBUM[number],
                "artist": "Harbour Quartet",
                "album_artist": "Harbour Quartet",
                "album": "Night Ferry",
                "track": f"{number + 1}/{len(_ALBUM)}",
                "date": "2022",
                "genre": "Ambient",
            }
            arguments = [
                *("-f", "lavfi", "-i", f"aevalsrc={chord}:s=44100:d=30", "-i", str(cover)),
                *("-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"),
                *("-af", "aformat=channel_layouts=stereo", "-c:a", "libmp3lame", "-b:a", "160k"),
                *(part for key, value in tags.items() for part in ("-metadata", f"{key}={value}")),
                *("-id3v2_version", "3", "-f", "mp3"),
            ]
            return _encode(arguments, None, told, 1)

    return make


_UPRIGHT, _TURNED_RIGHT, _TURNED_LEFT = 1, 6, 8


def _photo(number: int, orientation: int) -> Callable[[Callable[[float], None]], bytes]:
    def make(told: Callable[[float], None]) -> bytes:
        picture = draw_scene(number, 0.15 + 0.14 * number, 1600, 1067)
        if orientation == _TURNED_RIGHT:
            picture = picture.transpose(Image.Transpose.ROTATE_90)
        elif orientation == _TURNED_LEFT:
            picture = picture.transpose(Image.Transpose.ROTATE_270)
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010F] = "Vaultcast"
        exif.get_ifd(0x8769)[0x9003] = f"2024:0{number + 3}:1{number} 1{number}:20:00"
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=86, exif=exif)
        told(1.0)
        return out.getvalue()

    return make


def demo_files() -> tuple[DemoFile, ...]:
    """The files of the demo vault in the order they are made: small ones first."""
    orientations = (_UPRIGHT, _TURNED_RIGHT, _UPRIGHT, _TURNED_LEFT, _UPRIGHT, _TURNED_RIGHT)
    photos = [
        DemoFile(f"Photos/Coast/IMG_{number + 1:04}.jpg", _photo(number, turned), 0.2)
        for number, turned in enumerate(orientations)
    ]
    tracks = [
        DemoFile(
            f"Music/Harbour Quartet/Night Ferry/{number + 1:02} {title}.mp3", _track(number), 1.0
        )
        for number, title in enumerate(_ALBUM)
    ]
    episodes = [
        DemoFile(
            f"Series/Tidewater/Season {season}/Tidewater S{season:02}E{part:02}.mp4",
            _episode(season * 3 + part),
            2.0,
        )
        for season in (1, 2)
        for part in (1, 2, 3)
    ]
    films = [
        DemoFile("Films/Salt Harbour (2024)/Salt Harbour (2024).mp4", _long_film, 30.0),
        DemoFile("Films/The Lamp Keeper (2023).mkv", _chaptered_film, 8.0),
    ]
    return (*photos[:2], *tracks[:1], *films, *episodes, *tracks[1:], *photos[2:])
