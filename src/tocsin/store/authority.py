"""Approvals and issues: refused in code with a reason, and by the database whatever the code does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.model.errors import AuthorityError, ConflictError
from tocsin.model.time import from_us, iso, require_utc, to_us
from tocsin.store.contract import Approval, BreakGlass
from tocsin.store.database import Database
from tocsin.store.schema import APPROVAL, ISSUE, RECORD


class Authority:
    """Who let which content out, in one database."""

    database: Database

    def approve(
        self,
        *,
        alert: str,
        content_hash: str,
        approver: str,
        submitter: str,
        legal_basis: str,
        at: datetime,
        expires: datetime,
        breakglass: BreakGlass | None = None,
    ) -> None:
        """Bind an approval to one content.

        Parameters
        ----------
        alert, content_hash : str
            What is approved, as it stands now.
        approver, submitter : str
            Accounts; two, unless ``breakglass`` says why not.
        legal_basis : str
            Key of the law table.
        at, expires : datetime
            When it was given; until when it may be used.
        breakglass : BreakGlass, optional
            Policy, reason and review of an approval by the submitter.

        Raises
        ------
        AuthorityError
            Same account, no legal basis, a window that has passed.
        ConflictError
            The content is not that of the newest revision, or this approval is there already.
        """
        if approver == submitter and breakglass is None:
            raise AuthorityError(
                f"alert {alert}: approver: got {approver!r}, who submitted it, allowed: another officer"
            )
        if not legal_basis or not legal_basis.strip():
            raise AuthorityError(f"alert {alert}: legal_basis: got nothing, allowed: a key of the law table")
        given, until = to_us(require_utc(at, "at")), to_us(require_utc(expires, "expires"))
        if until < given:
            raise AuthorityError(f"alert {alert}: expires: got {iso(expires)}, allowed: not before {iso(at)}")
        with self.database.write() as connection:
            _require_current(connection, alert, content_hash)
            row: dict[str, Any] = {
                "alert": alert,
                "content_hash": content_hash,
                "approval_expires": until,
                "approved_at": given,
                "submitter": submitter,
                "approver": approver,
                "legal_basis": legal_basis,
            }
            if breakglass is not None:
                row |= {
                    "breakglass_policy": breakglass.policy,
                    "reason": breakglass.reason,
                    "review_due": to_us(require_utc(breakglass.review_due, "review_due")),
                }
            try:
                connection.execute(sa.insert(APPROVAL).values(**row))
            except sa.exc.IntegrityError as error:
                raise ConflictError(f"alert {alert}: this approval is there already: {error.orig}") from error
            self.database.touch("approval", alert, content_hash, until)

    def issue(
        self, *, alert: str, content_hash: str, approval_expires: datetime, at: datetime, issuer: str
    ) -> None:
        """Issue what was approved, once.

        Raises
        ------
        AuthorityError
            No approval of this content, or it has expired.
        ConflictError
            The content has changed since, or the alert is issued already.
        """
        until, now = to_us(require_utc(approval_expires, "approval_expires")), to_us(require_utc(at, "at"))
        with self.database.write() as connection:
            _require_current(connection, alert, content_hash)
            if connection.scalar(sa.select(ISSUE.c.issued_at).where(ISSUE.c.alert == alert)) is not None:
                raise ConflictError(
                    f"alert {alert}: got a second issue, allowed: one; an update is a new message"
                )
            given = connection.scalar(
                sa.select(APPROVAL.c.approved_at).where(
                    APPROVAL.c.alert == alert,
                    APPROVAL.c.content_hash == content_hash,
                    APPROVAL.c.approval_expires == until,
                )
            )
            if given is None:
                raise AuthorityError(
                    f"alert {alert}: got no approval of content {content_hash[:12]} until "
                    f"{iso(approval_expires)}, allowed: what an approving officer has approved"
                )
            if not given <= now <= until:
                raise AuthorityError(
                    f"alert {alert}: at: got {iso(at)}, allowed: {iso(from_us(given))} to "
                    f"{iso(approval_expires)}; have it approved again"
                )
            connection.execute(
                sa.insert(ISSUE).values(
                    alert=alert,
                    content_hash=content_hash,
                    approval_expires=until,
                    issued_at=now,
                    issuer=issuer,
                )
            )
            self.database.touch("issue", alert)

    def approvals(self, alert: str) -> list[Approval]:
        """Approvals of an alert, oldest first."""
        query = (
            sa.select(APPROVAL)
            .where(APPROVAL.c.alert == alert)
            .order_by(APPROVAL.c.approved_at, APPROVAL.c.approval_expires)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Approval(
                alert=r.alert,
                content_hash=r.content_hash,
                expires=from_us(r.approval_expires),
                at=from_us(r.approved_at),
                submitter=r.submitter,
                approver=r.approver,
                legal_basis=r.legal_basis,
                breakglass=None
                if r.breakglass_policy is None
                else BreakGlass(
                    policy=r.breakglass_policy, reason=r.reason, review_due=from_us(r.review_due)
                ),
            )
            for r in rows
        ]


def _require_current(connection: sa.Connection, alert: str, content_hash: str) -> None:
    current = connection.scalar(
        sa.select(RECORD.c.content_hash)
        .where(RECORD.c.kind == "alert", RECORD.c.id == alert)
        .order_by(RECORD.c.revision.desc())
        .limit(1)
    )
    if current != content_hash:
        has = "no such alert" if current is None else f"its newest content is {current[:12]}"
        raise ConflictError(f"alert {alert}: content_hash: got {content_hash[:12]}, but {has}; read it again")
