"""WIS2: a notification in the form of the WMO (WIS2 Notification Message 1) that a message can be fetched.

The address is ``mqtts://BROKER``; the topic is that of the WIS2 topic hierarchy for warnings,
``origin/a/wis2/CENTRE/data/core/weather/advisories-warnings``. A drill goes to
``…/weather/experimental/tocsin-drill`` instead: below ``experimental`` topics that are not approved may be
used (WIS2 Topic Hierarchy, permission /per/core/publishing). Who subscribes to warnings never sees it; who
subscribes to all of ``weather/#`` does, so a drill is best given a broker of its own. The message is told by
its id, made from the idempotency key. The receipt *accepted* is the broker's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from tocsin.cap import CapAlert
from tocsin.model import Receipt
from tocsin.warn import broker
from tocsin.warn.contract import Audience, Fault, Link, Message, Recipient, admit
from tocsin.warn.filing import file_name
from tocsin.warn.text import opened

NAME = "wis2"
MAX_BYTES = 1_000_000
SETTINGS = {
    **broker.SETTINGS,
    "centre": "centre-id as registered with the WMO, for instance int-example",
    "link": "where messages can be fetched: https://…/cap/ before their file names",
    "metadata": "id of the discovery metadata record: urn:wmo:md:…",
}
SECRETS = broker.SECRETS

CONFORMS = "http://wis.wmo.int/spec/wnm/1/conf/core"
ACTUAL = "data/core/weather/advisories-warnings"
DRILL = "data/core/weather/experimental/tocsin-drill"
EMBEDDED = 4096
"""Bytes up to which a message stands in its notification."""

_CENTRE = re.compile(r"[a-z]{2,3}(-[a-z0-9_]+)+")


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse a topic in the address (it is given by the WMO), a bad centre-id, a link that is not https."""
    found = broker.faults(to)
    if not found and broker.topic_of(to):
        found.append(Fault(key="address", got=to.address, allowed="mqtts://BROKER without a topic"))
    centre = to.settings.get("centre")
    if not isinstance(centre, str) or not _CENTRE.fullmatch(centre):
        found.append(Fault(key="centre", got=centre, allowed="a centre-id such as int-example"))
    link = to.settings.get("link")
    where = urlsplit(link) if isinstance(link, str) else None
    if where is None or where.scheme != "https" or not where.hostname or not where.path.endswith("/"):
        found.append(Fault(key="link", got=link, allowed="https://… that ends with a slash"))
    metadata = to.settings.get("metadata", f"urn:wmo:md:{centre}:warnings")
    if not isinstance(metadata, str) or not metadata.startswith("urn:wmo:md:"):
        found.append(Fault(key="metadata", got=metadata, allowed="urn:wmo:md:CENTRE:NAME"))
    return found


def probe(to: Recipient) -> str:
    """Log in to the broker and leave again."""
    return broker.probe(to)


def topic(to: Recipient) -> str:
    """The topic of a recipient; of a drill one that no subscriber of warnings has."""
    below = DRILL if to.audience is Audience.DRILL else ACTUAL
    return f"origin/a/wis2/{to.settings['centre']}/{below}"


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Publish the notification of a message.

    Raises
    ------
    ChannelError
        For good if it may not go there or the broker refuses it; with ``retry`` if it cannot be reached.
    """
    return broker.send(message, to, _letter, at=at, dry_run=dry_run)


def link(to: Recipient) -> Link:
    """Keep the connection to the broker for all that one lane has for it."""
    return broker.PublisherLink(to, _letter)


def _letter(message: Message, to: Recipient, at: datetime) -> broker.Letter:
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    told = notification(message, to, at=at)
    return broker.Letter(
        topic=topic(to),
        payload=json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/geo+json",
        properties=broker.properties(message),
        expires=message.expires,
    )


def notification(message: Message, to: Recipient, *, at: datetime) -> dict[str, Any]:
    """The notification as plain JSON types.

    Parameters
    ----------
    at : datetime
        When it is published; the rest is the same at each attempt.

    Raises
    ------
    ChannelError
        For good: the body is no message.
    """
    cap, body, name = opened(message), message.body.encode(), file_name(message.alert)
    properties: dict[str, Any] = {
        "data_id": f"{topic(to).removeprefix('origin/a/')}/{name.removesuffix('.xml')}",
        "pubtime": _z(at),
        "datetime": _z(message.sent),
        "integrity": {"method": "sha512", "value": base64.b64encode(hashlib.sha512(body).digest()).decode()},
    }
    if "metadata" in to.settings:
        properties["metadata_id"] = to.settings["metadata"]
    if len(body) <= EMBEDDED:
        properties["content"] = {"encoding": "utf-8", "value": message.body, "size": len(body)}
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"tocsin:{message.key}")),
        "conformsTo": [CONFORMS],
        "type": "Feature",
        "geometry": _geometry(cap),
        "properties": properties,
        "links": [
            {
                "href": f"{to.settings['link']}{name}",
                "rel": "canonical",
                "type": "application/cap+xml",
                "length": len(body),
            }
        ],
    }


def _geometry(cap: CapAlert) -> dict[str, Any] | None:
    """The box around all areas that are drawn; None where none is, and where it would go round the world."""
    points: list[tuple[float, float]] = []
    for info in cap.infos:
        for area in info.areas:
            points += [point for ring in area.polygons for point in ring]
            for lat, lon, km in area.circles:
                up = km / 111.195
                points += [(max(lat - up, -90.0), lon), (min(lat + up, 90.0), lon)]
    if not points:
        return None
    south, north = min(p[0] for p in points), max(p[0] for p in points)
    west, east = min(p[1] for p in points), max(p[1] for p in points)
    if east - west > 180:
        return None
    if east == west:  # circles around one place: as wide as they are high
        east, west = east + (north - south) / 2, west - (north - south) / 2
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [[[round(x, 5), round(y, 5)] for x, y in ring]]}


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
