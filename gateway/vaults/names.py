"""Which clear names may leave a vault: one rule for every format."""

from __future__ import annotations

import re

from gateway.errors import BadName

# Control characters break XML, terminals and logs; lone surrogates are bytes that were no UTF-8.
_FORBIDDEN = re.compile("[/\x00-\x1f\x7f\ud800-\udfff]")


def checked_name(name: str) -> str:
    """Give ``name`` back when it is fit for one segment of a clear path.

    Raises:
        BadName: empty, ``.``, ``..``, or it contains ``/``, a control character or no valid text.

    Source: vaults.md 0.4.
    """
    if name in {"", ".", ".."} or _FORBIDDEN.search(name):
        raise BadName(f"not a file name: {name[:40]!r}")
    return name
