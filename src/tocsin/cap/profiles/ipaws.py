"""IPAWS: what the Integrated Public Alert and Warning System of the United States takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import rules

TITLE = "IPAWS profile 1.0 (United States)"
_SOURCE = "IPAWS profile 1.0"

RULES = rules(
    ("ipaws.code", "error", _SOURCE, "no code is IPAWSv1.0", "Add <code>IPAWSv1.0</code>."),
    ("ipaws.same-event", "error", _SOURCE, "an info has not exactly one eventCode SAME of three letters",
     "Give one eventCode with the name SAME and a code of three letters, such as TOR."),
    ("ipaws.expires", "error", _SOURCE, "an info has no expires", "Say until when the warning holds."),
    ("ipaws.same-geocode", "warning", _SOURCE, "an area has no geocode SAME of six digits",
     "Give the counties as geocode SAME: a zero and the five digits of the county."),
)  # fmt: skip
_EVENT = re.compile(r"[A-Za-z]{3}", re.ASCII)
_PLACE = re.compile(r"\d{6}", re.ASCII)


def check(alert: CapAlert) -> Iterator[Finding]:
    """Findings of this profile on a message."""
    if "IPAWSv1.0" not in alert.code:
        yield RULES["ipaws.code"].at("alert/code", f"got {_list(alert.code)}, allowed: IPAWSv1.0 among them")
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        events = [value for name, value in info.event_code if name == "SAME"]
        if len(events) != 1 or not _EVENT.fullmatch(events[0]):
            said = f"got {_list(events)}, allowed: one of three letters"
            yield RULES["ipaws.same-event"].at(f"{path}/eventCode", said)
        if info.expires is None and not any(name == "expires" for name, _ in info.unread):
            yield RULES["ipaws.expires"].at(f"{path}/expires", "got no time, allowed: a time")
        for k, area in enumerate(info.areas, 1):
            places = [value for name, value in area.geocodes if name == "SAME"]
            if not any(_PLACE.fullmatch(place) for place in places):
                said = f"got {_list(places)}, allowed: six digits"
                yield RULES["ipaws.same-geocode"].at(f"{path}/area[{k}]/geocode", said)


def _list(values: list[str] | tuple[str, ...]) -> str:
    return ", ".join(repr(value[:40]) for value in values[:5]) or "none"
