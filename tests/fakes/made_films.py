"""Small films made by the bundled ffmpeg, and a byte source over a file that keeps its reads."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import imageio_ffmpeg

SUBTITLES = """1
00:00:01,000 --> 00:00:03,000
Hello <i>there</i>

2
00:00:03,500 --> 00:00:05,500
across
the cut
"""
CHAPTERS = """;FFMETADATA1
title=A Film
[CHAPTER]
TIMEBASE=1/1000
START=0
END=5000
title=One
"""


def run_ffmpeg(*arguments: str) -> str:
    """Run the bundled ffmpeg; what it said on standard error."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-hide_banner", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stderr


def make_films(folder: Path, *, seconds: int = 14) -> dict[str, Path]:
    """Films by what is special about them."""
    (folder / "s.srt").write_text(SUBTITLES)
    (folder / "c.txt").write_text(CHAPTERS)
    films = {
        name: folder / name
        for name in ("bframes.mp4", "front.mp4", "texts.mkv", "ten_bit.mkv", "late.mkv", "mute.mp4")
    }
    films["recording.ts"] = folder / "recording.ts"
    quiet = ("-v", "error")
    sound = ("-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}")
    base = str(films["bframes.mp4"])
    run_ffmpeg(
        *quiet, "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={seconds}", *sound,
        "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50",
        "-c:a", "aac", "-ac", "2", base,
    )  # fmt: skip
    run_ffmpeg(*quiet, "-i", base, "-c", "copy", "-movflags", "faststart", str(films["front.mp4"]))
    run_ffmpeg(*quiet, "-i", base, "-c", "copy", "-an", str(films["mute.mp4"]))
    run_ffmpeg(*quiet, "-i", base, "-c", "copy", str(films["recording.ts"]))
    run_ffmpeg(
        *quiet, "-i", base, "-i", str(folder / "s.srt"), "-i", str(folder / "c.txt"),
        "-map", "0", "-map", "1", "-map_metadata", "2", "-c", "copy", str(films["texts.mkv"]),
    )  # fmt: skip
    run_ffmpeg(
        *quiet, "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=24000/1001:d={seconds}", *sound,
        "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
        "-x265-params", "log-level=error", "-g", "48", "-c:a", "ac3", "-ac", "6",
        str(films["ten_bit.mkv"]),
    )  # fmt: skip
    run_ffmpeg(
        *quiet, "-i", str(films["ten_bit.mkv"]), "-c", "copy", "-output_ts_offset", "100",
        str(films["late.mkv"]),
    )  # fmt: skip
    return films


class FileSource:
    """The clear bytes of a file; ``hold`` stalls reads, ``fails`` makes them raise."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self.reads: list[tuple[int, int]] = []
        self.hold: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.fails: Exception | None = None

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        return len(self._data)

    async def read(self, start: int, stop: int) -> AsyncIterator[memoryview]:
        """The span in pieces of 64 KiB."""
        self.reads.append((start, stop))
        self.asked.set()
        for at in range(start, stop, 1 << 16):
            if self.hold is not None and at > start:
                await self.hold.wait()
            if self.fails is not None:
                raise self.fails
            yield memoryview(self._data)[at : min(at + (1 << 16), stop)]
