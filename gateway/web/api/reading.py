"""Reading requests: bodies and query values, each checked, each mistake named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from gateway.errors import BadArgument

BODY_WITHIN_S = 10.0

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object with typed reads."""

    raw: Mapping[str, object]

    def text(self, name: str, limit: int = 1000) -> str:
        """A text that must be there."""
        value = self.optional_text(name, limit)
        if not value:
            raise BadArgument(f"{name} is missing")
        return value

    def optional_text(self, name: str, limit: int = 1000) -> str | None:
        """A text or None."""
        value = self.raw.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > limit):
            raise BadArgument(f"{name} is a text of at most {limit} letters")
        return value

    def number(self, name: str) -> float:
        """A number from 0 on that must be there."""
        value = self.optional_number(name)
        if value is None:
            raise BadArgument(f"{name} is missing")
        return value

    def optional_number(self, name: str) -> float | None:
        """A number from 0 on, or None."""
        value = self.raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
            raise BadArgument(f"{name} is a number from 0 on")
        return float(value)

    def whole(self, name: str) -> int | None:
        """A whole number from 0 on, or None."""
        value = self.raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise BadArgument(f"{name} is a whole number from 0 on")
        return value

    def choice(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """One of a closed list, or None."""
        value = self.raw.get(name)
        return None if value is None else _choose(name, str(value), choices)


async def read_fields(request: web.Request) -> Fields:
    """The JSON object of a request's body; no body is an empty one.

    Raises:
        BadArgument: it is no JSON object.
    """
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            body = await request.read()
    except TimeoutError:
        raise BadArgument("the body did not come in time") from None
    if not body:
        return Fields({})
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise BadArgument("the body is not JSON") from None
    if not isinstance(raw, dict):
        raise BadArgument("the body is a JSON object")
    return Fields(raw)


def query_number(request: web.Request, name: str, default: int, largest: int) -> int:
    """A whole query value between 0 and ``largest``."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= largest):
        raise BadArgument(f"{name} is a whole number from 0 to {largest}")
    return int(text)


def query_choice(request: web.Request, name: str, choices: type[_Choice]) -> _Choice | None:
    """A query value out of a closed list, or None."""
    text = request.query.get(name)
    return None if text is None else _choose(name, text, choices)


def _choose(name: str, text: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        known = ", ".join(one.value for one in choices)
        raise BadArgument(f"{name} is one of {known}; not {text[:40]!r}") from None


def query_text(request: web.Request, name: str) -> str | None:
    """A query text of bearable length, or None."""
    text = request.query.get(name)
    if text is not None and len(text) > 1000:
        raise BadArgument(f"{name} has at most 1000 letters")
    return text
