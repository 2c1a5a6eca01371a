"""Templates, styles and scripts: what they may hold and how large they may be."""

from __future__ import annotations

import dataclasses
import gzip
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import meta

import tv_ui
from transcode.screens import QUESTIONS
from tv_ui.pages import Page
from tv_ui.render import environment
from tv_ui.static_files import static_files

ROOM = Path(tv_ui.__file__).parent
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
SCRIPTS = sorted((ROOM / "static/js").glob("*.js"))
TV_CSS = ("css/tv.css", "css/player.css")
PLAYER = ("ask", "mse", "media", "cues", "osd", "panel", "player")
TOKENS = tomllib.loads((ROOM / "tokens.toml").read_text())
RECORDS = get_args(Page)


def css(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", static_files()[name].content.decode(), flags=re.DOTALL)


def names_of(template: str) -> set[str]:
    """Top-level names a template and those it extends ask for."""
    made = environment()
    source, _, _ = made.loader.get_source(made, template)
    tree = made.parse(source)
    names = meta.find_undeclared_variables(tree) - set(made.globals)
    if "extends" in source:
        for other in meta.find_referenced_templates(tree):
            if other in ("base.html", "phone.html"):
                names |= names_of(other)
    return names


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.__name__)
def test_a_template_uses_the_fields_of_its_record_and_no_others(record: type) -> None:
    fields = {one.name for one in dataclasses.fields(record)}
    assert names_of(record.template) <= fields | {"parts", "phone"}


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.__name__)
def test_each_field_is_used_somewhere_in_its_template(record: type) -> None:
    unused = {one.name for one in dataclasses.fields(record)} - names_of(record.template)
    assert unused <= {"frame", "progress", "kind"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda one: one.name)
def test_templates_name_no_foreign_address_and_no_inline_code(path: Path) -> None:
    text = path.read_text()
    assert "//" not in text
    assert " style=" not in text
    assert not re.search(r"\son[a-z]+=", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda one: one.name)
def test_scripts_write_text_and_never_markup(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert not re.search(r"\b(Promise|fetch|Map|Set|Symbol|Proxy|IntersectionObserver)\(", text)


@pytest.mark.parametrize("name", TV_CSS)
def test_styles_of_the_tv_use_nothing_old_sets_lack(name: str) -> None:
    text = css(name)
    banned = (
        r"display:\s*grid", r"\bgap:", r"var\(", r"\binset:", r"clamp\(", r"aspect-ratio",
        r":is\(", r":has\(", r":focus-visible", r"position:\s*fixed", r"[\d]vh\b", r"@import",
        r"(?<!-)\bfilter:", r"display:\s*flex",
    )  # fmt: skip
    for pattern in banned:
        assert not re.search(pattern, text), pattern


@pytest.mark.parametrize("name", TV_CSS)
def test_transforms_and_transitions_stand_with_and_without_prefix(name: str) -> None:
    for body in re.findall(r"{([^}]*)}", css(name)):
        for word in ("transform", "transition-duration"):
            plain = re.search(rf"(?:^|;){word}:", body)
            assert bool(plain) == bool(re.search(rf"(?:^|;)-webkit-{word}:", body)), body


def test_every_colour_of_the_table_stands_in_the_style_sheets() -> None:
    text = "".join(css(name) for name in TV_CSS)
    for name, value in TOKENS["colours"].items():
        assert value in text, name
    for name, value in TOKENS["motion"].items():
        assert value in text, name


@pytest.mark.parametrize("selector", TOKENS["sizes"])
def test_sizes_are_those_of_the_table(selector: str) -> None:
    text = "".join(css(name) for name in TV_CSS)
    bodies = ";".join(re.findall(rf"(?:^|}})\s*{re.escape(selector)}{{([^}}]*)}}", text)) + ";"
    for wanted in TOKENS["sizes"][selector].split(";"):
        assert f"{wanted};" in bodies, (selector, wanted, bodies)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("row", TOKENS["contrast"], ids=lambda one: "-".join(one["pair"]))
def test_contrast_is_that_of_the_table(row: dict) -> None:
    low, high = sorted(luminance(TOKENS["colours"][one]) for one in row["pair"])
    assert (high + 0.05) / (low + 0.05) >= row["least"]


def test_nothing_on_the_tv_is_smaller_than_24_pixels_but_badges() -> None:
    for name in TV_CSS:
        for selector, size in re.findall(r"([^{}]+){[^}]*font-size:([\d.]+)rem", css(name)):
            assert float(size) >= 1.5 or selector.strip() == ".badge", selector


def scripts_of(template: str) -> list[str]:
    made = environment()
    text = "".join(made.loader.get_source(made, name)[0] for name in ("base.html", template))
    found = re.findall(r"static\('(js/[a-z_]+\.js)'\)", text)
    for group in re.findall(r"for name in \(([^)]*)\)", text):
        found += [f"js/{one}.js" for one in re.findall(r"'([a-z_]+)'", group)]
    return found


@pytest.mark.parametrize("template", ["home.html", "browse.html", "detail.html", "photo.html"])
def test_scripts_of_a_page_without_player_keep_to_their_budget(template: str) -> None:
    contents = [static_files()[name].content for name in scripts_of(template)]
    assert len(contents) >= 7
    assert sum(len(one) for one in contents) <= 30_000
    assert len(gzip.compress(b"".join(contents))) <= 10_000


def test_the_player_adds_at_most_12_kilobytes_packed() -> None:
    assert set(scripts_of("player.html")) >= {f"js/{name}.js" for name in PLAYER}
    together = b"".join(static_files()[f"js/{name}.js"].content for name in PLAYER)
    assert len(gzip.compress(together)) <= 12_000


def test_styles_keep_to_their_budget() -> None:
    assert sum(len(static_files()[name].content) for name in TV_CSS) <= 25_000


def test_the_page_asks_all_questions_of_the_converter() -> None:
    text = (ROOM / "static/js/ask.js").read_text()
    for question in QUESTIONS:
        codec = re.search(r'^(?:video|audio)/mp4; codecs="([^"]+)"$', question.mime)
        assert f"'{codec[1] if codec else question.mime}'" in text, question.mime


def test_addresses_change_with_the_content() -> None:
    for file in static_files().values():
        assert re.fullmatch(r"/static/[0-9a-f]{12}/(css|js)/[a-z_]+\.(css|js|svg)", file.address)
