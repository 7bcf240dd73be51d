"""Accounts of staff: made, given a role or a password, disabled, enabled; each change is on the record.

Every change is one transaction with its entry in the journal of decisions, whose subject is ``account:NAME``
and whose actions are those of :class:`Change`. The journal never says a password or its hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tocsin.govern.permissions import Permission, require
from tocsin.model import AuthorityError, Decision, NotFoundError, Role
from tocsin.model.record import decision_id
from tocsin.ops import passwords
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.office import Office
from tocsin.store import Account

SUBJECT = "account:"
"""What the subject of an entry about an account begins with."""


PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""Names of new accounts: safe in addresses of pages and in files, and none looks like another."""


class Change(StrEnum):
    """What can happen to an account, as the journal names it."""

    CREATE = "account.create"
    ROLE = "account.role"
    PASSWORD = "account.password"  # noqa: S105 - the name of an action
    REHASH = "account.rehash"
    DISABLE = "account.disable"
    ENABLE = "account.enable"
    LOCK = "account.lock"


def put_account(
    office: Office, name: str, role: Role, password: str, *, at: datetime, actor: Actor, reason: str = ""
) -> Account:
    """Make an account, or give an account that is there a role and a new password.

    An account that is disabled stays so. A new password ends the sessions of the account.

    Parameters
    ----------
    office : Office
        Store and country.
    name : str
        1 to 64 of the letters A to Z in either case, digits, ``.``, ``_``, ``-`` and ``@``, beginning with
        a letter or digit; an account that is there keeps what name it has.
    role : Role
        Of staff.
    password : str
        Only its hash is kept.
    at : datetime
        Wall time.
    actor : Actor
        Who does it: an administrator, or the system where the store's own console does.
    reason : str
        For the record.

    Raises
    ------
    ValueError
        When the name is none, the role is the system's, or the password is too short or too long.
    AuthorityError
        When the actor is no administrator, or the last administrator would lose the role.
    """
    _may(actor)
    if name == "system" or not (PATTERN.fullmatch(name) or office.store.account(name)):
        raise ValueError(f"account: got {name!r}, allowed: {PATTERN.pattern}, other than 'system'")
    if role is Role.SYSTEM:
        raise ValueError("role: got system, allowed: a role of staff")
    kept = passwords.hashed(password)  # takes its time: not inside the transaction
    with office.store.transaction():
        old = office.store.account(name)
        if old is None:
            account = Account(name=name, role=role, password_hash=kept)
            _keep(office, account, Change.CREATE, actor, at, reason)
            return account
        account = old
        if old.role is not role:
            account = replace(account, role=role)
            _another_administrator(office, account)
            _keep(office, account, Change.ROLE, actor, at, reason)
        account = replace(account, password_hash=kept)
        _keep(office, account, Change.PASSWORD, actor, at, reason)
    return account


def set_password(
    office: Office, name: str, password: str, *, at: datetime, actor: Actor, reason: str = ""
) -> Account:
    """Give an account a new password, which ends its sessions; one's own needs no administrator.

    Raises
    ------
    ValueError
        When the password is too short or too long.
    AuthorityError
        When the actor is neither an administrator nor the account itself.
    NotFoundError
        When there is no such account.
    """
    if actor.account != name:
        _may(actor)
    kept = passwords.hashed(password)
    with office.store.transaction():
        account = replace(require_account(office, name), password_hash=kept)
        _keep(office, account, Change.PASSWORD, actor, at, reason)
    return account


def disable(office: Office, name: str, *, at: datetime, actor: Actor, reason: str = "") -> Account:
    """Close an account: its sessions end at once, and nobody can log in under it.

    One that is disabled already stays as it is, without an entry.

    Raises
    ------
    AuthorityError
        When the actor is no administrator, or the account is the last administrator.
    NotFoundError
        When there is no such account.
    """
    _may(actor)
    with office.store.transaction():
        old = require_account(office, name)
        if old.disabled:
            return old
        account = replace(old, disabled=True)
        _another_administrator(office, account)
        _keep(office, account, Change.DISABLE, actor, at, reason)
    return account


