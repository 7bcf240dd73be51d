"""What became of the jobs of live operation, where other processes can read it: ``tocsin status``, health.

The server that runs the jobs is one process, whoever asks how it does is another: between them is the store.
Kept is each time a job begins to fail, fails in another way, or works again; not each failure.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any

from tocsin.model import iso
from tocsin.ops.redaction import without_secrets
from tocsin.store import Store

LOG = logging.getLogger("tocsin")

KIND = "job"
"""Kind of these records."""


def note(store: Store, name: str, fault: str, *, at: datetime) -> None:
    """Keep how a job does from now on; what the store has already is not kept again.

    Whatever keeps it from the record is no reason to stop the job: that is said in the log alone.

    Parameters
    ----------
    store : Store
        Where to.
    name : str
        Of the job.
    fault : str
        ``Type: text`` of what went wrong; empty when it works.
    at : datetime
        Wall time.
    """
    fault = without_secrets(fault)
    try:
        with store.transaction():
            history = store.history(KIND, name)
            last = history[-1] if history else None
            if _sort(fault) == _sort("" if last is None else last.noun["fault"]):
                return
            # A clock that went back must not hide the fault: it is known no earlier than the one before.
            known = at if last is None else max(at, last.known_at)
            body = {"id": name, "fault": fault, "since": iso(known)}
            store.put(KIND, name, body, known_at=known, revision=len(history))
    except Exception:
        LOG.exception("%s: how it does was not put on record", name)


def retire(store: Store, names: Collection[str], *, at: datetime) -> None:
    """Forget the faults of jobs that do not run any more, such as of a feed that was taken out.

    Like :func:`note` it raises nothing: live operation begins all the same.
    """
    try:
        rows = store.list(KIND)
    except Exception:
        LOG.exception("what became of jobs could not be read")
        return
    for row in rows:
        if row["id"] not in names:
            note(store, row["id"], "", at=at)


def states(store: Store, at: datetime | None = None) -> list[dict[str, Any]]:
    """How each job does that ever failed, those that fail first.

    Parameters
    ----------
    store : Store
        Where they are kept.
    at : datetime, optional
        A moment of the past. Not given for how they do *now*: a clock that went back would
        hide what was put on record before it did.

    Returns
    -------
    list of dict
        ``job``, ``state`` (``failed`` or ``ok``), ``since`` and ``message``.
    """
    rows = [
        {
            "job": row["id"],
            "state": "failed" if row["fault"] else "ok",
            "since": row["since"],
            "message": row["fault"],
        }
        for row in store.list(KIND, at=at)
    ]
    return sorted(rows, key=lambda r: (r["state"] == "ok", r["job"]))


def _sort(fault: str) -> str:
    """The type of a fault: the same fault in other words is not told again."""
    return fault.partition(":")[0]
