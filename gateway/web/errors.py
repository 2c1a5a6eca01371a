"""The one table from our errors to HTTP: status, and a sentence that says what helps.

No handler builds an error reply itself. A class without a row of its own takes that of its base.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from aiohttp import web

from gateway import errors
from transcode import errors as converter

REPLIES: dict[type[Exception], tuple[int, str]] = {
    errors.GatewayError: (500, "Look into the gateway's log."),
    errors.NotFound: (404, "Go back to the list and open it again."),
    errors.Refused: (403, "Ask the owner of this gateway."),
    errors.NotPaired: (401, "Let this device in on the owner's phone."),
    errors.BadToken: (403, "Open the list again on this device."),
    errors.Expired: (403, "Open the list again on this device."),
    errors.Locked: (423, "Unlock the source on the owner's phone."),
    errors.BadRequest: (400, "Correct the request."),
    errors.BadRange: (416, "Ask for bytes inside the file."),
    errors.BadArgument: (400, "Correct the request; /api/v1/openapi.json describes it."),
    errors.HostError: (502, "Look whether the storage host works."),
    errors.HostDown: (503, "Look whether the storage host is on and in reach."),
    errors.HostRefused: (502, "Correct the login of this source."),
    errors.HostChanged: (503, "The file was changed; try again."),
    errors.QuotaSpent: (503, "Wait until the host's transfer allowance is renewed."),
    errors.HostNonsense: (502, "Look whether the address of this source is right."),
    errors.VaultError: (500, "Check the vault: vaultcast check SOURCE."),
    errors.WrongKey: (403, "Type the passphrase again."),
    errors.NotAVault: (422, "Check the source's path."),
    errors.Unsupported: (422, "See the README for the formats that can be read."),
    errors.BadName: (500, "Check the vault: vaultcast check SOURCE."),
    errors.Corrupt: (500, "The stored file is damaged; restore it from a copy."),
    errors.Truncated: (500, "The stored file is cut; wait for its upload or restore it."),
    errors.Busy: (429, "Try again a little later."),
    errors.TooManySessions: (503, "Stop a film on another screen or try later."),
    errors.SettingsError: (400, "Correct what is named."),
    errors.ProgramMissing: (501, "Install what is named."),
    converter.TranscodeError: (500, "Look into the gateway's log."),
    converter.NoWayToPlay: (415, "Play it on another screen."),
    converter.ConverterFailed: (500, "The file may be damaged; look into the gateway's log."),
    converter.TooManyConversions: (503, "Stop a film on another screen or try later."),
    converter.ConverterMissing: (501, "Install ffmpeg."),
}

Known = (errors.GatewayError, converter.TranscodeError)

_HTTP_REMEDY = {
    404: "Check the address.",
    405: "Use a method the address knows.",
    406: "Leave the header out.",
    413: "Send less.",
}


def row_of(kind: type[Exception]) -> tuple[int, str]:
    """Status and remedy of an error class."""
    for one in kind.__mro__:
        if one in REPLIES:
            return REPLIES[one]
    return 500, "Look into the gateway's log."


def code_of(error: Exception) -> str:
    """The public name of an error."""
    return str(getattr(error, "code", "failed"))


def error_json(error: Exception) -> dict[str, object]:
    """``code``, ``message``, ``remedy`` of an error, and ``reasons`` where it has some."""
    out: dict[str, object] = {
        "code": code_of(error),
        "message": str(error),
        "remedy": row_of(type(error))[1],
    }
    if isinstance(error, converter.NoWayToPlay):
        out["reasons"] = list(error.reasons)
    if isinstance(error, errors.SettingsError):
        out["mistakes"] = error.mistakes
    return out


def error_reply(error: Exception) -> web.Response:
    """The reply for one of our errors; anything else is told as an unforeseen failure."""
    if not isinstance(error, Known):
        return _reply(
            500,
            {
                "code": "failed",
                "message": "the gateway failed unforeseen",
                "remedy": "Look into the gateway's log.",
            },
        )
    headers = {}
    if isinstance(error, errors.BadRange):
        headers["Content-Range"] = f"bytes */{error.size_bytes}"
    if isinstance(error, errors.NotPaired):
        headers["WWW-Authenticate"] = 'Bearer realm="vaultcast"'
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    return _reply(row_of(type(error))[0], error_json(error), headers)


def http_reply(error: web.HTTPException) -> web.Response:
    """The same shape for what the framework itself refuses."""
    status = HTTPStatus(error.status)
    headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return _reply(
        error.status,
        {
            "code": status.phrase.lower().replace(" ", "_"),
            "message": error.text or status.phrase,
            "remedy": _HTTP_REMEDY.get(error.status, "Correct the request."),
        },
        headers,
    )


def _reply(
    status: int, body: dict[str, object], headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )
