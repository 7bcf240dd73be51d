"""Which steps of a warning exist, from which state, and which roles may take them at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from tocsin.model import Alert, AuthorityError, Role, State, TransitionError, iso, require_utc


class Action(StrEnum):
    """What can be done with a warning; the ``action`` of its decisions."""

    DRAFT = "draft"
    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    ISSUE = "issue"
    UPDATE = "update"
    CANCEL = "cancel"
    TRANSLATE = "translate"
    CHECK = "check"


_A, _S = Action, State
_OPEN = {_A.EDIT: _S.DRAFT, _A.TRANSLATE: _S.DRAFT, _A.REJECT: _S.REJECTED}

TRANSITIONS: Mapping[State, Mapping[Action, State]] = MappingProxyType(
    {
        _S.DRAFT: {**_OPEN, _A.CHECK: _S.DRAFT, _A.SUBMIT: _S.SUBMITTED},
        _S.SUBMITTED: {**_OPEN, _A.CHECK: _S.SUBMITTED, _A.APPROVE: _S.APPROVED},
        _S.APPROVED: {**_OPEN, _A.ISSUE: _S.ISSUED},
        _S.ISSUED: {_A.UPDATE: _S.UPDATED, _A.CANCEL: _S.CANCELLED},
        _S.REJECTED: {_A.EDIT: _S.DRAFT},
        _S.UPDATED: {},
        _S.CANCELLED: {},
        _S.EXPIRED: {},
    }
)
"""Every step that exists: state at the instant → action → next state. What is not here is refused."""

_DESK = frozenset({Role.DUTY_OFFICER, Role.APPROVING_OFFICER})
PERMITTED: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        _A.DRAFT: _DESK | {Role.ANALYST, Role.SYSTEM},
        _A.EDIT: _DESK,
        _A.SUBMIT: _DESK,
        _A.APPROVE: _DESK | {Role.ADMINISTRATOR},  # narrowed by the level and by the law, see `approve`
        _A.REJECT: _DESK,
        _A.ISSUE: _DESK | {Role.SYSTEM},  # carrying out an approval decides nothing
        _A.UPDATE: _DESK | {Role.SYSTEM},  # makes a draft only
        _A.CANCEL: _DESK | {Role.SYSTEM},  # makes a draft only
        _A.TRANSLATE: _DESK | {Role.ANALYST},  # content like any other: it has to be submitted again
        _A.CHECK: _DESK | {Role.ANALYST},  # narrowed by the country for each language
    }
)
"""Which roles may take an action at all; an approval also needs the level's and the law's permission."""

EDITABLE = frozenset(
    {
        "event", "category", "level", "likelihood", "impact", "headline", "description", "instruction",
        "response_type", "language", "members", "onset", "expires", "inputs", "matrix",
    }
)  # fmt: skip
"""Fields that an edit or an update may change; identity, chain and status are fixed at birth."""

_NEXT = {
    _S.DRAFT: "a duty officer can submit, edit or reject it",
    _S.SUBMITTED: "another officer, with the role that the level asks for, can approve or reject it",
    _S.APPROVED: "it can be issued, or edited, which voids the approval",
    _S.ISSUED: "a duty officer can draft an update or a cancellation",
    _S.REJECTED: "a duty officer can edit it, which makes it a draft again",
    _S.UPDATED: "nothing more: act on the message that replaced it",
    _S.CANCELLED: "nothing more: draft a new warning if the hazard is back",
    _S.EXPIRED: "nothing more: draft a new warning if the hazard goes on",
}


def state_at(alert: Alert, at: datetime) -> State:
    """Give the state that holds at an instant: a warning expires, and an approval lapses, by time alone.

    Parameters
    ----------
    alert : Alert
        Its newest revision known at ``at``.
    at : datetime
        Aware.

    Returns
    -------
    State
        ``EXPIRED`` for a warning or a draft whose ``expires`` has come; ``SUBMITTED`` for an approval that
        was not used in time, since it must be approved again; else the stored state.
    """
    at = require_utc(at, "at")
    if alert.state in (_S.DRAFT, _S.SUBMITTED, _S.APPROVED, _S.ISSUED) and alert.expires <= at:
        return _S.EXPIRED
    if alert.state is _S.APPROVED and (alert.approval_expires is None or alert.approval_expires < at):
        return _S.SUBMITTED
    return alert.state


def stands(alert: Alert, at: datetime) -> bool:
    """Whether the public is warned by this message at an instant; a cancellation warns of nothing."""
    return state_at(alert, at) is _S.ISSUED and alert.msg_type != "Cancel"


def actions(alert: Alert, *, actor: str, role: Role, at: datetime) -> tuple[Action, ...]:
    """List what this account could try now; level and law are looked at only by :func:`approve` itself."""
    can = [a for a in _steps(alert, state_at(alert, at)) if role in PERMITTED[a]]
    if actor in (alert.author, alert.submitter, *(t.author for t in alert.translations)):
        can = [a for a in can if a is not _A.APPROVE]
    if not any(t.checked_by is None and t.author != actor for t in alert.translations):
        can = [a for a in can if a is not _A.CHECK]
    return tuple(can)


def words(names: Iterable[str]) -> str:
    """Join names for a message; ``nobody`` when there is none."""
    return ", ".join(str(n) for n in names) or "nobody"


def permit(alert: Alert, action: Action, role: Role) -> None:
    """Raise AuthorityError unless the role may take the action at all."""
    if role not in PERMITTED[action]:
        allowed = words(r for r in Role if r in PERMITTED[action])
        raise AuthorityError(f"{alert.id}: role: got {role}, allowed to {action}: {allowed}")


def no_earlier(alert: Alert, at: datetime) -> None:
    """Raise TransitionError for an instant before the alert was made or sent: a clock went backwards."""
    if require_utc(at, "at") < alert.created_at:
        raise TransitionError(
            f"{alert.id}: at: got {iso(at)}, allowed: not before it was made, {iso(alert.created_at)}"
        )
    if alert.sent is not None and at < alert.sent:
        raise TransitionError(
            f"{alert.id}: at: got {iso(at)}, allowed: not before it was sent, {iso(alert.sent)}"
        )


def _steps(alert: Alert, state: State) -> Mapping[Action, State]:
    # A cancellation is the last word of its chain: nothing can update or cancel it.
    return {} if state is _S.ISSUED and alert.msg_type == "Cancel" else TRANSITIONS[state]


def step(alert: Alert, action: Action, role: Role, at: datetime) -> State:
    """Give the next state, or raise TransitionError or AuthorityError with who can do what next."""
    no_earlier(alert, at)
    state = state_at(alert, at)
    allowed = _steps(alert, state)
    if action not in allowed:
        when = f" since {iso(alert.expires)}" if state is _S.EXPIRED else ""
        hint = _NEXT[_S.CANCELLED] if state is _S.ISSUED and not allowed else _NEXT[state]
        raise TransitionError(f"{alert.id}: {action}: got a warning that is {state}{when}; {hint}")
    permit(alert, action, role)
    return allowed[action]
