"""The name of a content, wherever it lies: what keeps positions when a file is moved or renamed."""

from __future__ import annotations

import hashlib

from gateway.spans import Span

SAMPLE_BYTES = 65536
"""Bytes at each end that are hashed where the format gives no identity of its own."""


def identity_of_seal(seal: bytes) -> str:
    """Identity of an rclone crypt file: its nonce, random for every file sealed."""
    return f"crypt:{seal.hex()}"


def sample_spans(size_bytes: int) -> tuple[Span, ...]:
    """Clear spans to hash: head and tail, the whole of a short file, nothing of an empty one."""
    if size_bytes == 0:
        return ()
    if size_bytes <= 2 * SAMPLE_BYTES:
        return (Span(0, size_bytes),)
    return (Span(0, SAMPLE_BYTES), Span(size_bytes - SAMPLE_BYTES, size_bytes))


def identity_of_samples(size_bytes: int, samples: bytes) -> str:
    """Identity of any other file: its size and a hash of the ``sample_spans`` in a row."""
    return f"sh:{size_bytes}:{hashlib.sha256(samples).hexdigest()[:32]}"
