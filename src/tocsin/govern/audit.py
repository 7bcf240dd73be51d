"""The journal of decisions, verified from outside: the chain of hashes, and what the decisions say.

The hash is computed here a second time, from the written format and not by the code that wrote the journal:
entry n is SHA-256 over the hash of entry n - 1 (64 zeros for the first), a line feed, and the decision as
JSON with sorted keys and no blanks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tocsin.model import Decision, iso, require_utc, to_plain

FIRST = "0" * 64
"""What the first entry names as the hash before it."""


class Entry(Protocol):
    """One entry of the journal."""

    @property
    def seq(self) -> int:
        """Place."""

    @property
    def decision(self) -> Decision:
        """Content."""

    @property
    def prev(self) -> str:
        """Hash of the entry before."""

    @property
    def hash(self) -> str:
        """Hash of this entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The head of the journal at one instant, to be kept elsewhere: without it a cut-off end is not seen.

    Parameters
    ----------
    at : datetime
        When it was taken.
    length : int
        Number of entries.
    head : str
        Hash of the last one.
    """

    at: datetime
    length: int
    head: str


def anchor(entries: Iterable[Entry], *, at: datetime) -> Anchor:
    """Take the head of the whole journal."""
    length, head = 0, FIRST
    for entry in entries:
        length, head = length + 1, entry.hash
    return Anchor(at=require_utc(at, "at"), length=length, head=head)


def verify(entries: Iterable[Entry], *, anchors: Iterable[Anchor] = ()) -> tuple[str, ...]:
    """Say in words where the journal was changed, reordered or cut; empty when it is whole.

    Parameters
    ----------
    entries : iterable of Entry
        The whole journal, oldest first.
    anchors : iterable of Anchor
        Heads that were taken earlier and kept elsewhere.
    """
    found: list[str] = []
    hashes = [FIRST]
    place: int | None = None
    for entry in entries:
        name = f"entry {entry.seq} ({entry.decision.action} of {entry.decision.subject})"
        if place is not None and entry.seq <= place:
            found.append(f"{name}: comes after entry {place}: reordered")
        place = entry.seq
        if entry.prev != hashes[-1]:
            found.append(f"{name}: does not follow the entry before it: one was removed, added or reordered")
        if _hash(entry.prev, entry.decision) != entry.hash:
            found.append(f"{name}: is not what was written: changed")
        hashes.append(entry.hash)
    for kept in sorted(anchors, key=lambda a: a.length):
        if len(hashes) <= kept.length:
            found.append(
                f"anchor of {iso(kept.at)}: got {len(hashes) - 1} entries, allowed: {kept.length} or more: "
                "cut off"
            )
        elif hashes[kept.length] != kept.head:
            found.append(f"anchor of {iso(kept.at)}: entry {kept.length} is another one: rewritten")
    return tuple(found)


def unlawful(decisions: Iterable[Decision]) -> tuple[str, ...]:
    """Say in words which issues the record does not bear out; empty when there is none.

    Every issue needs, earlier in the record and after the last edit, an approval of the same content on a
    legal basis, by an account that neither made nor submitted it, unless the approval says break-glass.

    Parameters
    ----------
    decisions : iterable of Decision
        The whole record, oldest first.
    """
    found: list[str] = []
    makers: dict[str, set[str]] = {}
    approvals: dict[str, Decision] = {}
    for d in decisions:
        new = d.action in ("update", "cancel") and d.subject not in makers  # else it retires an old one
        if new or d.action in ("draft", "edit", "submit"):
            if d.action == "edit":
                makers[d.subject] = set()  # who edits is the author from then on
            makers.setdefault(d.subject, set()).add(d.actor)
        if d.action in ("edit", "reject"):
            approvals.pop(d.subject, None)
        elif d.action == "approve":
            approvals[d.subject] = d
        elif d.action == "issue":
            found += [f"{d.subject}: issued at {iso(d.at)} {why}" for why in _against(d, approvals, makers)]
    return tuple(found)


def _against(issue: Decision, approvals: dict[str, Decision], makers: dict[str, set[str]]) -> list[str]:
    approval = approvals.get(issue.subject)
    if approval is None:
        return ["without an approval"]
    wrong = []
    if approval.content_hash != issue.content_hash:
        wrong.append("with other content than was approved")
    if not approval.legal_basis:
        wrong.append("without a legal basis")
    alone = approval.actor in makers.get(issue.subject, set())
    if alone and not approval.reason.startswith("break-glass "):
        wrong.append(f"on the approval of {approval.actor}, who made or submitted it")
    if approval.at > issue.at:
        wrong.append(f"before its approval at {iso(approval.at)}")
    return wrong


def _hash(prev: str, decision: Decision) -> str:
    text = json.dumps(to_plain(decision), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{prev}\n{text}".encode()).hexdigest()
