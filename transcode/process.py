"""Child processes: started in their own group, dying with their parent, their last words kept.

A child is never started through ``preexec_fn``: that runs Python between fork and exec, which may
hang for ever when another thread (the database writer) held a lock at the fork. What the child
must do to itself before it becomes the program (die with its parent, limits, Landlock, seccomp) is
done by ``launch.py``, a few milliseconds of a bare interpreter that then turns into the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from transcode.errors import ConverterFailed, ConverterMissing
from transcode.rules import Rules

PIPE = asyncio.subprocess.PIPE
DEVNULL = asyncio.subprocess.DEVNULL

_LAUNCHER = str(Path(__file__).with_name("launch.py"))
_TAIL_BYTES = 8192
_READ_LIMIT_BYTES = 1 << 20


async def start_child(
    args: Sequence[str],
    *,
    stdin: int | IO[bytes] = DEVNULL,
    stdout: int | IO[bytes] = PIPE,
    pass_fds: Sequence[int] = (),
    rules: Rules | None = None,
) -> Child:
    """Start a program in its own process group; it is killed when this process dies.

    Call it from the thread that lives longest (the event loop's): the kernel ties the child to the
    thread that started it. The environment holds only ``PATH`` and ``LANG``.

    Args:
        args: program (full path) and arguments; no shell.
        stdin: ``DEVNULL``, ``PIPE`` or a file.
        stdout: as ``stdin``.
        pass_fds: descriptors the child inherits under the same numbers.
        rules: limits and box of the child; None gives the default limits and no box.

    Raises:
        ConverterMissing: there is no such program.
    """
    _check_program(args[0])
    order = (rules or Rules()).to_text()
    launcher = [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), order]
    return await _spawn([*launcher, *args], stdin, stdout, pass_fds)


def _check_program(path: str) -> None:
    if not (Path(path).is_file() and os.access(path, os.X_OK)):
        raise ConverterMissing(f"{path} is not a program that can be started")


async def start_python(
    code: str, arguments: Sequence[str], *, pass_fds: Sequence[int] = ()
) -> Child:
    """Start an isolated interpreter on ``code``, which confines itself once it has imported."""
    args = [sys.executable, "-I", "-c", code, *arguments]
    return await _spawn(args, DEVNULL, DEVNULL, pass_fds)


async def _spawn(
    args: list[str], stdin: int | IO[bytes], stdout: int | IO[bytes], pass_fds: Sequence[int]
) -> Child:
    """Start with standard error on a pipe of ours."""
    read_end, write_end = os.pipe()
    tail = _Tail()
    try:
        reading = os.fdopen(read_end, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: tail, reading)
        try:
            process = await asyncio.create_subprocess_exec(
                *args,
                stdin=stdin,
                stdout=stdout,
                stderr=write_end,
                pass_fds=pass_fds,
                start_new_session=True,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                limit=_READ_LIMIT_BYTES,
            )
        except OSError as error:
            transport.close()
            raise ConverterMissing(f"{args[0]} could not be started: {error.strerror}") from error
        except BaseException:
            transport.close()
            raise
    finally:
        os.close(write_end)
    return Child(process, transport, tail)


class Child:
    """A running child and its owner's handle; leaving its ``async with`` ends the whole group."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        errors: asyncio.ReadTransport,
        tail: _Tail,
    ) -> None:
        self._process = process
        self._errors = errors
        self._tail = tail

    @property
    def pid(self) -> int:
        """Process id, equal to the id of its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.returncode

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """Where to write; only with ``stdin=PIPE``."""
        if self._process.stdin is None:
            raise ValueError("the child was started without a pipe to its input")
        return self._process.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Where to read; only with ``stdout=PIPE``."""
        if self._process.stdout is None:
            raise ValueError("the child was started without a pipe from its output")
        return self._process.stdout

    def tail(self) -> str:
        """The last of what it said on standard error, at most 8 KiB."""
        return self._tail.text()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group; nothing happens when it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def wait(self) -> int:
        """Its exit status once it ended and its last words arrived."""
        status = await self._process.wait()
        # A grandchild may hold the pipe open: the words of a dead child are there within moments.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._tail.closed.wait()
        self._errors.close()
        return status

    async def check(self) -> None:
        """Wait for its end.

        Raises:
            ConverterFailed: it ended with another status than 0.
        """
        status = await self.wait()
        if status != 0:
            raise ConverterFailed(f"the child ended with status {status}", self.tail())

    async def stop(self, *, grace_s: float = 1.0) -> int:
        """Ask it to end, wait ``grace_s``, then kill its group; always awaited to the end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            self.signal(signal.SIGTERM)
            async with asyncio.timeout(grace_s):
                return await self._end()
        return await self.kill()

    async def kill(self) -> int:
        """Kill its group at once and wait for its end."""
        self.signal(signal.SIGKILL)
        return await self._end()

    async def _end(self) -> int:
        """Wait, and take what is left on its output so that the pipe closes."""
        status = await self.wait()
        # RuntimeError: somebody else is reading, and will meet the end of it.
        with contextlib.suppress(RuntimeError):
            while self._process.stdout is not None and await self._process.stdout.read(1 << 16):
                pass
        return status

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        finally:
            self.signal(signal.SIGKILL)


class _Tail(asyncio.Protocol):
    """Keeps the last bytes of a pipe; needs no task."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data[-_TAIL_BYTES:])
        self._held_bytes += len(self._pieces[-1])
        while self._held_bytes - len(self._pieces[0]) >= _TAIL_BYTES:
            self._held_bytes -= len(self._pieces.popleft())

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def text(self) -> str:
        return b"".join(self._pieces)[-_TAIL_BYTES:].decode("utf-8", "replace")
