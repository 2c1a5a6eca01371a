"""A stored file in memory, read through a vault the way a drive does it."""

from __future__ import annotations

from gateway.spans import Span
from gateway.vaults.base import NeedMore, Sealed, Vault


def open_stored(vault: Vault, stored: bytes) -> Sealed:
    """Open a whole stored file from exactly the head the vault asks for."""
    sealed = vault.open(stored[: vault.head_bytes], len(stored))
    if isinstance(sealed, NeedMore):
        sealed = vault.open(stored[: sealed.head_bytes], len(stored))
    assert not isinstance(sealed, NeedMore)
    return sealed


def read_clear(vault: Vault, stored: bytes, span: Span) -> bytes:
    """Clear bytes of a span; empty spans need no block."""
    sealed = open_stored(vault, stored)
    span = span.clamp(sealed.clear_size_bytes)
    if span.length_bytes == 0:
        return b""
    geometry = sealed.geometry
    blocks = geometry.block_span(span)
    view = memoryview(stored)
    clear = bytearray()
    for index in (*sealed.check_first, *range(blocks.start, blocks.stop)):
        at = geometry.blocks_stored(Span(index, index + 1)).clamp(len(stored))
        block = sealed.decrypt(index, view[at.start : at.stop])
        if index >= blocks.start:
            clear += block
    start = span.start - blocks.start * geometry.clear_block_bytes
    return bytes(clear[start : start + span.length_bytes])
