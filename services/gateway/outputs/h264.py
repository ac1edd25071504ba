"""H.264 access units as MP4 and FLV hold them: with lengths in place of start codes."""

from __future__ import annotations

from collections.abc import Iterator

_START = b"\0\0\1"
_SPS, _PPS, _DELIMITER = 7, 8, 9


def nal_units(access_unit: bytes) -> Iterator[bytes]:
    """The NAL units of an access unit in Annex B form."""
    at = access_unit.find(_START)
    while at >= 0:
        begin = at + len(_START)
        at = access_unit.find(_START, begin)
        # No NAL unit ends in a zero byte: one that stands there belongs to the next start code.
        unit = access_unit[begin : at if at >= 0 else None].rstrip(b"\0")
        if unit:
            yield unit


def with_lengths(access_unit: bytes) -> bytes:
    """The pictures of an access unit, each behind its length of four bytes."""
    return b"".join(
        len(unit).to_bytes(4, "big") + unit
        for unit in nal_units(access_unit)
        if _type(unit) not in (_SPS, _PPS, _DELIMITER)
    )


def decoder_configuration(access_unit: bytes) -> bytes | None:
    """The AVCDecoderConfigurationRecord (ISO 14496-15) of an access unit that brings parameters."""
    units = list(nal_units(access_unit))
    sps = [unit for unit in units if _type(unit) == _SPS]
    pps = [unit for unit in units if _type(unit) == _PPS]
    if not sps or not pps:
        return None
    profile_compatibility_level = sps[0][1:4]
    return b"".join(
        [
            b"\x01",
            profile_compatibility_level,
            b"\xff",
            bytes([0xE0 | len(sps)]),
            *(len(unit).to_bytes(2, "big") + unit for unit in sps),
            bytes([len(pps)]),
            *(len(unit).to_bytes(2, "big") + unit for unit in pps),
        ]
    )


def _type(unit: bytes) -> int:
    return unit[0] & 0x1F
