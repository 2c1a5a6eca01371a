"""ConnectionManager:1: what kinds of content we send; connections are not counted.

Source: UPnP ConnectionManager:1, section 2.4; dlna.md 8.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.dlna.errors import InvalidAction, NoSuchConnection
from gateway.dlna.visit import Visit
from gateway.errors import BadArgument
from gateway.upnp.protocol_info import (
    CONVERTED,
    CONVERTED_MIME,
    direct_features,
    protocol_info,
)

_VIDEO = (
    *("video/mp4", "video/x-matroska", "video/x-msvideo", "video/mp2t", "video/mpeg"),
    *("video/quicktime", "video/webm", "video/x-ms-wmv", "video/x-flv", "video/3gpp", "video/ogg"),
)
_AUDIO = (
    *("audio/mpeg", "audio/mp4", "audio/flac", "audio/x-flac", "audio/ogg", "audio/x-wav"),
    *("audio/wav", "audio/aac", "audio/x-ms-wma", "audio/opus"),
)
_IMAGE = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PICTURES = ("JPEG_TN", "JPEG_SM", "JPEG_MED", "JPEG_LRG")

SOURCE = ",".join(
    (
        *(protocol_info("image/jpeg", direct_features("image/jpeg", one)) for one in _PICTURES),
        protocol_info("audio/mpeg", direct_features("audio/mpeg", "MP3")),
        *(protocol_info(one, direct_features(one)) for one in (*_VIDEO, *_AUDIO, *_IMAGE)),
        protocol_info(CONVERTED_MIME, CONVERTED),
    )
)
_ONLY_CONNECTION = "0"


class ConnectionManager:
    """The three required actions."""

    actions = frozenset({"GetProtocolInfo", "GetCurrentConnectionIDs", "GetCurrentConnectionInfo"})

    async def call(
        self, _visit: Visit, action: str, arguments: Mapping[str, str]
    ) -> Mapping[str, str | int]:
        """Carry out an action.

        Raises:
            InvalidAction: there is none of that name.
            BadArgument: ConnectionID is missing.
            NoSuchConnection: another connection than 0.
        """
        match action:
            case "GetProtocolInfo":
                return {"Source": SOURCE, "Sink": ""}
            case "GetCurrentConnectionIDs":
                return {"ConnectionIDs": _ONLY_CONNECTION}
            case "GetCurrentConnectionInfo":
                return _connection_info(arguments.get("ConnectionID"))
            case _:
                raise InvalidAction(f"ConnectionManager has no action {action[:40]!r}")

    def variables(self, _visit: Visit) -> dict[str, str]:
        """Evented variables."""
        return {
            "SourceProtocolInfo": SOURCE,
            "SinkProtocolInfo": "",
            "CurrentConnectionIDs": _ONLY_CONNECTION,
        }


def _connection_info(connection: str | None) -> Mapping[str, str | int]:
    if connection is None:
        raise BadArgument("ConnectionID is missing")
    if connection.strip() != _ONLY_CONNECTION:
        raise NoSuchConnection(f"no connection {connection[:20]!r}")
    return {
        "RcsID": -1,
        "AVTransportID": -1,
        "ProtocolInfo": "",
        "PeerConnectionManager": "",
        "PeerConnectionID": -1,
        "Direction": "Output",
        "Status": "OK",
    }
