"""Thumbnails, covers, photo facts and mosaics: pictures decoded where a bad one does no harm."""

from __future__ import annotations

import calendar
import io
import time
from dataclasses import dataclass

import av
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from transcode.worker.films import Film

BOX = (640, 480)
_QUALITY = 82
_MOST_PIXELS = 120_000_000
_MOST_PACKETS = 400
_BUDGET_BYTES = 1 << 20

Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
Image.init()


class NoPictureError(Exception):
    """There is no picture in this, or none we can read."""


@dataclass(frozen=True, slots=True)
class Photo:
    """Facts of a photo; width and height as shown, ``orientation`` as stored."""

    format: str
    width: int
    height: int
    orientation: int
    taken_s: float | None
    preview: bytes | None


def read_photo(head: bytes) -> Photo:
    """Facts of a photo from its beginning.

    Raises:
        NoPictureError: no picture of a kind we know.
    """
    try:
        with Image.open(io.BytesIO(head)) as image:
            exif = image.getexif()
            orientation = exif.get(ExifTags.Base.Orientation, 1)
            orientation = orientation if orientation in range(1, 9) else 1
            width, height = image.size
            if orientation >= 5:
                width, height = height, width
            taken = _taken(exif)
            return Photo(
                (image.format or "").lower(),
                width,
                height,
                orientation,
                taken,
                _preview(exif, head),
            )
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, EOFError) as error:
        raise NoPictureError(f"no picture of a kind we know: {error}") from error


def _taken(exif: Image.Exif) -> float | None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    text = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    try:
        return float(calendar.timegm(time.strptime(str(text)[:19], "%Y:%m:%d %H:%M:%S")))
    except ValueError:
        return None


def _preview(exif: Image.Exif, head: bytes) -> bytes | None:
    """The small JPEG many cameras store beside the picture."""
    small = exif.get_ifd(ExifTags.IFD.IFD1)
    offset, length = small.get(513), small.get(514)
    at = head.find(b"Exif\x00\x00")
    if not isinstance(offset, int) or not isinstance(length, int) or at < 0:
        return None
    data = head[at + 6 + offset : at + 6 + offset + length]
    return data if data[:2] == b"\xff\xd8" and len(data) == length else None


def thumbnail(data: bytes, *, orientation: int | None = None) -> tuple[bytes, bytes]:
    """An upright JPEG of at most 640x480, and its tile.

    Args:
        data: the whole picture.
        orientation: turn by this instead of what the picture itself says.

    Raises:
        NoPictureError: it does not decode.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (2 * BOX[0], 2 * BOX[1]))
            if orientation is not None:
                image.getexif()[ExifTags.Base.Orientation] = orientation
            upright = ImageOps.exif_transpose(image)
            return _finish(upright)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise NoPictureError(f"the picture does not decode: {error}") from error


def _finish(image: Image.Image) -> tuple[bytes, bytes]:
    if image.mode in {"RGBA", "LA", "P", "PA"}:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, layer)
    rgb = image.convert("RGB")
    rgb.thumbnail(BOX, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    rgb.save(out, "JPEG", quality=_QUALITY, optimize=False)
    return out.getvalue(), tile_of(rgb)


def tile_of(image: Image.Image) -> bytes:
    """Mosaic colours: 8x12 when taller than wide, else 16x9; RGB triples by row."""
    size = (8, 12) if image.height > image.width else (16, 9)
    return image.convert("RGB").resize(size, Image.Resampling.BOX).tobytes()


def cover_of(film: Film) -> tuple[bytes, bytes] | None:
    """The attached picture of a container."""
    for stream in film.container.streams:
        if is_cover(stream):
            for packet in film.container.demux(stream):
                if packet.size:
                    try:
                        return thumbnail(bytes(packet))
                    except NoPictureError:
                        return None
    return None


def is_cover(stream: Stream) -> bool:
    """Whether a stream is an attached picture, not a film."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def frame_at(film: Film, time_s: float) -> tuple[bytes, bytes]:
    """A thumbnail of the keyframe at or before a time; at most 1 MiB is read for it.

    Raises:
        NoPictureError: there is no picture, or none within the budget.
    """
    streams = [one for one in film.container.streams.video if not is_cover(one)]
    if not streams:
        raise NoPictureError("the file has no moving picture")
    stream = streams[0]
    try:
        if _has_index(film):
            film.container.seek(int((film.container.start_time or 0) + time_s * 1e6))
        best = _first_keyframe(film, stream)
    except av.error.FFmpegError as error:
        raise NoPictureError(f"no picture at {time_s:.0f} s: {error.strerror}") from error
    if best is None:
        raise NoPictureError(f"no picture at {time_s:.0f} s")
    width, height = _even(best, stream)
    image: Image.Image = best.to_image(width=width, height=height)  # type: ignore[no-untyped-call]
    if best.rotation:
        image = image.rotate(best.rotation, expand=True)
    return _finish(image)


def _first_keyframe(film: Film, stream: VideoStream) -> VideoFrame | None:
    """The next keyframe of a stream, within the budget of bytes."""
    before = film.file.read_bytes
    decoder = stream.codec_context
    decoder.flush_buffers()
    try:
        for taken, packet in enumerate(film.container.demux(stream)):
            if packet.is_keyframe or not packet.size:
                # One picture is enough: have the decoder give up what it holds back.
                for frame in (*packet.decode(), *(decoder.decode(None) if packet.size else ())):
                    if isinstance(frame, VideoFrame):
                        return frame
            if taken > _MOST_PACKETS or film.file.read_bytes - before > _BUDGET_BYTES:
                break
        return None
    finally:
        decoder.flush_buffers()


def _has_index(film: Film) -> bool:
    """Whether a jump costs one read; other containers are searched, a read for each guess."""
    name = film.container.format.name
    return "mov" in name or "matroska" in name


def _even(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Size within the box, pixels square; ffmpeg scales, so 4K never becomes a Python image."""
    aspect = stream.codec_context.sample_aspect_ratio
    shown = frame.width * (float(aspect) if aspect else 1.0)
    scale = min(1.0, BOX[0] / shown, BOX[0] / frame.height)
    return max(2, round(shown * scale)), max(2, round(frame.height * scale))
