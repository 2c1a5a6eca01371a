"""One host read through one vault: clear entries and clear spans. No HTTP, no SQL here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.hosts.base import Stored
from gateway.spans import Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One clear entry of a drive.

    Attributes:
        path: clear, slash-separated, relative to the drive's root; the root is ``""``.
        size_bytes: clear size; 0 for a folder.
        version: moves when the stored content moves.
        stored: the host's own entry.
    """

    path: str
    is_folder: bool
    size_bytes: int
    version: str
    modified_s: float | None
    stored: Stored

    @property
    def name(self) -> str:
        """Last segment of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder's clear entries, and how many stored ones had to be left out.

    Attributes:
        entries: what can be shown, in the host's order.
        bad_names: stored names that did not decrypt.
        bad_sizes: files of a size the format cannot have; an upload may still run.
    """

    entries: tuple[Entry, ...]
    bad_names: int
    bad_sizes: int = 0


class KeyProof(Enum):
    """What looking into a drive says about its key; a wrong one is an error, not a value."""

    PROVEN = "proven"
    CANNOT_TELL = "cannot tell"


class Reader(Protocol):
    """One file, opened for clear reads; many spans may be read at once."""

    @property
    def is_outdated(self) -> bool:
        """Whether a read found the stored file changed or gone: it has to be opened anew."""
        ...

    @property
    def size_bytes(self) -> int:
        """Clear size."""
        ...

    @property
    def etag(self) -> str:
        """Strong HTTP entity tag with its quotes; the same bytes give the same tag."""
        ...

    @property
    def identity(self) -> bytes | None:
        """Content identity the format gives (crypt: header nonce), else None."""
        ...

    def read(self, span: Span) -> AsyncIterator[memoryview | bytes]:
        """Exactly the clear bytes of ``span`` (inside the file), block by block, in order.

        Never a byte that failed authentication. Closing the iterator stops the host's transfer
        within 100 ms unless another reader shares it.

        Raises:
            HostError, VaultError: after all good bytes before the fault were given.
        """
        ...
