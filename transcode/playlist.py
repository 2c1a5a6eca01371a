"""HLS playlists as text: complete from the first request, the same for every run. Pure.

Source: RFC 8216, 4.3 (tags) and 4.3.4.1.1 (subtitle renditions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from transcode.variant import Package

SUBTITLE_GROUP = "subs"


@dataclass(frozen=True, slots=True)
class SubtitleRendition:
    """One subtitle track of a master playlist; ``address`` is relative to it."""

    name: str
    language: str | None
    address: str
    is_default: bool = False
    is_forced: bool = False


def render_media(durations_s: Sequence[float], package: Package) -> str:
    """The media playlist of a film, segments ``0`` to the last.

    Args:
        durations_s: length of each segment.
        package: ``init.mp4`` and ``N.m4s``, or ``N.ts``.
    """
    is_fmp4 = package is Package.FMP4
    head = _head(durations_s, version=7 if is_fmp4 else 3)
    head.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if is_fmp4:
        head.append('#EXT-X-MAP:URI="init.mp4"')
    return _render(head, durations_s, "m4s" if is_fmp4 else "ts")


def render_subtitles(durations_s: Sequence[float]) -> str:
    """The media playlist of a subtitle track, segments ``N.vtt``."""
    return _render(_head(durations_s, version=3), durations_s, "vtt")


def render_master(
    *,
    address: str,
    bandwidth_bps: int,
    codecs: Sequence[str],
    size: tuple[int, int] | None,
    rate: float | None,
    subtitles: Sequence[SubtitleRendition] = (),
) -> str:
    """A master playlist of one variant and its subtitles.

    Args:
        address: of the media playlist, relative to the master.
        bandwidth_bps: the peak a player must expect.
        codecs: RFC 6381 names of all streams; left out when any is unknown.
        size: width and height of the picture.
        rate: pictures per second.
        subtitles: renditions to choose from.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_rendition(one) for one in subtitles]
    attributes = [f"BANDWIDTH={bandwidth_bps}"]
    if codecs:
        attributes.append(f'CODECS="{",".join(codecs)}"')
    if size is not None:
        attributes.append(f"RESOLUTION={size[0]}x{size[1]}")
    if rate is not None:
        attributes.append(f"FRAME-RATE={rate:.3f}")
    if subtitles:
        attributes.append(f'SUBTITLES="{SUBTITLE_GROUP}"')
    lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", address]
    return "\n".join(lines) + "\n"


def _head(durations_s: Sequence[float], *, version: int) -> list[str]:
    if not durations_s:
        raise ValueError("a playlist needs at least one segment")
    # Every EXTINF, rounded to whole seconds, may be at most the target (RFC 8216, 4.3.3.1).
    target = max(1, *(math.floor(one + 0.5) for one in durations_s))
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]


def _render(head: list[str], durations_s: Sequence[float], suffix: str) -> str:
    lines = list(head)
    for number, duration in enumerate(durations_s):
        lines += (f"#EXTINF:{duration:.6f},", f"{number}.{suffix}")
    lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _rendition(one: SubtitleRendition) -> str:
    attributes = ["TYPE=SUBTITLES", f'GROUP-ID="{SUBTITLE_GROUP}"', f"NAME={_quoted(one.name)}"]
    if one.language:
        attributes.append(f"LANGUAGE={_quoted(one.language)}")
    attributes.append(f"DEFAULT={'YES' if one.is_default else 'NO'}")
    attributes.append(f"AUTOSELECT={'YES' if one.is_default or one.is_forced else 'NO'}")
    attributes.append(f"FORCED={'YES' if one.is_forced else 'NO'}")
    attributes.append(f'URI="{one.address}"')
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def _quoted(text: str) -> str:
    """A quoted string; quotes and line ends cannot stand in one."""
    return '"' + "".join(" " if letter in '"\r\n' else letter for letter in text) + '"'
