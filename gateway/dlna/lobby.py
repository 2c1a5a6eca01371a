"""What a player sees that is not let in: one folder whose title says how to be; nothing else.

No title, no count and no movement of the library shows through.
"""

from __future__ import annotations

from gateway.dlna.visit import Visit
from gateway.errors import NotFound
from gateway.library.records import DidlPage
from gateway.upnp import classes
from gateway.upnp.didl import (
    DidlContainer,
    render_container,
)
from gateway.upnp.xml import escape_text

UPDATE_ID = 0x7FFF_FFFF
"""Never moves; the library's own differs, so that being let in is a change."""

_ROOT, _DOOR, _AFTER = "0", "lobby", "lobby-after"


def browse(visit: Visit, object_id: str, start: int, count: int, *, is_metadata: bool) -> DidlPage:
    """A Browse answer of the lobby.

    Raises:
        NotFound: every object of the library, existing or not.
    """
    objects = _objects(visit)
    if object_id not in objects:
        raise NotFound(f"no object {object_id[:60]!r}")
    if is_metadata:
        return _page([objects[object_id]], 1)
    children = [one for one in objects.values() if one.parent_id == object_id]
    return _page(children[start : start + count], len(children))


def _objects(visit: Visit) -> dict[str, DidlContainer]:
    ask = (
        f"Let this player in: open {visit.base}/remote on your phone, number {visit.device.number}"
    )
    found = (
        DidlContainer(_ROOT, "-1", "Vaultcast", classes.FOLDER, 1),
        DidlContainer(_DOOR, _ROOT, ask, classes.FOLDER, 1),
        DidlContainer(_AFTER, _DOOR, "Then go back and open the list again", classes.FOLDER),
    )
    return {one.id: one for one in found}


def _page(shown: list[DidlContainer], total: int) -> DidlPage:
    texts = "".join(escape_text(render_container(one)) for one in shown)
    return DidlPage(texts, len(shown), total, UPDATE_ID)


EMPTY = _page([], 0)
