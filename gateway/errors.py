"""Every error the gateway raises on purpose; a class exists because a caller acts on it.

::

    GatewayError(code, retry_after_s=None)
      NotFound
      Refused: NotPaired BadToken Expired Locked
      BadRequest: BadRange BadArgument
      HostError: HostDown HostRefused HostChanged QuotaSpent HostNonsense
      VaultError: WrongKey NotAVault Unsupported BadName Corrupt(block) Truncated
      Busy: TooManySessions
      SettingsError(mistakes)
      ProgramMissing

Messages name the thing and the value, never a key, a token, a password or a full signed address.
They become replies in exactly three tables: ``web/errors.py``, ``dlna/errors.py``,
``cli/errors.py``.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """Base of all: ``code`` is the public name, ``retry_after_s`` says when to come again."""

    code: ClassVar[str] = "failed"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class NotFound(GatewayError):
    """No such item, file, folder, device or session."""

    code = "not_found"


class Refused(GatewayError):
    """The asker may not have it."""

    code = "refused"


class NotPaired(Refused):
    """The device has not been let in yet."""

    code = "not_paired"


class BadToken(Refused):
    """The token is not one of ours, or belongs to another device, item or purpose."""

    code = "bad_token"


class Expired(Refused):
    """The token or code was good once."""

    code = "expired"


class Locked(Refused):
    """The source waits for its secret."""

    code = "locked"


class BadRequest(GatewayError):
    """The request itself is at fault."""

    code = "bad_request"


class BadRange(BadRequest):
    """No byte of the asked range exists; ``size_bytes`` is what does."""

    code = "bad_range"

    def __init__(self, message: str, *, size_bytes: int) -> None:
        super().__init__(message)
        self.size_bytes = size_bytes


class BadArgument(BadRequest):
    """An argument is missing, of the wrong type or out of its range."""

    code = "bad_argument"


class HostError(GatewayError):
    """The storage host failed; ``temporary`` tells the retry layer whether another try may help."""

    code = "host_failed"
    temporary: ClassVar[bool] = False


class HostDown(HostError):
    """No answer, a broken connection, a 5xx or a body that ended early."""

    code = "host_down"
    temporary = True


class HostRefused(HostError):
    """The host knows us and says no (401, 403, permission)."""

    code = "host_refused"


class HostChanged(HostError):
    """The stored file's ETag or size moved while it was read."""

    code = "host_changed"


class QuotaSpent(HostError):
    """The host's transfer allowance is used up (429, 509)."""

    code = "quota_spent"


class HostNonsense(HostError):
    """The host's answer breaks its own protocol (200 for a range, other bytes than announced)."""

    code = "host_nonsense"


class VaultError(GatewayError):
    """The vault's content or key is at fault, not the host. Source: vaults.md 0.2."""

    code = "vault_failed"


class WrongKey(VaultError):
    """The passphrase or key does not open the vault."""

    code = "wrong_key"


class NotAVault(VaultError):
    """Magic or version is missing: not one of our formats."""

    code = "not_a_vault"


class Unsupported(VaultError):
    """A known format with a version, cipher or flag we do not read."""

    code = "unsupported"


class BadName(VaultError):
    """A stored name does not decrypt."""

    code = "bad_name"


class Corrupt(VaultError):
    """Block ``block`` failed its authentication; ``None`` means the file header."""

    code = "corrupt"

    def __init__(self, message: str, *, block: int | None = None) -> None:
        super().__init__(message)
        self.block = block


class Truncated(VaultError):
    """Fewer bytes than the format requires; an upload may still run."""

    code = "truncated"


class Busy(GatewayError):
    """A limit of this gateway is reached; later it may work."""

    code = "busy"


class TooManySessions(Busy):
    """As many conversions as this machine carries already run."""

    code = "too_many_sessions"


class SettingsError(GatewayError):
    """The settings file, the command line or a source is wrong; ``mistakes`` lists all at once."""

    code = "settings"

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class ProgramMissing(GatewayError):
    """A program or multicast ability the command needs is not on this machine."""

    code = "program_missing"
