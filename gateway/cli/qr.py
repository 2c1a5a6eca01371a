"""A QR code for the terminal."""

from __future__ import annotations

import io

import segno


def qr_text(text: str) -> str:
    """The code drawn with half blocks, with its quiet zone, ending in a line feed."""
    out = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(out, compact=True, border=2)
    return out.getvalue() + "\n"
