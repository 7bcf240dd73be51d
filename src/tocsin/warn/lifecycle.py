"""The life of a warning: pure functions from one state to the next, and who may take each step.

Nothing here knows a store or a clock. Every step takes the alert, the account, its role and the instant, and
gives the next revision of the alert with the decision to put on record; or it raises and says who can do
what next.

::

    draft ──submit──▶ submitted ──approve──▶ approved ──issue──▶ issued ──▶ updated | cancelled
      ▲                   │                     │                     (by the message that replaces it)
      └──edit, translate──┴───edit, translate───┘        reject ──▶ rejected ──edit──▶ draft

A translation is *checked* by another account while the warning is a draft or submitted; that changes no word.
*Expired* is a predicate on time (:func:`state_at`), never a stored step. An update or a cancellation is a new
message with its own approval; the old one stands until the new one is issued, so that no gap opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tocsin.model import (
    Alert,
    AuthorityError,
    Decision,
    Level,
    Role,
    State,
    TransitionError,
    Translation,
    require_utc,
)
from tocsin.model.law import BreakGlass
from tocsin.model.record import decision_id
from tocsin.warn.authority import (
    Laws,
    approval_holds,
    basis_for,
    broken_glass,
    level_for,
    other_eyes,
    review_due,
    usable_for,
    without_approval,
)
from tocsin.warn.chain import reference, replaced_by, successor
from tocsin.warn.transitions import (
    EDITABLE,
    PERMITTED,
    TRANSITIONS,
    Action,
    actions,
    no_earlier,
    permit,
    stands,
    state_at,
    step,
    words,
)
from tocsin.warn.translation import (
    cancelled,
    checked,
    require_checks,
    touches,
    unchecked,
    with_translation,
    without_translation,
)
from tocsin.warn.wording import HEADLINE, faults, shorten

__all__ = [
    "EDITABLE",
    "PERMITTED",
    "TRANSITIONS",
    "Action",
    "actions",
    "approve",
    "cancel",
    "check",
    "decision_id",
    "draft",
    "edit",
    "issue",
    "reference",
    "reject",
    "review_due",
    "stands",
    "state_at",
    "submit",
    "translate",
    "update",
]

_A, _S = Action, State

_WRONG = "This warning was wrong and is taken back."


def draft(
    alert: Alert, *, actor: str, role: Role, at: datetime, simulated: bool = False
) -> tuple[Alert, Decision]:
    """Put a new draft on record.

    Raises
    ------
    TransitionError
        If it is not fresh: revision 0, state draft, nothing approved or sent.
    AuthorityError
        If the role may not draft.
    """
    fresh = (
        alert.state is _S.DRAFT
        and alert.revision == 0
        and alert.sent is None
        and alert.submitter is None
        and alert.approver is None
        and alert.approved_hash is None
        and alert.legal_basis is None
    )
    if not fresh:
        raise TransitionError(
            f"{alert.id}: draft: got revision {alert.revision} in state {alert.state}, submitter "
            f"{alert.submitter!r}, approver {alert.approver!r}; allowed: revision 0, which nobody acted on"
        )
    permit(alert, _A.DRAFT, role)
    no_earlier(alert, at)
    return alert, _decision(alert, _A.DRAFT, actor, role, at, simulated=simulated)


def edit(
    alert: Alert,
    changes: Mapping[str, Any],
    *,
    actor: str,
    role: Role,
    at: datetime,
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Change the content; whoever edits becomes the author, and every approval is void.

    Parameters
    ----------
    changes : mapping
        Field → new value; only fields of :data:`EDITABLE`.

    Raises
    ------
    TransitionError
        If the state does not allow it, a field may not change, or nothing changes.
    AuthorityError
        If the role may not edit.
    """
    state = step(alert, _A.EDIT, role, at)
    _editable(alert, changes)
    new = replace(
        without_approval(_changed(alert, changes)),
        state=state,
        revision=alert.revision + 1,
        author=actor,
        submitter=None,
        reason="",
    )
    reason = "changed " + ", ".join(sorted(changes))
    return new, _decision(new, _A.EDIT, actor, role, at, reason=reason, simulated=simulated)


