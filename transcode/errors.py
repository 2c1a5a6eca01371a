"""Errors of the converter; the gateway's tables turn them into replies."""

from __future__ import annotations


class TranscodeError(Exception):
    """Base of all: ``code`` is the public name."""

    code = "transcode_failed"


class NoWayToPlay(TranscodeError):
    """No delivery suits this device; ``reasons`` says why, one short sentence each."""

    code = "no_way_to_play"

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class ConverterFailed(TranscodeError):
    """A converter or worker ended badly; ``tail`` holds the last of what it said (bounded)."""

    code = "converter_failed"

    def __init__(self, message: str, tail: str = "") -> None:
        super().__init__(message)
        self.tail = tail


class ConverterMissing(TranscodeError):
    """No ffmpeg that works was found."""

    code = "converter_missing"


class TooManyConversions(TranscodeError):
    """Every converter this machine may run at once is busy for somebody else."""

    code = "too_many_conversions"
