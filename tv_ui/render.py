"""Prints page records: Jinja2 with everything escaped, templates beside this file."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tv_ui.pages import Card, Page, Rail, Way
from tv_ui.static_files import build_mark, static_files

DRAWN_RAILS = 5
DRAWN_CARDS = 8
"""What the templates draw of a screen's rails; the scripts make the rest when it is needed."""


def render(page: Page) -> str:
    """The whole document of a page."""
    template = environment().get_template(page.template)
    fields = {one.name: getattr(page, one.name) for one in dataclasses.fields(page)}
    return template.render(fields)


@cache
def environment() -> Environment:
    """The one environment; names a record lacks are errors."""
    made = Environment(
        loader=PackageLoader("tv_ui", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        static=_static_address, build=build_mark, rails_data=rails_data, way_data=way_data
    )
    made.filters["tracks_data"] = _records
    made.filters["drawing"] = Markup
    return made


def card_data(card: Card, *, with_tile: bool = True) -> dict[str, Any]:
    """A card as the scripts take it: short names, empty things left out."""
    full: dict[str, Any] = {
        "k": card.key,
        "h": card.href,
        "t": card.title,
        "c": card.caption,
        "i": card.tile if with_tile else "",
        "p": card.picture,
        "d": card.backdrop,
        "g": card.progress,
        "b": card.badge,
        "l": card.is_locked,
        "f": card.facts,
        "m": list(card.chips),
        "x": card.text,
        "w": way_data(card.way),
    }
    return {name: value for name, value in full.items() if value}


def rails_data(rails: tuple[Rail, ...], noise: str) -> dict[str, Any]:
    """The rails of a screen for its script; tiles of drawn cards stand in the document alone.

    ``total`` counts all cards of the rail; those that follow the first come from ``source``.
    """
    ways: list[Any] = []
    out = []
    for row, rail in enumerate(rails):
        cards = []
        for place, card in enumerate(rail.cards):
            is_drawn = row < DRAWN_RAILS and place < DRAWN_CARDS
            data = card_data(card, with_tile=not is_drawn)
            if "w" in data:
                if data["w"] not in ways:
                    ways.append(data["w"])
                data["w"] = ways.index(data["w"])
            cards.append(data)
        out.append(
            {
                "key": rail.key,
                "title": rail.title,
                "note": rail.note,
                "shape": rail.shape.value,
                "total": rail.total,
                "source": rail.source,
                "cards": cards,
            }
        )
    return {"rails": out, "ways": ways, "noise": noise}


def way_data(way: Way) -> list[list[str]]:
    """A way for the scripts: text, note, tone of each step."""
    return [[step.text, step.note, step.tone.value] for step in way]


def _records(records: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(one) for one in records]


def _static_address(name: str) -> str:
    return static_files()[name].address
