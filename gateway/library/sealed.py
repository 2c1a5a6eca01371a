"""Opening the sealed database: key, cipher, pragmas, migrations.

Every file SQLite makes here (database, log, copies) is sealed as a whole; what it would put into
temporary files stays in memory, and nothing is mapped.
Source: SQLite3 Multiple Ciphers, "AEGIS" and "Raw key" (512 bits of state, a tag on each page).
"""

from __future__ import annotations

from pathlib import Path

import apsw

from gateway.errors import Unsupported, WrongKey
from gateway.library.statements import migrations

KEY_BYTES = 32
_PAGE_BYTES = 8192
_WAL_LIMIT_BYTES = 32 * 1024 * 1024
_BUSY_MS = 10_000

DAMAGE = (apsw.CorruptError, apsw.NotADBError)


def connect(
    file: Path, key: bytes, *, cache_kib: int = 4096, read_only: bool = False
) -> apsw.Connection:
    """Open a sealed database file, making it when it is missing (unless ``read_only``).

    Raises:
        WrongKey: the key does not open the file, or its first page is damaged.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key must have {KEY_BYTES} bytes, not {len(key)}")
    flags = apsw.SQLITE_OPEN_READWRITE | (0 if read_only else apsw.SQLITE_OPEN_CREATE)
    connection = apsw.Connection(str(file), flags=flags)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        connection.pragma("cipher", "aegis")
        connection.pragma("key", f"raw:{key.hex()}")
        connection.pragma("page_size", _PAGE_BYTES)
        connection.pragma("temp_store", 2)
        connection.pragma("mmap_size", 0)
        connection.pragma("cache_size", -cache_kib)
        connection.pragma("journal_mode", "wal")
        connection.pragma("journal_size_limit", _WAL_LIMIT_BYTES)
        connection.pragma("synchronous", "normal")
        connection.pragma("foreign_keys", False)
        connection.pragma("user_version")
        if read_only:
            connection.pragma("query_only", True)
    except apsw.NotADBError as failure:
        connection.close()
        raise WrongKey(
            f"the key does not open {file}; give the key or passphrase it was made with"
        ) from failure
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema to this version, each step whole or not at all.

    Raises:
        Unsupported: a newer version of the program wrote the file.
    """
    version = int(connection.pragma("user_version"))
    newest = migrations()[-1][0]
    if version > newest:
        raise Unsupported(
            f"the library was written by a newer version (schema {version}, this one knows "
            f"{newest}); update the program"
        )
    for number, text in migrations():
        if number > version:
            with connection:
                connection.execute(text)
                connection.pragma("user_version", number)


def is_whole(connection: apsw.Connection) -> bool:
    """Read the whole database and check it."""
    try:
        return bool(connection.pragma("quick_check") == "ok")
    except (*DAMAGE, apsw.IOError):
        return False
