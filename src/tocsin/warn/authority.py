"""Who may approve: the law, the level, the second officer, and the one way past the second officer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.model import Alert, AuthorityError, Level, Role, iso, require_utc
from tocsin.model.law import BreakGlass, LegalBasis
from tocsin.warn.transitions import words

Laws = Mapping[str, LegalBasis] | Iterable[LegalBasis]
"""The law table of a country pack: by key, or as its rows."""


def basis_for(alert: Alert, key: str, laws: Laws, role: Role) -> LegalBasis:
    """Give the legal basis that was cited, once it is sure that it covers this level and role."""
    table = dict(laws) if isinstance(laws, Mapping) else {b.key: b for b in laws}
    basis = table.get(key)
    if basis is None:
        got = repr(key) if key else "nothing"
        raise AuthorityError(f"{alert.id}: legal_basis: got {got}, allowed: {words(sorted(table))}")
    if alert.level not in basis.levels:
        raise AuthorityError(
            f"{alert.id}: legal_basis: got {basis.key!r} ({basis}), which covers levels "
            f"{words(str(n) for n in basis.levels)}; allowed: a law that covers level {alert.level}: "
            f"{words(sorted(k for k, b in table.items() if alert.level in b.levels))}"
        )
    if role not in basis.roles:
        raise AuthorityError(
            f"{alert.id}: role: got {role}, allowed to approve under {basis}: {words(basis.roles)}"
        )
    return basis


def level_for(alert: Alert, levels: Iterable[Level], basis: LegalBasis, role: Role) -> Level:
    """Give the alert's level, once it is sure that this role may approve it."""
    scheme = {level.rank: level for level in levels}
    level = scheme.get(alert.level)
    if level is None:
        raise AuthorityError(
            f"{alert.id}: level: got {alert.level}, allowed by the level scheme: {sorted(scheme)}"
        )
    if role not in level.issued_by:
        raise AuthorityError(
            f"{alert.id}: role: got {role}, allowed to approve level {level.rank} ({level.name}) under "
            f"{basis}: {words(r for r in level.issued_by if r in basis.roles)}"
        )
    return level


def usable_for(alert: Alert, expires_after: timedelta) -> timedelta:
    """Give the time for which an approval may be used, once it is sure that there is some."""
    if expires_after <= timedelta(0):
        raise AuthorityError(f"{alert.id}: expires_after: got {expires_after}, allowed: a time above zero")
    return expires_after


def other_eyes(alert: Alert, actor: str) -> None:
    """Raise AuthorityError for an approver who wrote, translated or submitted it; drills are no exception."""
    wrote = [("author", alert.author), ("submitter", alert.submitter)]
    wrote += [(f"translator into {t.language}", t.author) for t in alert.translations]
    for what, who in wrote:
        if actor == who:
            raise AuthorityError(
                f"{alert.id}: approver: got {actor!r}, who is its {what}; allowed: another officer with the "
                "role that the level asks for"
            )
    if alert.submitter is None:
        raise AuthorityError(f"{alert.id}: submitter: got nobody, allowed: a duty officer who submitted it")


def broken_glass(alert: Alert, policy: BreakGlass, actor: str, reason: str, at: datetime) -> str:
    """Give the words for the record when one officer approves alone, once the policy allows it."""
    if not policy.covers(alert):
        raise AuthorityError(
            f"{alert.id}: break_glass: got event {alert.event!r}, allowed by policy {policy.policy}: "
            f"{words(policy.hazards)}; any other needs a second officer"
        )
    if not reason.strip():
        raise AuthorityError(
            f"{alert.id}: reason: got nothing, allowed to break the glass: with a reason in words"
        )
    due = iso(review_due(policy, at))
    return f"break-glass {policy.policy} by {actor}: {reason.strip()} (review due {due})"


def without_approval(alert: Alert) -> Alert:
    """Give the alert as nobody approved it: an approval is for one content, and goes with it."""
    return replace(alert, approver=None, legal_basis=None, approved_hash=None, approval_expires=None)


def review_due(policy: BreakGlass, at: datetime) -> datetime:
    """Give the instant until which an act under break-glass must be reviewed."""
    return require_utc(at, "at") + policy.review_within


def approval_holds(alert: Alert, at: datetime, break_glass: BreakGlass | None) -> None:
    """Raise AuthorityError unless the approval is for this content, in time, lawful, by a second officer."""
    again = "; it must be approved again"
    if not alert.legal_basis:
        raise AuthorityError(
            f"{alert.id}: legal_basis: got nothing, allowed: the law that the approval rests on{again}"
        )
    if alert.approver is None or alert.approved_hash is None or alert.approval_expires is None:
        raise AuthorityError(f"{alert.id}: approver: got an approval without officer, content or time{again}")
    if alert.approved_hash != alert.content_hash:
        raise AuthorityError(
            f"{alert.id}: approved_hash: got {alert.approved_hash[:12]}…, allowed: that of the content, "
            f"{alert.content_hash[:12]}…{again}"
        )
    if at > alert.approval_expires:
        raise AuthorityError(
            f"{alert.id}: approval_expires: got {iso(alert.approval_expires)}, allowed: not before "
            f"{iso(at)}{again}"
        )
    if break_glass is None:
        other_eyes(alert, alert.approver)
    elif not break_glass.covers(alert):
        raise AuthorityError(
            f"{alert.id}: break_glass: got event {alert.event!r}, allowed by policy {break_glass.policy}: "
            f"{words(break_glass.hazards)}"
        )
