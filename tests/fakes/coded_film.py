"""A film that says in each picture which picture it is, with a click at every whole second.

The number stands in the picture as twelve bars, light for 1 and dark for 0, so that it survives any
codec and size; a test reads it back from a decoded gray picture.
"""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

WIDTH, HEIGHT, BITS = 384, 216, 12
RATE = Fraction(24000, 1001)
SOUND_HZ = 48_000


def make_film(ffmpeg: str, path: Path, seconds: int, *codecs: str) -> int:
    """Write the film; returns its number of pictures.

    Args:
        ffmpeg: program.
        path: where to; the suffix names the container.
        seconds: length.
        codecs: output options of ffmpeg.
    """
    count = int(seconds * RATE)
    sound = f"aevalsrc='if(lt(mod(t,1),0.004),0.9*sin(2*PI*2000*t),0)':s={SOUND_HZ}:d={seconds}"
    args = [
        ffmpeg, "-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray",
        "-s", f"{WIDTH}x{HEIGHT}", "-r", f"{RATE.numerator}/{RATE.denominator}", "-i", "pipe:0",
        "-f", "lavfi", "-i", sound, "-map", "0:v", "-map", "1:a", *codecs, str(path),
    ]  # fmt: skip
    pictures = b"".join(picture(number) for number in range(count))
    args.remove("-nostdin")
    subprocess.run(args, input=pictures, check=True, timeout=120)
    return count


def picture(number: int) -> bytes:
    """A gray picture with the number's bars."""
    bar = WIDTH // BITS
    row = b"".join(
        (b"\xe0" if number >> bit & 1 else b"\x20") * bar for bit in reversed(range(BITS))
    )
    return row * HEIGHT


def read_number(gray: bytes, width: int, height: int) -> int:
    """The number of a decoded gray picture."""
    middle = gray[(height // 2) * width : (height // 2 + 1) * width]
    number = 0
    for bar in range(BITS):
        at = int((bar + 0.5) * width / BITS)
        number = number << 1 | (middle[at] > 128)
    return number
