"""The root device's description.

Source: UPnP Device Architecture 1.0, section 2.1; dlna.md 2 (order and vendor elements).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.upnp.xml import clean_text, escape_text

MEDIA_SERVER = "urn:schemas-upnp-org:device:MediaServer:1"
_MAX_NAME = 64
_NAMESPACES = (
    'xmlns="urn:schemas-upnp-org:device-1-0" xmlns:dlna="urn:schemas-dlna-org:device-1-0" '
    'xmlns:sec="http://www.sec.co.kr/dlna" xmlns:av="urn:schemas-sony-com:av"'
)
_SAMSUNG = "smi,DCM10,getMediaInfo.sec,getCaptionInfo.sec"


@dataclass(frozen=True, slots=True)
class Service:
    """A service and where it is spoken to; ``key`` is its segment in addresses."""

    key: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Icon:
    """A picture of the server; ``name`` is its file in addresses."""

    name: str
    mime: str
    pixels: int


@dataclass(frozen=True, slots=True)
class Device:
    """What the description says; ``prefix`` is the path under which the addresses lie."""

    friendly_name: str
    udn: str
    version: str
    services: tuple[Service, ...]
    icons: tuple[Icon, ...]
    prefix: str = "/upnp"


CONTENT_DIRECTORY = Service(
    "content",
    "urn:schemas-upnp-org:service:ContentDirectory:1",
    "urn:upnp-org:serviceId:ContentDirectory",
)
CONNECTION_MANAGER = Service(
    "connection",
    "urn:schemas-upnp-org:service:ConnectionManager:1",
    "urn:upnp-org:serviceId:ConnectionManager",
)
REGISTRAR = Service(
    "registrar",
    "urn:microsoft.com:service:X_MS_MediaReceiverRegistrar:1",
    "urn:microsoft.com:serviceId:X_MS_MediaReceiverRegistrar",
)
SERVICES = (CONTENT_DIRECTORY, CONNECTION_MANAGER, REGISTRAR)


def render_description(device: Device) -> str:
    """The document; every vendor namespace is declared, whoever asks."""
    name = escape_text(clean_text(device.friendly_name)[:_MAX_NAME])
    icons = "".join(
        f"<icon><mimetype>{one.mime}</mimetype><width>{one.pixels}</width>"
        f"<height>{one.pixels}</height><depth>24</depth>"
        f"<url>{device.prefix}/icons/{one.name}</url></icon>"
        for one in device.icons
    )
    services = "".join(
        f"<service><serviceType>{one.type}</serviceType><serviceId>{one.id}</serviceId>"
        f"<SCPDURL>{device.prefix}/{one.key}.xml</SCPDURL>"
        f"<controlURL>{device.prefix}/control/{one.key}</controlURL>"
        f"<eventSubURL>{device.prefix}/events/{one.key}</eventSubURL></service>"
        for one in device.services
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<root {_NAMESPACES}>'
        "<specVersion><major>1</major><minor>0</minor></specVersion><device>"
        f"<deviceType>{MEDIA_SERVER}</deviceType><friendlyName>{name}</friendlyName>"
        "<manufacturer>Vaultcast</manufacturer>"
        "<modelDescription>Gateway to encrypted media</modelDescription>"
        f"<modelName>Vaultcast</modelName><modelNumber>{device.version}</modelNumber>"
        f"<serialNumber>{device.udn[-12:]}</serialNumber><UDN>{device.udn}</UDN>"
        "<dlna:X_DLNADOC>DMS-1.50</dlna:X_DLNADOC>"
        f"<sec:ProductCap>{_SAMSUNG}</sec:ProductCap>"
        f"<sec:X_ProductCap>{_SAMSUNG}</sec:X_ProductCap>"
        f"<iconList>{icons}</iconList><serviceList>{services}</serviceList>"
        "<presentationURL>/</presentationURL></device></root>\n"
    )
