"""The one table from our errors to SOAP faults; a house test walks every class.

Source: UPnP Device Architecture 1.0, section 3.2.2; ContentDirectory:1, section 2.7; dlna.md 4.2.
"""

from __future__ import annotations

from gateway import errors
from gateway.upnp.gena import BadSubscription
from gateway.upnp.search import BadCriteria
from gateway.upnp.soap import BadSoap
from gateway.upnp.sort import BadSort
from gateway.upnp.xml import BadXml
from transcode import errors as transcode_errors


class InvalidAction(errors.BadRequest):
    """The service has no such action."""

    code = "invalid_action"


class NoSuchContainer(errors.NotFound):
    """A search in a folder that is not there."""

    code = "no_such_container"


class NoSuchConnection(errors.NotFound):
    """A connection number that is not in use."""

    code = "no_such_connection"


_CANNOT_PROCESS = 720
_ACTION_FAILED = 501

FAULTS: dict[type[Exception], int] = {
    InvalidAction: 401,
    NoSuchContainer: 710,
    NoSuchConnection: 706,
    BadXml: 402,
    BadSoap: 402,
    BadSubscription: 402,
    BadCriteria: 708,
    BadSort: 709,
    errors.GatewayError: _ACTION_FAILED,
    errors.NotFound: 701,
    errors.Refused: _CANNOT_PROCESS,
    errors.NotPaired: _CANNOT_PROCESS,
    errors.BadToken: _CANNOT_PROCESS,
    errors.Expired: _CANNOT_PROCESS,
    errors.Locked: _CANNOT_PROCESS,
    errors.BadRequest: 402,
    errors.BadRange: 601,
    errors.BadArgument: 402,
    errors.HostError: _CANNOT_PROCESS,
    errors.HostDown: _CANNOT_PROCESS,
    errors.HostRefused: _CANNOT_PROCESS,
    errors.HostChanged: _CANNOT_PROCESS,
    errors.QuotaSpent: _CANNOT_PROCESS,
    errors.HostNonsense: _CANNOT_PROCESS,
    errors.VaultError: _CANNOT_PROCESS,
    errors.WrongKey: _CANNOT_PROCESS,
    errors.NotAVault: _CANNOT_PROCESS,
    errors.Unsupported: _CANNOT_PROCESS,
    errors.BadName: _CANNOT_PROCESS,
    errors.Corrupt: _CANNOT_PROCESS,
    errors.Truncated: _CANNOT_PROCESS,
    errors.Busy: _ACTION_FAILED,
    errors.TooManySessions: _ACTION_FAILED,
    errors.SettingsError: _ACTION_FAILED,
    errors.ProgramMissing: _ACTION_FAILED,
    transcode_errors.TranscodeError: _ACTION_FAILED,
    transcode_errors.NoWayToPlay: _ACTION_FAILED,
    transcode_errors.ConverterFailed: _ACTION_FAILED,
    transcode_errors.ConverterMissing: _ACTION_FAILED,
    transcode_errors.TooManyConversions: _ACTION_FAILED,
}
"""Every class has its own row; a subclass made elsewhere takes that of its nearest parent."""

ANSWERABLE = (errors.GatewayError, transcode_errors.TranscodeError)
"""What a control request may end in and still get a SOAP fault with its own words."""


def fault_of(error: Exception) -> tuple[int, str]:
    """Fault number and description of an error."""
    for kind in type(error).__mro__:
        if kind in FAULTS:
            return FAULTS[kind], str(error)
    return _ACTION_FAILED, "Action Failed"
