"""Tiles against Pillow, the reader of PNGs nobody here wrote."""

from __future__ import annotations

import base64
import io
import random

from PIL import Image

from tv_ui.tiles import TILE_BYTES, encode_png, noise_address, tile_address


def pixels(address: str) -> tuple[tuple[int, int], list[tuple[int, int, int]]]:
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        shown = image.convert("RGB")
        return shown.size, [shown.getpixel((x, y)) for y in range(12) for x in range(8)]


def test_a_tile_of_few_colours_comes_out_exactly() -> None:
    colours = [(n * 16, 255 - n * 16, n) for n in range(16)]
    wanted = [colours[n % 16] for n in range(96)]
    size, shown = pixels(tile_address(b"".join(bytes(one) for one in wanted), "x"))
    assert size == (8, 12)
    assert shown == wanted


def test_a_tile_of_many_colours_stays_near() -> None:
    rng = random.Random(1)
    tile = rng.randbytes(TILE_BYTES)
    _, shown = pixels(tile_address(tile, "x"))
    far = [
        abs(have - want) for pixel, at in zip(shown, range(0, 288, 3), strict=True)
        for have, want in zip(pixel, tile[at : at + 3], strict=True)
    ]  # fmt: skip
    assert sum(far) / len(far) < 40


def test_a_tile_is_small_enough_for_the_page() -> None:
    assert len(tile_address(random.Random(2).randbytes(TILE_BYTES), "x")) < 340


def test_noise_depends_on_its_seed_alone() -> None:
    assert noise_address("family 1") == noise_address("family 1")
    assert noise_address("family 1") != noise_address("family 2")
    assert tile_address(None, "a") == noise_address("a")
    assert tile_address(b"short", "a") == noise_address("a")


def test_one_colour_and_odd_width_are_fine() -> None:
    pixels(tile_address(bytes(TILE_BYTES), "x"))
    png = encode_png([(1, 2, 3), (4, 5, 6)], [0, 1, 0, 1, 0, 1], 3)
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (3, 2)
        assert image.convert("RGB").getpixel((1, 0)) == (4, 5, 6)
