"""Warnings, their states and decisions; tasks and receipts.

The noun is *Alert*, as in the Common Alerting Protocol: ``Warning`` is a builtin of Python.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.model.codec import to_plain
from tocsin.model.time import require_utc


class State(StrEnum):
    """States of a warning; *expired* is a predicate on time, not a stored step."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    ISSUED = "issued"
    UPDATED = "updated"  # replaced by a newer message of the same chain
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Role(StrEnum):
    """Roles of staff; each includes the rights of none of the others."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    DUTY_OFFICER = "duty_officer"
    APPROVING_OFFICER = "approving_officer"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One row of the level scheme.

    Parameters
    ----------
    rank : int
        1 to 4.
    name : str
        Word that people read.
    colour : str
        ``#rrggbb``.
    glyph, hatch : str
        Shape beside the colour (no meaning rests on colour alone).
    severity, urgency, certainty : str
        CAP values.
    issued_by : tuple of Role
        Who may approve this level.
    public : bool
        Whether it leaves the house; a watch does not.
    """

    rank: int
    name: str
    colour: str
    glyph: str
    hatch: str
    severity: str
    urgency: str
    certainty: str
    issued_by: tuple[Role, ...]
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One region of a warning and the finding that put it there.

    Parameters
    ----------
    region : str
        Id.
    name : str
        Code or title that people read (IATA code; county with state).
    since : datetime
        When it joined.
    tail : float
        Smallest calibrated tail probability so far; NaN for an event.
    value, expected : float
        Over the window of that tail; NaN for an event.
    window_h : int
        Hours of that window.
    """

    region: str
    name: str
    since: datetime
    tail: float
    value: float
    expected: float
    window_h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The texts of a warning in one more language, and whose eyes saw that they say the same.

    Parameters
    ----------
    language : str
        Language tag; another than the warning's own.
    headline, description, instruction : str
        Texts in that language.
    event : str
        Type of the event in that language.
    author : str
        Account that wrote it, or filled a template.
    written_at : datetime
        When.
    checked_by : str or None
        Account of another than the author who read it against the main text; None while nobody did, and again
        when the main text changed.
    checked_at : datetime or None
        When.
    """

    language: str
    headline: str
    description: str
    instruction: str
    event: str
    author: str
    written_at: datetime
    checked_by: str | None = None
    checked_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "written_at", require_utc(self.written_at, "written_at"))
        if self.checked_at is not None:
            object.__setattr__(self, "checked_at", require_utc(self.checked_at, "checked_at"))
        if (self.checked_by is None) is not (self.checked_at is None):
            raise ValueError(
                f"checked_by: got {self.checked_by!r} at {self.checked_at}, allowed: account and time, or "
                "neither"
            )

    @property
    def texts(self) -> dict[str, str]:
        """What the public would read."""
        return {name: getattr(self, name) for name in TRANSLATED}


