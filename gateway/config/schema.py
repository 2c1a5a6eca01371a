"""Every settings key: default, unit, range and the sentence the documentation shows."""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str | list[str]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the settings file.

    Attributes:
        name: ``section.key`` as in the TOML file.
        default: also fixes the type that is accepted.
        unit: unit of a number, ``""`` for none.
        sentence: what it does, for people.
        least, most: inclusive range of a number.
        choices: the only texts accepted.
    """

    name: str
    default: Value
    unit: str
    sentence: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


KEYS: tuple[Key, ...] = (
    Key("server.name", "", "", "Name that TVs show; empty takes “Vaultcast on” and the host name."),
    Key("server.port", 8420, "", "TCP port of the pages, the media and UPnP.", 0, 65535),
    Key(
        "server.bind",
        [],
        "",
        "Addresses to serve on; empty takes every private or link-local address of a physical "
        "interface.",
    ),
    Key("server.open", False, "", "Let every device of the LAN watch without approval."),
    Key("server.dlna", True, "", "Announce a DLNA media server."),
    Key("server.mdns", True, "", "Announce the pages over mDNS."),
    Key("log.format", "text", "", "Form of the log lines.", choices=("text", "json")),
    Key("rclone.config", "", "", "Path of rclone.conf; empty looks at rclone's usual places."),
    Key("cache.limit", 2048, "MiB", "Disk space for stored (cipher) blocks; 0 keeps none.", 0),
    Key("hosts.requests", 4, "", "Requests at the same time to one host.", 1, 64),
    Key("hosts.read_ahead", 512, "KiB", "Bytes read ahead of each viewer.", 64, 65536),
    Key("scan.interval", 60, "min", "Time between two looks at every source; 0 never.", 0),
    Key("scan.probe", True, "", "Look inside files for duration, codecs, tags and pictures."),
    Key("security.pause", 12, "h", "How long a viewer may pause before its address expires.", 1),
    Key(
        "security.names",
        [],
        "",
        "Host names besides addresses and *.local that the pages may be opened by.",
    ),
    Key("transcode.ffmpeg", "", "", "Path of ffmpeg; empty takes the bundled one."),
    Key("transcode.sessions", 2, "", "Conversions at the same time.", 1, 16),
    Key("transcode.memory", 512, "MiB", "Memory for converted segments of all viewers.", 64),
    Key(
        "transcode.preset",
        "veryfast",
        "",
        "libx264 preset: quicker ones look worse.",
        choices=("ultrafast", "superfast", "veryfast", "faster", "fast", "medium"),
    ),
    Key("transcode.height", 720, "lines", "Tallest picture a conversion makes.", 240, 2160),
)

SOURCES_SECTION = "sources"
