"""The table from errors to replies is whole and tells no secret."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.web.errors import REPLIES, error_reply
from transcode import errors as converter


def family(base: type[Exception]) -> list[type[Exception]]:
    return [base, *(one for child in base.__subclasses__() for one in family(child))]


@pytest.mark.parametrize(
    "kind",
    [*family(errors.GatewayError), *family(converter.TranscodeError)],
    ids=lambda k: k.__name__,
)
def test_every_class_has_its_row(kind: type[Exception]) -> None:
    if kind.__module__ in (errors.__name__, converter.__name__):
        assert kind in REPLIES
        status, remedy = REPLIES[kind]
        assert 400 <= status < 600
        assert remedy.endswith(".")


def test_headers_that_belong_to_a_status_come_with_it() -> None:
    reply = error_reply(errors.BadRange("no", size_bytes=5))
    assert (reply.status, reply.headers["Content-Range"]) == (416, "bytes */5")
    reply = error_reply(errors.Busy("no", retry_after_s=2.1))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "3")
    assert "WWW-Authenticate" in error_reply(errors.NotPaired("no")).headers
    reasons = json.loads(error_reply(converter.NoWayToPlay(("a", "b"))).body)["reasons"]
    assert reasons == ["a", "b"]
    assert json.loads(error_reply(errors.SettingsError(["x"])).body)["mistakes"] == ["x"]


def test_what_is_not_ours_is_not_told() -> None:
    reply = error_reply(RuntimeError("/home/me/secret"))
    assert reply.status == 500
    assert b"secret" not in reply.body
