"""How the owner is made, and how this machine's own programs speak for him.

The owner link is printed on the terminal: its secret works once. The running record is a file of
mode 0600 in the data folder that lives as long as the gateway runs: whoever may read it is the
user who started the gateway, so ``vaultcast token`` may ask for an owner token with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import BadToken, Expired, NotFound

LINK_LIFE_S = 3600.0
RUNNING_FILE = "running.json"


class OwnerLink:
    """At most one secret is good at a time; a new one makes the former void."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hash: bytes | None = None
        self._expires_s = 0.0

    def make(self) -> str:
        """A secret for the part after ``#own.`` of the link."""
        secret = secrets.token_urlsafe(24)
        self._hash = _hash(secret)
        self._expires_s = self._clock.monotonic_s() + LINK_LIFE_S
        return secret

    def redeem(self, secret: str) -> None:
        """Use the secret up.

        Raises:
            BadToken: it is not the one, or was used.
            Expired: it was printed too long ago.
        """
        if self._hash is None or not hmac.compare_digest(self._hash, _hash(secret)):
            raise BadToken(
                "this owner link was used or is not ours; make one: vaultcast token --qr"
            )
        self._hash = None
        if self._clock.monotonic_s() >= self._expires_s:
            raise Expired("this owner link is over an hour old; make one: vaultcast token --qr")


@dataclass(frozen=True, slots=True)
class Running:
    """Where the gateway of a data folder answers, and the secret that proves its user."""

    url: str
    secret: str
    process_id: int


def new_local_secret() -> str:
    """A secret for ``Parts.local_secret`` and the running record."""
    return secrets.token_urlsafe(32)


def is_same_secret(given: str, wanted: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(_hash(given), _hash(wanted))


def write_running(folder: Path, url: str, secret: str) -> None:
    """Leave the running record; readable by this user alone from its first byte on."""
    path = folder / RUNNING_FILE
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": url, "secret": secret, "process_id": os.getpid()}, file)
    fresh.replace(path)


def read_running(folder: Path) -> Running:
    """The record of the gateway that runs on this data folder.

    Raises:
        NotFound: none runs, or its record cannot be read by this user.
    """
    try:
        raw = json.loads((folder / RUNNING_FILE).read_text(encoding="utf-8"))
        return Running(str(raw["url"]), str(raw["secret"]), int(raw["process_id"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(
            f"no gateway runs on the data folder {folder}; start one: vaultcast serve"
        ) from error


def remove_running(folder: Path) -> None:
    """Take the record away at the stop; a missing one is no error."""
    (folder / RUNNING_FILE).unlink(missing_ok=True)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
