"""WebVTT text of a stretch of a film, and plain text out of ASS lines. Pure.

Source: W3C WebVTT 4 (file structure, cue text escapes); RFC 8216 3.5 (X-TIMESTAMP-MAP).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OVERRIDE = re.compile(r"\{[^}]*\}")
_BREAKS = re.compile(r"\\[Nn]|\r\n?")
_STYLE = re.compile(r"&lt;(/?[ibu])&gt;")
_BLANK = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class Cue:
    """One text on the screen, film seconds."""

    start_s: float
    stop_s: float
    text: str


def plain_of_ass(event: str) -> str:
    """Text of an ASS event as ffmpeg's decoders give it: nine fields by commas before the text."""
    fields = event.split(",", 8)
    text = fields[8] if len(fields) == 9 else event
    italic = re.sub(r"\{\\(i|b|u)1\}", r"<\1>", text)
    italic = re.sub(r"\{\\(i|b|u)0\}", r"</\1>", italic)
    return _BREAKS.sub("\n", _OVERRIDE.sub("", italic)).replace(r"\h", " ").strip()


def render(cues: Iterable[Cue], *, mpegts: int | None = 0) -> str:
    """A WebVTT file.

    Args:
        cues: in any order; equal ones are given once.
        mpegts: 90 kHz stamp of film time 0 in the segments beside it, None for no mapping line.
    """
    lines = ["WEBVTT"]
    if mpegts is not None:
        lines.append(f"X-TIMESTAMP-MAP=MPEGTS:{mpegts},LOCAL:00:00:00.000")
    blocks = ["\n".join(lines)]
    for cue in sorted(set(cues), key=lambda one: (one.start_s, one.stop_s, one.text)):
        text = _escaped(cue.text)
        if text and cue.stop_s > cue.start_s:
            blocks.append(f"{_stamp(cue.start_s)} --> {_stamp(cue.stop_s)}\n{text}")
    return "\n\n".join(blocks) + "\n"


def _escaped(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BLANK.sub("\n", _STYLE.sub(r"<\1>", safe)).strip()


def _stamp(seconds: float) -> str:
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
