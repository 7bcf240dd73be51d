"""Inhibition: who is warned by the warning of the state need not be warned again by that of the county."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tocsin.geo.overlap import strictly_inside
from tocsin.model import Alert, Region, State
from tocsin.warn.transitions import state_at

EXTREME = 4
"""This level is held back only by what people were told."""

_ASKED = frozenset({State.SUBMITTED, State.APPROVED})


def inhibited_by(
    alert: Alert, others: Iterable[Alert], regions: Mapping[str, Region], at: datetime
) -> Alert | None:
    """The warning that makes a first message of the system superfluous; None when there is none.

    It is of the same hazard and status (the labels that must be equal), of the same level or a higher one,
    its areas lie strictly around each region of the other, and it reaches beyond the other's onset. It stands
    or waits for officers: when it is rejected, or ends, the next cycle asks about the narrower one. What
    somebody has only begun to write, and not submitted, holds nothing back; a draft of the system does. An
    extreme warning is held back only by one that was issued.

    Parameters
    ----------
    alert : Alert
        What would be asked. Only a first message is inhibited: who was warned is told how it goes on.
    others : iterable of Alert
        What stands or waits; the warning's own chain among them inhibits nothing.
    regions : mapping of str to Region
        All regions of the pack.
    at : datetime
        Moment.

    Returns
    -------
    Alert or None
        Of several the gravest, then the one that lasts longest.
    """
    if alert.msg_type != "Alert":
        return None
    found = [
        one
        for one in others
        if one.chain != alert.chain
        and one.msg_type != "Cancel"
        and one.status == alert.status
        and one.event.casefold() == alert.event.casefold()
        and one.level >= alert.level
        and one.expires > max(alert.onset, at)
        and _holds_back(one, alert, at)
        and all(strictly_inside(regions, r, one.regions) for r in alert.regions)
    ]
    return max(found, key=lambda one: (one.level, one.expires, one.id), default=None)


def _holds_back(one: Alert, alert: Alert, at: datetime) -> bool:
    """Whether people were warned by it, or officers have it before them."""
    state = state_at(one, at)
    if alert.level >= EXTREME or state is State.ISSUED:
        return state is State.ISSUED
    return state in _ASKED or (state is State.DRAFT and one.author == "system")
