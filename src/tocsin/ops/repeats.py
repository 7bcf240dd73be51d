"""Saying a warning again while it stands: when a domain asks for it, and no silence covers it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from tocsin.model import Alert, Decision, Role
from tocsin.model.record import decision_id
from tocsin.ops import signatures, suppression
from tocsin.ops.office import Office
from tocsin.ops.suppression import Held
from tocsin.warn import deliver
from tocsin.warn.outbox import Outbox
from tocsin.warn.repeat import Again, repeats_due
from tocsin.warn.transitions import stands

KIND = "repeat"


def repeat(office: Office, *, at: datetime) -> list[str]:
    """Decide to send again what has stood for another interval of its domain.

    Drills are not repeated, nor what the stated desk of a replay issued: nobody outside was told of it.

    Only the newest repetition is caught up after a pause: what was missed is not sent in a heap.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime
        Wall time.

    Returns
    -------
    list of str
        Ids of the warnings that were put into the outbox again.
    """
    every = {d.id: d.criteria.repeat for d in office.plan.domains if d.criteria.repeat}
    if not every:
        return []
    said = []
    for alert in office.store.as_of(at).standing():
        if alert.status != "Actual" or alert.domain not in every:
            continue
        number = repeats_due(alert, every[alert.domain], at)
        if number > _done(office, alert) and _say(office, alert, number, at):
            said.append(alert.id)
    return said


def _done(office: Office, alert: Alert) -> int:
    row: dict[str, Any] | None = office.store.get(KIND, alert.id)
    return 0 if row is None else int(row["number"])


def _say(office: Office, alert: Alert, number: int, at: datetime) -> bool:
    """One repetition, decided once: sent, or held back by a silence with its reason."""
    with office.store.transaction():
        row = office.store.get(KIND, alert.id)
        if row is not None and int(row["number"]) >= number:
            return False  # another process was first
        if not stands(office.store.get("alert", alert.id), at):
            return False  # officers replaced or cancelled it meanwhile
        if any(e.decision.simulated for e in office.store.audit(subject=alert.id)):
            return False  # the stated desk of a replay issued it: to nobody outside
        holding = suppression.silences(office, at=at)
        silence = suppression.silenced_by(alert, holding, office.pack.regions, at=at)
        if silence is not None:
            why = f"repetition {number} shelved by {silence.author}: {silence.reason}"
            held = Held(stage="repeat silenced", by=silence.id, reason=why, until=silence.ends)
            suppression.note(office, alert, held, at=at)
        else:
            chain = [a for a in office.store.list("alert", where={"chain": alert.chain}) if a.id != alert.id]
            outbox = office.store.outbox_of(deliver.outbox_for(alert.status))
            # Deciding needs nothing of an outbox but its enqueue.
            again = cast(Outbox, Again(outbox=outbox, number=number))
            seal = signatures.sealing(office, at=at)
            deliver.prepare(alert, at=at, desk=office.desk, outbox=again, chain=chain, seal=seal)
            office.store.journal(_decision(alert, number, at))
        revision = 0 if row is None else int(row["revision"]) + 1
        body = {"id": alert.id, "number": number, "at": at, "sent": silence is None, "revision": revision}
        office.store.put(KIND, alert.id, body, known_at=at, revision=revision)
    return silence is None


def _decision(alert: Alert, number: int, at: datetime) -> Decision:
    return Decision(
        id=decision_id(f"{alert.id}:{number}", "repeat", at, "system"),
        at=at,
        actor="system",
        role=Role.SYSTEM,
        action="repeat",
        subject=alert.id,
        content_hash=alert.content_hash,
        reason=f"it stands still: repetition {number}",
    )
