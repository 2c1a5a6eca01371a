"""ContentDirectory:1: folders and items of the library, or the lobby, to a player.

Source: UPnP ContentDirectory:1, section 2.7; dlna.md 4 and 5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from gateway.dlna import lobby
from gateway.dlna.errors import InvalidAction, NoSuchContainer
from gateway.dlna.visit import Visit
from gateway.errors import BadArgument, NotFound
from gateway.library.records import DidlPage
from gateway.upnp.didl import ESCAPED_FOOT, ESCAPED_HEAD
from gateway.upnp.filter import Fields, parse_filter
from gateway.upnp.search import Criteria, parse_criteria
from gateway.upnp.soap import Escaped
from gateway.upnp.sort import SORTABLE, SortKey, parse_sort

MAX_PAGE = 2000
"""Objects in one answer at most (about 1 MB); a player goes on where it ended."""

SEARCHABLE = (
    "@id,@parentID,@refID,dc:title,dc:creator,dc:date,upnp:class,upnp:artist,upnp:album,upnp:genre"
)
_MAX_UI4 = 0xFFFF_FFFF
_NO_FEATURES = '<Features xmlns="urn:schemas-upnp-org:av:avs"></Features>'
_SAMSUNG_VIEWS = (
    '<Features xmlns="urn:schemas-upnp-org:av:avs">'
    '<Feature name="samsung.com_BASICVIEW" version="1">'
    '<container id="music" type="object.item.audioItem"/>'
    '<container id="films" type="object.item.videoItem"/>'
    '<container id="photos" type="object.item.imageItem"/>'
    "</Feature></Features>"
)

Arguments = Mapping[str, str]
Answer = Mapping[str, str | int]


class Shelf(Protocol):
    """What this service asks of the library; every page comes rendered and escaped."""

    @property
    def system_update_id(self) -> int:
        """Moves with every change, ui4."""
        ...

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
        """Children of a folder; NotFound when there is no such folder."""
        ...

    async def browse_metadata(
        self,
        object_id: str,
        profile_class: str,
        address: str,
        token: str,
        fields: Fields = None,
    ) -> DidlPage:
        """One object; NotFound when it is not there."""
        ...

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
        """What matches below a folder; NotFound when there is no such folder."""
        ...


IssueToken = Callable[[Visit], str]


class ContentDirectory:
    """The actions by name; each takes the visit and the arguments, and answers in order."""

    def __init__(self, shelf: Shelf, issue_token: IssueToken) -> None:
        self._shelf = shelf
        self._issue_token = issue_token
        self._actions: dict[str, Callable[[Visit, Arguments], Awaitable[Answer]]] = {
            "Browse": self._browse,
            "Search": self._search,
            "GetSearchCapabilities": self._search_capabilities,
            "GetSortCapabilities": self._sort_capabilities,
            "GetSystemUpdateID": self._update_id,
            "GetFeatureList": self._feature_list,
            "X_GetFeatureList": self._samsung_views,
        }

    @property
    def actions(self) -> frozenset[str]:
        """Names of all actions offered."""
        return frozenset(self._actions)

    async def call(self, visit: Visit, action: str, arguments: Arguments) -> Answer:
        """Carry out an action.

        Raises:
            InvalidAction: there is none of that name.
            GatewayError: whatever ``dlna/errors.py`` has a fault number for.
        """
        if action not in self._actions:
            raise InvalidAction(f"ContentDirectory has no action {action[:40]!r}")
        return await self._actions[action](visit, arguments)

    def variables(self, visit: Visit) -> dict[str, str]:
        """Evented variables as this player sees them."""
        return {"SystemUpdateID": str(self.update_id(visit)), "ContainerUpdateIDs": ""}

    def update_id(self, visit: Visit) -> int:
        """SystemUpdateID as this player sees it."""
        return self.update_id_of(is_admitted=visit.device.is_admitted)

    def update_id_of(self, *, is_admitted: bool) -> int:
        """The library's for those let in; for others the lobby's own, which never moves."""
        return self._shelf.system_update_id if is_admitted else lobby.UPDATE_ID

    async def _browse(self, visit: Visit, arguments: Arguments) -> Answer:
        object_id = _object_id(arguments, "ObjectID", "ContainerID")
        flag = arguments.get("BrowseFlag", "").strip()
        start, count = _window(arguments)
        fields = parse_filter(arguments.get("Filter", ""))
        sort = parse_sort(arguments.get("SortCriteria", ""))
        if flag not in {"BrowseDirectChildren", "BrowseMetadata"}:
            raise BadArgument(f"BrowseFlag {flag[:40]!r} is none")
        is_metadata = flag == "BrowseMetadata"
        if is_metadata and start != 0:
            raise BadArgument("BrowseMetadata needs StartingIndex 0")
        if not visit.device.is_admitted:
            return _page(lobby.browse(visit, object_id, start, count, is_metadata=is_metadata))
        family, token = visit.family.profile_class, self._issue_token(visit)
        if is_metadata:
            page = await self._shelf.browse_metadata(object_id, family, visit.base, token, fields)
        else:
            page = await self._shelf.browse_children(
                object_id, family, visit.base, token, start, count, sort, fields
            )
        return _page(page)

    async def _search(self, visit: Visit, arguments: Arguments) -> Answer:
        container = _object_id(arguments, "ContainerID", "ObjectID")
        criteria = parse_criteria(arguments.get("SearchCriteria", ""))
        start, count = _window(arguments)
        fields = parse_filter(arguments.get("Filter", ""))
        sort = parse_sort(arguments.get("SortCriteria", ""))
        if not visit.device.is_admitted:
            return _page(lobby.EMPTY)
        try:
            page = await self._shelf.search(
                container,
                criteria,
                visit.family.profile_class,
                visit.base,
                self._issue_token(visit),
                start,
                count,
                sort,
                fields,
            )
        except NotFound as missing:
            raise NoSuchContainer(f"no folder {container[:60]!r} to search in") from missing
        return _page(page)

    async def _search_capabilities(self, _visit: Visit, _arguments: Arguments) -> Answer:
        return {"SearchCaps": SEARCHABLE}

    async def _sort_capabilities(self, _visit: Visit, _arguments: Arguments) -> Answer:
        return {"SortCaps": ",".join(SORTABLE)}

    async def _update_id(self, visit: Visit, _arguments: Arguments) -> Answer:
        return {"Id": self.update_id(visit)}

    async def _feature_list(self, _visit: Visit, _arguments: Arguments) -> Answer:
        return {"FeatureList": _NO_FEATURES}

    async def _samsung_views(self, visit: Visit, _arguments: Arguments) -> Answer:
        return {"FeatureList": _SAMSUNG_VIEWS if visit.device.is_admitted else _NO_FEATURES}


def _page(page: DidlPage) -> Answer:
    return {
        "Result": Escaped(f"{ESCAPED_HEAD}{page.result}{ESCAPED_FOOT}"),
        "NumberReturned": page.returned,
        "TotalMatches": page.total,
        "UpdateID": page.update_id,
    }


def _object_id(arguments: Arguments, name: str, other: str) -> str:
    # Xbox 360 says ContainerID in Browse; Kodi ends ids with a slash.
    text = arguments.get(name, arguments.get(other))
    if text is None:
        raise BadArgument(f"{name} is missing")
    return text.strip().rstrip("/")


def _window(arguments: Arguments) -> tuple[int, int]:
    start = _number(arguments, "StartingIndex")
    return start, min(_number(arguments, "RequestedCount") or MAX_PAGE, MAX_PAGE)


def _number(arguments: Arguments, name: str) -> int:
    text = arguments.get(name, "").strip() or "0"
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    if not 0 <= number <= _MAX_UI4:
        raise BadArgument(f"{name} {text[:20]!r} is no whole number from 0")
    return number
