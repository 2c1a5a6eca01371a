import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upnp.search import (
    MAX_DEPTH,
    MAX_TERMS,
    MAX_TEXT_CHARS,
    And,
    BadCriteria,
    Criteria,
    Everything,
    Exists,
    Operator,
    Or,
    Relation,
    parse_criteria,
)

CLASS = Relation("upnp:class", Operator.DERIVED_FROM, "object.item.audioItem")


def title(value: str) -> Relation:
    return Relation("dc:title", Operator.CONTAINS, value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("*", Everything()),
        ("", Everything()),
        ("  ", Everything()),
        ('dc:title contains "x"', title("x")),
        (
            'upnp:class derivedfrom "object.item.audioItem" and @refID exists false',
            And(CLASS, Exists("@refID", False)),
        ),
        (
            '(upnp:class = "object.container.album.musicAlbum")',
            Relation("upnp:class", Operator.EQUALS, "object.container.album.musicAlbum"),
        ),
        (
            'dc:title contains "a" or dc:title contains "b" and dc:title contains "c"',
            Or(title("a"), And(title("b"), title("c"))),
        ),
        (
            '(dc:title contains "a" or dc:title contains "b") and dc:title contains "c"',
            And(Or(title("a"), title("b")), title("c")),
        ),
        ('dc:title="x"', Relation("dc:title", Operator.EQUALS, "x")),
        ('dc:title CONTAINS "x" AND dc:title Contains"y"', And(title("x"), title("y"))),
        (
            'upnp:class derivedFrom "object.item.audioItem"',
            CLASS,
        ),
        (r'dc:title contains "say \"hi\" \\ "', title('say "hi" \\ ')),
        ("dc:title contains &quot;Tom &amp; Jerry&quot;", title("Tom & Jerry")),
        (
            'pv:lastUpdated > 0 and upnp:class derivedfrom "object.item.audioItem"',
            And(Relation("pv:lastUpdated", Operator.GREATER, "0"), CLASS),
        ),
        ('@id != "7"', Relation("@id", Operator.NOT_EQUALS, "7")),
        ('res@size >= "10"', Relation("res@size", Operator.GREATER_OR_EQUAL, "10")),
        ('dc:title startsWith "Ä\n"', Relation("dc:title", Operator.STARTS_WITH, "Ä\n")),
        (
            'dc:title doesNotContain "x"\t\v\f\r\n',
            Relation("dc:title", Operator.DOES_NOT_CONTAIN, "x"),
        ),
    ],
)
def test_criteria_of_real_clients_become_trees(text: str, tree: Criteria) -> None:
    assert parse_criteria(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "dc:title",
        "dc:title contains",
        "dc:title contains word",
        'dc:title like "x"',
        'dc:title contains "x',
        '(dc:title contains "x"',
        'dc:title contains "x")',
        'dc:title contains "x" and',
        'and dc:title contains "x"',
        "@refID exists maybe",
        '"x" = dc:title',
        '* and dc:title contains "x"',
        "\x00",
        'dc:title contains "x" "y"',
        "(" * (MAX_DEPTH + 1) + 'dc:title = "x"' + ")" * (MAX_DEPTH + 1),
        " or ".join(['a = "1"'] * (MAX_TERMS + 1)),
        'a = "' + "x" * MAX_TEXT_CHARS + '"',
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadCriteria):
        parse_criteria(text)


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert parse_criteria("(" * MAX_DEPTH + 'a = "1"' + ")" * MAX_DEPTH) == Relation(
        "a", Operator.EQUALS, "1"
    )


_PIECES = st.sampled_from(
    [
        "(",
        ")",
        '"',
        "\\",
        " and ",
        " or ",
        "dc:title",
        " contains ",
        "=",
        '"x"',
        " exists true",
        "*",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=40).map("".join)))
def test_any_text_ends_in_a_tree_or_in_bad_criteria(text: str) -> None:
    with contextlib.suppress(BadCriteria):
        assert parse_criteria(text) == parse_criteria(f" {text} ")


_RELATIONS = st.builds(
    Relation,
    st.sampled_from(["dc:title", "@id", "res@size", "upnp:artist"]),
    st.sampled_from(Operator),
    st.text(max_size=20),
)
_TREES = st.recursive(
    st.one_of(_RELATIONS, st.builds(Exists, st.just("@refID"), st.booleans())),
    lambda inner: st.one_of(st.builds(And, inner, inner), st.builds(Or, inner, inner)),
    max_leaves=12,
)


def _render(tree: Criteria) -> str:
    match tree:
        case Relation(name, operator, value):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'{name} {operator} "{quoted}"'
        case Exists(name, expected):
            return f"{name} exists {str(expected).lower()}"
        case And(left, right):
            return f"({_render(left)}) and ({_render(right)})"
        case Or(left, right):
            return f"({_render(left)}) or ({_render(right)})"
    raise AssertionError(tree)


@given(_TREES)
def test_a_written_tree_reads_back_the_same(tree: Criteria) -> None:
    assert parse_criteria(_render(tree)) == tree
