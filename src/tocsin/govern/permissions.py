"""Which role may do what: one table for the page, the API and the command line.

The permissions on warnings are those of :data:`tocsin.warn.lifecycle.PERMITTED`; whether this officer may
approve this warning is decided there, by level, law and second officer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tocsin.model import AuthorityError, Role
from tocsin.warn.lifecycle import PERMITTED, Action


class Permission(StrEnum):
    """What a door asks for."""

    READ_PICTURE = "picture.read"
    READ_DESK = "desk.read"
    READ_AUDIT = "audit.read"
    DRAFT = "warning.draft"
    EDIT = "warning.edit"
    SUBMIT = "warning.submit"
    APPROVE = "warning.approve"
    REJECT = "warning.reject"
    ISSUE = "warning.issue"
    UPDATE = "warning.update"
    CANCEL = "warning.cancel"
    TRANSLATE = "warning.translate"
    CHECK = "warning.check"
    REVIEW = "warning.review"
    SHELVE = "warning.shelve"
    SETTLE_TASK = "task.settle"
    ACTIVATE = "response.activate"
    INGEST = "feed.ingest"
    RUN_CYCLE = "cycle.run"
    TEST_CHANNELS = "channel.test"
    MANAGE_ACCOUNTS = "account.manage"
    MAINTAIN_STORE = "store.maintain"


_P, _R = Permission, Role
_STAFF = frozenset({_R.VIEWER, _R.ANALYST, _R.DUTY_OFFICER, _R.APPROVING_OFFICER, _R.ADMINISTRATOR})
_DESK = frozenset({_R.DUTY_OFFICER, _R.APPROVING_OFFICER})

TABLE: Mapping[Permission, frozenset[Role]] = MappingProxyType(
    {
        _P.READ_PICTURE: _STAFF | {_R.SYSTEM},
        _P.READ_DESK: _STAFF | {_R.SYSTEM},
        _P.READ_AUDIT: frozenset({_R.ANALYST, _R.APPROVING_OFFICER, _R.ADMINISTRATOR}),
        **{_P(f"warning.{action}"): PERMITTED[action] for action in Action},
        _P.REVIEW: frozenset({_R.APPROVING_OFFICER, _R.ADMINISTRATOR}),
        _P.SHELVE: _DESK,
        _P.SETTLE_TASK: _DESK,
        _P.ACTIVATE: _DESK | {_R.SYSTEM},
        _P.INGEST: frozenset({_R.ADMINISTRATOR, _R.SYSTEM}),
        _P.RUN_CYCLE: frozenset({_R.ADMINISTRATOR, _R.SYSTEM}),
        _P.TEST_CHANNELS: _DESK | {_R.ADMINISTRATOR},
        _P.MANAGE_ACCOUNTS: frozenset({_R.ADMINISTRATOR}),
        _P.MAINTAIN_STORE: frozenset({_R.ADMINISTRATOR}),
    }
)
"""Every permission and the roles that have it."""


def may(role: Role, permission: Permission) -> bool:
    """Whether a role has a permission.

    Examples
    --------
    >>> may(Role.VIEWER, Permission.READ_PICTURE), may(Role.ADMINISTRATOR, Permission.SUBMIT)
    (True, False)
    """
    return role in TABLE[permission]


def require(role: Role, permission: Permission) -> None:
    """Let pass who has the permission.

    Raises
    ------
    AuthorityError
        Naming the roles that have it.

    Examples
    --------
    >>> require(Role.VIEWER, Permission.MANAGE_ACCOUNTS)
    Traceback (most recent call last):
    tocsin.model.errors.AuthorityError: account.manage: role: got viewer, allowed: administrator
    """
    if not may(role, permission):
        allowed = ", ".join(str(r) for r in Role if r in TABLE[permission])
        raise AuthorityError(f"{permission}: role: got {role}, allowed: {allowed}")
