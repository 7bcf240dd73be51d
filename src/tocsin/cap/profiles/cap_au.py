"""CAP-AU: the Australian Government standard."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import rules

TITLE = "CAP-AU 3.0 (Australia)"
_SOURCE = "CAP-AU 3.0"

RULES = rules(
    ("cap-au.sender-email", "warning", _SOURCE, "sender is not of the form name@domain",
     "Give an address of the agency, such as warnings@agency.gov.au."),
    ("cap-au.cancel-effective", "warning", _SOURCE, "an info of a Cancel has effective",
     "Leave effective out of a Cancel: it holds from the moment it is sent."),
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


def check(alert: CapAlert) -> Iterator[Finding]:
    """Findings of this profile on a message."""
    if not _ADDRESS.fullmatch(alert.sender):
        yield RULES["cap-au.sender-email"].at(
            "alert/sender", f"got {alert.sender[:80]!r}, allowed: name@domain"
        )
    if alert.msg_type == "Cancel":
        for i, info in enumerate(alert.infos, 1):
            unread = next((text for name, text in info.unread if name == "effective"), None)
            if info.effective is not None or unread:
                said = f"got {info.effective or unread!r}, allowed: none in a Cancel"
                yield RULES["cap-au.cancel-effective"].at(f"alert/info[{i}]/effective", said)
