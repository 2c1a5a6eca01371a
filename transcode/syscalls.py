"""System calls a boxed child may or may not make, and the seccomp program that says so. Pure.

Two filters: the strict one names what a decoder needs after all imports and refuses the rest; the
loose one, for a program that is still to be loaded (ffmpeg), refuses what no converter needs. Both
forbid new processes, listening sockets and everything that changes the machine. A refused call
fails with ``EPERM``: the library sees an ordinary error and the child can report it.

Source: Linux ``seccomp(2)``, ``linux/filter.h``, ``asm/unistd_64.h``, ``asm-generic/unistd.h``.
"""

from __future__ import annotations

import errno
import struct

# name: (x86_64, aarch64); None where the architecture has no such call.
_STRICT_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, 73),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "readv": (19, 65),
    "writev": (20, 66),
    "select": (23, 72),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "tgkill": (234, 131),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}

_LOOSE_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "tkill": (200, 130),
    "ptrace": (101, 117),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "pidfd_getfd": (438, 438),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "setuid": (105, 146),
    "setgid": (106, 144),
}

_CLONE = (56, 220)
_CLONE3 = (435, 435)
_SOCKET = (41, 198)
_CLONE_THREAD = 0x10000
_X32_BIT = 0x40000000

SECCOMP_ARCHITECTURES: dict[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# struct seccomp_data: number, architecture, instruction pointer, six 64-bit arguments.
_AT_NUMBER, _AT_ARCH, _AT_ARG0, _AT_ARG1 = 0, 4, 16, 24
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_FAIL = 0x00050000

_AF_INET, _AF_INET6, _SOCK_STREAM, _SOCK_TYPE_MASK = 2, 10, 1, 0xF


def filter_program(machine: str, *, strict: bool) -> bytes:
    """The seccomp program, eight bytes per instruction.

    Args:
        machine: a key of ``SECCOMP_ARCHITECTURES``.
        strict: the list of allowed calls instead of the list of refused ones.
    """
    column = 0 if machine == "x86_64" else 1
    code = [
        _step(_LOAD, _AT_ARCH),
        _step(_EQUAL, SECCOMP_ARCHITECTURES[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _AT_NUMBER),
    ]
    if machine == "x86_64":
        code += [_step(_AT_LEAST, _X32_BIT, 0, 1), _step(_RETURN, _FAIL | errno.EPERM)]
    # glibc falls back to clone, whose flags a filter can see.
    code += _when(_CLONE3[column], [_step(_RETURN, _FAIL | errno.ENOSYS)])
    code += _when(_CLONE[column], _threads_only())
    if strict:
        for numbers in _STRICT_ALLOWED.values():
            number = numbers[column]
            if number is not None:
                code += _when(number, [_step(_RETURN, _ALLOW)])
        code.append(_step(_RETURN, _FAIL | errno.EPERM))
    else:
        code += _when(_SOCKET[column], _tcp_only())
        for numbers in _LOOSE_REFUSED.values():
            number = numbers[column]
            if number is not None:
                code += _when(number, [_step(_RETURN, _FAIL | errno.EPERM)])
        code.append(_step(_RETURN, _ALLOW))
    return b"".join(code)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One ``struct sock_filter``."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _when(number: int, then: list[bytes]) -> list[bytes]:
    """Steps for one call; the number stays loaded for the next test."""
    return [_step(_EQUAL, number, 0, len(then)), *then]


def _threads_only() -> list[bytes]:
    return [
        _step(_LOAD, _AT_ARG0),
        _step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _FAIL | errno.EPERM),
    ]


def _tcp_only() -> list[bytes]:
    return [
        _step(_LOAD, _AT_ARG0),
        _step(_EQUAL, _AF_INET, 1, 0),
        _step(_EQUAL, _AF_INET6, 0, 4),
        _step(_LOAD, _AT_ARG1),
        _step(_AND, _SOCK_TYPE_MASK),
        _step(_EQUAL, _SOCK_STREAM, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _FAIL | errno.EPERM),
    ]
