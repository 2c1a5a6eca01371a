"""Library records as DIDL-Lite fragments, ready to be stored and joined.

A fragment is escaped for the SOAP answer already, and holds ``ADDRESS`` and ``TOKEN`` (characters
that XML forbids, so no title can contain them) where the asking player's own belong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePosixPath

from gateway.dlna.plays import Chance, abilities
from gateway.library.records import Item, Kind
from gateway.upnp import classes
from gateway.upnp.didl import Art, DidlContainer, DidlItem, Res, render_container, render_item
from gateway.upnp.filter import Fields
from gateway.upnp.npt import render_duration
from gateway.upnp.protocol_info import (
    CONVERTED,
    CONVERTED_MIME,
    Features,
    direct_features,
    image_profile,
    protocol_info,
)
from gateway.upnp.xml import escape_text
from transcode.facts import MediaFacts

ADDRESS = "\x01"
TOKEN = "\x02"  # noqa: S105 - a placeholder, not a secret
PROFILE_CLASSES: tuple[str, ...] = ("generic", "everything")
"""What fragments are stored for: each class of players is given its own."""

_ART_PROFILE = "JPEG_SM"
"""The library keeps pictures of at most 640x480."""
_MP3_RATES_HZ = frozenset({32_000, 44_100, 48_000})


class FragmentRenderer:
    """Renders items and containers; implements the interface that the library owns."""

    profile_classes = PROFILE_CLASSES

    def item_xml(
        self, item: Item, parent_id: str, profile_class: str, fields: Fields = None
    ) -> str:
        """An item as its parent's listing shows it to a class of players."""
        facts = _facts(item.facts_json)
        didl = DidlItem(
            id=f"i{item.id}",
            parent_id=parent_id,
            title=_title(item),
            upnp_class=classes.item_class(item.kind.value, item.mime),
            properties=_properties(item),
            art=_art(item.id) if item.has_art else None,
            resources=_resources(item, facts, profile_class),
        )
        return escape_text(render_item(didl, fields))

    def container_xml(
        self,
        container_id: str,
        parent_id: str,
        title: str,
        profile_class: str,
        *,
        upnp_class: str = classes.FOLDER,
        child_count: int | None = None,
        artist: str | None = None,
        art_item: int | None = None,
        fields: Fields = None,
    ) -> str:
        """A folder; ``art_item`` is the item whose picture stands for it."""
        del profile_class  # folders are the same for all classes so far
        properties = [("upnp:artist", artist), ("dc:creator", artist)] if artist else []
        if upnp_class == classes.FOLDER:
            properties.append(("upnp:storageUsed", "-1"))
        didl = DidlContainer(
            id=container_id,
            parent_id=parent_id,
            title=title,
            upnp_class=upnp_class,
            child_count=child_count,
            properties=tuple(properties),
            art=None if art_item is None else _art(art_item),
        )
        return escape_text(render_container(didl, fields))


def features_of(item: Item) -> str:
    """Fourth field of an item's own file; its ``contentFeatures.dlna.org`` header too."""
    facts = _facts(item.facts_json)
    return str(direct_features(item.mime, _profile_name(item, facts)))


@lru_cache(16)
def _facts(text: str | None) -> MediaFacts | None:
    # An item is rendered for one class of players after the other.
    return None if text is None else MediaFacts.from_json(text)


def _title(item: Item) -> str:
    if item.kind is Kind.EPISODE and item.season is not None and item.episode is not None:
        return f"S{item.season:02d}E{item.episode:02d} {item.title}"
    return item.title


def _properties(item: Item) -> tuple[tuple[str, str], ...]:
    people = item.artist or item.album_artist
    found = (
        ("dc:creator", people),
        ("dc:date", _date(item)),
        ("upnp:artist", people),
        ("upnp:album", item.album),
        ("upnp:genre", item.genre),
        ("upnp:originalTrackNumber", item.track_number),
        ("upnp:seriesTitle", item.series),
        ("upnp:episodeSeason", item.season),
        ("upnp:episodeNumber", item.episode),
    )
    return tuple((name, str(value)) for name, value in found if value not in {None, ""})


def _date(item: Item) -> str | None:
    if item.kind is Kind.PHOTO and item.taken_s is not None:
        return _iso(item.taken_s)
    if item.year is not None:
        return f"{item.year:04d}-01-01"
    return None if item.modified_s is None else _iso(item.modified_s)


def _iso(wall_s: float) -> str | None:
    try:
        return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return None


def _art(item_id: int) -> Art:
    return Art(f"{ADDRESS}/art/{TOKEN}/{item_id}.jpg", _ART_PROFILE)


def _resources(item: Item, facts: MediaFacts | None, profile_class: str) -> tuple[Res, ...]:
    direct = Res(
        url=f"{ADDRESS}/media/{TOKEN}/{item.id}{_suffix(item)}",
        protocol_info=protocol_info(
            item.mime, direct_features(item.mime, _profile_name(item, facts))
        ),
        attributes=_attributes(item, facts),
    )
    kind = item.mime.partition("/")[0]
    if kind == "image" and item.mime != "image/jpeg" and item.has_art:
        picture = Features(
            by_bytes=True,
            converted=True,
            profile_name=_ART_PROFILE,
            flags=direct_features("image/jpeg").flags,
        )
        shown = f"{ADDRESS}/art/{TOKEN}/{item.id}.jpg"
        return (direct, Res(shown, protocol_info("image/jpeg", picture)))
    if kind != "video":
        return (direct,)
    chance = abilities()[profile_class].chance(facts)
    if chance is Chance.SURE:
        return (direct,)
    converted = Res(
        url=f"{ADDRESS}/stream/{TOKEN}/{item.id}.ts",
        protocol_info=protocol_info(CONVERTED_MIME, CONVERTED),
        attributes=_duration(item),
    )
    return (converted,) if chance is Chance.NONE else (direct, converted)


def _suffix(item: Item) -> str:
    # Some players choose the demuxer by it; what is not plain would need escaping.
    suffix = PurePosixPath(item.path).suffix.lower()
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 6 else ""


def _duration(item: Item) -> tuple[tuple[str, str], ...]:
    if item.duration_s is None:
        return ()
    return (("duration", render_duration(item.duration_s)),)


def _attributes(item: Item, facts: MediaFacts | None) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = [("size", str(item.size_bytes)), *_duration(item)]
    if item.bitrate_kbps:
        found.append(("bitrate", str(item.bitrate_kbps * 1000 // 8)))
    if facts is not None and facts.audio:
        found.append(("sampleFrequency", str(facts.audio[0].sample_rate_hz)))
        found.append(("nrAudioChannels", str(facts.audio[0].channels)))
    if item.width and item.height and not item.mime.startswith("audio/"):
        found.append(("resolution", f"{item.width}x{item.height}"))
    return tuple(found)


def _profile_name(item: Item, facts: MediaFacts | None) -> str | None:
    """A DLNA profile where every constraint of it is known to hold. Source: dlna.md 11."""
    if item.mime == "image/jpeg" and item.width and item.height:
        return image_profile(item.width, item.height)
    if item.mime == "audio/mpeg" and facts is not None and len(facts.audio) == 1:
        sound = facts.audio[0]
        if sound.codec == "mp3" and sound.sample_rate_hz in _MP3_RATES_HZ:
            return "MP3"
    return None
