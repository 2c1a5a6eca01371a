"""SearchCriteria text to a tree; what a tree matches is the library's business.

Tolerant where real clients are careless, limited in length, depth and terms so that neither this
parser nor a compiler behind it can be driven into deep recursion.
Source: UPnP ContentDirectory:1, section 2.5.5 (grammar); dlna.md 5.1 (tolerances).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from gateway.errors import BadArgument

MAX_TEXT_CHARS = 4096
MAX_DEPTH = 32
MAX_TERMS = 64


class BadCriteria(BadArgument):
    """The search text is none (ContentDirectory error 708)."""

    code = "bad_criteria"


class Operator(StrEnum):
    """What a relation compares by; the value is the specification's spelling."""

    EQUALS = "="
    NOT_EQUALS = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINS = "contains"
    DOES_NOT_CONTAIN = "doesNotContain"
    DERIVED_FROM = "derivedfrom"
    STARTS_WITH = "startsWith"


@dataclass(frozen=True, slots=True)
class Everything:
    """``*`` or an empty text."""


@dataclass(frozen=True, slots=True)
class Relation:
    """``property operator "value"``; the value is clear text without quotes or escapes."""

    property: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Exists:
    """``property exists true|false``."""

    property: str
    expected: bool


@dataclass(frozen=True, slots=True)
class And:
    """Both sides hold."""

    left: Criteria
    right: Criteria


@dataclass(frozen=True, slots=True)
class Or:
    """At least one side holds."""

    left: Criteria
    right: Criteria


Criteria: TypeAlias = Everything | Relation | Exists | And | Or

_TOKEN = re.compile(
    r"""[ \t\n\v\f\r]*(?:
        (?P<paren>[()])
      | (?P<sign><=|>=|!=|=|<|>)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<word>[A-Za-z0-9_@*:.+\-]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PROPERTY = re.compile(r"(?:[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?)?(?:@[A-Za-z_][\w.:\-]*)?")
_NUMBER = re.compile(r"[+-]?\d+(?:[.:\d]*\d)?")
_WORDS = {
    one.value.lower(): one for one in Operator if one.value.isalpha()
}  # any case is met in the wild


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_criteria(text: str) -> Criteria:
    """Read a SearchCriteria text; ``and`` binds tighter than ``or``.

    Raises:
        BadCriteria: it is not one, or it is longer or deeper than any honest client's.
    """
    text = text.strip()
    if text in {"", "*"}:
        return Everything()
    if len(text) > MAX_TEXT_CHARS:
        raise BadCriteria(f"search criteria longer than {MAX_TEXT_CHARS} characters")
    if '"' not in text and "&quot;" in text:
        text = text.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")
        text = text.replace("&amp;", "&")
    return _Parser(_tokens(text)).parse()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadCriteria(f"search criteria not understood near {text[at : at + 20]!r}")
        kind = match.lastgroup or ""
        value = match[kind]
        tokens.append(_Token(kind, _ESCAPE.sub(r"\1", value) if kind == "quoted" else value))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens; recursion happens only at an opening parenthesis."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._terms = 0

    def parse(self) -> Criteria:
        """The whole text, nothing left over."""
        tree = self._or(0)
        if self._at < len(self._tokens):
            raise BadCriteria(f"unexpected {self._tokens[self._at].text[:20]!r} in search criteria")
        return tree

    def _or(self, depth: int) -> Criteria:
        tree = self._and(depth)
        while self._takes_word("or"):
            tree = Or(tree, self._and(depth))
        return tree

    def _and(self, depth: int) -> Criteria:
        tree = self._primary(depth)
        while self._takes_word("and"):
            tree = And(tree, self._primary(depth))
        return tree

    def _primary(self, depth: int) -> Criteria:
        token = self._next("a property or a parenthesis")
        if token == _Token("paren", "("):
            if depth >= MAX_DEPTH:
                raise BadCriteria(f"search criteria nested deeper than {MAX_DEPTH}")
            tree = self._or(depth + 1)
            if self._next("a closing parenthesis") != _Token("paren", ")"):
                raise BadCriteria("search criteria lack a closing parenthesis")
            return tree
        return self._relation(token)

    def _relation(self, name: _Token) -> Criteria:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise BadCriteria(f"search criteria with more than {MAX_TERMS} terms")
        if name.kind != "word" or not _PROPERTY.fullmatch(name.text):
            raise BadCriteria(f"{name.text[:40]!r} is no property name")
        operator = self._next("an operator")
        if operator.kind == "word" and operator.text.lower() == "exists":
            return Exists(name.text, self._truth())
        if operator.kind == "sign":
            return Relation(name.text, Operator(operator.text), self._value())
        known = _WORDS.get(operator.text.lower()) if operator.kind == "word" else None
        if known is None:
            raise BadCriteria(f"{operator.text[:40]!r} is no search operator")
        return Relation(name.text, known, self._value())

    def _truth(self) -> bool:
        word = self._next("true or false").text.lower()
        if word not in {"true", "false"}:
            raise BadCriteria(f"exists wants true or false, not {word[:20]!r}")
        return word == "true"

    def _value(self) -> str:
        token = self._next("a value in quotes")
        if token.kind == "quoted" or (token.kind == "word" and _NUMBER.fullmatch(token.text)):
            return token.text
        raise BadCriteria(f"{token.text[:40]!r} must stand in quotes")

    def _next(self, wanted: str) -> _Token:
        if self._at == len(self._tokens):
            raise BadCriteria(f"search criteria end where {wanted} is due")
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes_word(self, word: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "word" and token.text.lower() == word:
                self._at += 1
                return True
        return False
