"""Items in words and pictures: what a card, a chip and the way of an item say. Pure.

The way of a card is worked out for the kind of screen that asks (its profile); the detail page and
the player then ask for the plan of the very screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlencode

from gateway.library.records import Group, Item, Kind, Position, SourceRecord, SourceState
from transcode import profiles
from transcode.decision import Wishes, decide
from transcode.errors import NoWayToPlay
from transcode.facts import MediaFacts
from transcode.reasons import name_of
from transcode.screens import Screen
from tv_ui.pages import Card, Step, Tone, Way
from tv_ui.tiles import noise_address, tile_address


@dataclass(frozen=True, slots=True)
class SourceWay:
    """Where a source's bytes lie: ``host`` as people call it, and whether they lie encrypted."""

    host: str
    is_encrypted: bool


SourceWays = Callable[[str], SourceWay | None]
"""The way of a source by its name; None when it is not known (the source is locked)."""

_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 7: "6.1", 8: "7.1"}
_HDR = {"smpte2084": "HDR10", "arib-std-b67": "HLG"}
_UHD_LINES = 1800
_STATES = {
    SourceState.READY: "ready",
    SourceState.SCANNING: "looking for new files",
    SourceState.LOCKED: "locked",
    SourceState.AWAY: "away",
    SourceState.QUOTA: "the host's transfer is used up for now",
}


def screen_of(agent: str) -> Screen:
    """The profile of the kind of browser that asks."""
    if "Tizen" in agent:
        return profiles.load("tizen")
    if "Web0S" in agent or "webOS" in agent:
        return profiles.load("webos")
    return profiles.load("chromium_browser" if "Chrome/" in agent else "safe_browser")


