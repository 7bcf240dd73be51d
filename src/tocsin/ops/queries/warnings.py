"""Warnings as they stood at a moment, and one warning with its history, tasks and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tocsin.model import Alert, Decision, NotFoundError, State, iso, to_plain
from tocsin.ops import commands, rejections, signatures
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.queries.told import WAITING, seen_by_all
from tocsin.ops.queries.why import STAFF, actor_shown, flat, why
from tocsin.warn import lifecycle
from tocsin.warn.grading import grading

_SUCCESSORS = frozenset({"Update", "Cancel"})


def warnings(
    office: Office,
    at: datetime | None,
    now: datetime,
    state: str | None = None,
    *,
    actor: Actor | None = None,
    desk: bool = True,
) -> list[dict[str, Any]]:
    """Warnings known at a moment, newest first.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    state : str, optional
        ``open`` (stands or waits), or one state.
    actor : Actor, optional
        For whom ``actions`` are listed; only without ``at``.
    desk : bool
        Whether what the public was not told is shown too: drafts, and exercises and tests of any state.
        Without it no account of staff is named, and no reason but that of an update or cancellation that
        was sent.

    Raises
    ------
    ValueError
        When there is no such state.
    """
    if state is not None and state not in {"open", *map(str, State)}:
        raise ValueError(f"state: got {state!r}, allowed: open, {', '.join(map(str, State))}")
    moment = at or now
    found = [a for a in office.store.list("alert", at=moment) if desk or seen_by_all(a)]
    if state == "open":
        found = [a for a in found if is_open(a, moment)]
    elif state is not None:
        found = [a for a in found if lifecycle.state_at(a, moment) == state]
    verdicts = _verdicts(office, moment)
    acting = actor if at is None else None
    rows = [_row(office, a, moment, verdicts, acting) for a in found]
    if not desk:
        staff = _staff(office)
        rows = [{**row, **_told(office, a, staff)} for row, a in zip(rows, found, strict=True)]
    return sorted(rows, key=lambda r: (r["created_at"], r["id"]), reverse=True)


def warning(
    office: Office,
    id: str,  # noqa: A002
    at: datetime | None,
    now: datetime,
    *,
    actor: Actor | None = None,
    desk: bool = True,
) -> dict[str, Any]:
    """One warning as known at a moment, with history, tasks and the way back to the raw bytes.

    Without ``desk`` it is what the public may read: roles in place of accounts, no reasons of the house, and
    tasks only of a replay.

    Raises
    ------
    NotFoundError
        When there is none of this id at the moment.
    """
    moment = at or now
    alert: Alert | None = office.store.get("alert", id, moment)
    if alert is None or not (desk or seen_by_all(alert)):
        raise NotFoundError(f"warning: got {id!r}, allowed: one that is known at {iso(moment)}")
    entries = office.store.audit(subject=id, until=moment)
    tasks = [t for t in office.store.list("task", at=moment) if t.alert in {alert.id, alert.chain}]
    if not (desk or _replayed(office, alert)):
        tasks = []
    return {
        **_row(office, alert, moment, _verdicts(office, moment), actor if at is None else None),
        **({} if desk else _told(office, alert, _staff(office))),
        "history": [
            {
                "at": iso(e.decision.at),
                "actor": actor_shown(e.decision, desk=desk),
                "role": str(e.decision.role),
                "action": e.decision.action,
                "reason": e.decision.reason if desk or _reason_told(alert, e.decision) else "",
                "legal_basis": e.decision.legal_basis,
                "simulated": e.decision.simulated,
            }
            for e in entries
        ],
        "cap": f"/cap/{quote(id, safe='')}.xml",
        "signature": _signature(office, id, moment, desk=desk),
        "tasks": to_plain(sorted(tasks, key=lambda t: (t.due_at, t.id))),
        "why": flat(why(office, id, at=moment, desk=desk)),
    }


def is_open(alert: Alert, at: datetime) -> bool:
    """Whether the warning stands or waits at a moment; a cancellation that was issued does neither."""
    return lifecycle.stands(alert, at) or lifecycle.state_at(alert, at) in WAITING


def seen(office: Office, id: str, at: datetime | None, now: datetime) -> None:  # noqa: A002
    """Let pass what everybody may see: any id but that of a warning that the public was not told.

    Raises
    ------
    NotFoundError
        In the words of a warning that does not exist.
    """
    alert: Alert | None = office.store.get("alert", id, at or now)
    if alert is not None and not seen_by_all(alert):
        raise NotFoundError(f"warning: got {id!r}, allowed: one that is known at {iso(at or now)}")


def _replayed(office: Office, alert: Alert) -> bool:
    return moments.mode_at(office, alert.created_at) == "replay"


def _staff(office: Office) -> frozenset[str]:
    return frozenset(a.name for a in office.store.accounts())


def _told(office: Office, alert: Alert, staff: frozenset[str]) -> dict[str, Any]:
    """Fields of a warning as the public reads them: the stated desk of a replay is nobody's account."""
    replayed = _replayed(office, alert)

    def shown(account: str | None) -> str | None:
        if account is None or account == commands.SYSTEM.account or (replayed and account not in staff):
            return account
        return STAFF

    told = alert.sent is not None and alert.msg_type in _SUCCESSORS
    return {
        "author": shown(alert.author),
        "submitter": shown(alert.submitter),
        "approver": shown(alert.approver),
        "reason": alert.reason if told else "",
        "translations": [
            {**to_plain(t), "author": shown(t.author), "checked_by": shown(t.checked_by)}
            for t in alert.translations
        ],
    }


