"""Tiles: a picture as 8x12 coloured squares, small enough to stand inside the page.

A tile is the first thing a viewer sees of a card and the only thing of a locked one. It goes out
as a PNG of 16 colours with one pixel per square (about 200 bytes) that the browser scales up.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from functools import lru_cache

COLUMNS = 8
ROWS = 12
TILE_BYTES = COLUMNS * ROWS * 3

_DEPTH_BITS = 4
_COLOURS = 1 << _DEPTH_BITS
_NIGHT = ((0x1B, 0x26, 0x37), (0x24, 0x34, 0x4A), (0x2F, 0x44, 0x60), (0x17, 0x3A, 0x3C))

Colour = tuple[int, int, int]


@lru_cache(maxsize=4096)
def tile_address(tile: bytes | None, seed: str) -> str:
    """A tile as a ``data:`` address.

    Args:
        tile: 96 RGB triples, rows from the top; None or anything else gives noise.
        seed: what the noise is made of (an identifier, never a picture).
    """
    if tile is None or len(tile) != TILE_BYTES:
        return noise_address(seed)
    pixels = [(tile[at], tile[at + 1], tile[at + 2]) for at in range(0, TILE_BYTES, 3)]
    return _data_address(pixels, COLUMNS)


@lru_cache(maxsize=1024)
def noise_address(seed: str, columns: int = COLUMNS, rows: int = ROWS) -> str:
    """The mosaic of what cannot be seen: grey-blue squares that only ``seed`` decides."""
    stream = hashlib.shake_256(seed.encode("utf-8", "replace")).digest(columns * rows * 2)
    pixels = []
    for at in range(0, len(stream), 2):
        base = _NIGHT[stream[at] % len(_NIGHT)]
        light = 0.5 + (stream[at + 1] >> 6) / 6
        pixels.append((int(base[0] * light), int(base[1] * light), int(base[2] * light)))
    return _data_address(pixels, columns)


def encode_png(palette: list[Colour], indexes: list[int], columns: int) -> bytes:
    """A PNG of at most 16 colours, 4 bits a pixel.

    Source: PNG specification (third edition), sections 5, 7.2, 9.2 and 11.2.
    """
    rows = len(indexes) // columns
    raw = bytearray()
    for row in range(rows):
        line = [*indexes[row * columns : (row + 1) * columns], 0]
        raw.append(0)
        raw += bytes(line[at] << 4 | line[at + 1] for at in range(0, columns, 2))
    header = struct.pack(">IIBBBBB", columns, rows, _DEPTH_BITS, 3, 0, 0, 0)
    colours = b"".join(bytes(colour) for colour in palette)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", colours),
            _chunk(b"IDAT", zlib.compress(bytes(raw), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _data_address(pixels: list[Colour], columns: int) -> str:
    palette, indexes = _reduce(pixels)
    image = base64.b64encode(encode_png(palette, indexes, columns)).decode("ascii")
    return "data:image/png;base64," + image


def _reduce(pixels: list[Colour]) -> tuple[list[Colour], list[int]]:
    """Median cut down to 16 colours: split the box of the widest channel until enough are there."""
    boxes = [sorted(set(pixels))]
    while len(boxes) < _COLOURS:
        width, at, channel = max(
            (max(one[channel] for one in box) - min(one[channel] for one in box), at, channel)
            for at, box in enumerate(boxes)
            for channel in range(3)
        )
        if width == 0:
            break
        box = sorted(boxes.pop(at), key=lambda one, by=channel: one[by])  # type: ignore[misc]
        middle = len(box) // 2
        boxes += [box[:middle], box[middle:]]
    number = {colour: at for at, box in enumerate(boxes) for colour in box}
    return [_mean(box) for box in boxes], [number[pixel] for pixel in pixels]


def _mean(box: list[Colour]) -> Colour:
    count = len(box)
    red, green, blue = (sum(one[channel] for one in box) // count for channel in range(3))
    return red, green, blue


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
