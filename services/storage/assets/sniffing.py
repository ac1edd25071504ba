"""What a file is, from its bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.common.errors import UnsupportedMedia
from services.storage.catalog.records import AssetKind


@dataclass(frozen=True, slots=True)
class MediaType:
    """A kind of file that is taken."""

    kind: AssetKind
    content_type: str
    reader: str
    """The one reader that it is given to: a format of Pillow or of FFmpeg."""


_JPEG = MediaType(AssetKind.IMAGE, "image/jpeg", "JPEG")
_PNG = MediaType(AssetKind.IMAGE, "image/png", "PNG")
_GIF = MediaType(AssetKind.IMAGE, "image/gif", "GIF")
_BMP = MediaType(AssetKind.IMAGE, "image/bmp", "BMP")
_TIFF = MediaType(AssetKind.IMAGE, "image/tiff", "TIFF")
_WEBP = MediaType(AssetKind.IMAGE, "image/webp", "WEBP")
_AVIF = MediaType(AssetKind.IMAGE, "image/avif", "AVIF")
_WAV = MediaType(AssetKind.AUDIO, "audio/wav", "wav")
_AIFF = MediaType(AssetKind.AUDIO, "audio/aiff", "aiff")
_FLAC = MediaType(AssetKind.AUDIO, "audio/flac", "flac")
_OGG = MediaType(AssetKind.AUDIO, "audio/ogg", "ogg")
_WEBM = MediaType(AssetKind.AUDIO, "audio/webm", "matroska")
_MP3 = MediaType(AssetKind.AUDIO, "audio/mpeg", "mp3")
_AAC = MediaType(AssetKind.AUDIO, "audio/aac", "aac")
_MP4 = MediaType(AssetKind.AUDIO, "audio/mp4", "mp4")

_BEGINNINGS = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"BM", _BMP),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"fLaC", _FLAC),
    (b"OggS", _OGG),
    (b"\x1a\x45\xdf\xa3", _WEBM),
    (b"ID3", _MP3),
)
_CONTAINERS = {
    (b"RIFF", b"WAVE"): _WAV,
    (b"RF64", b"WAVE"): _WAV,
    (b"RIFF", b"WEBP"): _WEBP,
    (b"FORM", b"AIFF"): _AIFF,
    (b"FORM", b"AIFC"): _AIFF,
}
"""Those that name what they hold after their length."""
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

# A browser looks at no more than 1 445 bytes; a PDF may begin within the first 1 024.
_HEAD_BYTES = 2048
# The longest distance of a ZIP's directory from the end of the file.
_TAIL_BYTES = 22 + 65_535
_FOREIGN_HEADS = (b"<!doctype", b"<html", b"<script", b"<svg", b"<?php", b"%pdf-")
_ZIP_DIRECTORY = b"PK\x05\x06"


def sniff(path: Path) -> MediaType:
    """What the file is. Raises UnsupportedMedia when it is nothing of use, or two things at once.

    It only begins like that: whether it is sound, its reader finds out.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        size = path.stat().st_size
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    media = _media_type(head)
    if media is None:
        raise UnsupportedMedia(_refusal(head))
    if any(mark in head.lower() for mark in _FOREIGN_HEADS) or _ZIP_DIRECTORY in tail:
        raise UnsupportedMedia("the file is also something else than a picture or sound")
    return media


def _media_type(head: bytes) -> MediaType | None:
    for beginning, media in _BEGINNINGS:
        if head.startswith(beginning):
            return media
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    return _CONTAINERS.get((head[:4], head[8:12])) or _mpeg_audio(head)


def _iso_media_type(head: bytes) -> MediaType | None:
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return _AVIF
    return None if brands & _HEIC_BRANDS else _MP4


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of a file of the ISO family."""
    box = head[8 : int.from_bytes(head[:4], "big")]
    return frozenset(box[at : at + 4] for at in range(0, len(box), 4) if at != 4)


def _mpeg_audio(head: bytes) -> MediaType | None:
    """MP3 or AAC without a container, by the first frame's header."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer = head[1] & 0x06
    if layer:
        return _MP3
    return _AAC if head[1] & 0xF0 == 0xF0 else None


def _refusal(head: bytes) -> str:
    if not head:
        return "the file is empty"
    if head[4:8] == b"ftyp" and _brands(head) & _HEIC_BRANDS:
        return "HEIC pictures can't be read; send a JPEG or PNG"
    return "the file is neither a picture nor sound of a known kind"
