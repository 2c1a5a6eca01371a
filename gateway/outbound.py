"""The only client session: opens requests, maps their failures, counts bytes by host and purpose.

It never knows what the bytes mean and never repeats a failed request (that is
``hosts/layers/retry.py``); a 401 is answered once with the login, because that is how the login
schemes of HTTP work.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from gateway.errors import HostDown, HostError, HostNonsense, HostRefused

_CONNECT_S = 10.0
"""Longest wait for a connection, TLS included."""
_SILENCE_S = 20.0
"""Longest silence of a server while we wait for its bytes; a paused reader does not count."""
_BUFFER_BYTES = 128 << 10
"""Bytes the client reads ahead per request before it stops the server (twice that at most).

Source: measured.md 2 (64 KiB costs 1.5 times the CPU of 256 KiB); 60 stalled transfers must stay
below 60 MB, so not more."""


@dataclass(slots=True)
class Traffic:
    """What one host and purpose has cost since the start."""

    requests: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0


class Login:
    """One user's login at one origin; learns on the first 401 whether Digest or Basic is wanted.

    A password is sent in the clear (Basic) only after the server asked for exactly that. Never
    give one object to two hosts.
    """

    def __init__(
        self,
        user: str = "",
        password: str = "",
        *,
        bearer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._fixed = dict(headers or {})
        self._digest = (
            aiohttp.DigestAuthMiddleware(user, password)
            if bearer is None and user and ":" not in user
            else None
        )
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._basic = f"Basic {pair}" if bearer is None and user else None
        self._header = None if bearer is None else f"Bearer {bearer}"

    def headers(self) -> dict[str, str]:
        """Headers to send now; those given with the login go with every request."""
        known = {} if self._header is None else {"Authorization": self._header}
        return {**self._fixed, **known}

    def middlewares(self) -> tuple[aiohttp.ClientMiddlewareType, ...]:
        """What answers a Digest challenge; none once another scheme is known to work."""
        return (self._digest,) if self._digest is not None and self._header is None else ()

    def learn(self, challenges: list[str]) -> bool:
        """Whether another try with what the server's challenges ask for makes sense."""
        offers = any(text.strip().lower().startswith("basic") for text in challenges)
        if self._basic is None or self._header is not None or not offers:
            return False
        self._header = self._basic
        return True


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificates an HTTPS host may show; the default is the system's authorities.

    Attributes:
        self_signed: accept any certificate (the traffic can then be read by whoever sits between).
        fingerprint: SHA-256 of the one certificate to accept, 32 bytes.
    """

    self_signed: bool = False
    fingerprint: bytes | None = None

    def context(self) -> ssl.SSLContext | aiohttp.Fingerprint | bool:
        """What aiohttp takes for ``ssl``."""
        if self.fingerprint is not None:
            return aiohttp.Fingerprint(self.fingerprint)
        return not self.self_signed


class Reply:
    """An answer whose head has arrived; the body is read only as fast as it is asked for."""

    def __init__(self, response: aiohttp.ClientResponse, traffic: Traffic) -> None:
        self._response = response
        self._traffic = traffic

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in any case."""
        return self._response.headers

    @property
    def url(self) -> str:
        """Address that answered, after redirects."""
        return str(self._response.url)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive.

        Raises:
            HostDown: the body ended early or the server fell silent.
        """
        traffic = self._traffic
        with _foreign_errors(self._response.url):
            async for chunk in self._response.content.iter_any():
                traffic.received_bytes += len(chunk)
                yield chunk

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises:
            HostNonsense: it is longer than ``limit_bytes``.
        """
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit_bytes:
                raise HostNonsense(f"{self._response.url.host} answered over {limit_bytes} bytes")
        return bytes(body)


class Outbound:
    """Owner of all outgoing connections; ``ledger`` tells where bytes went and why."""

    def __init__(self, *, connect_s: float = _CONNECT_S, silence_s: float = _SILENCE_S) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._time_limits = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_s, sock_read=silence_s
        )
        self._answer_s = connect_s + silence_s
        self.ledger: dict[tuple[str, str], Traffic] = {}

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._time_limits,
                read_bufsize=_BUFFER_BYTES,
                auto_decompress=False,
                headers={"User-Agent": "vaultcast", "Accept-Encoding": "identity"},
                trust_env=False,
            )
        return self._session

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        purpose: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        login: Login | None = None,
        trust: Trust | None = None,
        follow: bool = True,
    ) -> AsyncIterator[Reply]:
        """Send one request; the reply lives as long as the block.

        Leaving the block before the body's end closes the connection at once.

        Args:
            method: HTTP method.
            url: absolute address, already percent-encoded.
            purpose: word for the ledger: ``list``, ``read``.
            headers: further header fields.
            data: request body.
            login: answers a 401.
            trust: which certificates to accept.
            follow: follow redirects.

        Raises:
            HostDown: no connection, no answer in time.
            HostRefused: the certificate is not trusted.
            HostNonsense: the answer is not HTTP.
        """
        target = URL(url, encoded=True)
        traffic = self.ledger.setdefault((target.host or "", purpose), Traffic())
        for last in (False, True):
            with _foreign_errors(target):
                traffic.requests += 1
                traffic.sent_bytes += len(data or b"")
                async with asyncio.timeout(self._answer_s):
                    response = await self._open_session().request(
                        method,
                        target,
                        headers={**(headers or {}), **(login.headers() if login else {})},
                        data=data,
                        middlewares=login.middlewares() if login else (),
                        ssl=(trust or Trust()).context(),
                        allow_redirects=follow,
                        max_redirects=5,
                    )
            challenges = response.headers.getall("WWW-Authenticate", [])
            if response.status == 401 and not last and login and login.learn(challenges):
                response.release()
                continue
            try:
                yield Reply(response, traffic)
            finally:
                response.release() if response.content.at_eof() else response.close()
            return

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _foreign_errors:  # noqa: N801 - a context manager read as a verb
    """Turn what aiohttp, ssl and the socket raise into our host errors."""

    def __init__(self, url: URL) -> None:
        self._place = url.host or str(url.origin())

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError | ValueError):
            raise _ours(error, self._place) from error


def _ours(error: Exception, place: str) -> HostError:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ServerFingerprintMismatch():
            return HostRefused(
                f"the certificate of {place} is not trusted; "
                "if it is your own, allow a self-signed certificate for this source"
            )
        case aiohttp.TooManyRedirects():
            return HostNonsense(f"{place} redirects in circles")
        case aiohttp.InvalidURL():
            return HostNonsense(f"{place} points to an address that is none")
        case aiohttp.ClientResponseError():
            return HostNonsense(f"{place} does not answer in HTTP: {error.message}")
        case aiohttp.ClientConnectorDNSError():
            return HostDown(f"no address is known for {place}; check the name and the network")
        case aiohttp.ClientConnectorError():
            return HostDown(f"{place} cannot be reached: {error.strerror or 'no connection'}")
        case aiohttp.ClientPayloadError():
            return HostDown(f"{place} broke off in the middle of its answer")
        case TimeoutError():
            return HostDown(f"{place} fell silent")
        case _:
            return HostDown(f"the connection to {place} broke ({type(error).__name__})")
