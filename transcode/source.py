"""What the converter reads from: clear bytes by span, and an address for ffmpeg. No keys here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from transcode.facts import MediaFacts


class ByteSource(Protocol):
    """Random access to one clear file."""

    @property
    def size_bytes(self) -> int:
        """Clear size."""
        ...

    def read(self, start: int, stop: int) -> AsyncIterator[memoryview | bytes]:
        """Exactly the bytes of the half-open span, in order, in pieces."""
        ...


class InputServer(Protocol):
    """Lends a byte source a loopback address that only a child we start can know."""

    def publish(self, source: ByteSource, suffix: str) -> AbstractAsyncContextManager[str]:
        """``http://127.0.0.1:PORT/SECRET.suffix`` while the block runs; ranges work there."""
        ...


@dataclass(frozen=True, slots=True)
class Media:
    """One film or track for the converter.

    Attributes:
        key: content identity; equal keys are equal bytes, so indexes and segments are shared.
        suffix: file suffix without dot, a hint for the demuxer.
        facts: what a probe found.
    """

    key: str
    suffix: str
    source: ByteSource
    facts: MediaFacts
