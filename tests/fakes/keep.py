"""The sealed store as a dictionary."""

from __future__ import annotations


class MemoryKeep:
    """Keeps what it is given; ``fail`` makes it refuse writes (a full disk)."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, str]] = {}
        self.fail: Exception | None = None
        self.writes = 0

    async def keep_load(self, kind: str) -> dict[str, str]:
        return dict(self.kinds.get(kind, {}))

    async def keep_save(self, kind: str, key: str, value: str) -> None:
        if self.fail is not None:
            raise self.fail
        self.writes += 1
        self.kinds.setdefault(kind, {})[key] = value

    async def keep_delete(self, kind: str, key: str) -> None:
        if self.fail is not None:
            raise self.fail
        self.kinds.setdefault(kind, {}).pop(key, None)
