"""What the library asks of whoever renders DIDL-Lite, and how stored texts become an answer.

A stored text is escaped for the SOAP answer already. Its placeholders are characters that XML
forbids, so no title can hold them: the asker's address, its token, and (ours) the parent's id,
for an item stands in several containers.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from gateway.library.records import Item, Kind

ADDRESS = "\x01"
TOKEN = "\x02"  # noqa: S105 - a placeholder, not a secret
PARENT = "\x03"

GENERIC = "generic"
"""The class of players nobody knows better; its texts are always kept."""


class FragmentRenderer(Protocol):
    """Renders items and containers; pure, called from the writer's thread too."""

    def item_xml(
        self,
        item: Item,
        parent_id: str,
        profile_class: str,
        fields: frozenset[str] | None = None,
    ) -> str:
        """An item as its parent's listing shows it to a class of players."""
        ...

    def container_xml(
        self,
        container_id: str,
        parent_id: str,
        title: str,
        profile_class: str,
        *,
        upnp_class: str,
        child_count: int | None = None,
        artist: str | None = None,
        art_item: int | None = None,
        fields: frozenset[str] | None = None,
    ) -> str:
        """A folder; ``art_item`` is the item whose picture stands for it."""
        ...


def fill(text: str, address: str, token: str) -> str:
    """Put the asker's address (``http://ADDR:PORT``) and token where they belong."""
    return text.replace(ADDRESS, address).replace(TOKEN, token)


def fingerprint(fragments: FragmentRenderer) -> str:
    """Changes whenever the renderer would write stored texts differently."""
    digest = hashlib.sha256()
    for kind, mime in _SAMPLES:
        item = Item(
            id=1, source="s", path="a/b.x", kind=kind, mime=mime, title="t <&> é", size_bytes=3,
            version="v", added_s=0.0, duration_s=61.5, width=320, height=240, year=2001,
            bitrate_kbps=800, series="s", season=1, episode=2, artist="a", album="b", genre="g",
            track_number=4, taken_s=86400.0, modified_s=86400.0, has_art=True,
        )  # fmt: skip
        digest.update(fragments.item_xml(item, PARENT, GENERIC).encode())
    digest.update(
        fragments.container_xml(
            "c", PARENT, "t", GENERIC, upnp_class="object.container", child_count=1, art_item=1
        ).encode()
    )
    return digest.hexdigest()


_SAMPLES = (
    (Kind.FILM, "video/mp4"),
    (Kind.EPISODE, "video/x-matroska"),
    (Kind.TRACK, "audio/mpeg"),
    (Kind.PHOTO, "image/jpeg"),
    (Kind.PHOTO, "image/png"),
    (Kind.OTHER, "application/octet-stream"),
)
