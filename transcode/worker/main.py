"""The worker's life: import everything, step into the box, then do one command after the other.

Everything is imported before the box closes: behind it no file can be opened, so an import fails.
"""

from __future__ import annotations

import encodings.idna
import encodings.latin_1
import encodings.utf_16  # noqa: F401
import importlib
import json
import logging
import pkgutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import av
from av.error import FFmpegError

from transcode.box import confine
from transcode.piece import Piece
from transcode.rules import InForce, Rules
from transcode.variant import Variant
from transcode.webvtt import Cue
from transcode.wire import HEAD, MOST_BYTES, SPAN, Frame, body_parts, unpack_body
from transcode.worker.cutting import cut_segment
from transcode.worker.films import Film, Films
from transcode.worker.indexing import NoIndexError, build_index
from transcode.worker.packing import CannotPackError, init_segment, segment
from transcode.worker.pictures import NoPictureError, frame_at, thumbnail
from transcode.worker.probing import probe_file

_PHOTO_CAP_BYTES = 64 << 20


class ReadAbortedError(Exception):
    """The parent will not give the bytes: the command's asker went away, or the source failed."""


class Gone(Exception):  # noqa: N818  no error: the parent hung up
    """The parent closed the socket."""


class Line:
    """Frames over the inherited socket, blocking."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, kind: Frame, *parts: bytes) -> None:
        """One frame; its parts are not joined first, a segment is large."""
        self._sock.sendall(HEAD.pack(sum(map(len, parts)) + 1, kind))
        for part in parts:
            self._sock.sendall(part)

    def receive(self) -> tuple[Frame, bytes]:
        """The next frame.

        Raises:
            Gone: there is no more.
        """
        length, kind = HEAD.unpack(self._exactly(HEAD.size))
        if not 1 <= length <= MOST_BYTES:
            raise Gone
        return Frame(kind), self._exactly(length - 1)

    def ask(self, start: int, stop: int) -> memoryview:
        """Bytes of the file in hand.

        Raises:
            ReadAbortedError: they will not come.
        """
        self.send(Frame.READ, SPAN.pack(start, stop))
        found = memoryview(bytearray(stop - start))
        at = 0
        while at < len(found):
            length, kind = HEAD.unpack(self._exactly(HEAD.size))
            if kind != Frame.BYTES or length - 1 > len(found) - at:
                raise ReadAbortedError
            self._fill(found[at : at + length - 1])
            at += length - 1
        return found

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        self._fill(memoryview(data))
        return bytes(data)

    def _fill(self, view: memoryview) -> None:
        at = 0
        while at < len(view):
            got = self._sock.recv_into(view[at:])
            if not got:
                raise Gone
            at += got


class Worker:
    """Does the commands."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._films = Films(line.ask)
        self._commands: dict[str, Callable[[dict[str, Any]], Sequence[bytes]]] = {
            "probe": self._probe,
            "index": self._index,
            "init": self._init,
            "segment": self._segment,
            "cues": self._cues,
            "picture": self._picture,
        }

    def run(self) -> None:
        """Until the parent hangs up."""
        while True:
            kind, body = self._line.receive()
            if kind is Frame.COMMAND:
                order, _ = unpack_body(body)
                try:
                    answer = self._commands[order["command"]](order)
                except Gone:
                    raise
                except ReadAbortedError:
                    self._fail(order, "the source gave up")
                except (NoIndexError, NoPictureError, CannotPackError, ValueError) as error:
                    self._fail(order, str(error))
                except MemoryError:
                    self._fail(order, "the file needs more memory than a worker has")
                except (FFmpegError, OSError, ArithmeticError, LookupError, TypeError) as error:
                    self._fail(order, f"{type(error).__name__}: {error}")
                else:
                    self._line.send(Frame.DONE, *answer)

    def _fail(self, order: dict[str, Any], why: str) -> None:
        self._films.drop(order["key"])
        self._line.send(Frame.FAIL, why.encode()[:4000])

    def _film(self, order: dict[str, Any]) -> Film:
        film = self._films.open(order["key"], order["size_bytes"])
        film.file.read_bytes = 0
        return film

    def _probe(self, order: dict[str, Any]) -> Sequence[bytes]:
        found = probe_file(self._line.ask, order["size_bytes"], order["suffix"])
        facts = {
            "facts": found.facts.to_json(),
            "tags": found.tags,
            "orientation": found.orientation,
            "taken_s": found.taken_s,
        }
        return body_parts(facts, found.cover or b"", found.picture or b"", found.tile or b"")

    def _index(self, order: dict[str, Any]) -> Sequence[bytes]:
        film = self._film(order)
        index = build_index(film, order["video"])
        film.file.forget()
        return body_parts({}, index.to_bytes())

    def _init(self, order: dict[str, Any]) -> Sequence[bytes]:
        film = self._film(order)
        init = init_segment(film, Variant.parse(order["variant"]), _piece(order))
        film.file.forget()
        return body_parts({}, init)

    def _segment(self, order: dict[str, Any]) -> Sequence[bytes]:
        film = self._film(order)
        data = segment(film, Variant.parse(order["variant"]), _piece(order))
        film.file.forget()
        return body_parts({}, data)

    def _cues(self, order: dict[str, Any]) -> Sequence[bytes]:
        film, piece = self._film(order), _piece(order)
        if piece.number not in film.cues:
            cut_segment(film, piece, None, needs_run_in=False)
            film.file.forget()
        cues: list[Cue] = []
        for number in range(piece.number - 3, piece.number + 1):
            cues += film.cues.get(number, {}).get(order["track"], [])
        stop = piece.stop_s if piece.stop_s is not None else float("inf")
        overlapping = [one for one in cues if one.start_s < stop and one.stop_s > piece.from_s]
        return body_parts({"cues": [asdict(one) for one in overlapping]})

    def _picture(self, order: dict[str, Any]) -> Sequence[bytes]:
        if order["is_photo"]:
            if order["size_bytes"] > _PHOTO_CAP_BYTES:
                raise NoPictureError("the photo is too large for a thumbnail")
            jpeg, tile = thumbnail(bytes(self._line.ask(0, order["size_bytes"])))
        else:
            film = self._film(order)
            jpeg, tile = frame_at(film, order["time_s"])
            film.file.forget()
        return body_parts({}, jpeg, tile)


def _piece(order: dict[str, Any]) -> Piece:
    raw = dict(order["piece"])
    raw["span"] = tuple(raw["span"])
    return Piece(**raw)


def _import_all() -> None:
    """PyAV imports parts of itself when first needed: too late behind the box."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith(("__main__", "datasets")):
            importlib.import_module(module.name)
    importlib.import_module("_strptime")  # time.strptime fetches it at its first call


def main() -> None:
    """Arguments: socket descriptor, parent's process id, rules."""
    descriptor, parent, order = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    logging.disable()
    av.logging.set_level(None)
    _import_all()
    with socket.socket(fileno=descriptor) as sock:
        force = InForce(*confine(Rules.from_text(order), parent_pid=parent))
        line = Line(sock)
        line.send(Frame.READY, json.dumps(asdict(force)).encode())
        try:
            Worker(line).run()
        except (Gone, BrokenPipeError, ConnectionResetError):
            return
