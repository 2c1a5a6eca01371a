"""What the HTTP hosts share: addresses, the meaning of a status, and one ranged read.

Never decides to try again: that is the retry layer's.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes, urlsplit

from gateway.errors import (
    HostChanged,
    HostDown,
    HostError,
    HostNonsense,
    HostRefused,
    NotFound,
    QuotaSpent,
)
from gateway.hosts.base import Stored
from gateway.outbound import Login, Outbound, Reply, Trust
from gateway.spans import Span

_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)\s*$")
_MOST_WAIT_S = 24 * 3600.0


class Site:
    """One base address with its login and its trust; turns paths into addresses and back."""

    def __init__(
        self, url: str, outbound: Outbound, login: Login | None, trust: Trust | None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HostNonsense(f"{parts.hostname or url!r} is no http or https address")
        place = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
        port = "" if parts.port is None else f":{parts.port}"
        self.outbound = outbound
        self.login = login
        self.trust = trust
        self.label = parts.hostname
        self._origin = f"{parts.scheme}://{place}{port}"
        self.root = decode_path(parts.path).strip("/")

    def address(self, path: str, *, is_folder: bool) -> str:
        """Address of a path; folders end in a slash."""
        whole = "/".join(part for part in (self.root, path) if part)
        coded = quote(whole.encode("utf-8", "surrogateescape"), safe="/!$&'()*+,;=:@-._~")
        return f"{self._origin}/{coded}" + ("/" if is_folder and whole else "")

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """One ranged GET that gives exactly the span of exactly this version of the file."""
        if not span.length_bytes:
            return
        async with self.outbound.request(
            "GET",
            self.address(item.path, is_folder=False),
            purpose="read",
            headers={"Range": f"bytes={span.start}-{span.stop - 1}"},
            login=self.login,
            trust=self.trust,
        ) as reply:
            check_range(reply, item, span, self.label)
            left = span.length_bytes
            async for chunk in reply.chunks():
                if len(chunk) > left:
                    raise HostNonsense(f"{self.label} sent more bytes of {item.name} than asked")
                left -= len(chunk)
                yield memoryview(chunk)
            if left:
                raise HostDown(f"{self.label} sent {left} bytes of {item.name} too few")


def check_range(reply: Reply, item: Stored, span: Span, label: str) -> None:
    """Make sure that an answer to a ranged GET is the asked span of the asked version.

    Raises:
        HostChanged: the file is another one now.
        HostNonsense: the server did not do what a range asks for.
        HostError, NotFound: by status.
    """
    if reply.status == 416:
        raise HostChanged(f"{item.name} on {label} is shorter than when it was listed")
    if reply.status != 206:
        check_status(reply, item.name, label)
        _check_version(reply, item, label)
        if _announced_bytes(reply) not in (None, item.size_bytes):
            raise HostChanged(f"{item.name} on {label} has another size than when it was listed")
        if span == Span(0, item.size_bytes):
            return
        raise HostNonsense(
            f"{label} ignores ranges (it answered {reply.status}, not 206): films cannot be "
            "played or skipped from it; use a server that supports them, or its WebDAV address"
        )
    match = _CONTENT_RANGE.match(reply.headers.get("Content-Range", ""))
    if match is None:
        raise HostNonsense(f"{label} sent a part of {item.name} without saying which")
    start, last, whole = match.groups()
    if whole not in ("*", str(item.size_bytes)):
        raise HostChanged(f"{item.name} on {label} has another size than when it was listed")
    if (int(start), int(last) + 1) != (span.start, span.stop):
        raise HostNonsense(f"{label} sent another part of {item.name} than asked")
    _check_version(reply, item, label)


def _announced_bytes(reply: Reply) -> int | None:
    text = reply.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _check_version(reply: Reply, item: Stored, label: str) -> None:
    tag = entity_version(reply.headers.get("ETag"))
    if tag is None or not item.version.startswith("tag:") or tag == item.version:
        return
    # Some servers tell another tag in a listing than in a download: the time then decides.
    modified_s = parse_date(reply.headers.get("Last-Modified"))
    if modified_s is None or item.modified_s is None or abs(modified_s - item.modified_s) >= 1:
        raise HostChanged(f"{item.name} on {label} changed since it was listed")


def entity_version(tag: str | None) -> str | None:
    """A version made of an ETag; weak marks and a proxy's ``-gzip`` do not make another file."""
    if not tag or not tag.strip():
        return None
    bare = tag.strip().removeprefix("W/").strip('"').removesuffix("-gzip")
    return f"tag:{bare}" if bare else None


def dated_version(size_bytes: int, modified: str | None) -> str:
    """A version for servers without ETags."""
    return f"{size_bytes}-{modified or ''}"


def check_status(reply: Reply, what: str, label: str) -> None:
    """Let a success pass.

    Raises:
        NotFound, HostRefused, QuotaSpent, HostDown, HostNonsense: by status.
    """
    if not 200 <= reply.status < 300:
        raise status_error(reply.status, reply.headers.get("Retry-After"), what, label)


def status_error(
    status: int, retry_after: str | None, what: str, label: str
) -> HostError | NotFound:
    """Our error for an HTTP status that is no success."""
    wait_s = parse_wait(retry_after)
    match status:
        case 401:
            return HostRefused(f"{label} does not accept the login (401); check user and password")
        case 403:
            return HostRefused(f"{label} does not allow reading {what} (403)")
        case 404 | 410:
            return NotFound(f"{what} does not exist on {label}")
        case 412:
            return HostChanged(f"{what} on {label} changed since it was listed")
        case 429 | 509:
            return QuotaSpent(
                f"{label} says its transfer allowance is used up ({status})", retry_after_s=wait_s
            )
        case 408 | 423 | 425:
            return HostDown(f"{label} is busy ({status})", retry_after_s=wait_s)
        case _ if status >= 500:
            return HostDown(f"{label} has a fault of its own ({status})", retry_after_s=wait_s)
        case _:
            return HostNonsense(f"{label} answered {status} for {what}")


def parse_wait(text: str | None) -> float | None:
    """Seconds of a Retry-After field, a number or a date, at most a day."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), _MOST_WAIT_S)
    at_s = parse_date(text)
    if at_s is None:
        return None
    return min(max(at_s - datetime.now(UTC).timestamp(), 0.0), _MOST_WAIT_S)


def parse_date(text: str | None) -> float | None:
    """Seconds since 1970 of an HTTP or ISO date; None for anything else."""
    if not text:
        return None
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        try:
            found = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None


def decode_path(coded: str) -> str:
    """Percent-decoded path; bytes that are no UTF-8 stay as Python's escapes."""
    return unquote_to_bytes(coded).decode("utf-8", "surrogateescape")


def is_name(text: str) -> bool:
    """Whether a host's entry can be one path segment."""
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text
