"""Open containers of a worker: the last few stay open, so that a segment costs no second look."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from transcode.webvtt import Cue
from transcode.worker.reader import Ask, SpanFile

_KEPT_FILMS = 3
_KEPT_CUES = 64
PROBE_BYTES = 256 << 10
_BUFFER_BYTES = 128 << 10
# Demuxers a household's files need; the rest (playlists, scripts, devices) never sees a byte.
_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,mp3,aac,flac,wav,w64,aiff,"
    "ape,wv,tta,ac3,eac3,dts,caf,dsf,jpeg_pipe,png_pipe,webp_pipe,gif,bmp_pipe,tiff_pipe,mpegvideo,"
    "h264,hevc,amr,au,rm,mxf,ivf,ogm,wtv,nut,dv,vob,mpc,mpc8,tak"
)


@dataclass(slots=True)
class Film:
    """One open container, its file, and what the last segments left for the next."""

    key: str
    file: SpanFile
    container: InputContainer
    cues: OrderedDict[int, dict[int, list[Cue]]] = field(default_factory=OrderedDict)
    run_in: dict[tuple[int, int], list[Packet[Stream]]] = field(default_factory=dict)

    def remember_cues(self, segment: int, cues: dict[int, list[Cue]]) -> None:
        """Keep the texts met while a segment was cut."""
        self.cues[segment] = cues
        while len(self.cues) > _KEPT_CUES:
            self.cues.popitem(last=False)


class Films:
    """The films a worker keeps open, by content identity."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._films: OrderedDict[str, Film] = OrderedDict()

    def open(self, key: str, size_bytes: int) -> Film:
        """The film, opened if it is not yet; at most two reads and the container's index.

        Raises:
            av.error.FFmpegError: not a container we know.
        """
        film = self._films.pop(key, None)
        if film is None:
            film = open_film(key, SpanFile(self._ask, size_bytes))
        self._films[key] = film
        while len(self._films) > _KEPT_FILMS:
            _, old = self._films.popitem(last=False)
            old.container.close()
        return film

    def drop(self, key: str) -> None:
        """Close a film whose last command failed: its reader may stand anywhere."""
        film = self._films.pop(key, None)
        if film is not None:
            film.container.close()


def film_times(container: InputContainer) -> tuple[int, int | None]:
    """Timestamp of film time 0 and length, microseconds.

    Matroska's duration counts from timestamp 0, whenever the film begins.
    """
    start_us, length_us = container.start_time or 0, container.duration
    if length_us is None or length_us <= 0:
        return start_us, None
    if "matroska" in container.format.name and 0 < start_us < length_us:
        length_us -= start_us
    return start_us, length_us


def open_film(key: str, file: SpanFile) -> Film:
    """Open a container over a file whose index is fetched first."""
    file.fetch_index()
    container = av.open(
        file,
        mode="r",
        buffer_size=_BUFFER_BYTES,
        metadata_errors="replace",
        container_options={
            "probesize": str(PROBE_BYTES),
            "formatprobesize": "65536",
            "format_whitelist": _DEMUXERS,
            "max_streams": "64",
        },
    )
    for stream in container.streams:
        if stream.codec_context is not None:
            stream.codec_context.thread_count = 1
    return Film(key, file, container)