def submit(
    alert: Alert, *, actor: str, role: Role, at: datetime, simulated: bool = False
) -> tuple[Alert, Decision]:
    """Ask for approval.

    Raises
    ------
    TransitionError
        If it is no draft, or its text has faults (all are listed).
    AuthorityError
        If the role may not submit.
    """
    state = step(alert, _A.SUBMIT, role, at)
    _sound(alert, at)
    new = replace(alert, state=state, revision=alert.revision + 1, submitter=actor)
    return new, _decision(new, _A.SUBMIT, actor, role, at, simulated=simulated)


def approve(
    alert: Alert,
    *,
    actor: str,
    role: Role,
    at: datetime,
    legal_basis: str,
    laws: Laws,
    levels: Iterable[Level],
    expires_after: timedelta,
    break_glass: BreakGlass | None = None,
    reason: str = "",
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Approve exactly this content in all its languages, on a legal basis, for a limited time.

    Parameters
    ----------
    legal_basis : str
        Key of a row of ``laws``.
    laws, levels : mapping or iterable, iterable
        Law table and level scheme of the country pack.
    expires_after : timedelta
        How long the approval may be used.
    break_glass : BreakGlass or None
        The policy, when the author or submitter approves alone; it then needs a reason.
    reason : str
        In words; required with ``break_glass``.

    Raises
    ------
    TransitionError
        If it was not submitted, its text has faults, or a translation was not checked.
    AuthorityError
        If the legal basis is missing or does not cover the level, the role may not approve this level, or the
        approver is the author or the submitter without a policy that lists this hazard.
    """
    cited = dict(laws) if isinstance(laws, Mapping) else {b.key: b for b in laws}
    if legal_basis in cited and role not in PERMITTED[_A.APPROVE]:
        basis_for(alert, legal_basis, cited, role)  # says which article names other roles
    state = step(alert, _A.APPROVE, role, at)
    _sound(alert, at)
    require_checks(alert)
    basis = basis_for(alert, legal_basis, laws, role)
    level_for(alert, levels, basis, role)
    usable = usable_for(alert, expires_after)
    act = reason
    if break_glass is not None:
        act = broken_glass(alert, break_glass, actor, reason, at)
    else:
        other_eyes(alert, actor)
    new = replace(
        alert,
        state=state,
        revision=alert.revision + 1,
        approver=actor,
        legal_basis=basis.key,
        approved_hash=alert.content_hash,
        approval_expires=at + usable,
    )
    return new, _decision(new, _A.APPROVE, actor, role, at, reason=act, simulated=simulated)


def reject(
    alert: Alert, *, actor: str, role: Role, at: datetime, reason: str, simulated: bool = False
) -> tuple[Alert, Decision]:
    """Turn it down with a reason; an approval that it had is void.

    Raises
    ------
    TransitionError
        If the state does not allow it or the reason is missing.
    AuthorityError
        If the role may not reject.
    """
    state = step(alert, _A.REJECT, role, at)
    why = _reason(alert, _A.REJECT, reason)
    new = replace(without_approval(alert), state=state, revision=alert.revision + 1, reason=why)
    return new, _decision(new, _A.REJECT, actor, role, at, reason=why, simulated=simulated)


def issue(
    alert: Alert,
    *,
    at: datetime,
    actor: str = "system",
    role: Role = Role.SYSTEM,
    chain: Sequence[Alert] = (),
    sender: str = "",
    break_glass: BreakGlass | None = None,
    simulated: bool = False,
) -> tuple[tuple[Alert, ...], tuple[Decision, ...]]:
    """Issue what was approved, and retire the messages that it replaces.

    Parameters
    ----------
    chain : sequence of Alert
        All messages of the same chain as stored now; needed for an update or a cancellation.
    sender : str
        CAP sender, as in the references; needed with ``chain``.
    break_glass : BreakGlass or None
        The policy that the approval was given under, where one officer approved alone.

    Returns
    -------
    tuple of Alert, tuple of Decision
        First the issued message, then each replaced one, with its decision at the same place.

    Raises
    ------
    TransitionError
        If it is not approved, or a message of the chain was sent since that it does not refer to.
    AuthorityError
        If the approval has lapsed, is for other content, or lacks its legal basis or second officer.
    """
    at = require_utc(at, "at")
    if alert.state is _S.APPROVED and alert.expires > at:
        permit(alert, _A.ISSUE, role)
        approval_holds(alert, at, break_glass)
    state = step(alert, _A.ISSUE, role, at)
    if alert.msg_type in ("Update", "Cancel") and not chain:
        raise TransitionError(
            f"{alert.id}: chain: got no messages, allowed for {alert.msg_type}: all of chain {alert.chain}"
        )
    replaced = replaced_by(alert, chain, sender, at)
    new = replace(alert, state=state, revision=alert.revision + 1, sent=at)
    done = [(new, _decision(new, _A.ISSUE, actor, role, at, simulated=simulated))]
    end, verb = (_S.CANCELLED, _A.CANCEL) if alert.msg_type == "Cancel" else (_S.UPDATED, _A.UPDATE)
    for old in replaced:
        why = f"replaced by {alert.id}" + (f": {alert.reason}" if alert.reason else "")
        gone = replace(old, state=end, revision=old.revision + 1, reason=why)
        done.append((gone, _decision(gone, verb, actor, role, at, reason=why, simulated=simulated)))
    return tuple(a for a, _ in done), tuple(d for _, d in done)


def update(
    old: Alert,
    changes: Mapping[str, Any],
    *,
    new_id: str,
    sender: str,
    actor: str,
    role: Role,
    at: datetime,
    chain: Sequence[Alert] = (),
    reason: str = "",
    correction: bool = False,
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Draft the message that is to replace an issued one; the old one stands until the new one is issued.

    Parameters
    ----------
    changes : mapping
        Field → new value; only fields of :data:`EDITABLE`.
    new_id : str
        CAP identifier of the new message.
    sender : str
        CAP sender, for the references.
    chain : sequence of Alert
        The other messages of the chain; every one that was sent and has not expired is referred to.
    correction : bool
        Whether it says in public that ``old`` was wrong; it then needs a reason.

    Raises
    ------
    TransitionError
        If ``old`` does not stand, a field may not change, nothing changes, the identifier is used, or a
        correction lacks its reason.
    AuthorityError
        If the role may not draft an update.
    """
    step(old, _A.UPDATE, role, at)
    _editable(old, changes)
    if correction:
        reason = _reason(old, _A.UPDATE, reason)
    new = successor(old, chain, "Update", new_id=new_id, sender=sender, actor=actor, at=at, reason=reason)
    new = replace(_changed(new, changes), correction=correction)
    said = f"correction: {reason}" if correction else reason
    return new, _decision(new, _A.UPDATE, actor, role, at, reason=said, simulated=simulated)


def cancel(
    old: Alert,
    *,
    reason: str,
    new_id: str,
    sender: str,
    actor: str,
    role: Role,
    at: datetime,
    chain: Sequence[Alert] = (),
    response_type: str = "None",
    correction: bool = False,
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Draft the public cancellation of an issued message; it says why, and stands once it is issued itself.

    Parameters
    ----------
    correction : bool
        Whether it says in public that ``old`` was wrong, and not only that it is over; others as
        :func:`update`.

    Raises
    ------
    TransitionError
        If ``old`` does not stand, the reason is missing or the identifier is used.
    AuthorityError
        If the role may not draft a cancellation.
    """
    step(old, _A.CANCEL, role, at)
    why = _reason(old, _A.CANCEL, reason)
    new = successor(old, chain, "Cancel", new_id=new_id, sender=sender, actor=actor, at=at, reason=why)
    new = replace(
        new,
        headline=shorten(f"Cancelled: {old.headline}", HEADLINE),
        description=f"{_WRONG if correction else 'This warning is cancelled.'} Reason: {why}",
        instruction="No action is recommended any more on account of this warning.",
        response_type=response_type,
        correction=correction,
        translations=cancelled(old, actor=actor, at=at, correction=correction),
    )
    said = f"correction: {why}" if correction else why
    return new, _decision(new, _A.CANCEL, actor, role, at, reason=said, simulated=simulated)


def translate(
    alert: Alert,
    translation: Translation | str,
    *,
    actor: str,
    role: Role,
    at: datetime,
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Add the warning in one more language, or take one out; it is a draft again, every approval is void.

    Parameters
    ----------
    translation : Translation or str
        The texts, of which ``actor`` becomes the author and which nobody has checked; or the tag of the
        language that is taken out.

    Raises
    ------
    TransitionError
        If the state does not allow it, the text has faults or says the same as in another language.
    AuthorityError
        If the role may not translate.
    """
    state = step(alert, _A.TRANSLATE, role, at)
    if isinstance(translation, str):
        new, said = without_translation(alert, translation), f"took out {translation}"
    else:
        own = replace(
            translation, author=actor, written_at=require_utc(at, "at"), checked_by=None, checked_at=None
        )
        new, said = with_translation(alert, own), f"wrote {own.language}"
    new = replace(without_approval(new), state=state, revision=alert.revision + 1, submitter=None)
    return new, _decision(new, _A.TRANSLATE, actor, role, at, reason=said, simulated=simulated)


def check(
    alert: Alert,
    language: str,
    *,
    actor: str,
    role: Role,
    at: datetime,
    by: Iterable[Role] | None = None,
    simulated: bool = False,
) -> tuple[Alert, Decision]:
    """Note that an account other than its author read a translation against the main text.

    Parameters
    ----------
    language : str
        Tag of the translation.
    by : iterable of Role or None
        Roles that the country lets check it.

    Raises
    ------
    TransitionError
        If the state does not allow it, there is no such translation, or it was checked.
    AuthorityError
        If the role may not, or the account wrote it.
    """
    state = step(alert, _A.CHECK, role, at)
    seen = checked(alert, language, actor=actor, role=role, at=require_utc(at, "at"), by=by)
    new = replace(seen, state=state, revision=alert.revision + 1)
    return new, _decision(new, _A.CHECK, actor, role, at, reason=f"checked {language}", simulated=simulated)


def _decision(
    alert: Alert,
    action: Action,
    actor: str,
    role: Role,
    at: datetime,
    *,
    reason: str = "",
    simulated: bool,
) -> Decision:
    if not actor.strip():
        raise AuthorityError(f"{alert.id}: actor: got nothing, allowed: an account")
    at = require_utc(at, "at")
    return Decision(
        id=decision_id(alert.id, action, at, actor),
        at=at,
        actor=actor,
        role=role,
        action=str(action),
        subject=alert.id,
        content_hash=alert.content_hash,
        legal_basis=alert.legal_basis,
        reason=reason,
        simulated=simulated,
    )


def _editable(alert: Alert, changes: Mapping[str, Any]) -> None:
    if wrong := sorted(set(changes) - EDITABLE):
        raise TransitionError(
            f"{alert.id}: {wrong[0]}: got a change, allowed to change: {words(sorted(EDITABLE))}"
        )
    # NaN is not equal to itself: a likelihood that nobody measured is no change.
    same = all(
        getattr(alert, k) == v or (v != v and getattr(alert, k) != getattr(alert, k))
        for k, v in changes.items()
    )
    if same:
        raise TransitionError(f"{alert.id}: changes: got none, allowed: at least one field with a new value")


def _changed(alert: Alert, changes: Mapping[str, Any]) -> Alert:
    if alert.matrix and "matrix" not in changes and set(changes) & {"level", "impact", "likelihood"}:
        changes = {**changes, "matrix": ""}  # what an officer graded was not read from a matrix
    if touches(changes):
        alert = unchecked(alert)
    try:
        return replace(alert, **changes)
    except ValueError as error:  # the noun itself refuses: level, members, naive times
        raise TransitionError(f"{alert.id}: {error}") from error


def _reason(alert: Alert, action: Action, reason: str) -> str:
    if not reason.strip():
        raise TransitionError(f"{alert.id}: reason: got nothing, allowed to {action}: with a reason in words")
    return reason.strip()


def _sound(alert: Alert, at: datetime) -> None:
    if found := faults(alert, at=require_utc(at, "at")):
        raise TransitionError(f"{alert.id}: " + "; ".join(found) + "; a duty officer can edit it")