def length_words(duration_s: float | None) -> str:
    """``1 h 59 min``; seconds only below two minutes."""
    if not duration_s:
        return ""
    if duration_s < 120:
        return f"{round(duration_s)} s"
    minutes = round(duration_s / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def time_words(seconds: float) -> str:
    """``1:02:03`` or ``42:10``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    shown = f"{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{shown}" if hours else shown


def count_words(count: int, one: str, many: str) -> str:
    """``1 film``, ``1,284 films``."""
    return f"{count:,} {one if count == 1 else many}"


def media_facts(item: Item) -> MediaFacts | None:
    """The item's facts, when they are known."""
    return None if item.facts_json is None else _read_facts(item.facts_json)


@lru_cache(maxsize=512)
def _read_facts(text: str) -> MediaFacts:
    return MediaFacts.from_json(text)


def chips(item: Item) -> tuple[str, ...]:
    """``1080p``, ``HDR10``, ``5.1``, ``CC``."""
    facts = media_facts(item)
    if facts is None or item.kind in (Kind.TRACK, Kind.PHOTO):
        return ()
    out = []
    if facts.video:
        video = facts.video[0]
        lines = max(video.height, round(video.width * 9 / 16))
        out.append("2160p" if lines > _UHD_LINES else f"{lines}p")
        if video.transfer in _HDR:
            out.append(_HDR[video.transfer])
    if facts.audio and (best := max(one.channels for one in facts.audio)) > 2:
        out.append(_CHANNELS.get(best, f"{best} channels"))
    if any(one.is_text for one in facts.subtitles):
        out.append("CC")
    return tuple(out)


def badge(item: Item) -> str:
    """The corner of a card."""
    lines = max(item.height or 0, round((item.width or 0) * 9 / 16))
    return "4K" if lines > _UHD_LINES and item.kind is not Kind.PHOTO else ""


def episode_words(item: Item) -> str:
    """``Season 1, episode 3``."""
    parts = []
    if item.season is not None:
        parts.append(f"Season {item.season}" if item.season else "Specials")
    if item.episode is not None:
        parts.append(f"episode {item.episode}")
    return ", ".join(parts)


def facts_line(item: Item) -> str:
    """Year or place in the series, and length."""
    first = str(item.year) if item.year else ""
    if item.kind is Kind.EPISODE:
        first = episode_words(item)
    elif item.kind is Kind.PHOTO and item.taken_s:
        moment = time.gmtime(item.taken_s)
        first = f"{moment.tm_mday} {time.strftime('%B %Y', moment)}"
    return "   ".join(filter(None, (first, length_words(item.duration_s))))


def codec_words(item: Item) -> str:
    """``HEVC 10 bit, AC-3 5.1, 18.4 Mbit/s``."""
    facts = media_facts(item)
    if facts is None:
        return ""
    parts = []
    if facts.video:
        video = facts.video[0]
        parts.append(name_of(video.codec) + (" 10 bit" if video.bit_depth == 10 else ""))
    if facts.audio:
        sound = facts.audio[0]
        parts.append(f"{name_of(sound.codec)} {_CHANNELS.get(sound.channels, '')}".strip())
    if (rate := item.bitrate_kbps or facts.bitrate_kbps) is not None:
        parts.append(f"{rate / 1000:.1f} Mbit/s")
    return ", ".join(parts)


def outcome_words(item: Item, screen: Screen) -> str:
    """The last step of the way: ``plays as it is``, ``picture copied, sound to AAC``."""
    facts = media_facts(item)
    if facts is None or item.kind is Kind.PHOTO:
        return ""
    try:
        plan = decide(facts, screen, Wishes())
    except NoWayToPlay:
        return "cannot play here"
    if plan.direct:
        return "plays as it is"
    changed = {one.kind: name_of(one.becomes) for one in plan.actions if one.does == "convert"}
    if "video" in changed:
        return f"picture to {changed['video']}"
    if "audio" not in changed:
        return "repacked, untouched"
    copied = any(one.kind == "video" for one in plan.actions)
    return f"{'picture copied, ' if copied else ''}sound to {changed['audio']}"


def way_of(item: Item, way: SourceWay | None, screen: Screen, note: str = "") -> Way:
    """From where, through what, to where."""
    host = way.host if way is not None else item.source
    steps = [Step(host, "encrypted" if way is not None and way.is_encrypted else "")]
    if way is not None and way.is_encrypted:
        steps.append(Step("decrypted here", tone=Tone.KEY))
    steps.append(Step(outcome_words(item, screen) or "this screen", note))
    return tuple(steps)


def hundredths(position: Position | None, duration_s: float | None) -> int | None:
    """How much was seen; None when not begun."""
    if position is None or position.position_s <= 0:
        return None
    length_s = duration_s or position.duration_s
    return None if not length_s else max(1, min(100, round(100 * position.position_s / length_s)))


def left_words(position: Position, duration_s: float | None) -> str:
    """``48 min left``."""
    length_s = duration_s or position.duration_s
    if not length_s:
        return ""
    return f"{max(1, round((length_s - position.position_s) / 60))} min left"


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes cards for one visitor: his token in the addresses, his screen in the way."""

    token: str
    screen: Screen
    ways: SourceWays

    def item_card(
        self,
        item: Item,
        *,
        size: str = "poster",
        position: Position | None = None,
        caption: str | None = None,
        href: str | None = None,
    ) -> Card:
        """An item as a card; ``size`` is that of the picture asked for."""
        said = caption if caption is not None else card_caption(item)
        if position is not None and (left := left_words(position, item.duration_s)):
            said = f"{said}  ·  {left}"
        return Card(
            key=str(item.id),
            href=href or item_href(item),
            title=item.series if item.kind is Kind.EPISODE and item.series else item.title,
            caption=said,
            tile=tile_address(item.tile, f"item {item.id}"),
            picture=self.art(item, size),
            backdrop=self.art(item),
            progress=hundredths(position, item.duration_s),
            badge=badge(item),
            facts=facts_line(item),
            chips=chips(item),
            text=card_text(item),
            way=way_of(item, self.ways(item.source), self.screen),
        )

    def group_card(self, group: Group, sample: Item | None, href: str, *, count: str) -> Card:
        """A series or an album as a card."""
        return Card(
            key=group.key,
            href=href,
            title=group.title,
            caption=group.title,
            tile=tile_address(sample.tile if sample else None, f"group {group.key}"),
            picture=self.art(sample, "poster") if sample else "",
            backdrop=self.art(sample) if sample else "",
            facts="   ".join(filter(None, (group.subtitle, count))),
            way=way_of(sample, self.ways(sample.source), self.screen) if sample else (),
        )

    def art(self, item: Item, size: str = "") -> str:
        """Address of an item's picture, "" when it has none."""
        if not item.has_art:
            return ""
        return f"/art/{self.token}/{item.id}.jpg" + (f"?s={size}" if size else "")


def card_caption(item: Item) -> str:
    """The line under a card."""
    if item.kind is Kind.EPISODE and item.series:
        return f"{item.series}  ·  {short_number(item)}"
    if item.kind is Kind.TRACK and item.artist:
        return f"{item.title}  ·  {item.artist}"
    return item.title


def card_text(item: Item) -> str:
    """The sentence in the head of the screen: of an episode its title, of music who plays it."""
    if item.kind is Kind.EPISODE and item.series:
        return item.title
    if item.kind is Kind.TRACK:
        return ", ".join(filter(None, (item.artist, item.album)))
    return ""


def short_number(item: Item) -> str:
    """``S1 E3``."""
    season = "" if item.season is None else f"S{item.season} "
    return f"{season}E{item.episode}" if item.episode is not None else item.title


def item_href(item: Item) -> str:
    """Where an item's page is."""
    return f"/tv/photo/{item.id}" if item.kind is Kind.PHOTO else f"/tv/item/{item.id}"


def group_href(what: str, key: str) -> str:
    """Where a series', an album's or a folder's page is."""
    return f"/tv/{what}?" + urlencode({"key": key}, quote_via=quote)


def source_words(source: SourceRecord) -> str:
    """A source's state."""
    words = _STATES[source.state]
    return f"{words}: {source.reason}" if source.reason else words


def locked_cards(source: SourceRecord, count: int) -> tuple[Card, ...]:
    """What is seen of a locked vault: noise made of its name, never of a picture."""
    href = "/tv/locked?" + urlencode({"source": source.name}, quote_via=quote)
    way = (Step(source.name, "encrypted"), Step("no key yet"))
    return tuple(
        Card(
            key=f"{source.name} {number}",
            href=href,
            title=source.name,
            caption="Locked",
            tile=noise_address(f"{source.name} {number}"),
            is_locked=True,
            text="Locked. What you see is what the host sees: noise.",
            way=way,
        )
        for number in range(count)
    )
