"""What a DLNA player asks: Browse and Search over one kept connection."""

from __future__ import annotations

import html
import re
import xml.sax.saxutils
from dataclasses import dataclass

from benchmarks.client import Link

_SERVICE = "urn:schemas-upnp-org:service:ContentDirectory:1"
_TITLE = re.compile(r"<dc:title>(.*?)</dc:title>", re.DOTALL)
_NUMBER = re.compile(r"<(NumberReturned|TotalMatches)>(\d+)<")
_CONTROL = {"vaultcast": "/upnp/control/content", "minidlna": "/ctl/ContentDir"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One page; ``text`` is the unescaped DIDL."""

    size_bytes: int
    returned: int
    total: int
    text: str

    @property
    def titles(self) -> list[str]:
        """Titles in the order they came."""
        return [html.unescape(one) for one in _TITLE.findall(self.text)]


class Player:
    """Asks one server."""

    def __init__(self, name: str, port: int) -> None:
        self._path = _CONTROL[name]
        self._link = Link(port)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def browse(self, container: str, start: int, count: int) -> bytes:
        """The raw answer to BrowseDirectChildren."""
        return self._call(
            "Browse",
            ObjectID=container,
            BrowseFlag="BrowseDirectChildren",
            Filter="*",
            StartingIndex=str(start),
            RequestedCount=str(count),
            SortCriteria="",
        )

    def search(self, container: str, criteria: str, start: int, count: int) -> bytes:
        """The raw answer to Search."""
        return self._call(
            "Search",
            ContainerID=container,
            SearchCriteria=criteria,
            Filter="*",
            StartingIndex=str(start),
            RequestedCount=str(count),
            SortCriteria="",
        )

    def _call(self, action: str, **arguments: str) -> bytes:
        inside = "".join(
            f"<{name}>{xml.sax.saxutils.escape(value)}</{name}>"
            for name, value in arguments.items()
        )
        body = (
            '<?xml version="1.0"?><s:Envelope '
            'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
            's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
            f'<u:{action} xmlns:u="{_SERVICE}">{inside}</u:{action}></s:Body></s:Envelope>'
        )
        headers = {
            "Content-Type": 'text/xml; charset="utf-8"',
            "SOAPAction": f'"{_SERVICE}#{action}"',
        }
        return self._link.ask("POST", self._path, headers, body.encode())


def read_answer(raw: bytes) -> Answer:
    """Take an answer apart (outside of any clock)."""
    text = raw.decode()
    numbers = {name: int(value) for name, value in _NUMBER.findall(text)}
    result = text.partition("<Result>")[2].partition("</Result>")[0]
    return Answer(
        len(raw), numbers["NumberReturned"], numbers["TotalMatches"], html.unescape(result)
    )