def _signature(office: Office, id: str, at: datetime, *, desk: bool) -> dict[str, Any] | None:  # noqa: A002
    """Whether the bytes that were sent are signed and by which certificate; None where none were sealed."""
    note: Mapping[str, Any] | None = office.store.get(signatures.SENT, id, at)
    if note is None:
        return None
    told = {key: note[key] for key in ("signed", "key", "certificate", "sha256")}
    # Why a key failed is for those who can mend it.
    return {**told, "at": to_plain(note["at"]), "reason": note["reason"] if desk else ""}


def _reason_told(alert: Alert, decision: Decision) -> bool:
    """Whether a reason is public: of a replay, or the one that the message itself carries."""
    if decision.simulated:
        return True
    sent = alert.sent is not None and alert.msg_type in _SUCCESSORS
    return sent and decision.reason == alert.reason


def _verdicts(office: Office, at: datetime) -> dict[str, Mapping[str, Any]]:
    return {v["id"]: v for v in office.store.list("verdict", at=at)}


def _row(
    office: Office,
    alert: Alert,
    at: datetime,
    verdicts: Mapping[str, Mapping[str, Any]],
    actor: Actor | None,
) -> dict[str, Any]:
    state = lifecycle.state_at(alert, at)
    can: list[str] = []
    if actor is not None:
        can = [str(a) for a in lifecycle.actions(alert, actor=actor.account, role=actor.role, at=at)]
    waiting = None
    if state in WAITING:
        known = [s.known_at for s in office.store.history("alert", alert.id) if s.known_at <= at]
        waiting = (at - known[-1]).total_seconds() if known else None
    return {
        **to_plain(alert),
        "state": str(state),
        "etag": commands.etag(alert),
        "actions": can,
        "title_regions": [office.pack.regions[r].title for r in alert.regions if r in office.pack.regions],
        **_graded(office, alert),
        "verdict": _verdict(alert, verdicts.get(alert.chain)),
        "waiting_s": waiting,
        "rejected_until": to_plain(rejections.until(office, alert, at=at)),
    }


def _graded(office: Office, alert: Alert) -> dict[str, Any]:
    """Likelihood and impact as bands, where the level came from, and what others call it."""
    graded = grading(alert, office.pack.matrix, office.pack.schemes)
    return {
        "likelihood_band": graded.likelihood,
        "impact_band": graded.impact,
        "level_from": graded.source,
        "rare_but_grave": graded.rare_but_grave,
        "schemes": dict(graded.schemes),
    }


def _verdict(alert: Alert, entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if alert.status != "Actual" or alert.msg_type == "Cancel" or alert.sent is None:
        return None
    if entry is None:
        return {"verdict": "OPEN", "lead_s": None}
    return {"verdict": entry["verdict"], "lead_s": entry["lead_s"]}
