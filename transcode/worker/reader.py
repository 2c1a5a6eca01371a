"""A file object over the socket: PyAV reads and seeks, the parent is asked for few, large spans."""

from __future__ import annotations

from collections.abc import Callable

from transcode.containers.mp4 import moov_span

HEAD_BYTES = 384 << 10
STEP_BYTES = 256 << 10
_MOST_STEP_BYTES = 1 << 20
_KEPT_BYTES = 24 << 20
INDEX_CAP_BYTES = 32 << 20

Ask = Callable[[int, int], bytes | memoryview]


class SpanFile:
    """Keeps the spans it was given until ``forget``; a miss costs one read of the parent."""

    def __init__(self, ask: Ask, size_bytes: int) -> None:
        self._ask = ask
        self._size_bytes = size_bytes
        self._spans: list[tuple[int, memoryview]] = []
        self._at = 0
        self._step_bytes = STEP_BYTES
        self.read_bytes = 0

    def fetch(self, start: int, stop: int) -> memoryview:
        """Have a span at hand; spans already held are not asked again."""
        stop = min(stop, self._size_bytes)
        for begin, data in self._spans:
            if begin <= start < begin + len(data):
                if begin + len(data) >= stop:
                    return data[start - begin : stop - begin]
                start = begin + len(data)
                break
        if start >= stop:
            return memoryview(b"")
        data = memoryview(self._ask(start, stop))
        self.read_bytes += len(data)
        self._spans.append((start, data))
        while len(self._spans) > 1 and sum(len(one) for _, one in self._spans) > _KEPT_BYTES:
            self._spans.pop(0)
        return data

    def fetch_index(self) -> None:
        """Have head and, for MP4, the whole index at hand: at most two reads.

        Raises:
            ValueError: the index is larger than any film needs.
        """
        head = bytes(self.fetch(0, HEAD_BYTES))
        span = moov_span(head, self._size_bytes)
        if span is None:
            return
        start, stop = span
        if stop - start > INDEX_CAP_BYTES:
            raise ValueError(f"the file's index of {stop - start} bytes is above the limit")
        if stop > len(head):
            self.fetch(max(start, len(head)), stop if start >= len(head) else stop + STEP_BYTES)

    def moov(self) -> bytes | None:
        """The whole ``moov`` box of an MP4 file, as far as it is at hand."""
        head = bytes(self.fetch(0, HEAD_BYTES))
        span = moov_span(head, self._size_bytes)
        if span is None or span[1] - span[0] > INDEX_CAP_BYTES:
            return None
        parts, at = [], span[0]
        while at < span[1]:
            piece = self._held(at, span[1] - at) or bytes(self.fetch(at, span[1]))
            parts.append(piece)
            at += len(piece)
        return b"".join(parts)

    def forget(self) -> None:
        """Let go of all spans; the next read asks anew."""
        self._spans.clear()
        self._step_bytes = STEP_BYTES

    def _held(self, start: int, count: int) -> bytes:
        for begin, data in reversed(self._spans):
            if begin <= start < begin + len(data):
                return bytes(data[start - begin : start - begin + count])
        return b""

    # The names PyAV calls.

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes; nothing at the end."""
        if self._at >= self._size_bytes:
            return b""
        data = self._held(self._at, count)
        if not data:
            sequential = any(begin + len(one) == self._at for begin, one in self._spans)
            if sequential:
                self._step_bytes = min(2 * self._step_bytes, _MOST_STEP_BYTES)
            stop = self._at + max(count, self._step_bytes)
            if self._size_bytes - stop < STEP_BYTES // 4:
                stop = self._size_bytes
            data = bytes(self.fetch(self._at, stop)[:count])
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; a place beyond the end is allowed and reads nothing."""
        base = (0, self._at, self._size_bytes)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at
