"""Normal play time and play time texts: ``TimeSeekRange`` headers and ``res@duration``.

Source: DLNA guidelines on TimeSeekRange.dlna.org; RFC 2326, section 3.6; dlna.md 10.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import BadArgument

_TIME = r"(?:\d{1,9}(?:\.\d{1,9})?|\d{1,5}:[0-5]?\d:[0-5]?\d(?:\.\d{1,9})?)"
_RANGE = re.compile(rf"\s*npt\s*=\s*({_TIME})\s*-\s*({_TIME})?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Asked stretch in seconds; ``stop_s`` None means to the end."""

    start_s: float
    stop_s: float | None


def parse_time_seek(text: str) -> TimeRange:
    """Read a ``TimeSeekRange.dlna.org`` value such as ``npt=335.11-`` or ``npt=0:05:35.3-0:06:00``.

    Raises:
        BadArgument: malformed, or it ends before it starts.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadArgument(f"TimeSeekRange {text[:60]!r} is not npt=start-[end]")
    start_s = parse_time(match[1])
    stop_s = None if match[2] is None else parse_time(match[2])
    if stop_s is not None and stop_s < start_s:
        raise BadArgument(f"TimeSeekRange {text[:60]!r} ends before it starts")
    return TimeRange(start_s, stop_s)


def parse_time(text: str) -> float:
    """Seconds of ``335.11`` or ``H:MM:SS.mmm``."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def render_time_seek(start_s: float, stop_s: float | None, duration_s: float | None) -> str:
    """The answering value, ``npt=10.000-59.999/60.000``; ``*`` for an unknown total."""
    stop_s = duration_s if stop_s is None else stop_s
    stop = "" if stop_s is None else f"{stop_s:.3f}"
    total = "*" if duration_s is None else f"{duration_s:.3f}"
    return f"npt={start_s:.3f}-{stop}/{total}"


def render_duration(duration_s: float) -> str:
    """``H:MM:SS.mmm`` as ``res@duration`` wants it."""
    minutes, milliseconds = divmod(round(duration_s * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
