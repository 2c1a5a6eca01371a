"""Film by screen: the table of decisions, written by ``decide`` and then read row by row."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from transcode import profiles
from transcode.decision import Wishes, decide
from transcode.facts import AudioFacts, MediaFacts, VideoFacts

HERE = Path(__file__).parent / "decisions"
FILMS = tomllib.loads((HERE / "media.toml").read_text("utf-8"))


def facts_of(name: str) -> MediaFacts:
    film = FILMS[name]
    video = (VideoFacts(index=0, **film["video"]),) if "video" in film else ()
    audio = tuple(
        AudioFacts(index=len(video) + number, sample_rate_hz=48_000, **one)
        for number, one in enumerate(film["audio"])
    )
    return MediaFacts(film["container"], 5400.0, 6000, video=video, audio=audio)


def row_of(film: str, screen: str) -> dict[str, str]:
    plan = decide(facts_of(film), profiles.load(screen), Wishes())
    return {
        "film": film,
        "screen": screen,
        "mode": plan.mode.value,
        "variant": "-" if plan.variant is None else str(plan.variant),
        "stream": str(plan.stream_variant),
        "reasons": " ".join(reason.code for reason in plan.reasons) or "-",
    }


with (HERE / "table.tsv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file, delimiter="\t"))


def test_the_table_covers_every_film_on_every_screen():
    assert {(row["film"], row["screen"]) for row in ROWS} == {
        (film, screen) for film in FILMS for screen in profiles.names()
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['film']}-{row['screen']}")
def test_decision(row):
    assert row_of(row["film"], row["screen"]) == row
