"""Finds the ffmpeg to run: the one named in the settings, else the bundled one."""

from __future__ import annotations

import os
from pathlib import Path

import imageio_ffmpeg

from transcode.errors import ConverterMissing


def find_ffmpeg(named: str = "") -> str:
    """Full path of a program that can be run.

    Raises:
        ConverterMissing: the named one is none, or no bundled one fits this machine.
    """
    if named:
        if not (Path(named).is_file() and os.access(named, os.X_OK)):
            raise ConverterMissing(f"{named} is no program; leave transcode.ffmpeg empty")
        return str(Path(named).resolve())
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ConverterMissing("no ffmpeg is bundled for this machine; name one") from error
