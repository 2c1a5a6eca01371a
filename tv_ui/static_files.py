"""Style sheets, scripts and the icon: read once, addressed by their content.

A TV keeps a page for weeks; an address that carries the content's hash may be kept for ever and
changes when the file does.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOLDERS = ("css", "js")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: ``name`` is ``css/tv.css``, ``mark`` the first part of its content's hash."""

    name: str
    content: bytes
    content_type: str
    mark: str

    @property
    def packed(self) -> bytes:
        """The content for clients that take gzip."""
        return _pack(self.content)

    @property
    def address(self) -> str:
        """Where pages ask for it."""
        return f"/static/{self.mark}/{self.name}"


@cache
def static_files() -> dict[str, StaticFile]:
    """All files by name."""
    root = resources.files("tv_ui") / "static"
    files = {}
    for folder in _FOLDERS:
        for entry in (root / folder).iterdir():
            if (made := _read(f"{folder}/{entry.name}", entry)) is not None:
                files[made.name] = made
    return files


@cache
def _pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@cache
def build_mark() -> str:
    """One word for the whole set: pages of another build ought to be loaded anew."""
    marks = sorted(file.mark for file in static_files().values())
    return hashlib.sha256("".join(marks).encode()).hexdigest()[:12]


def _without_comments(script: str) -> str:
    """A script as it is sent: comments that stand on lines of their own and indents are left out.

    Line numbers stay, so that an error on a TV names the line of the file.
    """
    lines, inside = [], False
    for line in script.split("\n"):
        bare = line.strip()
        inside = inside or bare.startswith("/*")
        lines.append("" if inside else bare)
        inside = inside and not bare.endswith("*/")
    return "\n".join(lines)


def _read(name: str, entry: Traversable) -> StaticFile | None:
    content_type = _TYPES.get(name.rpartition(".")[2])
    if content_type is None:
        return None
    content = entry.read_bytes()
    if name.endswith(".js"):
        content = _without_comments(content.decode()).encode()
    mark = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(name, content, content_type, mark)