def enable(office: Office, name: str, *, at: datetime, actor: Actor, reason: str = "") -> Account:
    """Open a disabled account again, with the password that it had; an open one stays as it is.

    Raises
    ------
    AuthorityError
        When the actor is no administrator.
    NotFoundError
        When there is no such account.
    """
    _may(actor)
    with office.store.transaction():
        old = require_account(office, name)
        if not old.disabled:
            return old
        account = replace(old, disabled=False)
        _keep(office, account, Change.ENABLE, actor, at, reason)
    return account


def list_accounts(office: Office) -> list[dict[str, Any]]:
    """Every account by name: role, whether it is disabled, and when it last changed; never a hash."""

    def changed(name: str) -> datetime | None:
        entries = office.store.audit(subject=SUBJECT + name, limit=1)
        return entries[-1].decision.at if entries else None

    return [
        {
            "account": account.name,
            "role": str(account.role),
            "disabled": account.disabled,
            "changed_at": changed(account.name),
        }
        for account in office.store.accounts()
    ]


def require_account(office: Office, name: str) -> Account:
    """An account by name.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = office.store.account(name)
    if found is None:
        names = ", ".join(a.name for a in office.store.accounts()) or "none: nobody made one yet"
        raise NotFoundError(f"account: got {name!r}, allowed: {names}")
    return found


def rehash(office: Office, account: Account, password: str, *, at: datetime) -> Account:
    """Keep the same password with our present parameters; give the account with the hash that was made."""
    kept = passwords.hashed(password)
    with office.store.transaction():
        if office.store.account(account.name) != account:
            return account  # somebody changed it meanwhile: what they wrote holds
        reason = "the same password, hashed with newer parameters"
        account = replace(account, password_hash=kept)
        _keep(office, account, Change.REHASH, SYSTEM, at, reason)
    return account


def note_lock(office: Office, name: str, reason: str, *, at: datetime, window: timedelta) -> bool:
    """Put on record that too many log-ins failed on an account, once within a window.

    Parameters
    ----------
    office : Office
        Store and country.
    name : str
        As it was typed; a name that is no account is not kept, whatever somebody types.
    reason : str
        What happened.
    at : datetime
        Wall time.
    window : timedelta
        An attack that goes on is not told again before this has passed.

    Returns
    -------
    bool
        Whether an entry was made.
    """
    with office.store.transaction():
        account = office.store.account(name)
        if account is None:
            return False
        told = office.store.audit(subject=SUBJECT + name, since=at - window)
        if any(entry.decision.action == Change.LOCK for entry in told):
            return False
        _journal(office, account, Change.LOCK, SYSTEM, at, reason)
    return True


def _may(actor: Actor) -> None:
    if actor != SYSTEM:  # nobody can log in as the system: it is the store's own console
        require(actor.role, Permission.MANAGE_ACCOUNTS)


def _another_administrator(office: Office, changed: Account) -> None:
    """Let a change pass unless it leaves the store without an administrator that it had."""
    old = require_account(office, changed.name)
    if old.disabled or old.role is not Role.ADMINISTRATOR:
        return
    others = [
        a
        for a in office.store.accounts()
        if a.name != changed.name and a.role is Role.ADMINISTRATOR and not a.disabled
    ]
    if not others:
        raise AuthorityError(
            f"account: got {changed.name!r}, the last administrator; "
            "allowed: one of several, make another first"
        )


def _keep(office: Office, account: Account, change: Change, actor: Actor, at: datetime, reason: str) -> None:
    office.store.put_account(account)
    _journal(office, account, change, actor, at, reason)


def _journal(
    office: Office, account: Account, change: Change, actor: Actor, at: datetime, reason: str
) -> None:
    subject = SUBJECT + account.name
    said = {"account": account.name, "role": str(account.role), "disabled": account.disabled}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    office.store.journal(
        Decision(
            id=decision_id(subject, change, at, actor.account),
            at=at,
            actor=actor.account,
            role=actor.role,
            action=str(change),
            subject=subject,
            content_hash=hashlib.sha256(text.encode()).hexdigest(),
            reason=reason or f"{account.role}{', disabled' if account.disabled else ''}",
            simulated=actor.simulated,
        )
    )
