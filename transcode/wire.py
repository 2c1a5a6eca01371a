"""Frames between the gateway and its worker children. Pure.

Each frame is four bytes of length, one byte of kind, and the body. A body of ``COMMAND`` and
``DONE`` is a JSON object and blobs; the others are said at their kind.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

HEAD = struct.Struct(">IB")
SPAN = struct.Struct(">QQ")
MOST_BYTES = 512 << 20


class Frame(IntEnum):
    """What a frame is."""

    READY = 1  # child: JSON of what box is in force
    COMMAND = 2  # parent: do this
    READ = 3  # child: I need this half-open span of the file in hand
    BYTES = 4  # parent: the next piece of it
    ABORT = 5  # parent: the span will not come; give up the command
    DONE = 6  # child: the answer
    FAIL = 7  # child: UTF-8, why not


def body_parts(facts: Mapping[str, Any], *blobs: bytes) -> tuple[bytes, ...]:
    """A JSON object and blobs as the parts of one body."""
    head = json.dumps([facts, [len(blob) for blob in blobs]], separators=(",", ":")).encode()
    return struct.pack(">I", len(head)) + head, *blobs


def pack_body(facts: Mapping[str, Any], *blobs: bytes) -> bytes:
    """The same in one piece."""
    return b"".join(body_parts(facts, *blobs))


def unpack_body(body: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Read ``pack_body``.

    Raises:
        ValueError: it is none.
    """
    try:
        (length,) = struct.unpack_from(">I", body)
        facts, sizes = json.loads(body[4 : 4 + length])
        blobs, at = [], 4 + length
        for size in sizes:
            blobs.append(body[at : at + size])
            at += size
    except (struct.error, TypeError) as error:
        raise ValueError("not a body of a worker frame") from error
    if at != len(body) or not isinstance(facts, dict):
        raise ValueError("not a body of a worker frame")
    return facts, blobs
