"""The data folder: who this gateway is, where its state lies, and the key that seals it.

The key is never inside the folder. In order: a systemd credential named ``vaultcast-key``, the
owner's passphrase in ``VAULTCAST_PASSPHRASE``, a key file of mode 0600 in the configuration folder.
``docs/security.md`` says what each protects from.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config.settings import default_config_path
from gateway.errors import SettingsError

_KEY_BYTES = 32
# Source: RFC 7914 section 2 with the parameters of rclone and age for interactive use; 64 MiB.
_SCRYPT_N, _SCRYPT_R = 65536, 8


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One gateway's state on disk; ``instance`` never changes while the folder lives."""

    path: Path
    instance: uuid.UUID
    key_folder: Path

    @property
    def library(self) -> Path:
        """Folder of the sealed database."""
        return self.path / "library"

    @property
    def cache(self) -> Path:
        """Folder of stored blocks; losing it costs time only."""
        return self.path / "cache"

    @property
    def running_file(self) -> Path:
        """Says where the running gateway of this folder listens; there while it runs."""
        return self.path / "running.json"

    @property
    def demo_vault(self) -> Path:
        """The stored files of ``vaultcast demo``."""
        return self.path / "demo-vault"

    @property
    def demo_config(self) -> Path:
        """``rclone.conf`` of the demo vault: it holds its key, so it lies with the keys."""
        return self.key_folder / f"demo-{self.instance.hex}.conf"

    def database_key(self, environment: Mapping[str, str] = os.environ) -> bytes:
        """The 32 bytes that seal the database; a key file is made at the first call.

        Slow with a passphrase (about 0.2 s, 64 MiB).

        Raises:
            SettingsError: the credential or key file is no key.
        """
        if folder := environment.get("CREDENTIALS_DIRECTORY"):
            credential = Path(folder) / "vaultcast-key"
            if credential.is_file():
                return _read_key(credential)
        if passphrase := environment.get("VAULTCAST_PASSPHRASE"):
            return hashlib.scrypt(
                passphrase.encode(),
                salt=self.instance.bytes,
                n=_SCRYPT_N,
                r=_SCRYPT_R,
                p=1,
                maxmem=256 * _SCRYPT_N * _SCRYPT_R,
                dklen=_KEY_BYTES,
            )
        file = self.key_folder / f"{self.instance.hex}.key"
        if not file.exists():
            write_private(file, secrets.token_hex(_KEY_BYTES) + "\n")
        return _read_key(file)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second gateway out of the folder while the block runs.

        Raises:
            SettingsError: one runs there already.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as failure:
                if failure.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
                raise SettingsError(
                    [f"a gateway already runs on {self.path}; stop it or choose another --data"]
                ) from failure
            yield
        finally:
            os.close(descriptor)


def open_data_folder(path: Path) -> DataFolder:
    """Find or make a data folder.

    Raises:
        SettingsError: it cannot be made or read.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        name_file = path / "instance"
        if not name_file.exists():
            write_private(name_file, f"{uuid.uuid4()}\n")
        instance = uuid.UUID(name_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as failure:
        raise SettingsError([f"data folder {path}: {failure}"]) from failure
    return DataFolder(path, instance, default_config_path().parent / "keys")


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _read_key(file: Path) -> bytes:
    try:
        raw = file.read_bytes()
    except OSError as failure:
        raise SettingsError([f"key file {file}: {failure}"]) from failure
    if len(raw) == _KEY_BYTES:
        return raw
    try:
        key = bytes.fromhex(raw.decode("ascii").strip())
    except (UnicodeDecodeError, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError([f"key file {file} must hold 32 bytes or 64 hexadecimal digits"])
    return key
