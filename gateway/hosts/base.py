"""What a storage host is: listings and ranged reads of stored bytes.

A host knows addresses and its own login. It must never know file keys, clear text or clear names.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gateway.spans import Span


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry of a host as it is stored.

    Attributes:
        path: slash-separated, relative to the host's root, no leading or trailing slash; the
            root folder is ``""``.
        is_folder: folders have ``size_bytes`` 0.
        size_bytes: stored bytes.
        version: opaque text that moves when the content does (ETag, else size and mtime).
        modified_s: seconds since 1970, or None when the host does not say.
        seal: what the listing carries sealed (names, keys) and only a vault can open.
    """

    path: str
    is_folder: bool
    size_bytes: int
    version: str
    modified_s: float | None = None
    seal: bytes | None = None

    @property
    def name(self) -> str:
        """Last segment of the path."""
        return self.path.rpartition("/")[2]


Entries: TypeAlias = list[Stored]


class Host(Protocol):
    """One storage place; safe for many readers at once. Owned and closed by ``app``."""

    @property
    def label(self) -> str:
        """How people call it: ``nas.local``, ``this machine``. No login, no secret."""
        ...

    async def list(self, folder: str) -> Entries:
        """Entries directly inside a folder, in any order.

        Raises:
            NotFound: no such folder.
            HostError: the listing failed; never a partial list.
        """
        ...

    async def stat(self, path: str) -> Stored:
        """One entry.

        Raises:
            NotFound: no such entry.
            HostError: the host failed.
        """
        ...

    def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """Exactly the bytes of ``span``, in pieces of any size.

        Closing the iterator early (``aclose``) ends the transfer within 100 ms.

        Raises:
            HostChanged: the file is no longer the one of ``item.version`` or ``item.size_bytes``.
            HostError: the transfer failed before the last byte.
        """
        ...

    async def close(self) -> None:
        """Release connections and descriptors."""
        ...
