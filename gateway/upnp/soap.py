"""SOAP 1.1 as UPnP speaks it: a request to its action and arguments, answers and faults to text.

Source: UPnP Device Architecture 1.0, section 3.2; dlna.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import BadRequest
from gateway.upnp.xml import clean_text, escape_text, parse_xml

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
CONTROL = "urn:schemas-upnp-org:control-1-0"

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    f'<s:Envelope xmlns:s="{ENVELOPE}" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
)
_FOOT = "</s:Body></s:Envelope>\r\n"


class BadSoap(BadRequest):
    """The request is no SOAP action call at all (HTTP 400)."""

    code = "bad_soap"


@dataclass(frozen=True, slots=True)
class Call:
    """One action call; arguments by local name, absent ones are absent."""

    service: str
    action: str
    arguments: Mapping[str, str]


class Escaped(str):
    """Text that is already escaped for element content and must not be escaped again."""

    __slots__ = ()


def parse_call(soapaction: str | None, body: bytes) -> Call:
    """Read a request.

    The header names service and action; the body must name the same action. Prefixes, order of
    arguments and white space are the client's choice.

    Raises:
        BadSoap: the header is missing or malformed, or the body is another action's.
        BadXml: the body is no safe XML.
    """
    if not soapaction:
        raise BadSoap("a control request needs a SOAPACTION header")
    service, mark, action = soapaction.strip().strip('"').partition("#")
    if not mark or not service or not action:
        raise BadSoap(f"SOAPACTION {soapaction[:80]!r} is not service#action")
    envelope = parse_xml(body)
    content = envelope.child("Body")
    if envelope.name != "Envelope" or content is None or not content.children:
        raise BadSoap("the request has no SOAP body")
    called = content.children[0]
    if called.name != action:
        raise BadSoap(f"SOAPACTION says {action[:40]!r}, the body {called.name[:40]!r}")
    return Call(service, action, {one.name: one.text for one in called.children})


def render_answer(service: str, action: str, out: Mapping[str, str | int]) -> str:
    """The answer to a call; arguments go out in the mapping's order."""
    arguments = "".join(
        f"<{name}>{value if isinstance(value, (Escaped, int)) else _content(value)}</{name}>"
        for name, value in out.items()
    )
    return f'{_HEAD}<u:{action}Response xmlns:u="{service}">{arguments}</u:{action}Response>{_FOOT}'


def render_fault(code: int, description: str) -> str:
    """A UPnPError fault; it travels with HTTP status 500."""
    return (
        f"{_HEAD}<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
        f'<detail><UPnPError xmlns="{CONTROL}"><errorCode>{code}</errorCode>'
        f"<errorDescription>{_content(description)}</errorDescription></UPnPError></detail>"
        f"</s:Fault>{_FOOT}"
    )


def _content(text: str) -> str:
    return escape_text(clean_text(text))
