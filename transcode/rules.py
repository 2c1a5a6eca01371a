"""Records of the box: what a child may do, and what is in force for it. ``box`` acts on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from transcode.box import parse_order

# Where a dynamically linked program finds its libraries on the systems we know.
LIBRARY_PATHS = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/nix/store",
    "/gnu/store",
    "/dev/null",
    "/dev/urandom",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a child may do.

    Attributes:
        memory_bytes: address space; 0 sets no limit.
        cpu_s: processor seconds before it is killed; 0 sets no limit.
        open_files: descriptors.
        writes_files: whether it may grow any file; pipes are never affected.
        boxed: whether more than the limits apply (namespaces, Landlock, seccomp).
        may_exec: whether it still becomes another program (the launcher) or never.
        read_paths: files and folders it may read and execute from when boxed.
        tcp_port: the one port it may connect to when boxed; None allows no network at all.
    """

    memory_bytes: int = 0
    cpu_s: int = 0
    open_files: int = 256
    writes_files: bool = False
    boxed: bool = False
    may_exec: bool = False
    read_paths: tuple[str, ...] = ()
    tcp_port: int | None = None

    @classmethod
    def for_program(
        cls, program: str, *, tcp_port: int | None, memory_bytes: int = 0, cpu_s: int = 0
    ) -> Self:
        """The box of a converter: reads itself and its libraries, connects to one port."""
        real = str(Path(program).resolve())
        return cls(
            memory_bytes=memory_bytes,
            cpu_s=cpu_s,
            boxed=True,
            may_exec=True,
            read_paths=(program, real, *LIBRARY_PATHS),
            tcp_port=tcp_port,
        )

    def to_text(self) -> str:
        """One argument for the launcher, which reads it with ``box.parse_order``."""
        head = asdict(self)
        paths = head.pop("read_paths")
        words = ["" if value is None else str(int(value)) for value in head.values()]
        return "\n".join([",".join(words), *paths])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read ``to_text``."""
        return cls(**parse_order(text))  # type: ignore[arg-type]  # the names are the fields'


@dataclass(frozen=True, slots=True)
class InForce:
    """Which layers hold for a child, for the log and ``doctor``."""

    dies_with_parent: bool
    network_namespace: bool
    landlock: int
    seccomp: bool

    @property
    def has_no_network(self) -> bool:
        """Whether at least one layer takes the network away."""
        return self.network_namespace or self.seccomp

    @property
    def has_no_files(self) -> bool:
        """Whether at least one layer takes the files away."""
        return self.landlock > 0 or self.seccomp

    def __str__(self) -> str:
        layers = {
            "dies with its parent": self.dies_with_parent,
            "own network namespace": self.network_namespace,
            f"Landlock {self.landlock}": self.landlock > 0,
            "seccomp": self.seccomp,
        }
        return ", ".join(name for name, holds in layers.items() if holds) or "limits alone"
