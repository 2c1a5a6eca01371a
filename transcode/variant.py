"""A variant: one way of delivering one media, short enough to stand in an address.

The text form is the whole state of an HLS delivery: a playlist survives a restart of the gateway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Package(StrEnum):
    """What segments are wrapped in."""

    FMP4 = "fmp4"
    TS = "ts"


@dataclass(frozen=True, slots=True)
class Variant:
    """Which streams go out and what happens to each.

    Attributes:
        video: stream index, or None for sound alone.
        video_height: None copies the picture; else it is converted to H.264 of at most that height.
        audio: stream index, or None for none.
        audio_copy: True copies the sound, False converts it to stereo AAC.

    Text form: ``fmp4-v0-a1`` (copy, copy), ``ts-v0h720-a1aac`` (both converted).
    """

    package: Package
    video: int | None
    video_height: int | None
    audio: int | None
    audio_copy: bool

    @property
    def is_remux(self) -> bool:
        """Whether the picture is copied (sound may be converted)."""
        return self.video_height is None

    def __str__(self) -> str:
        parts = [self.package.value]
        if self.video is not None:
            height = "" if self.video_height is None else f"h{self.video_height}"
            parts.append(f"v{self.video}{height}")
        if self.audio is not None:
            parts.append(f"a{self.audio}{'' if self.audio_copy else 'aac'}")
        return "-".join(parts)

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read the text form.

        Raises:
            ValueError: it is none.
        """
        match = _FORM.fullmatch(text)
        if match is None or (match["v"] is None and match["a"] is None):
            raise ValueError(f"not a variant: {text[:40]!r}")
        return cls(
            package=Package(match["package"]),
            video=None if match["v"] is None else int(match["v"]),
            video_height=None if match["h"] is None else int(match["h"]),
            audio=None if match["a"] is None else int(match["a"]),
            audio_copy=match["aac"] is None,
        )


_FORM = re.compile(
    r"(?P<package>fmp4|ts)(?:-v(?P<v>\d{1,2})(?:h(?P<h>\d{3,4}))?)?(?:-a(?P<a>\d{1,2})(?P<aac>aac)?)?"
)
