"""A renderer of DIDL texts that a test can read."""

from __future__ import annotations

from gateway.library.records import Item


class PlainFragments:
    """Renders one line per object; counts what it rendered."""

    def __init__(self, edition: str = "") -> None:
        self.edition = edition
        self.items = 0

    def item_xml(
        self,
        item: Item,
        parent_id: str,
        profile_class: str,
        fields: frozenset[str] | None = None,
    ) -> str:
        self.items += 1
        shown = "" if fields is None else f" fields={','.join(sorted(fields))}"
        return (
            f"<i{item.id} parent={parent_id} class={profile_class}{self.edition}{shown}>"
            f"{item.title}"
            f"|\x01/media/\x02/{item.id}{'|art' if item.has_art else ''}</i>\n"
        )

    def container_xml(
        self,
        container_id: str,
        parent_id: str,
        title: str,
        profile_class: str,
        *,
        upnp_class: str,
        child_count: int | None = None,
        artist: str | None = None,
        art_item: int | None = None,
        fields: frozenset[str] | None = None,
    ) -> str:
        del profile_class, upnp_class, artist, fields
        return (
            f"<{container_id} parent={parent_id} count={child_count} art={art_item}>{title}</c>\n"
        )
