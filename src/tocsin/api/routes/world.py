"""For the world: the Atom feed of public warnings, and each message of the Common Alerting Protocol."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tocsin.api.answer import moment
from tocsin.api.gate import Guest, Here, needs
from tocsin.api.routes.picture import AsOf
from tocsin.ops import corrections, queries

ROUTER = APIRouter(tags=["cap"])


class Atom(Response):
    """A feed."""

    media_type = "application/atom+xml"


class Cap(Response):
    """A message of the Common Alerting Protocol."""

    media_type = "application/cap+xml"


@ROUTER.get("/cap/feed.xml", response_class=Atom, **needs(None))
def feed(request: Request, here: Here, asof: AsOf = None) -> Response:
    """Public warnings that stand, as Atom with links to their messages."""
    now = here.clock()
    link = str(request.url.replace(query=""))
    content = queries.cap_feed(here.office, moment(asof, "asof", now), now, link=link)
    hubs = queries.hubs(here.office)
    if not hubs:
        return Atom(content)
    # WebSub: where to subscribe, and to what
    links = [f'<{hub}>; rel="hub"' for hub in hubs] + [f'<{link}>; rel="self"']
    return Atom(content, headers={"Link": ", ".join(links)})


@ROUTER.get("/cap/corrections.xml", response_class=Atom, **needs(None))
def corrected(request: Request, here: Here, asof: AsOf = None) -> Response:
    """Warnings that went out and were wrong, as Atom with links to the messages that say so."""
    now = here.clock()
    link = str(request.url.replace(query=""))
    return Atom(corrections.feed(here.office, moment(asof, "asof", now), now, link=link))


@ROUTER.get("/cap/{identifier}.xml", response_class=Cap, **needs(None))
def message(here: Here, guest: Guest, identifier: str, asof: AsOf = None) -> Response:
    """One issued message; drills only for those who are logged in."""
    now = here.clock()
    at = moment(asof, "asof", now)
    content = queries.cap_message(here.office, identifier, at, now, drill=guest is not None)
    headers = {"Vary": "Cookie", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Cap(content, headers=headers)
