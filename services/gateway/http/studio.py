"""`/studio`: a page to try everything on. All that it needs comes from here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from services.common.errors import NotFound

router = APIRouter(include_in_schema=False)

_FOLDER = resources.files("services.gateway") / "studio"
_PAGE = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
IfNoneMatch = Annotated[str, Header()]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the page."""

    content: bytes
    media_type: str
    tag: str


@router.api_route("/studio", methods=["GET", "HEAD"])
@router.api_route("/studio/", methods=["GET", "HEAD"])
async def get_studio(if_none_match: IfNoneMatch = "") -> Response:
    """The page."""
    return _answer(_PAGE, if_none_match)


@router.api_route("/studio/{name}", methods=["GET", "HEAD"])
async def get_studio_file(name: str, if_none_match: IfNoneMatch = "") -> Response:
    """A file that the page is made of."""
    return _answer(name, if_none_match)


def _answer(name: str, if_none_match: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise NotFound("there is nothing at this path")
    headers = {**_HEADERS, "ETag": file.tag}
    if file.tag in if_none_match:
        return Response(None, 304, headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


@cache
def _files() -> dict[str, _File]:
    """All files by their names; they do not change while the process lives."""
    files = {}
    for path in _FOLDER.iterdir():
        media_type = _TYPES.get(path.name.rpartition(".")[2])
        if media_type:
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            files[path.name] = _File(content, media_type, tag)
    return files
