"""What everybody may see: warnings that were told to the public, and reasons that name no other warning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tocsin.model import Alert, State
from tocsin.ops.office import Office

WAITING = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
"""States in which a warning waits for officers."""

_UNTOLD = WAITING | {State.REJECTED}


def seen_by_all(alert: Alert) -> bool:
    """Whether everybody may see a warning: it is no exercise, and it was issued; a replay is no exception."""
    return alert.status == "Actual" and alert.sent is not None and alert.state not in _UNTOLD


def told_reasons(
    office: Office, contributors: Sequence[Mapping[str, Any]], at: datetime
) -> list[Mapping[str, Any]]:
    """Contributors of an assessment without the warnings that the public had not been told by a moment."""

    def told(one: Mapping[str, Any]) -> bool:
        if one["kind"] != "alert":
            return True
        alert: Alert | None = office.store.get("alert", one["ref"], at)
        return alert is not None and seen_by_all(alert)

    return [one for one in contributors if told(one)]
