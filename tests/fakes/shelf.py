"""A library in memory as the DLNA server asks it: a few items, rendered by the real renderer."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.dlna.fragments import ADDRESS, TOKEN, FragmentRenderer
from gateway.errors import NotFound
from gateway.library.records import DidlPage, Item, Kind
from gateway.upnp.filter import Fields
from gateway.upnp.search import Criteria, Operator, Relation
from gateway.upnp.sort import SortKey


def film(number: int, title: str, **more: object) -> Item:
    """A film of the house."""
    known: dict[str, object] = {
        "id": number,
        "source": "house",
        "path": f"{title}.mp4",
        "kind": Kind.FILM,
        "mime": "video/mp4",
        "title": title,
        "size_bytes": 1000 + number,
        "version": "1",
        "added_s": float(number),
        "duration_s": 60.0,
    }
    return Item(**(known | more))  # type: ignore[arg-type]  # the fields are named above


class FakeShelf:
    """Root ``0`` with one folder ``films``; children are the items given, in their order."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = list(items)
        self.system_update_id = 1
        self._renderer = FragmentRenderer()

    def _page(self, texts: list[str], total: int, address: str, token: str) -> DidlPage:
        joined = "".join(texts).replace(ADDRESS, address).replace(TOKEN, token)
        return DidlPage(joined, len(texts), total, self.system_update_id)

    def _folder(self, folder: str, profile_class: str, fields: Fields) -> str:
        if folder == "0":
            return self._renderer.container_xml(
                "0", "-1", "Root", profile_class, child_count=1, fields=fields
            )
        if folder == "films":
            count = len(self.items)
            return self._renderer.container_xml(
                "films", "0", "Films", profile_class, child_count=count, fields=fields
            )
        raise NotFound(f"no object {folder!r}")

    async def browse_children(
        self,
        container: str,
        profile_class: str,
        address: str,
        token: str,
        start: int,
        count: int,
        sort: tuple[SortKey, ...],
        fields: Fields = None,
    ) -> DidlPage:
        self._folder(container, profile_class, fields)
        if container == "0":
            texts = [self._folder("films", profile_class, fields)]
        else:
            items = sorted(self.items, key=lambda one: one.title) if sort else self.items
            texts = [self._renderer.item_xml(one, "films", profile_class, fields) for one in items]
        return self._page(texts[start : start + count], len(texts), address, token)

    async def browse_metadata(
        self, object_id: str, profile_class: str, address: str, token: str, fields: Fields = None
    ) -> DidlPage:
        for one in self.items:
            if object_id == f"i{one.id}":
                text = self._renderer.item_xml(one, "films", profile_class, fields)
                return self._page([text], 1, address, token)
        return self._page([self._folder(object_id, profile_class, fields)], 1, address, token)

    async def search(
        self,
        container: str,
        criteria: Criteria,
        profile_class: str,
        address: str,
        token: str,
        start: int,
        count: int,
        sort: tuple[SortKey, ...],
        fields: Fields = None,
    ) -> DidlPage:
        self._folder(container, profile_class, fields)
        found = self.items
        if isinstance(criteria, Relation) and criteria.operator is Operator.CONTAINS:
            found = [one for one in found if criteria.value.lower() in one.title.lower()]
        texts = [self._renderer.item_xml(one, "films", profile_class, fields) for one in found]
        return self._page(texts[start : start + count], len(texts), address, token)
