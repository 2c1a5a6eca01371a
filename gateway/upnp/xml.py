"""XML from strangers, read safely, and text made fit to stand in XML.

The parser refuses document types and entities before anything is expanded, and caps size, depth
and element count. Source: dlna.md 13.4; XML 1.0, section 2.2 (characters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.errors import BadRequest

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 2000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANKS = {ord("\n"): "&#10;", ord("\t"): "&#9;", ord("\r"): "&#13;"}


class BadXml(BadRequest):
    """Not well-formed, or with something no honest client sends."""

    code = "bad_xml"


@dataclass(slots=True)
class Element:
    """One element: namespace ("" for none), local name, attributes by ``namespace name``."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> Element | None:
        """First child with this local name, whatever its namespace."""
        return next((one for one in self.children if one.name == name), None)


def clean_text(text: str) -> str:
    """Drop the characters that XML 1.0 forbids; one of them would empty a whole folder on a TV."""
    return _FORBIDDEN.sub("", text)


def escape_text(text: str) -> str:
    """Escape for element content."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_attribute(text: str) -> str:
    """Escape for an attribute in double quotes."""
    text = escape_text(text).replace('"', "&quot;")
    return text if text.isprintable() else text.translate(_BLANKS)


def parse_xml(data: bytes, *, max_bytes: int = MAX_BYTES) -> Element:
    """Read a document into its root element.

    Raises:
        BadXml: too long, too deep, malformed, or with a document type or entity declaration.
    """
    if len(data) > max_bytes:
        raise BadXml(f"XML of {len(data)} bytes, at most {max_bytes} are read")
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as fault:
        raise BadXml(f"XML not understood: {fault}") from fault
    if builder.root is None:
        raise BadXml("XML without a root element")
    return builder.root


def _refuse(*_args: object) -> int:
    raise BadXml("XML with a document type or entity declaration is refused")


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise BadXml("XML is nested too deep or has too many elements")
        namespace, _, local = name.rpartition(" ")
        element = Element(namespace, local, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].text += text
