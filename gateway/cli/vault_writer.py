"""Writing files into a crypt vault on this machine, whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gateway.errors import BadArgument, HostDown, HostRefused
from gateway.vaults.rclone import CryptVault

_PIECE_BYTES = 1 << 20


def write_sealed(
    vault: CryptVault,
    root: Path,
    path: str,
    clear: Iterable[bytes],
    *,
    replaces: bool = False,
) -> None:
    """Seal ``clear`` into the vault under the clear ``path``.

    Raises:
        BadArgument: a file of that name is there already.
        HostRefused, HostDown: the folder cannot be written to.
    """
    target = root / vault.stored_path(path, is_folder=False)
    if target.exists() and not replaces:
        raise BadArgument(f"{path} is in the vault already; --force replaces it")
    partial = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            for piece in vault.seal(iter(clear)):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except PermissionError as failure:
        raise HostRefused(f"{root}: {failure.strerror}") from failure
    except OSError as failure:
        raise HostDown(f"{root}: {failure.strerror}") from failure
    finally:
        partial.unlink(missing_ok=True)


def read_pieces(file: Path, told: Callable[[int], None]) -> Iterator[bytes]:
    """A file in pieces of 1 MiB; ``told`` hears of each one's length.

    Raises:
        BadArgument: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                told(len(piece))
                yield piece
    except OSError as failure:
        raise BadArgument(f"{file}: {failure.strerror}") from failure


def is_in_vault(vault: CryptVault, root: Path, path: str) -> bool:
    """Whether the vault holds a file of that clear path."""
    return (root / vault.stored_path(path, is_folder=False)).is_file()