TRANSLATED = ("event", "headline", "description", "instruction")
"""Texts of a warning that a translation says again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A warning: one message of a chain, its content and its state.

    Parameters
    ----------
    id : str
        CAP identifier; new for every message of a chain.
    chain : str
        Identifier of the first message of the chain.
    revision : int
        Counts every change of content or state from 0; what ``If-Match`` compares.
    state : State
        Where it stands.
    domain : str
        Domain that raised it.
    status, msg_type, scope : str
        CAP values (``Actual``/``Exercise``/``Test`` …; ``Alert``/``Update``/``Cancel``; ``Public`` …).
    event : str
        Type of the event in words.
    category : str
        CAP category.
    level : int
        1 to 4.
    likelihood : float
        Measured share of earlier warnings of this kind that came true; NaN where nobody has measured it.
    impact : int
        1 to 4.
    headline, description, instruction, response_type, language : str
        Texts of the message.
    members : tuple of Member
        Regions with their findings.
    onset, expires : datetime
        Window of the hazard.
    created_at : datetime
        When the draft was made.
    sent : datetime or None
        When it was issued.
    references : tuple of str
        ``sender,identifier,sent`` of the messages replaced.
    author : str
        Account of the duty officer, or ``system`` for a draft that the cycle made.
    submitter, approver : str or None
        Accounts.
    legal_basis : str or None
        Key of the pack's law table.
    approved_hash : str or None
        Content hash that the approval is bound to.
    approval_expires : datetime or None
        Until when the approval may be used.
    inputs : tuple of str
        Ids of cycles, detections and raw bytes that it rests on.
    reason : str
        Why it was rejected, updated or cancelled.
    matrix : str
        Id and version of the matrix that the level was read from (``us-impact/1``); empty where the level
        came from the stated rule of the domain, or from an officer.
    translations : tuple of Translation
        The same in other languages; each is checked before the warning can be approved.
    correction : bool
        Whether this update or cancellation says in public that what it replaces was wrong.
    """

    id: str
    chain: str
    revision: int = 0
    state: State = State.DRAFT
    domain: str
    status: str = "Actual"
    msg_type: str = "Alert"
    scope: str = "Public"
    event: str
    category: str
    level: int
    likelihood: float
    impact: int
    headline: str
    description: str
    instruction: str
    response_type: str = "Monitor"
    language: str = "en-US"
    members: tuple[Member, ...]
    onset: datetime
    expires: datetime
    created_at: datetime
    sent: datetime | None = None
    references: tuple[str, ...] = ()
    author: str
    submitter: str | None = None
    approver: str | None = None
    legal_basis: str | None = None
    approved_hash: str | None = None
    approval_expires: datetime | None = None
    inputs: tuple[str, ...] = ()
    reason: str = ""
    matrix: str = ""
    translations: tuple[Translation, ...] = ()
    correction: bool = False

    def __post_init__(self) -> None:
        for name in ("onset", "expires", "created_at", "sent", "approval_expires"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, require_utc(moment, name))
        if not 1 <= self.level <= 4:
            raise ValueError(f"level: got {self.level!r}, allowed: 1 to 4")
        if not self.members:
            raise ValueError("members: got none, allowed: at least one region")

    @property
    def regions(self) -> tuple[str, ...]:
        """Ids of the regions in the message."""
        return tuple(m.region for m in self.members)

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything that the public would read; an approval is bound to it."""
        content = {name: to_plain(getattr(self, name)) for name in _CONTENT}
        if self.matrix:  # what came before matrices keeps its hash
            content["matrix"] = self.matrix
        if self.translations:
            content["translations"] = [{"language": t.language, **t.texts} for t in self.translations]
        if self.correction:
            content["correction"] = True
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_CONTENT = (
    "id", "chain", "domain", "status", "msg_type", "scope", "event", "category", "level", "likelihood",
    "impact", "headline", "description", "instruction", "response_type", "language", "members",
    "onset", "expires", "references",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who did what, when, on which content, on which legal basis.

    Parameters
    ----------
    id : str
        Unique.
    at : datetime
        When.
    actor : str
        Account, or ``system``.
    role : Role
        Role in which it acted.
    action : str
        ``draft``, ``submit``, ``approve`` …
    subject : str
        Id of the alert or task.
    content_hash : str
        Content that was decided on.
    legal_basis : str or None
        Key of the pack's law table.
    reason : str
        In words.
    simulated : bool
        True when a stated desk policy acted in a replay instead of staff.
    """

    id: str
    at: datetime
    actor: str
    role: Role
    action: str
    subject: str
    content_hash: str
    legal_basis: str | None = None
    reason: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a channel answered.

    Parameters
    ----------
    id : str
        Idempotency key: hash of (group, recipient, content).
    alert, channel, recipient : str
        What went where.
    at : datetime
        When the channel answered.
    status : str
        ``accepted``, ``delivered``, ``failed`` or ``dead``; no claim of delivery without a receipt.
    detail : str
        In the channel's words.
    """

    id: str
    alert: str
    channel: str
    recipient: str
    at: datetime
    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a playbook.

    Parameters
    ----------
    id : str
        Unique.
    alert, playbook, title : str
        What it belongs to, what is to be done.
    owner : str
        Role that does it; never a person.
    opened_at, due_at : datetime
        Window.
    state : str
        ``open``, ``done`` or ``dropped``.
    after : tuple of str
        Ids of tasks that come first.
    """

    id: str
    alert: str
    playbook: str
    title: str
    owner: str
    opened_at: datetime
    due_at: datetime
    state: str = "open"
    after: tuple[str, ...] = ()
