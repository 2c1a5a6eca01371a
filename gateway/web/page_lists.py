"""The rails, grids and queues of the TV's pages, each by its key, first cards and further ones."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode

from gateway.errors import BadArgument, NotFound
from gateway.library.records import Group, Item, Kind, Query, Sort, SourceState
from gateway.web.api.items import PROFILE
from gateway.web.page_visits import Visit
from gateway.web.page_words import count_words, group_href, locked_cards, short_number, time_words
from tv_ui.pages import Card, Rail, Shape, Track

RAIL_START = 8
"""Cards the server prints of each rail; the rest comes when it is needed."""

_CONTINUE = 20
_RECENT = 60
_LOCKED_CARDS = 8
_SORTS = {"title": Sort.TITLE, "added": Sort.ADDED, "date": Sort.DATE, "path": Sort.PATH}
_GROUPS = {"series": ("series", "one-series"), "music": ("albums", "album")}
_SHAPES = {
    "films": Shape.POSTER,
    "series": Shape.POSTER,
    "music": Shape.SQUARE,
    "photos": Shape.WIDE,
}


async def home_rails(visit: Visit) -> tuple[Rail, ...]:
    """Go on, new, locked vaults, then the kinds; rails without a card are left out."""
    catalogue = visit.parts.catalogue
    begun = await catalogue.continue_watching(PROFILE, _CONTINUE)
    going = tuple(
        visit.maker.item_card(item, size="wide", position=position, href=_play_href(item))
        for item, position in begun
    )
    recent = await catalogue.recently_added(_RECENT)
    fresh = tuple(visit.maker.item_card(one) for one in recent)
    rails = [
        _rail("continue", "Go on watching", Shape.WIDE, len(going), going),
        _rail("recent", "New in the vaults", Shape.POSTER, len(fresh), fresh[:RAIL_START]),
    ]
    for source in await catalogue.sources():
        if source.state is SourceState.LOCKED:
            cards = locked_cards(source, _LOCKED_CARDS)
            rails.append(
                Rail(
                    f"locked {source.name}",
                    source.name,
                    Shape.POSTER,
                    len(cards),
                    cards,
                    "",
                    note="locked",
                )
            )
    for kind, title in (
        ("films", "Films"),
        ("series", "Series"),
        ("music", "Music"),
        ("photos", "Photos"),
    ):
        rail = await browse_rail(visit, kind, "", 0, RAIL_START)
        rails.append(replace(rail, title=title, note=f"{rail.total:,}"))
    return tuple(rail for rail in rails if rail.cards)


async def browse_rail(visit: Visit, kind: str, sort: str, start: int, count: int) -> Rail:
    """All of a kind, from ``start`` on."""
    if kind in _GROUPS:
        what, page = _GROUPS[kind]
        groups, total = await visit.parts.catalogue.groups(what, None, start, count)
        cards = tuple([await _group_card(visit, one, page) for one in groups])
    else:
        listed = await visit.parts.catalogue.list_items(_query(kind, sort, start, count))
        total = listed.total
        size = "wide" if kind == "photos" else "poster"
        cards = tuple(
            visit.maker.item_card(one, size=size, href=_grid_href(kind, one, start + at, sort))
            for at, one in enumerate(listed.items)
        )
    rail = _rail(kind, "", _SHAPES[kind], total, cards)
    return replace(rail, source=f"{rail.source}{'&sort=' + quote(sort) if sort else ''}")


async def card_page(visit: Visit, key: str, start: int, count: int) -> tuple[Card, ...]:
    """Further cards of a rail that ``Rail.source`` names.

    Raises:
        BadArgument: there is no such rail.
    """
    name, _, rest = key.partition("?")
    if name in _SHAPES:
        sort = visit.request.query.get("sort", "")
        return (await browse_rail(visit, name, sort, start, count)).cards
    catalogue = visit.parts.catalogue
    if name == "recent":
        recent = await catalogue.recently_added(_RECENT)
        return tuple(visit.maker.item_card(one) for one in recent[start : start + count])
    if name == "episodes":
        fields = dict(parse_qsl(rest))
        query = Query(
            kind=Kind.EPISODE,
            series=fields.get("series", ""),
            season=int(fields["season"]) if fields.get("season", "").isdigit() else None,
            sort=Sort.EPISODE,
            start=start,
            count=count,
        )
        page = await catalogue.list_items(query)
        return tuple([await _episode_card(visit, one) for one in page.items])
    raise BadArgument(f"no rail {name[:40]!r}")


async def episode_rail(
    visit: Visit, item: Item, episodes: tuple[Item, ...] | None = None
) -> Rail | None:
    """Beside an episode: its season; beside a film: what else is new."""
    if item.kind is not Kind.EPISODE or not item.series:
        query = Query(kind=item.kind, sort=Sort.ADDED, descending=True, count=21)
        others = [
            one
            for one in (await visit.parts.catalogue.list_items(query)).items
            if one.id != item.id
        ]
        cards = tuple(visit.maker.item_card(one, size="wide") for one in others[:20])
        title = {Kind.FILM: "More films", Kind.TRACK: "More music"}.get(item.kind, "More")
        return _rail("more", title, Shape.WIDE, len(cards), cards) if cards else None
    if episodes is None:
        query = Query(
            kind=Kind.EPISODE,
            series=item.series,
            season=item.season,
            sort=Sort.EPISODE,
            count=200,
        )
        episodes = (await visit.parts.catalogue.list_items(query)).items
    cards = tuple([await _episode_card(visit, one) for one in episodes[: RAIL_START * 3]])
    fields = {"series": item.series, "season": "" if item.season is None else str(item.season)}
    title = f"Season {item.season}" if item.season else "Episodes"
    return _rail("episodes?" + urlencode(fields), title, Shape.WIDE, len(episodes), cards)


async def queue_of(visit: Visit, item: Item) -> tuple[Track, ...]:
    """What plays after another: the album of a track, the rest of an episode's series."""
    if item.kind is Kind.TRACK and item.album:
        query = Query(kind=Kind.TRACK, album=item.album, sort=Sort.ALBUM, count=200)
    elif item.kind is Kind.EPISODE and item.series:
        query = Query(kind=Kind.EPISODE, series=item.series, sort=Sort.EPISODE, count=200)
    else:
        query = None
    listed = () if query is None else (await visit.parts.catalogue.list_items(query)).items
    found = listed if any(one.id == item.id for one in listed) else (item,)
    return tuple(
        Track(
            one.id,
            one.title,
            time_words(one.duration_s) if one.duration_s else "",
            visit.maker.art(one),
        )
        for one in found
    )


def _rail(key: str, title: str, shape: Shape, total: int, cards: tuple[Card, ...]) -> Rail:
    source = "/tv/cards?" + urlencode({"rail": key}, quote_via=quote)
    return Rail(key, title, shape, total, cards, source if total > len(cards) else "")


def _query(kind: str, sort: str, start: int, count: int) -> Query:
    what = Kind.PHOTO if kind == "photos" else Kind.FILM
    chosen = _SORTS.get(sort, Sort.DATE if what is Kind.PHOTO else Sort.TITLE)
    is_down = chosen in (Sort.ADDED, Sort.DATE)
    return Query(kind=what, sort=chosen, descending=is_down, start=start, count=count)


def _grid_href(kind: str, item: Item, at: int, sort: str) -> str | None:
    if kind != "photos":
        return None
    return f"/tv/photo/{item.id}" + (f"?at={at}" if sort in ("", "date") else "")


def _play_href(item: Item) -> str:
    return f"/tv/item/{item.id}"


async def _group_card(visit: Visit, group: Group, page: str) -> Card:
    sample = None
    if group.sample_item is not None:
        try:
            sample = await visit.parts.catalogue.item(group.sample_item)
        except NotFound:
            # It went between the two reads.
            sample = None
    words = ("season", "seasons") if page == "one-series" else ("track", "tracks")
    return visit.maker.group_card(
        group, sample, group_href(page, group.key), count=count_words(group.count, *words)
    )


async def _episode_card(visit: Visit, item: Item) -> Card:
    position = await visit.parts.positions.where(item.id, PROFILE)
    return visit.maker.item_card(
        item, size="wide", position=position, caption=f"{short_number(item)}  ·  {item.title}"
    )
