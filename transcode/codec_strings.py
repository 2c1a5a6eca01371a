"""RFC 6381 codec strings, as ``MediaSource.isTypeSupported`` asks for them. Pure.

Source: RFC 6381; ISO/IEC 14496-15 Annex E (hvc1); AV1 ISOBMFF 5 (av01); VP ISOBMFF (vp09).
"""

from __future__ import annotations

_FIXED = {
    "ac3": "ac-3",
    "eac3": "ec-3",
    "flac": "fLaC",
    "opus": "Opus",
    "mp3": "mp4a.40.34",
    "dts": "dtsc",
    "truehd": "mlpa",
    "alac": "alac",
    "vorbis": "vorbis",
    "vp8": "vp8",
}
_H264_PROFILES = {
    "Constrained Baseline": "42E0",
    "Baseline": "4200",
    "Main": "4D40",
    "High": "6400",
}
_AAC_KINDS = {"LC": 2, "HE-AAC": 5, "HE-AACv2": 29, "Main": 1, "SSR": 3, "LTP": 4, "xHE-AAC": 42}


def codec_string(
    codec: str, extradata: bytes, *, profile: str | None, level: int | None, bit_depth: int = 8
) -> str | None:
    """The string of one stream; None where none is known.

    Args:
        codec: ffmpeg's name.
        extradata: the decoder configuration, if any.
        profile: ffmpeg's name of the profile.
        level: as ffmpeg gives it.
        bit_depth: bits per colour.
    """
    if codec == "h264":
        return _h264(extradata, profile, level)
    if codec == "hevc":
        return _hevc(extradata, bit_depth, level)
    if codec == "av1":
        return _av1(extradata, level, bit_depth)
    if codec == "vp9":
        number = 0 if bit_depth == 8 else 2
        return f"vp09.{number:02}.{level if level and level > 0 else 41:02}.{bit_depth:02}"
    if codec == "aac":
        return f"mp4a.40.{_AAC_KINDS.get(profile or 'LC', 2)}"
    return _FIXED.get(codec)


def _h264(extradata: bytes, profile: str | None, level: int | None) -> str | None:
    if len(extradata) > 3 and extradata[0] == 1:
        return "avc1." + extradata[1:4].hex().upper()
    for start in (b"\x00\x00\x01\x67", b"\x00\x00\x01\x27"):
        at = extradata.find(start)
        if at >= 0 and len(extradata) >= at + 7:
            return "avc1." + extradata[at + 4 : at + 7].hex().upper()
    known = _H264_PROFILES.get(profile or "")
    return f"avc1.{known}{level:02X}" if known and level and level > 0 else None


def _hevc(extradata: bytes, bit_depth: int, level: int | None) -> str:
    if len(extradata) < 13 or extradata[0] != 1:
        number = 1 if bit_depth == 8 else 2
        return (
            f"hvc1.{number}.{6 if number == 1 else 4}.L{level if level and level > 0 else 120}.B0"
        )
    first = extradata[1]
    space = ("", "A", "B", "C")[first >> 6]
    compatible = int(f"{int.from_bytes(extradata[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if first & 0x20 else "L"
    constraints = extradata[6:12].rstrip(b"\x00")
    tail = "".join(f".{byte:X}" for byte in constraints)
    return f"hvc1.{space}{first & 0x1F}.{compatible:X}.{tier}{extradata[12]}{tail}"


def _av1(extradata: bytes, level: int | None, bit_depth: int) -> str:
    if len(extradata) >= 4 and extradata[0] == 0x81:
        profile, number = extradata[1] >> 5, extradata[1] & 0x1F
        tier = "H" if extradata[2] & 0x80 else "M"
        depth = 8 if not extradata[2] & 0x40 else 12 if extradata[2] & 0x20 else 10
        return f"av01.{profile}.{number:02}{tier}.{depth:02}"
    return f"av01.0.{level if level and level > 0 else 8:02}M.{bit_depth:02}"
