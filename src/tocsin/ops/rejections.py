"""Rejections on record: begun when officers turn a draft down, looked at when a cycle would ask again.

They are records of kind ``rejection``, one for each rejected draft, so that they outlive the process and can
be read as of any moment; the rule is :mod:`tocsin.warn.rejection`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.model import Alert, Criteria, Decision, Role, State, from_plain, iso, to_plain
from tocsin.model.record import decision_id
from tocsin.ops.office import Office
from tocsin.warn import lifecycle
from tocsin.warn.proposal import PENDING, Proposal
from tocsin.warn.rejection import Rejection, goes_on, reject_first, weigh
from tocsin.warn.report import event_of

KIND = "rejection"

STANDING = PENDING | {State.ISSUED}
"""States of a message that stands or waits."""

LATE = timedelta(minutes=5)
"""A rejection so long after the moment of a draft counts still: officers act while a live cycle runs.

As long as one cycle (``tocsin.ops.loop.CYCLE``). What was rejected later is not known at that moment:
a replay of the past asks what it would have asked then.
"""


def begin(office: Office, alert: Alert, *, at: datetime) -> None:
    """Keep until when the rejection of a first draft holds; nothing for what holds nothing back."""
    asked: Alert = office.store.history("alert", alert.id)[0].noun
    rejection = reject_first(asked, at=at, criteria=_criteria(office, alert.domain))
    if rejection is not None:
        _keep(office, rejection, at)


def until(office: Office, alert: Alert, *, at: datetime) -> datetime | None:
    """Until when the rejection of a warning holds, as known at a moment; None where none does."""
    if alert.state is not State.REJECTED:
        return None
    kept = office.store.get(KIND, alert.id, at)
    return None if kept is None else from_plain(Rejection, kept).until


def ask(office: Office, proposal: Proposal) -> Proposal | None:
    """Give the proposal as it may be asked, or None when officers have answered it.

    An answer that holds goes on record: its record says until when, and the journal says once that the
    system withholds. A draft that is asked although the same was rejected says why in its decision.
    """
    alert = proposal.alert
    if alert.msg_type != "Alert":
        return proposal
    criteria = _criteria(office, alert.domain)
    known = _rejections(office, alert.domain, alert.created_at + LATE)
    weighed = weigh(alert, known, criteria)
    for rejection in weighed.barred_by:
        _withhold(office, rejection, alert, criteria)
    if weighed.barred_by:
        return None
    if _is_over(office, alert) or _is_of_another(office, alert):
        # A report keeps its id; the message about it that is asked anew needs one of its own.
        fresh = f"{alert.id.rsplit('.', 1)[0]}.{alert.created_at:%Y%m%dT%H%M%SZ}.1"
        alert = replace(alert, id=fresh, chain=fresh)
    if alert is proposal.alert and not weighed.because:
        return proposal
    _, decision = lifecycle.draft(alert, actor="system", role=Role.SYSTEM, at=alert.created_at)
    return replace(proposal, alert=alert, decision=replace(decision, reason=weighed.because))


def _is_over(office: Office, alert: Alert) -> bool:
    """Whether a chain of this id was made, and neither stands nor waits nor was cancelled.

    What ran out is asked again as long as its report calls for it: nobody is warned of it any more.
    """
    same: Alert | None = office.store.get("alert", alert.id)
    if same is None:
        return False
    if same.state is State.REJECTED:
        return office.store.get(KIND, alert.id) is not None
    chain = office.store.list("alert", where={"chain": same.chain})
    open_ = any(lifecycle.state_at(a, alert.created_at) in STANDING for a in chain)
    return not open_ and not any(a.msg_type == "Cancel" and a.sent is not None for a in chain)


def _is_of_another(office: Office, alert: Alert) -> bool:
    """Whether the id is that of a message about something else: two publishers may name two things alike."""
    same: Alert | None = office.store.get("alert", alert.id)
    if same is None:
        return False
    if event_of(same) is None and event_of(alert) is None:
        return set(same.regions).isdisjoint(alert.regions)
    return event_of(same) != event_of(alert)


def _rejections(office: Office, domain: str, at: datetime) -> list[Rejection]:
    """Rejections of a domain whose drafts are rejected still: one that was edited is a draft again."""
    rows = office.store.list(KIND, at=at, where={"domain": domain})
    hold = _criteria(office, domain).hold
    kept = [from_plain(Rejection, row) for row in rows]
    # What was over long ago answers nothing; years of it are not looked up at every cycle.
    kept = [r for r in kept if at - LATE < max(r.until, r.alarm + hold)]
    return [r for r in kept if office.store.get("alert", r.id, at).state is State.REJECTED]


def _withhold(office: Office, rejection: Rejection, alert: Alert, criteria: Criteria) -> None:
    """Note that the alarm goes on, in the journal the first time: both or neither."""
    at = alert.created_at
    with office.store.transaction():
        last = from_plain(Rejection, office.store.get(KIND, rejection.id))
        if at <= last.alarm:
            return  # officers or later cycles acted after this moment: their record is the newer one
        told = goes_on(last, at=at, criteria=criteria)
        _keep(office, told, at)
        if last.alarm == last.at:  # not said yet
            office.store.journal(_withheld(office, told, at, criteria))


def _withheld(office: Office, told: Rejection, at: datetime, criteria: Criteria) -> Decision:
    rejected: Alert = office.store.get("alert", told.id)
    reason = f"the same was rejected: {rejected.reason}; not proposed again before {iso(told.until)}"
    reason += " at the latest" if told.until == told.at + criteria.rejection_holds else ", or later"
    return Decision(
        id=decision_id(told.id, "withhold", at, "system"),
        at=at,
        actor="system",
        role=Role.SYSTEM,
        action="withhold",
        subject=told.id,
        content_hash=rejected.content_hash,
        reason=reason,
    )


def _keep(office: Office, rejection: Rejection, at: datetime) -> None:
    revision = len(office.store.history(KIND, rejection.id))
    office.store.put(KIND, rejection.id, to_plain(rejection), known_at=at, revision=revision)


def _criteria(office: Office, domain: str) -> Criteria:
    plan = office.plan if domain in office.plan.watched else office.plan_of((domain,))
    return next(d for d in plan.domains if d.id == domain).criteria
