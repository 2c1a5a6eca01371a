"""What a class of players surely plays, surely does not, or may play; pure, from data.

Doubt is answered by offering both the file and a conversion. Source: devices.md 10 and 11.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any

from transcode.facts import MediaFacts


class Chance(Enum):
    """Whether a player can play a file as it is."""

    SURE = "sure"
    MAYBE = "maybe"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ability:
    """What a class of players is sure to do with video."""

    plays_all: bool
    containers: frozenset[str]
    video: frozenset[str]
    audio: frozenset[str]
    never: frozenset[str]
    height: int
    level: int
    bit_depth: int
    channels: int

    def chance(self, facts: MediaFacts | None) -> Chance:
        """The chance for a video file; None for one nobody looked into yet."""
        if self.plays_all:
            return Chance.SURE
        if facts is None:
            return Chance.MAYBE
        codecs = [one.codec for one in facts.video] + [one.codec for one in facts.audio]
        if not self.never.isdisjoint(codecs):
            return Chance.NONE
        is_sure = (
            facts.container in self.containers
            and all(
                one.codec in self.video
                and one.height <= self.height
                and (one.level is None or one.level <= self.level)
                and one.bit_depth <= self.bit_depth
                for one in facts.video[:1]
            )
            and all(
                one.codec in self.audio and one.channels <= self.channels for one in facts.audio[:1]
            )
        )
        return Chance.SURE if is_sure else Chance.MAYBE


@cache
def abilities() -> dict[str, Ability]:
    """Ability by profile class."""
    text = resources.files("gateway.dlna").joinpath("abilities.toml").read_text("utf-8")
    return {name: _ability(table) for name, table in tomllib.loads(text).items()}


def _ability(table: dict[str, Any]) -> Ability:
    return Ability(
        plays_all=table.get("plays_all", False),
        containers=frozenset(table.get("containers", ())),
        video=frozenset(table.get("video", ())),
        audio=frozenset(table.get("audio", ())),
        never=frozenset(table.get("never", ())),
        height=table.get("height", 1088),
        level=table.get("level", 41),
        bit_depth=table.get("bit_depth", 8),
        channels=table.get("channels", 2),
    )
