"""From the passwords of a crypt remote to its three keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

# Source: rclone ``backend/crypt/cipher.go``, ``defaultSalt`` and ``Key``; vaults.md 1.2.
_DEFAULT_SALT = bytes.fromhex("a80df43a8fbd0308a7cab83e581f86b1")
_N, _R, _P, _KEYS_BYTES = 16384, 8, 1, 80


@dataclass(frozen=True, slots=True)
class CryptKeys:
    """Data key (32 bytes), name key (32) and name tweak (16) of one crypt remote."""

    data: bytes = field(repr=False)
    name: bytes = field(repr=False)
    tweak: bytes = field(repr=False)


def derive_keys(password: str, password2: str | None = None) -> CryptKeys:
    """Derive the keys: about 40 ms and 16 MiB, so call it in a thread.

    No check value exists: a wrong password gives keys that open nothing.

    Args:
        password: clear; the empty one means keys of zeros, as in rclone.
        password2: clear salt; None or empty means rclone's default salt.
    """
    if not password:
        raw = bytes(_KEYS_BYTES)
    else:
        salt = password2.encode() if password2 else _DEFAULT_SALT
        raw = hashlib.scrypt(
            password.encode(),
            salt=salt,
            n=_N,
            r=_R,
            p=_P,
            maxmem=256 * _N * _R,
            dklen=_KEYS_BYTES,
        )
    return CryptKeys(data=raw[:32], name=raw[32:64], tweak=raw[64:])
