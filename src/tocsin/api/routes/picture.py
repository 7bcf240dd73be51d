"""What is known at a moment: picture, cube, series, coverage, ledger, regions."""

from __future__ import annotations

import functools
import gzip
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tocsin.api.answer import MOST_ITEMS, as_json, moment, page
from tocsin.api.gate import Desk, Guest, Here, needs
from tocsin.model import parse_time
from tocsin.ops import queries
from tocsin.ops.office import Office

ROUTER = APIRouter(tags=["picture"])

AsOf = Annotated[str | None, Query(description="Moment of knowledge, ISO 8601 with zone; now if left out")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Items on the page")]
_FOREVER = "public, max-age=31536000, immutable"


@ROUTER.get("/health", **needs(None))
def health(here: Here) -> Response:
    """Whether what should run runs, and which clock the page opens on."""
    return as_json(queries.health(here.office, here.clock(), here.open_at))


@ROUTER.get("/regions/map", **needs(None))
def region_map(request: Request, here: Here) -> Response:
    """The planar map as TopoJSON, with our region ids."""
    headers = {
        "Cache-Control": _FOREVER,
        "Vary": "Accept-Encoding",
        "ETag": f'W/"{here.office.pack.digest[:32]}"',
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(_packed_map(here.office), media_type="application/json", headers=headers)
    return Response(queries.region_map(here.office), media_type="application/json", headers=headers)


@functools.lru_cache(maxsize=4)
def _packed_map(office: Office) -> bytes:
    return gzip.compress(queries.region_map(office), 9, mtime=0)


@ROUTER.get("/regions", **needs(None))
def regions(
    here: Here,
    level: str | None = None,
    asof: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = MOST_ITEMS,
) -> Response:
    """Regions of one level, or all; the country pack says the same at every moment."""
    _when(here, asof)
    return as_json(page(queries.regions(here.office, level), cursor, limit))


@ROUTER.get("/regions/{region}", **needs(None))
def region(here: Here, region: str, asof: AsOf = None) -> Response:
    """One region; the country pack says the same at every moment."""
    _when(here, asof)
    return as_json(queries.region(here.office, region))


@ROUTER.get("/picture", **needs(None))
def picture(here: Here, guest: Guest, asof: AsOf = None) -> Response:
    """What is not normal, how well it is watched, and how many warnings stand."""
    now = here.clock()
    at = moment(asof, "asof", now)
    return as_json(queries.picture(here.office, at, now, desk=guest is not None), headers={"Vary": "Cookie"})


@ROUTER.get("/picture/cube", **needs(None))
def cube(here: Here, start: str, end: str) -> Response:
    """Levels of every domain, hour and region in one block of bytes."""
    return as_json(
        queries.cube(here.office, parse_time(_plus(start), "start"), parse_time(_plus(end), "end"))
    )


@ROUTER.get("/assessments", **needs(None))
def assessments(
    here: Here, guest: Guest, asof: AsOf = None, cursor: Cursor = None, limit: Limit = 500
) -> Response:
    """Every region and domain above normal, the highest level first."""
    rows = queries.assessments(here.office, *_when(here, asof), desk=guest is not None)
    shown = page(rows, cursor, limit, lambda a: f"{a['domain']}@{a['region']}")
    return as_json(shown, headers={"Vary": "Cookie"})


@ROUTER.get("/series", **needs(None))
def series(here: Here, region: str, quantity: str, start: str, end: str, asof: AsOf = None) -> Response:
    """One series as known at a moment, with its normal band."""
    first, last = parse_time(_plus(start), "start"), parse_time(_plus(end), "end")
    return as_json(queries.series(here.office, region, quantity, first, last, *_when(here, asof)))


@ROUTER.get("/series/revisions", **needs(None))
def revisions(
    here: Here, region: str, quantity: str, valid_time: str | None = None, asof: AsOf = None
) -> Response:
    """Every version of a value, or of all values of a series, that was known at a moment."""
    valid = None if valid_time is None else _plus(valid_time)
    at, _ = _when(here, asof)
    return as_json({"items": queries.revisions(here.office, region, quantity, valid, at), "next": None})


@ROUTER.get("/quantities", **needs(None))
def quantities(here: Here, region: str, asof: AsOf = None) -> Response:
    """What is watched in a region; the plan says the same at every moment."""
    _when(here, asof)
    return as_json({"items": queries.quantities(here.office, region), "next": None})


@ROUTER.get("/feeds", **needs(None))
def feeds(here: Here, guest: Guest, asof: AsOf = None) -> Response:
    """Every source with its terms and how it does; what went wrong only for those who are logged in."""
    rows = queries.feeds(here.office, *_when(here, asof), desk=guest is not None)
    return as_json({"items": rows, "next": None}, headers={"Vary": "Cookie"})


@ROUTER.get("/coverage", **needs(None))
def coverage(here: Here, guest: Guest, asof: AsOf = None) -> Response:
    """How well each domain is watched; what went wrong only for those who are logged in."""
    rows = queries.coverage(here.office, *_when(here, asof), desk=guest is not None)
    return as_json({"items": rows, "next": None}, headers={"Vary": "Cookie"})


@ROUTER.get("/ledger", **needs(None))
def ledger(
    here: Here, asof: AsOf = None, domain: str | None = None, cursor: Cursor = None, limit: Limit = MOST_ITEMS
) -> Response:
    """Every warning with its verdict, every outcome missed, and the rate against the budget."""
    entries, summaries = queries.ledger(here.office, *_when(here, asof), domain)
    shown = page(entries, cursor, limit, lambda e: e["alert"] or f"{e['regions'][0]}@{e['onset']}")
    return as_json({**shown, "summary": summaries[0] if summaries else None, "summaries": summaries})


@ROUTER.get("/why/{id:path}", **needs(None))
def why(here: Here, guest: Guest, id: str, asof: AsOf = None) -> Response:  # noqa: A002
    """The way back from a warning, a cycle or a value to the raw bytes."""
    at, now = _when(here, asof)
    if id.count("@") != 2 and guest is None:
        # The same door as for the warning itself: what the public was not told has no reasons either.
        queries.seen(here.office, id, at, now)
    tree = queries.why(here.office, id, at=at or now, desk=guest is not None)
    return as_json({"items": queries.flat(tree), "next": None}, headers={"Vary": "Cookie"})


def _when(here: Desk, asof: str | None) -> tuple[datetime | None, datetime]:
    now = here.clock()
    return moment(asof, "asof", now), now


def _plus(text: str) -> str:
    return text.strip().replace(" ", "+")
