"""X_MS_MediaReceiverRegistrar:1: Xbox and Windows refuse a server without it.

It always says yes: who may see what is decided in the lobby. Source: dlna.md 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.dlna.errors import InvalidAction
from gateway.dlna.visit import Visit
from gateway.errors import BadArgument

_ARGUMENT = {
    "IsAuthorized": "DeviceID",
    "IsValidated": "DeviceID",
    "RegisterDevice": "RegistrationReqMsg",
}


class Registrar:
    """The three actions of the service."""

    actions = frozenset(_ARGUMENT)

    async def call(
        self, _visit: Visit, action: str, arguments: Mapping[str, str]
    ) -> Mapping[str, str | int]:
        """Carry out an action.

        Raises:
            InvalidAction: there is none of that name.
            BadArgument: its argument is missing.
        """
        if action not in _ARGUMENT:
            raise InvalidAction(f"X_MS_MediaReceiverRegistrar has no action {action[:40]!r}")
        if _ARGUMENT[action] not in arguments:
            raise BadArgument(f"{_ARGUMENT[action]} is missing")
        if action == "RegisterDevice":
            return {"RegistrationRespMsg": ""}
        return {"Result": 1}

    def variables(self, _visit: Visit) -> dict[str, str]:
        """Evented variables."""
        return {
            "AuthorizationGrantedUpdateID": "1",
            "AuthorizationDeniedUpdateID": "1",
            "ValidationSucceededUpdateID": "1",
            "ValidationRevokedUpdateID": "1",
        }
