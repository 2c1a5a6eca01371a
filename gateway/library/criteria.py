"""A search tree compiled to a chooser of rows.

A property that a thing lacks makes every relation false but ``!=``, ``doesNotContain`` and
``exists false``. Values are only ever compared, never made into code or SQL.
Source: UPnP ContentDirectory:1, section 2.5.5; dlna.md 5.1 and 5.2.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import assert_never

from gateway.library.natural import fold, natural_key
from gateway.library.search_index import Chooser, Chunk, TitleHits
from gateway.library.search_rows import BETWEEN
from gateway.upnp.npt import parse_time
from gateway.upnp.search import And, Criteria, Everything, Exists, Operator, Or, Relation

_TEXT_COLUMNS = {
    "upnp:class": "classes",
    "@parentID": "parents",
    "dc:date": "dates",
    "dc:creator": "artists",
    "upnp:artist": "artists",
    "upnp:author": "artists",
    "microsoft:artistPerformer": "artists",
    "microsoft:artistAlbumArtist": "artists",
    "microsoft:authorComposer": "artists",
    "upnp:album": "albums",
    "upnp:genre": "genres",
}
_NUMBER_COLUMNS = {"res@size": "sizes", "res@duration": "durations"}
_ALWAYS_NEW = frozenset({"pv:lastUpdated"})
_NEGATIVE = frozenset({Operator.NOT_EQUALS, Operator.DOES_NOT_CONTAIN})
_ORDERED: dict[Operator, Callable[[float, float], bool]] = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.EQUALS: operator.eq,
    Operator.NOT_EQUALS: operator.ne,
}


def compile_criteria(tree: Criteria, object_id: Callable[[int], str]) -> Chooser:
    """Turn a tree into a chooser.

    Args:
        tree: of ``gateway.upnp.search.parse_criteria``; bounded in depth there.
        object_id: public id of an entry, for ``@id``.
    """
    match tree:
        case Everything():
            return _all
        case And():
            return _both(tree, object_id)
        case Or():
            left = compile_criteria(tree.left, object_id)
            right = compile_criteria(tree.right, object_id)
            return lambda chunk, at: _union(left(chunk, at), right(chunk, at))
        case Relation():
            return _relation(tree, object_id)
        case Exists():
            return _exists(tree)
    assert_never(tree)


def contains_text(text: str) -> Chooser:
    """Rows whose title, people, album or genre hold the text."""
    needle = fold(text)
    choosers = [_title(Operator.CONTAINS, needle)] + [
        _text(column, Operator.CONTAINS, needle) for column in ("artists", "albums", "genres")
    ]

    def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
        found: Sequence[int] = ()
        for one in choosers:
            found = _union(found, one(chunk, at))
        return found

    return choose


def _all(_chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
    return at


def _none(_chunk: Chunk, _at: Sequence[int]) -> Sequence[int]:
    return ()


def _union(left: Sequence[int], right: Sequence[int]) -> Sequence[int]:
    if not left or not right:
        return left or right
    return sorted({*left, *right})


def _both(tree: And, object_id: Callable[[int], str]) -> Chooser:
    sides = sorted((tree.left, tree.right), key=_is_broad)
    first = compile_criteria(sides[0], object_id)
    second = compile_criteria(sides[1], object_id)

    def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
        kept = first(chunk, at)
        return second(chunk, kept) if kept else kept

    return choose


def _is_broad(tree: Criteria) -> bool:
    # A title usually leaves fewest, and rejects a chunk at once.
    return not (isinstance(tree, Relation) and tree.property == "dc:title")


def _relation(tree: Relation, object_id: Callable[[int], str]) -> Chooser:
    needle = fold(tree.value)
    if tree.property == "dc:title":
        return _title(tree.operator, needle)
    if tree.property == "@id":
        return _computed(lambda chunk, at: object_id(chunk.entries[at]), tree.operator, needle)
    if tree.property in _TEXT_COLUMNS:
        return _text(_TEXT_COLUMNS[tree.property], tree.operator, needle)
    if tree.property in _NUMBER_COLUMNS:
        return _number(_NUMBER_COLUMNS[tree.property], tree)
    if tree.property in _ALWAYS_NEW:
        return _all
    return _all if tree.operator in _NEGATIVE else _none


def _exists(tree: Exists) -> Chooser:
    wanted = tree.expected
    if tree.property in {"dc:title", "@id"} or tree.property in _ALWAYS_NEW:
        return _all if wanted else _none
    if tree.property in _TEXT_COLUMNS:
        column = _TEXT_COLUMNS[tree.property]
        return _by_value(column, lambda value: bool(value) is wanted)
    if tree.property in _NUMBER_COLUMNS:
        name = _NUMBER_COLUMNS[tree.property]

        def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
            values = getattr(chunk, name)
            return [one for one in at if (values[one] >= 0) is wanted]

        return choose
    return _none if wanted else _all


def _title(relation: Operator, needle: str) -> Chooser:
    if relation is Operator.CONTAINS:

        def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
            if needle not in chunk.joined:
                return ()
            titles = chunk.titles
            if len(at) == len(titles):
                return TitleHits(chunk, needle)
            return [one for one in at if needle in titles[one]]

        return choose
    return _computed(lambda chunk, at: chunk.titles[at], relation, needle)


def _computed(value_of: Callable[[Chunk, int], str], relation: Operator, needle: str) -> Chooser:
    test = _test(relation, needle)
    return lambda chunk, at: [one for one in at if test(value_of(chunk, one))]


def _text(column: str, relation: Operator, needle: str) -> Chooser:
    test = _test(relation, needle)
    if relation in _NEGATIVE:
        return _by_value(column, lambda value: all(map(test, value.split(BETWEEN))))
    return _by_value(column, lambda value: bool(value) and any(map(test, value.split(BETWEEN))))


def _by_value(column: str, test: Callable[[str], bool]) -> Chooser:
    """Test each different value once, and rows only where a chunk holds both outcomes."""
    verdicts: dict[str, bool] = {}

    def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
        good = set()
        values = chunk.distinct(column)
        for value in values:
            verdict = verdicts.get(value)
            if verdict is None:
                verdict = verdicts[value] = test(value)
            if verdict:
                good.add(value)
        if not good:
            return ()
        if len(good) == len(values):
            return at
        cells = getattr(chunk, column)
        return [one for one in at if cells[one] in good]

    return choose


def _test(relation: Operator, needle: str) -> Callable[[str], bool]:
    key = natural_key(needle)
    tests: dict[Operator, Callable[[str], bool]] = {
        Operator.EQUALS: lambda value: value == needle,
        Operator.NOT_EQUALS: lambda value: value != needle,
        Operator.LESS: lambda value: natural_key(value) < key,
        Operator.LESS_OR_EQUAL: lambda value: natural_key(value) <= key,
        Operator.GREATER: lambda value: natural_key(value) > key,
        Operator.GREATER_OR_EQUAL: lambda value: natural_key(value) >= key,
        Operator.CONTAINS: lambda value: needle in value,
        Operator.DOES_NOT_CONTAIN: lambda value: needle not in value,
        Operator.DERIVED_FROM: lambda value: value == needle or value.startswith(f"{needle}."),
        Operator.STARTS_WITH: lambda value: value.startswith(needle),
    }
    return tests[relation]


def _number(column: str, tree: Relation) -> Chooser:
    compare = _ORDERED.get(tree.operator)
    is_negative = tree.operator in _NEGATIVE
    try:
        wanted = parse_time(tree.value)
    except ValueError:
        compare = None
        wanted = 0.0
    if compare is None:
        return _all if is_negative else _none
    known = compare

    def choose(chunk: Chunk, at: Sequence[int]) -> Sequence[int]:
        values = getattr(chunk, column)
        return [
            one for one in at if (known(values[one], wanted) if values[one] >= 0 else is_negative)
        ]

    return choose
