"""The built front as files: hashed assets for ever, the page itself never from a cache."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Response

from tocsin.api.gate import Here, needs
from tocsin.api.problems import Problem
from tocsin.api.routes.text import plain

ROUTER = APIRouter(tags=["front"], include_in_schema=False)

_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@ROUTER.get("/", **needs(None))
def index(here: Here) -> Response:
    """The page; where it was not built, a page that says so."""
    file = here.static / "index.html"
    if not file.is_file():
        return plain("absent.html", status=503)
    return Response(file.read_bytes(), media_type="text/html", headers={"Cache-Control": "no-cache"})


@ROUTER.get("/{path:path}", **needs(None))
def asset(here: Here, path: str) -> Response:
    """A file of the front."""
    root = here.static.resolve()
    file = _inside(root, path)
    if file is None or path == "index.html":
        raise Problem(404, f"path: got /{path}, allowed: /, /text, /cap/feed.xml, /api/v1/openapi.json")
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    cache = _FOREVER if path.startswith("assets/") else "no-cache"
    return Response(file.read_bytes(), media_type=kind, headers={"Cache-Control": cache})


def _inside(root: Path, path: str) -> Path | None:
    """The file of a path, if it is one below the root."""
    try:
        file = (root / path).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):
        return None  # a name that no file can have
