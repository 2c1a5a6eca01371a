"""The box around a child: what it may still do once foreign bytes reach a decoder.

Layers, each used where the kernel has it, none needing root:

* limits: memory, open files, no core dump, no bytes written to any file;
* parent-death signal: the child is killed when its parent dies, even by ``kill -9``;
* no new privileges;
* namespaces: an own network namespace without any interface;
* Landlock: no file at all, or the named paths read-only; no TCP, or the one named port;
* seccomp: no sockets, no programs, no processes, nothing that changes the machine.

``confine`` runs in the child, in its only thread, and tells what came into force. This module
imports next to nothing (its records are in ``rules``): the launcher loads it for every ffmpeg,
and ``dataclasses`` alone would double that time.
"""

from __future__ import annotations

import ctypes
import os
import resource

from transcode.syscalls import SECCOMP_ARCHITECTURES, filter_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from transcode.rules import Rules

_SIGKILL = 9
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_NEWIPC = 0x08000000

_LANDLOCK_CREATE = 444
_LANDLOCK_ADD = 445
_LANDLOCK_RESTRICT = 446
_LANDLOCK_RULE_PATH = 1
_LANDLOCK_RULE_PORT = 2
_FS_EXECUTE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 2, 1 << 3
# Source: linux/landlock.h: rights known to each version of the interface.
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FS_RIGHTS_5 = (1 << 16) - 1
_NET_BIND, _NET_CONNECT = 1 << 0, 1 << 1
_SCOPE_ALL = 0b11  # abstract unix sockets, signals


def parse_order(text: str) -> dict[str, object]:
    """The fields of ``Rules`` from their text form."""
    head, *paths = text.split("\n")
    memory, cpu, files, writes, boxed, may_exec, port = head.split(",")
    return {
        "memory_bytes": int(memory),
        "cpu_s": int(cpu),
        "open_files": int(files),
        "writes_files": writes == "1",
        "boxed": boxed == "1",
        "may_exec": may_exec == "1",
        "read_paths": tuple(paths),
        "tcp_port": int(port) if port else None,
    }


def die_with_parent(parent_pid: int) -> bool:
    """Have the kernel kill this process when its parent dies; ends it if that already happened."""
    done = bool(_libc().prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0) == 0)
    if os.getppid() != parent_pid:
        os._exit(1)
    return done


def confine(rules: Rules, *, parent_pid: int) -> tuple[bool, bool, int, bool]:
    """Shut the calling process (one thread!) into its box, for good.

    Args:
        rules: what it may still do.
        parent_pid: the process it must not survive.

    Returns:
        The fields of ``rules.InForce``; a layer the kernel refuses is left out, never an error.
    """
    _set_limits(rules)
    namespace = rules.boxed and rules.tcp_port is None and _leave_network()
    # A change of credentials clears the parent-death signal: set it after the namespaces.
    dies = die_with_parent(parent_pid)
    if not rules.boxed:
        return dies, False, 0, False
    libc = _libc()
    if not rules.may_exec:
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return dies, namespace, 0, False
    return dies, namespace, _restrict_files(rules), _filter_calls(rules)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _set_limits(rules: Rules) -> None:
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, rules.open_files)]
    if not rules.writes_files:
        limits.append((resource.RLIMIT_FSIZE, 0))
    if rules.memory_bytes:
        limits.append((resource.RLIMIT_AS, rules.memory_bytes))
    if rules.cpu_s:
        limits.append((resource.RLIMIT_CPU, rules.cpu_s))
    for which, most in limits:
        _, hard = resource.getrlimit(which)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (value, value))


def _leave_network() -> bool:
    """Move into a network namespace with no interface up, through a user namespace if needed."""
    libc = _libc()
    if libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC) == 0:
        return True
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) == 0)


def _restrict_files(rules: Rules) -> int:
    """Apply Landlock; the version in force, 0 without it."""
    libc = _libc()
    version = int(libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    handled = [_FS_RIGHTS.get(version, _FS_RIGHTS_5)]
    if version >= 4:
        handled.append(_NET_BIND | _NET_CONNECT)
    if version >= 6:
        handled.append(_SCOPE_ALL)
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    ruleset = libc.syscall(
        _LANDLOCK_CREATE, ctypes.byref(attributes), ctypes.c_size_t(8 * len(handled)), 0
    )
    if ruleset < 0:
        return 0
    try:
        for path in rules.read_paths:
            _allow_path(libc, ruleset, path)
        if version >= 4 and rules.tcp_port is not None:
            port = (ctypes.c_uint64 * 2)(_NET_CONNECT, rules.tcp_port)
            libc.syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_RULE_PORT, ctypes.byref(port), 0)
        done = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return version if done else 0


def _allow_path(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    """Allow to read and execute below ``path``; a path that is not there allows nothing."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _FS_EXECUTE | _FS_READ_FILE
        if os.path.isdir(path):  # noqa: PTH112  pathlib would double the launcher's start
            rights |= _FS_READ_DIR
        # struct landlock_path_beneath_attr is packed: u64 rights, s32 descriptor.
        raw = rights.to_bytes(8, "little") + place.to_bytes(4, "little")
        libc.syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_RULE_PATH, raw, 0)
    finally:
        os.close(place)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter_calls(rules: Rules) -> bool:
    """Apply seccomp; False on a processor we have no call numbers for."""
    machine = os.uname().machine
    if machine not in SECCOMP_ARCHITECTURES:
        return False
    code = filter_program(machine, strict=not rules.may_exec)
    program = _Program(len(code) // 8, code)
    libc = _libc()
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)
