"""What the running monitors say of their own calibration: whether small tails come as often as they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tocsin.detect import drift
from tocsin.ops.office import Office
from tocsin.ops.queries import moments

TICK = timedelta(microseconds=1)


def drifts(office: Office, now: datetime) -> list[dict[str, Any]]:
    """One row a monitor and level, from the newest state of each run.

    Parameters
    ----------
    office : Office
        Store and country.
    now : datetime
        Wall time.

    Returns
    -------
    list of dict
        ``quantity``, ``level``, ``share``, ``days``, ``drifts`` and ``words``; empty before a cycle has run.
    """
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    newest = sorted(moments.runs(office), key=lambda run: run.last)
    for plan in dict.fromkeys(run.plan for run in newest):
        state = office.store.load_state(plan, now + TICK) or {}
        for name, array in sorted(state.items()):
            if name.endswith("/drift"):
                quantity = name.split("/")[-2]
                for one in drift.report(array):
                    rows[quantity, one.level] = {
                        "quantity": quantity,
                        "level": one.level,
                        "share": one.share,
                        "days": one.days,
                        "drifts": one.drifts,
                        "words": f"{quantity}: {one.words}",
                    }
    return [rows[key] for key in sorted(rows)]
