"""DIDL-Lite: records of items and containers, and their text.

``render_*`` give plain DIDL-Lite. A SOAP answer carries that text escaped once more; the
``ESCAPED_*`` constants are the document around fragments that were escaped when they were stored.
Source: UPnP ContentDirectory:1, section 2.8; dlna.md 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.upnp.filter import Fields, wants
from gateway.upnp.xml import clean_text, escape_attribute, escape_text

HEAD = (
    '<DIDL-Lite xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:upnp="urn:schemas-upnp-org:metadata-1-0/upnp/" '
    'xmlns="urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/" '
    'xmlns:dlna="urn:schemas-dlna-org:metadata-1-0/">'
)
FOOT = "</DIDL-Lite>"
ESCAPED_HEAD = escape_text(HEAD)
ESCAPED_FOOT = escape_text(FOOT)
MAX_TITLE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Res:
    """One way to fetch an item; ``attributes`` in the order they are written."""

    url: str
    protocol_info: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Art:
    """A picture address and the DLNA profile it keeps to."""

    url: str
    profile_name: str


@dataclass(frozen=True, slots=True)
class DidlItem:
    """An item; ``properties`` are (``upnp:album``, text) in the order they are written."""

    id: str
    parent_id: str
    title: str
    upnp_class: str
    properties: tuple[tuple[str, str], ...] = ()
    art: Art | None = None
    resources: tuple[Res, ...] = ()


@dataclass(frozen=True, slots=True)
class DidlContainer:
    """A folder; ``child_count`` None when it would be dear to know."""

    id: str
    parent_id: str
    title: str
    upnp_class: str
    child_count: int | None = None
    properties: tuple[tuple[str, str], ...] = ()
    art: Art | None = None


def render_item(item: DidlItem, fields: Fields = None) -> str:
    """The item's element."""
    return "".join(
        (
            f'<item id="{escape_attribute(item.id)}" '
            f'parentID="{escape_attribute(item.parent_id)}" restricted="1">',
            _title_and_class(item.title, item.upnp_class),
            _properties(item.properties, fields),
            _art(item.art, fields),
            *(_res(one, fields) for one in item.resources if wants(fields, "res")),
            "</item>",
        )
    )


def render_container(container: DidlContainer, fields: Fields = None) -> str:
    """The container's element."""
    searchable = ' searchable="1"' if wants(fields, "@searchable") else ""
    count = ""
    if container.child_count is not None and wants(fields, "@childCount"):
        count = f' childCount="{container.child_count}"'
    return "".join(
        (
            f'<container id="{escape_attribute(container.id)}" '
            f'parentID="{escape_attribute(container.parent_id)}" '
            f'restricted="1"{searchable}{count}>',
            _title_and_class(container.title, container.upnp_class),
            _properties(container.properties, fields),
            _art(container.art, fields),
            "</container>",
        )
    )


def render_document(*elements: str) -> str:
    """A whole DIDL-Lite text of rendered elements."""
    return f"{HEAD}{''.join(elements)}{FOOT}"


def cut_title(title: str) -> str:
    """At most ``MAX_TITLE_BYTES`` of UTF-8, cut between characters. Source: dlna.md 6.2."""
    encoded = title.encode("utf-8", "replace")
    if len(encoded) <= MAX_TITLE_BYTES:
        return title
    return encoded[:MAX_TITLE_BYTES].decode("utf-8", "ignore")


def _title_and_class(title: str, upnp_class: str) -> str:
    shown = escape_text(cut_title(clean_text(title))) or "-"
    return f"<dc:title>{shown}</dc:title><upnp:class>{upnp_class}</upnp:class>"


def _properties(properties: tuple[tuple[str, str], ...], fields: Fields) -> str:
    return "".join(
        f"<{name}>{escape_text(clean_text(value))}</{name}>"
        for name, value in properties
        if wants(fields, name)
    )


def _art(art: Art | None, fields: Fields) -> str:
    if art is None or not wants(fields, "upnp:albumArtURI"):
        return ""
    return (
        f'<upnp:albumArtURI dlna:profileID="{art.profile_name}">{escape_text(art.url)}'
        "</upnp:albumArtURI>"
    )


def _res(res: Res, fields: Fields) -> str:
    attributes = "".join(
        f' {name}="{escape_attribute(value)}"'
        for name, value in res.attributes
        if wants(fields, f"res@{name}")
    )
    return (
        f'<res protocolInfo="{escape_attribute(res.protocol_info)}"{attributes}>'
        f"{escape_text(res.url)}</res>"
    )
