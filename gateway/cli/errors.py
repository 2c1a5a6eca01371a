"""How an error ends a command: one sentence on standard error and an exit code."""

from __future__ import annotations

from gateway import errors
from transcode import errors as transcode_errors

DONE = 0
UNFORESEEN = 1
USAGE = 2
UNREACHABLE = 3
WRONG_KEY = 4
DAMAGED = 5
MISSING = 6

EXIT_CODES: dict[type[Exception], int] = {
    errors.GatewayError: UNFORESEEN,
    errors.NotFound: USAGE,
    errors.Refused: UNFORESEEN,
    errors.NotPaired: UNFORESEEN,
    errors.BadToken: UNFORESEEN,
    errors.Expired: UNFORESEEN,
    errors.Locked: WRONG_KEY,
    errors.BadRequest: USAGE,
    errors.BadRange: USAGE,
    errors.BadArgument: USAGE,
    errors.HostError: UNREACHABLE,
    errors.HostDown: UNREACHABLE,
    errors.HostRefused: UNREACHABLE,
    errors.HostChanged: UNREACHABLE,
    errors.QuotaSpent: UNREACHABLE,
    errors.HostNonsense: UNREACHABLE,
    errors.VaultError: DAMAGED,
    errors.WrongKey: WRONG_KEY,
    errors.NotAVault: DAMAGED,
    errors.Unsupported: USAGE,
    errors.BadName: DAMAGED,
    errors.Corrupt: DAMAGED,
    errors.Truncated: DAMAGED,
    errors.Busy: UNFORESEEN,
    errors.TooManySessions: UNFORESEEN,
    errors.SettingsError: USAGE,
    errors.ProgramMissing: MISSING,
    transcode_errors.TranscodeError: UNFORESEEN,
    transcode_errors.NoWayToPlay: UNFORESEEN,
    transcode_errors.ConverterFailed: UNFORESEEN,
    transcode_errors.ConverterMissing: MISSING,
    transcode_errors.TooManyConversions: UNFORESEEN,
}
"""Every error class of ours; an absent one takes its nearest base."""


def exit_code(failure: BaseException) -> int:
    """Exit code of a failure; unknown kinds are unforeseen."""
    for kind in type(failure).__mro__:
        if kind in EXIT_CODES:
            return EXIT_CODES[kind]
    return UNFORESEEN


def sentences(failure: BaseException) -> list[str]:
    """What to say of a failure, one line each."""
    if isinstance(failure, errors.SettingsError):
        return list(failure.mistakes)
    text = str(failure) or type(failure).__name__
    tail = getattr(failure, "tail", "")
    return [text, *tail.splitlines()[-5:]] if tail else [text]
