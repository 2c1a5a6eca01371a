"""Log lines for people or for programs; tokens never stand in them."""

from __future__ import annotations

import json
import logging
import re
import sys
import time

_TOKENS = re.compile(r"/(media|art|hls|stream|subs|zip)/[A-Za-z0-9_-]{16,}")


def hide_tokens(text: str) -> str:
    """Replace the token of every address in a text."""
    return _TOKENS.sub(r"/\1/…", text)


class TextForm(logging.Formatter):
    """One readable line; a trace only for failures nobody foresaw."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{clock} {record.levelname.lower():7} {record.name}: {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return hide_tokens(line)


class JsonForm(logging.Formatter):
    """One JSON object a line; ``time`` is seconds since 1970, ``trace`` only for failures."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "room": record.name,
            "message": hide_tokens(record.getMessage()),
        }
        if record.exc_info:
            entry["trace"] = hide_tokens(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up_logging(form: str, *, quiet: bool) -> None:
    """Send the log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonForm() if form == "json" else TextForm())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.ERROR if quiet else logging.INFO)
    for talkative in ("aiohttp.access", "zeroconf", "asyncio"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    for chatty in ("guessit", "rebulk", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
