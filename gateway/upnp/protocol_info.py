"""protocolInfo: mime and the fourth field, which is also the ``contentFeatures.dlna.org`` header.

Source: DLNA guidelines, protocolInfo; dlna.md 9 (order PN, OP, CI, FLAGS; 24 zeros after FLAGS).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache


class Flags(IntFlag):
    """The primary flags in use; without DLNA_1_5 a client ignores all others."""

    STREAMING = 0x01000000
    INTERACTIVE = 0x00800000
    BACKGROUND = 0x00400000
    STALLING = 0x00200000
    DLNA_1_5 = 0x00100000


PLAYED = Flags.STREAMING | Flags.BACKGROUND | Flags.STALLING | Flags.DLNA_1_5
SHOWN = Flags.INTERACTIVE | Flags.BACKGROUND | Flags.STALLING | Flags.DLNA_1_5
CONVERTED_MIME = "video/mpeg"


@dataclass(frozen=True, slots=True)
class Features:
    """What a resource can do.

    Attributes:
        profile_name: DLNA profile, only when every constraint of it was checked.
        by_time: TimeSeekRange works.
        by_bytes: Range works.
        converted: not the original content.
    """

    by_bytes: bool
    by_time: bool = False
    converted: bool = False
    profile_name: str | None = None
    flags: Flags = PLAYED

    def __str__(self) -> str:
        name = f"DLNA.ORG_PN={self.profile_name};" if self.profile_name else ""
        return (
            f"{name}DLNA.ORG_OP={int(self.by_time)}{int(self.by_bytes)};"
            f"DLNA.ORG_CI={int(self.converted)};DLNA.ORG_FLAGS={int(self.flags):08X}{'0' * 24}"
        )


CONVERTED = Features(by_bytes=False, by_time=True, converted=True)


@lru_cache(512)
def direct_features(mime: str, profile_name: str | None = None) -> Features:
    """Features of a file as it lies there: byte ranges, original content."""
    flags = SHOWN if mime.startswith("image/") else PLAYED
    return Features(by_bytes=True, profile_name=profile_name, flags=flags)


@lru_cache(512)
def protocol_info(mime: str, features: Features | None) -> str:
    """The four fields for HTTP."""
    return f"http-get:*:{mime}:{'*' if features is None else features}"


def image_profile(width: int, height: int) -> str | None:
    """The smallest JPEG profile that holds these pixels. Source: dlna.md 11.1."""
    for name, widest, highest in _JPEG:
        if width <= widest and height <= highest:
            return name
    return None


_JPEG = (
    ("JPEG_TN", 160, 160),
    ("JPEG_SM", 640, 480),
    ("JPEG_MED", 1024, 768),
    ("JPEG_LRG", 4096, 4096),
)
