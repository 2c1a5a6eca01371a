"""The Filter argument: which properties an answer carries.

Source: UPnP ContentDirectory:1, section 2.5.7; dlna.md 4.4 (forms met, empty means all).
"""

from __future__ import annotations

from typing import TypeAlias

Fields: TypeAlias = frozenset[str] | None

ALWAYS = frozenset({"@id", "@parentID", "@restricted", "dc:title", "upnp:class"})
_MAX_FIELDS = 64
_RES_ATTRIBUTES = frozenset(
    {"size", "duration", "bitrate", "resolution", "sampleFrequency", "nrAudioChannels"}
    | {"protocolInfo", "bitsPerSample", "colorDepth"}
)


def parse_filter(text: str) -> Fields:
    """Names asked for, or None for all; an empty or one-character filter is all too.

    ``@size`` becomes ``res@size``, a ``res@x`` brings ``res`` with it, ``container@childCount``
    becomes ``@childCount``.
    """
    text = text.strip()
    if len(text) <= 1:
        return None
    fields: set[str] = set()
    for part in text.split(",")[:_MAX_FIELDS]:
        name = part.strip()
        if name == "*":
            return None
        if name.startswith(("container@", "item@", "desc@")):
            name = name[name.index("@") :]
        if name.startswith("@") and name[1:] in _RES_ATTRIBUTES:
            name = f"res{name}"
        if not name:
            continue
        fields.add(name)
        element = name.partition("@")[0]
        if element:
            fields.add(element)
    return frozenset(fields) | ALWAYS


def wants(fields: Fields, name: str) -> bool:
    """Whether a property (``upnp:artist``, ``res@size``) is asked for."""
    return fields is None or name in fields
