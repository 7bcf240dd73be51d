"""Cell broadcast: an export for the operator of the broadcast centre, never a claim of delivery.

The address is a folder; for each message one file that says, as the centre needs it, what is to be broadcast:
text within the limits of telephones (1390 septets; 90 and 360 characters for Wireless Emergency Alerts of the
United States), message identifier (3GPP TS 23.041), area as polygons of at most 100 points that cover the
warned one, codes, and until when. The receipt *accepted* means that the file was written, nothing else:
whether the centre took it and which telephones showed it is not known here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.cap import CapAlert, CapInfo
from tocsin.cap import Polygon as Ring
from tocsin.cap.simplify import simplify
from tocsin.model import ChannelError, Receipt, ShapeError, iso
from tocsin.warn.contract import Fault, Message, Recipient, admit, receipt
from tocsin.warn.filing import file_name, put, reachable
from tocsin.warn.gsm import MOST_SEPTETS, fit
from tocsin.warn.text import opened

NAME = "cell_broadcast"
MAX_BYTES = 5_000_000
SETTINGS: dict[str, str] = {}
SECRETS: dict[str, str] = {}

MOST_POINTS = 100
"""Of a polygon, its first point repeated at the end and counted."""

IDENTIFIERS = {
    ("Extreme", "Immediate", "Observed"): 4371,
    ("Extreme", "Immediate", "Likely"): 4372,
    ("Extreme", "Expected", "Observed"): 4373,
    ("Extreme", "Expected", "Likely"): 4374,
    ("Severe", "Immediate", "Observed"): 4375,
    ("Severe", "Immediate", "Likely"): 4376,
    ("Severe", "Expected", "Observed"): 4377,
    ("Severe", "Expected", "Likely"): 4378,
}
"""Message identifiers of 3GPP TS 23.041 by CAP severity, urgency and certainty; others are not broadcast."""

FURTHER = 13
"""Added to the identifier for each language after the first: telephones show those to who asked for them."""

BELOW = "severity, urgency and certainty are below what telephones are woken for"

DRILLS = {"Test": 4380, "Exercise": 4381}
"""Of required tests and exercises: telephones show them only to who asked for them."""


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse a folder that is a file."""
    if Path(to.address).is_file():
        return [Fault(key="address", got=to.address, allowed="a folder")]
    return []


def probe(to: Recipient) -> str:
    """Look whether the folder is there, or could be made."""
    return reachable(Path(to.address), to.id)


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Write the export.

    Raises
    ------
    ChannelError
        For good if it may not go there, or another export has its name; with ``retry`` if the disk refuses.
    """
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    content = json.dumps(export(message), ensure_ascii=False, indent=1).encode()
    path = Path(to.address) / file_name(message.alert).replace(".xml", ".json")
    if path.is_file() and path.read_bytes() != content:
        raise ChannelError(f"{to.id}: {path.name}: got other content under the same identifier", retry=False)
    if dry_run:
        return receipt(message, to, at=at, status="dry", detail=f"would be written as {path.name}")
    put(path, content)
    said = f"exported as {path.name}; that it was broadcast is not known"
    return receipt(message, to, at=at, status="accepted", detail=said)


def export(message: Message) -> dict[str, Any]:
    """What is to be broadcast, as plain JSON types.

    Raises
    ------
    ChannelError
        For good: the body is no message.
    """
    cap = opened(message)
    return {
        "key": message.key,
        "identifier": cap.identifier,
        "sender": cap.sender,
        "sent": iso(message.sent),
        "status": cap.status,
        "action": {"Cancel": "stop", "Update": "replace"}.get(cap.msg_type, "start"),
        "replaces": list(cap.references),
        "expires": iso(message.expires),
        "broadcasts": [_broadcast(cap, info, further=n > 0) for n, info in enumerate(cap.infos)],
    }


def _broadcast(cap: CapAlert, info: CapInfo, *, further: bool) -> dict[str, Any]:
    number = DRILLS.get(cap.status) or IDENTIFIERS.get(
        (info.severity or "", info.urgency or "", info.certainty or "")
    )
    if number is not None and further:
        number += FURTHER
    head, do = info.headline or info.event or "", info.instruction or ""
    until = f"Until {info.expires:%Y-%m-%d %H:%M %z}." if info.expires else ""
    text, alphabet = fit(" ".join((head.rstrip(".") + ".", info.description or "", do, until)), MOST_SEPTETS)
    drawn, undrawn = _drawn(info)
    return {
        "language": info.language,
        "message_identifier": number,
        "reason": None if number else BELOW,
        "alphabet": alphabet,
        "text": text,
        "text_360": fit(f"{head.rstrip('.')}. {do} {until}", 360)[0],
        "text_90": fit(head, 90)[0],
        "polygons": [[list(point) for point in ring] for ring in drawn],
        "not_drawn": undrawn,
        "geocodes": [[name, value] for area in info.areas for name, value in area.geocodes],
        "areas": [area.area_desc for area in info.areas],
    }


def _drawn(info: CapInfo) -> tuple[list[Ring], list[str]]:
    """Rings of (latitude, longitude) that cover what was warned; and areas whose shape cannot be drawn."""
    drawn: list[Ring] = []
    undrawn = []
    for area in info.areas:
        try:
            rings = [simplify(ring, limit=MOST_POINTS) for ring in area.polygons]
            rings += [simplify(around(*circle), limit=MOST_POINTS) for circle in area.circles]
        except ShapeError as error:
            undrawn.append(f"{area.area_desc}: {error}")
            continue
        drawn += rings
    return drawn, undrawn


def around(lat: float, lon: float, km: float, sides: int = 24) -> Ring:
    """A ring around a circle on the ground: its sides touch the circle, its corners lie outside.

    Parameters
    ----------
    lat, lon : float
        Centre, in degrees.
    km : float
        Radius.

    Examples
    --------
    >>> len(around(50.0, 10.0, 5.0))
    25
    """
    reach = max(km, 0.05) / math.cos(math.pi / sides) * 1.002
    up = reach / 111.195
    across = up / max(math.cos(math.radians(min(abs(lat) + up, 89.0))), 0.01)
    turns = [2 * math.pi * (k % sides) / sides for k in range(sides + 1)]
    return tuple((lat + up * math.sin(t), lon + across * math.cos(t)) for t in turns)
