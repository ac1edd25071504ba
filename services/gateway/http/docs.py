"""`/docs`: the API to read and try. Everything that the page needs comes from here."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response

from services.common.errors import NotFound

router = APIRouter(include_in_schema=False)

_PACKAGE = "fastapi_swagger.resources"
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """The page."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Vultus",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon-32x32.png",
    )


@router.get("/docs/{name}")
async def get_docs_file(name: str) -> Response:
    """A file that the page is made of."""
    if name not in _TYPES:
        raise NotFound("there is nothing at this path")
    content = resources.files(_PACKAGE).joinpath(name).read_bytes()
    return Response(
        content, media_type=_TYPES[name], headers={"Cache-Control": "public, max-age=86400"}
    )
