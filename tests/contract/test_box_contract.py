"""What a boxed child can still do: nothing that matters. Tried from inside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from transcode.errors import ConverterFailed, ConverterMissing
from transcode.process import start_child, start_python
from transcode.rules import Rules

ROOT = str(Path(__file__).parents[2])
PRELUDE = (
    "import sys, os, socket, mmap, resource, ctypes, encodings.idna\n"
    "sys.path.append(sys.argv[1])\n"
    "from transcode.box import confine\nfrom transcode.rules import InForce, Rules\n"
    "force = InForce(*confine(Rules.from_text(sys.argv[3]), parent_pid=int(sys.argv[2])))\n"
    "assert force.has_no_network and force.has_no_files, force\n"
    "def refused(action):\n"
    "    try:\n        action()\n"
    "    except (OSError, ValueError, MemoryError):\n        os._exit(0)\n"
    "    os._exit(7)\n"
)
ATTEMPTS = {
    "read a file": "refused(lambda: open('/etc/passwd'))",
    "list a folder": "refused(lambda: os.listdir('/'))",
    "write a file": "refused(lambda: open('/tmp/never', 'w'))",
    "see whether a file is there": "refused(lambda: os.stat('/etc/passwd'))",
    "open a network socket": "refused(lambda: socket.socket())",
    "open a local socket": "refused(lambda: socket.socket(socket.AF_UNIX))",
    "start a process": "refused(os.fork)",
    "become a program": "refused(lambda: os.execv('/bin/true', ['true']))",
    "signal its parent": "refused(lambda: os.kill(os.getppid(), 0))",
    "take ten gigabytes": "refused(lambda: bytearray(10 << 30))",
    "map ten gigabytes": "refused(lambda: mmap.mmap(-1, 10 << 30))",
    "raise its limits": "refused(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1)))",
}


async def run_inside(code: str, rules: Rules) -> None:
    arguments = [ROOT, str(os.getpid()), rules.to_text()]
    async with await start_python(PRELUDE + code, arguments) as child:
        await child.check()


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_from_inside_the_box_nobody_can(attempt: str) -> None:
    await run_inside(ATTEMPTS[attempt], Rules(boxed=True, memory_bytes=1 << 30))


async def test_the_trial_itself_can_fail() -> None:
    with pytest.raises(ConverterFailed, match="status 7"):
        await run_inside("refused(lambda: None)", Rules(boxed=True))


async def test_child_of_a_dead_parent_ends_at_once() -> None:
    code = "import sys; sys.path.append(sys.argv[1])\nfrom transcode.box import die_with_parent\n"
    code += "die_with_parent(1 << 22)\nsys.exit(9)\n"
    async with await start_python(code, [ROOT]) as child:
        assert await child.wait() == 1


async def test_boxed_program_reads_only_itself() -> None:
    program = "/bin/cat"
    async with await start_child([program, "/etc/passwd"], rules=Rules()) as child:
        assert await child.stdout.read()
    rules = Rules.for_program(program, tcp_port=1)
    async with await start_child([program, "/etc/passwd"], rules=rules) as child:
        assert await child.stdout.read() == b""
        with pytest.raises(ConverterFailed) as failure:
            await child.check()
    assert "ermission denied" in failure.value.tail


async def test_boxed_program_connects_to_its_one_port_alone(unused_tcp_port: int) -> None:
    address = ("127.0.0.1", unused_tcp_port)
    code = f"import socket,sys\ns=socket.socket()\nsys.exit(s.connect_ex({address}))"
    real = str(Path(sys.executable).resolve())
    for port, status in ((unused_tcp_port, 111), (unused_tcp_port + 1, 13)):
        rules = Rules.for_program(real, tcp_port=port)
        rules = Rules.from_text(rules.to_text() + f"\n{sys.base_prefix}\n{sys.prefix}")
        async with await start_child([real, "-I", "-S", "-c", code], rules=rules) as child:
            assert await child.wait() == status, child.tail()


async def test_stop_ends_a_child_that_ignores_the_polite_signal() -> None:
    code = "import signal,time,sys\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\n"
    code += "sys.stderr.write('x' * 100000 + 'last words')\nsys.stderr.flush()\ntime.sleep(60)"
    child = await start_child([sys.executable, "-I", "-S", "-c", code])
    assert await child.stdout.readline() == b"up\n"
    assert await child.stop(grace_s=0.3) == -9
    assert child.tail().endswith("last words")
    assert len(child.tail()) <= 8192


async def test_missing_program_is_named() -> None:
    with pytest.raises(ConverterMissing, match="/no/such"):
        await start_child(["/no/such"])
