"""Every change of state: each command is one transaction with its entry in the journal.

The rules of the life of a warning are :mod:`tocsin.warn.lifecycle`; here they meet the store, which holds the
same rules once more as constraints of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tocsin import respond
from tocsin.model import (
    Alert,
    AuthorityError,
    ConflictError,
    Decision,
    NotFoundError,
    Role,
    State,
    Task,
    TransitionError,
    parse_time,
    to_plain,
)
from tocsin.model.law import BreakGlass
from tocsin.ops import corrections, rejections, reviews, signatures, suppression
from tocsin.ops.languages import fit
from tocsin.ops.office import APPROVAL_LASTS, Office, sender
from tocsin.store import BreakGlass as StoredBreakGlass
from tocsin.warn import deliver, lifecycle
from tocsin.warn.escalation import WAITING, Escalation, escalations, load_policy
from tocsin.warn.propose import Proposal
from tocsin.warn.retry import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: an account in its role.

    Parameters
    ----------
    account : str
        Name of the account.
    role : Role
        Its role.
    simulated : bool
        True for the stated desk policy of a replay.
    """

    account: str
    role: Role
    simulated: bool = False


SYSTEM = Actor(account="system", role=Role.SYSTEM)


def get_alert(office: Office, alert: str) -> Alert:
    """The newest revision of a warning.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found: Alert | None = office.store.get("alert", alert)
    if found is None:
        raise NotFoundError(f"warning: got {alert!r}, allowed: an id that 'tocsin warnings list' shows")
    return found


def etag(alert: Alert) -> str:
    """Version of a warning for ``If-Match``: any change of content or state changes it."""
    return f'"{alert.revision}-{alert.content_hash[:16]}"'


def record_proposals(office: Office, proposals: Iterable[Proposal]) -> list[Alert]:
    """Keep what a cycle drafted; what officers have decided already is not asked again.

    A draft that is not kept leaves a record of kind ``suppressed`` that says why, one for each message that
    stands in its way (:mod:`tocsin.ops.suppression`); a first draft that was rejected is in
    :mod:`tocsin.ops.rejections`.
    """
    kept = []
    batch: suppression.Batch | None = None
    for asked in suppression.widest_first(office, proposals):
        # What is held back is not asked, so that no answer of officers is looked for.
        proposal = asked if asked.held else rejections.ask(office, asked)
        if proposal is None:
            continue
        alert = proposal.alert
        batch = batch or suppression.Batch(office=office, at=alert.created_at)
        held = batch.weigh(proposal)
        if held is not None:
            suppression.note(office, alert, held, at=alert.created_at)
            continue
        barred = _barred(office, alert)
        if barred is None:
            keep(office, alert, proposal.decision)
            kept.append(alert)
            batch.kept(alert)
        else:
            by, reason = barred
            again = suppression.Held(stage="proposed again", by=by, reason=reason)
            suppression.note(office, alert, again, at=alert.created_at)
    return kept


def _barred(office: Office, alert: Alert) -> tuple[str, str] | None:
    """The message that keeps a proposal from being kept, and why."""
    same: Alert | None = office.store.get("alert", alert.id)
    if same is not None:
        return same.id, f"{alert.id} is there already, {same.state} at level {same.level}"
    if alert.msg_type == "Alert":
        return None  # it begins its chain
    for other in office.store.list("alert", where={"chain": alert.chain}):
        if other.state is State.REJECTED:
            asked = office.store.history("alert", other.id)[0].noun
            if _says(asked) == _says(alert):
                return other.id, f"the same was rejected as {other.id}: {other.reason}"
    return None


def _says(alert: Alert) -> tuple[object, ...]:
    """What a later message of a chain asks the officers to decide."""
    return alert.msg_type, alert.level, frozenset(alert.regions), alert.references, alert.reason


def draft(office: Office, alert: Alert, actor: Actor, *, at: datetime) -> Alert:
    """Keep a new draft of an officer."""
    with office.store.transaction():
        if office.store.get("alert", alert.id) is not None:
            raise ConflictError(f"{alert.id}: id: got one that is used, allowed: a new one")
        fit(office, alert, whole=False)
        new, decision = lifecycle.draft(alert, at=at, **who(actor))
        keep(office, new, decision)
    return new


def edit(
    office: Office,
    alert: str,
    changes: Mapping[str, Any],
    actor: Actor,
    *,
    at: datetime,
    match: str | None = None,
) -> Alert:
    """Change the content of a draft; every approval is void."""
    with office.store.transaction():
        old = matching(office, alert, match)
        new, decision = lifecycle.edit(old, changes, at=at, **who(actor))
        fit(office, new, whole=False)
        keep(office, new, decision)
    return new


def submit(office: Office, alert: str, actor: Actor, *, at: datetime, match: str | None = None) -> Alert:
    """Ask another officer for approval."""
    with office.store.transaction():
        old = matching(office, alert, match)
        new, decision = lifecycle.submit(old, at=at, **who(actor))
        fit(office, new, whole=not actor.simulated)  # the desk of a replay translates nothing
        keep(office, new, decision)
    return new


def approve(
    office: Office,
    alert: str,
    actor: Actor,
    *,
    legal_basis: str,
    at: datetime,
    match: str | None = None,
    reason: str = "",
    break_glass: BreakGlass | None = None,
) -> Alert:
    """Approve exactly this content, on a legal basis; never one's own.

    Parameters
    ----------
    break_glass : BreakGlass or None
        The policy under which the author or submitter approves alone (:func:`policy_of`); it needs a reason,
        and a review of it is due.

    Raises
    ------
    AuthorityError
        When role, law, level or second officer are missing.
    TransitionError
        When the state does not allow it, or a translation was not checked.
    ConflictError
        When the warning is not the version that was decided on.
    """
    with office.store.transaction():
        old = matching(office, alert, match)
        new, decision = lifecycle.approve(
            old,
            at=at,
            legal_basis=legal_basis,
            laws=office.laws,
            levels=office.pack.levels,
            expires_after=APPROVAL_LASTS,
            reason=reason,
            break_glass=break_glass,
            **who(actor),
        )
        keep(office, new, decision)
        fit(office, new, whole=not actor.simulated)
        policy = None
        if break_glass is not None:
            due = lifecycle.review_due(break_glass, at)
            policy = StoredBreakGlass(policy=break_glass.policy, reason=reason, review_due=due)
            reviews.begin(office, new, policy=break_glass.policy, reason=reason, due=due, at=at)
        office.store.approve(
            alert=new.id,
            content_hash=new.content_hash,
            approver=actor.account,
            submitter=new.submitter or "",
            legal_basis=legal_basis,
            at=at,
            expires=new.approval_expires or at,
            breakglass=policy,
        )
    return new


def reject(
    office: Office, alert: str, actor: Actor, *, reason: str, at: datetime, match: str | None = None
) -> Alert:
    """Turn a warning down, with a reason."""
    with office.store.transaction():
        old = matching(office, alert, match)
        new, decision = lifecycle.reject(old, reason=reason, at=at, **who(actor))
        keep(office, new, decision)
        rejections.begin(office, new, at=at)
    return new


def issue(
    office: Office,
    alert: str,
    actor: Actor,
    *,
    at: datetime,
    match: str | None = None,
    break_glass: BreakGlass | None = None,
) -> Alert:
    """Issue what was approved: retire what it replaces, decide what is sent to whom, open the tasks.

    Parameters
    ----------
    break_glass : BreakGlass or None
        The policy that the approval was given under; that of the country where the approval says so.
    """
    with office.store.transaction():
        old = matching(office, alert, match)
        if break_glass is None and _alone(office, old):
            break_glass = office.pack.break_glass
        chain = [a for a in office.store.list("alert", where={"chain": old.chain}) if a.id != old.id]
        messages, decisions = lifecycle.issue(
            old,
            at=at,
            chain=chain,
            sender=office.pack.sender,
            break_glass=break_glass,
            **who(actor),
        )
        for message, decision in zip(messages, decisions, strict=True):
            keep(office, message, decision)
        new = messages[0]
        office.store.issue(
            alert=new.id,
            content_hash=new.content_hash,
            approval_expires=new.approval_expires or at,
            at=at,
            issuer=actor.account,
        )
        desk = office.replay_desk if actor.simulated else office.desk
        outbox = office.store.outbox_of(deliver.outbox_for(new.status))
        # What a replay says of the past never carries the desk's signature: it would pass for a warning.
        seal = None if actor.simulated else signatures.sealing(office, at=at)
        outcomes = deliver.prepare(new, at=at, desk=desk, outbox=outbox, chain=chain, seal=seal)
        for outcome in outcomes:
            if not outcome.sent_on:
                key = f"{new.id}:{outcome.recipient or 'all'}"
                body = {
                    "id": key,
                    "stage": f"delivery: {outcome.stage}",
                    "at": at,
                    "alert": new.id,
                    "domain": new.domain,
                    "reason": outcome.reason,
                }
                _put_new(office, "suppressed", key, body, at)
        if new.correction and new.status == "Actual":
            corrections.keep(office, new, messages[1:], at=at)
        _open_tasks(office, new, actor, at)
    return new


def policy_of(office: Office) -> BreakGlass:
    """The policy by which one officer alone may approve what leaves only seconds.

    Raises
    ------
    AuthorityError
        When the country has none.
    """
    if office.pack.break_glass is None:
        raise AuthorityError(
            f"break_glass: got a wish to approve alone, allowed: never: country {office.pack.id} has no "
            "policy for it; a second officer must approve"
        )
    return office.pack.break_glass


def _alone(office: Office, alert: Alert) -> bool:
    """Whether the approval that a warning stands under was given by one officer alone."""
    return any(
        given.breakglass is not None
        for given in office.store.approvals(alert.id)
        if (given.content_hash, given.expires) == (alert.approved_hash, alert.approval_expires)
    )


def cancel(
    office: Office,
    alert: str,
    actor: Actor,
    *,
    reason: str,
    at: datetime,
    match: str | None = None,
    correction: bool = False,
) -> Alert:
    """Draft the public cancellation of an issued warning; it needs approval like any other.

    Parameters
    ----------
    correction : bool
        Whether the warning was wrong: the cancellation says so, and stands in the list of corrections.
    """
    with office.store.transaction():
        old = matching(office, alert, match)
        chain = [a for a in office.store.list("alert", where={"chain": old.chain}) if a.id != old.id]
        # A stale update must not keep a wrong warning standing: only a second cancellation is refused.
        _none_waits(old, chain, at, frozenset({"Cancel"}))
        new, decision = lifecycle.cancel(
            old,
            reason=reason,
            new_id=_next_id(old, chain),
            sender=office.pack.sender,
            chain=chain,
            correction=correction,
            at=at,
            **who(actor),
        )
        keep(office, new, decision)
    return new


def update(
    office: Office,
    alert: str,
    changes: Mapping[str, Any],
    actor: Actor,
    *,
    reason: str,
    at: datetime,
    match: str | None = None,
    correction: bool = False,
) -> Alert:
    """Draft the message that is to replace an issued warning; one successor waits at a time.

    Parameters
    ----------
    correction : bool
        Whether the warning was wrong: the update says so, and stands in the list of corrections.

    Raises
    ------
    ConflictError
        When the warning is not the version that was decided on.
    TransitionError
        When another update or cancellation of the chain still waits.
    """
    with office.store.transaction():
        old = matching(office, alert, match)
        chain = [a for a in office.store.list("alert", where={"chain": old.chain}) if a.id != old.id]
        _none_waits(old, chain, at)
        new, decision = lifecycle.update(
            old,
            changes,
            new_id=_next_id(old, chain),
            sender=office.pack.sender,
            chain=chain,
            reason=reason,
            correction=correction,
            at=at,
            **who(actor),
        )
        fit(office, new, whole=False)
        keep(office, new, decision)
    return new


def send_pending(
    office: Office, *, at: datetime, replay: bool = False, clock: Callable[[], datetime] | None = None
) -> deliver.Round:
    """Take what is in the outboxes to the channels once, at least once each, and record every answer.

    A replay has recipients of its own: nothing that it sends can reach the public, and it leaves what others
    have to get alone.
    """
    book = (office.replay_desk if replay else office.desk).book
    rounds = []
    for name in ("public", "drill"):
        outbox = office.store.outbox_of(name)
        if replay:
            waiting = outbox.due(at, horizon=Retry().horizon)
            elsewhere = waiting.keys() - {to.id for to in book.everybody}
        else:
            elsewhere = {to.id for to in office.replay_desk.book.everybody}
        rounds.append(
            deliver.send(
                outbox, office.channels, book, at=at, clock=clock, owner=sender(), elsewhere=elsewhere
            )
        )
    return deliver.Round(
        receipts=tuple(r for one in rounds for r in one.receipts),
        alarms=tuple(a for one in rounds for a in one.alarms),
        failures=max(one.failures for one in rounds),
    )


def settle_task(office: Office, task: str, actor: Actor, *, done: bool, reason: str, at: datetime) -> Task:
    """Mark a task as done, or drop it with a reason."""
    with office.store.transaction():
        stored = office.store.history("task", task)
        if not stored:
            raise NotFoundError(f"task: got {task!r}, allowed: an id that 'tocsin respond tasks' shows")
        opened = office.store.list("task", where={"alert": stored[-1].noun.alert})
        old: Task = stored[-1].noun
        if done:
            new, decision = respond.complete(old, tasks=opened, actor=actor.account, role=actor.role, at=at)
        else:
            new, decision = respond.drop(old, reason=reason, actor=actor.account, role=actor.role, at=at)
        office.store.put("task", task, new, known_at=at, revision=stored[-1].revision + 1)
        office.store.journal(decision)
    return new


def acknowledge(office: Office, alert: str, actor: Actor, *, at: datetime) -> None:
    """Note that an officer has seen a warning; it changes nothing else."""
    found = get_alert(office, alert)
    key = f"{alert}:{actor.account}"
    with office.store.transaction():
        _put_new(office, "ack", key, {"id": key, "alert": alert, "account": actor.account, "at": at}, at)
        office.store.journal(
            Decision(
                id=lifecycle.decision_id(alert, "ack", at, actor.account),
                at=at,
                actor=actor.account,
                role=actor.role,
                action="ack",
                subject=alert,
                content_hash=found.content_hash,
            )
        )


def escalate(office: Office, *, at: datetime) -> list[Escalation]:
    """Call the next role for every warning that has waited too long; nobody is called twice for one wait.

    Returns
    -------
    list of Escalation
        Those that are new at ``at``.
    """
    waiting = [a for a in office.store.as_of(at).standing() if a.state in WAITING]
    since = {a.id: office.store.history("alert", a.id)[-1].known_at for a in waiting}
    new = []
    for one in escalations(waiting, at=at, policy=load_policy(), since=since):
        reason = f"{one.state} for {int(one.waited.total_seconds() // 60)} min: {one.to} is called"
        if _called(office, one, reason, at):
            new.append(one)
    return new + _late_reviews(office, at)


def _late_reviews(office: Office, at: datetime) -> list[Escalation]:
    """Call an administrator, once, for each act under break-glass that was not reviewed in time."""
    new = []
    for row in reviews.reviews(office, at, at, due=True):
        if not row["overdue"]:
            continue
        done, alert = parse_time(row["at"]), get_alert(office, row["alert"])
        one = Escalation(
            id=f"review:{row['id']}",
            alert=alert.id,
            level=alert.level,
            state=alert.state,
            since=done,
            waited=at - done,
            to=Role.ADMINISTRATOR,
            text=f"{row['account']} approved alone under {row['policy']}; a review was due at {row['due']}.",
        )
        reason = (
            f"break-glass {row['policy']} was to be reviewed by {row['due']} and was not: {one.to} is called"
        )
        if _called(office, one, reason, at):
            new.append(one)
    return new


def _called(office: Office, one: Escalation, reason: str, at: datetime) -> bool:
    """Keep a call, once for all processes; whether it is new."""
    with office.store.transaction():
        if office.store.get("escalation", one.id) is not None:
            return False
        office.store.put("escalation", one.id, to_plain(one), known_at=at, revision=0)
        office.store.journal(
            Decision(
                id=lifecycle.decision_id(one.id, "escalate", at, SYSTEM.account),
                at=at,
                actor=SYSTEM.account,
                role=SYSTEM.role,
                action="escalate",
                subject=one.alert,
                content_hash=get_alert(office, one.alert).content_hash,
                reason=reason,
            )
        )
    return True


def who(actor: Actor) -> dict[str, Any]:
    """Who acts, as the steps of :mod:`tocsin.warn.lifecycle` ask for it."""
    return {"actor": actor.account, "role": actor.role, "simulated": actor.simulated}


def keep(office: Office, alert: Alert, decision: Decision) -> None:
    """Keep a revision with its decision; call it inside a transaction."""
    office.store.put("alert", alert.id, alert, known_at=decision.at, revision=alert.revision)
    office.store.journal(decision)


def matching(office: Office, alert: str, match: str | None) -> Alert:
    """The newest revision, once it is sure that it is the one that was decided on.

    Raises
    ------
    ConflictError
        When somebody changed it since.
    """
    found = get_alert(office, alert)
    if match is not None and match != etag(found):
        raise ConflictError(
            f"{alert}: If-Match: got {match}, allowed: {etag(found)}; somebody changed it, read it again"
        )
    return found


def _none_waits(
    old: Alert, chain: Sequence[Alert], at: datetime, kinds: frozenset[str] = frozenset({"Update", "Cancel"})
) -> None:
    """Refuse a second successor: of two drafts of one warning, the later would undo the earlier unseen."""
    successors = (a for a in chain if a.msg_type in kinds)
    waits = [a for a in successors if lifecycle.state_at(a, at) in WAITING]
    if waits:
        raise TransitionError(
            f"{old.id}: got a second successor, allowed: one at a time; {waits[0].id} is {waits[0].state}: "
            "edit, issue or reject it first"
        )


def _next_id(alert: Alert, chain: Sequence[Alert]) -> str:
    """The next number in a chain; messages of the system are named by their moment, not by a number."""
    stem = alert.chain.rsplit(".", 1)[0]
    ends = [a.id.rsplit(".", 1)[-1] for a in (alert, *chain)]
    return f"{stem}.{max([len(ends), *(int(e) for e in ends if e.isdecimal())]) + 1}"


def _put_new(office: Office, kind: str, key: str, body: Mapping[str, Any], at: datetime) -> None:
    if office.store.get(kind, key) is None:
        office.store.put(kind, key, body, known_at=at, revision=0)


def _open_tasks(office: Office, alert: Alert, actor: Actor, at: datetime) -> None:
    opened = office.store.list("task", where={"alert": alert.chain})
    if alert.msg_type == "Cancel":
        for task, decision in respond.stand_down(opened, at=at, reason=f"cancelled by {alert.id}"):
            revision = office.store.history("task", task.id)[-1].revision + 1
            office.store.put("task", task.id, task, known_at=at, revision=revision)
            office.store.journal(decision)
        return
    book = respond.playbook_for(alert, office.playbooks.values())
    if book is None or alert.state is not State.ISSUED:
        return
    tasks, decision = respond.activate(alert, book, at=at, opened=opened, simulated=actor.simulated)
    for task in tasks:
        office.store.put("task", task.id, task, known_at=at, revision=0)
    if tasks:
        office.store.journal(decision)


def exercise_of(alert: Alert, *, identifier: str, at: datetime, hold: timedelta) -> Alert:
    """A draft with the content of an earlier warning as an exercise: it can never reach the public.

    Parameters
    ----------
    alert : Alert
        What is played again.
    identifier : str
        New id.
    at : datetime
        When the exercise begins.
    hold : timedelta
        How long it stands.
    """
    members = tuple(replace(m, since=at) for m in alert.members)
    return replace(
        alert,
        id=identifier,
        chain=identifier,
        revision=0,
        state=State.DRAFT,
        status="Exercise",
        msg_type="Alert",
        members=members,
        onset=at,
        expires=at + hold,
        created_at=at,
        sent=None,
        references=(),
        author="system",
        submitter=None,
        approver=None,
        legal_basis=None,
        approved_hash=None,
        approval_expires=None,
        reason="",
        correction=False,
    )
