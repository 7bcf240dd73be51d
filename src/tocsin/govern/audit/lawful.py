"""Whether the decisions bear out what is kept: every issue, approval, revision, message and account."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from tocsin.govern.audit.chain import Tell
from tocsin.govern.audit.finding import Findings, Kind
from tocsin.govern.audit.source import plain_text, rows
from tocsin.model import Decision, from_us, iso, parse_time, to_us
from tocsin.warn.transitions import Action

_LIFE = frozenset(str(a) for a in Action)
"""Actions each of which leaves a revision of its warning."""


def unlawful(decisions: Iterable[Decision]) -> tuple[str, ...]:
    """Say in words which issues the record does not bear out; empty when there is none.

    Every issue needs, earlier in the record and after the last edit, an approval of the same content on a
    legal basis, by an account that neither made nor submitted it, unless the approval says break-glass.

    Parameters
    ----------
    decisions : iterable of Decision
        The whole record, or all of some subjects, oldest first.
    """
    found: list[str] = []
    makers: dict[str, set[str]] = {}
    askers: dict[str, str] = {}
    writers: dict[str, dict[str, str]] = {}  # of the translations that a warning has, by language
    approvals: dict[str, Decision] = {}
    for d in decisions:
        new = d.action in ("update", "cancel") and d.subject not in makers  # else it retires an old one
        if new or d.action in ("draft", "edit", "translate"):
            if d.action == "edit":
                makers[d.subject] = set()  # who edits is the author from then on
            if d.action == "translate":
                _translated(writers.setdefault(d.subject, {}), d)
            else:
                makers.setdefault(d.subject, set()).add(d.actor)
            askers.pop(d.subject, None)  # a draft again: who submitted it before did not submit this
        elif d.action == "submit":
            askers[d.subject] = d.actor
        if d.action in ("edit", "translate", "reject"):
            approvals.pop(d.subject, None)
        elif d.action == "approve":
            approvals[d.subject] = d
        elif d.action == "issue":
            took_part = {askers.get(d.subject, ""), *writers.get(d.subject, {}).values()}
            took_part |= makers.get(d.subject, set())
            found += [
                f"{d.subject}: issued at {iso(d.at)} {why}" for why in _against(d, approvals, took_part)
            ]
    return tuple(found)


def _translated(writers: dict[str, str], decision: Decision) -> None:
    """Note who wrote a language, or that it was taken out: its words are then in the warning no more."""
    verb, _, language = decision.reason.rpartition(" ")
    if verb == "took out":
        writers.pop(language.casefold(), None)
    else:
        writers[language.casefold()] = decision.actor


def _against(issue: Decision, approvals: dict[str, Decision], makers: set[str]) -> list[str]:
    approval = approvals.get(issue.subject)
    if approval is None:
        return ["without an approval"]
    wrong = []
    if approval.content_hash != issue.content_hash:
        wrong.append("with other content than was approved")
    if not approval.legal_basis:
        wrong.append("without a legal basis")
    alone = approval.actor in makers
    if alone and not approval.reason.startswith("break-glass "):
        wrong.append(f"on the approval of {approval.actor}, who made or submitted it")
    if approval.at > issue.at:
        wrong.append(f"before its approval at {iso(approval.at)}")
    return wrong


def bear_out(connection: sqlite3.Connection, findings: Findings, *, tell: Tell) -> None:
    """Compare the decisions on each subject with the law, and with the tables that they explain."""
    query = "SELECT subject, seq, CAST(body AS TEXT) FROM journal ORDER BY subject, seq"
    total = connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0]
    looked = 0
    for subject, group in groupby(rows(connection, query), key=itemgetter(0)):
        lines = [(seq, d) for _, seq, body in group if (d := _decision(body)) is not None]
        looked += len(lines)
        tell("decisions and what they explain", looked, total)
        for words in unlawful(d for _, d in lines):
            findings.add(
                Kind.UNLAWFUL, plain_text(subject), found=words, expected="an approval that bears it out"
            )
        _forward(lines, findings)
        _revisions(connection, subject, lines, findings)
    _approvals(connection, findings)
    _issues(connection, findings)
    _messages(connection, findings)
    _accounts(connection, findings)


def _decision(body: Any) -> Decision | None:
    """A decision, or None where it cannot be read, which the chain has found already."""
    try:
        plain = json.loads(body)
        return Decision(**(plain | {"at": parse_time(plain["at"], "at")}))
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _forward(lines: list[tuple[int, Decision]], findings: Findings) -> None:
    """Whether time goes forward on one subject; the journal as a whole may go back, for a replay."""
    for (before, one), (seq, other) in pairwise(lines):
        if other.at < one.at:
            told = findings.add if other.action in _LIFE else findings.note
            told(
                Kind.BACKWARDS,
                f"journal entry {seq} ({other.action} of {other.subject})",
                found=iso(other.at),
                expected=f"{iso(one.at)} or later, which entry {before} has",
            )


def _revisions(
    connection: sqlite3.Connection, subject: Any, lines: list[tuple[int, Decision]], findings: Findings
) -> None:
    """Every revision of a warning has its decision, and every decision of its life a revision."""
    query = (
        "SELECT revision, known_at, content_hash FROM record "
        "WHERE kind = 'alert' AND id = ? ORDER BY revision"
    )
    kept = connection.execute(query, (subject,)).fetchall()
    decided = {(to_us(d.at), d.content_hash) for _, d in lines}
    for revision, known_at, content in kept:
        if (known_at, content) not in decided:
            _unexplained(
                findings,
                f"warning {plain_text(subject)} revision {revision}",
                "no decision on it",
                "one that made it",
            )
    there = {(known_at, content) for _, known_at, content in kept}
    for seq, d in lines:
        if d.action in _LIFE and (to_us(d.at), d.content_hash) not in there:
            _unexplained(
                findings,
                f"journal entry {seq} ({d.action} of {plain_text(subject)})",
                "no revision of the warning that it made",
                f"one of content {d.content_hash[:16]} at {iso(d.at)}",
            )


_SAID = "json_extract(CASE WHEN json_valid(j.body) THEN j.body ELSE '{}' END, '$.%s')"

_NO_DECISION = f"""
SELECT a.alert, a.approver, a.approved_at FROM approval a WHERE NOT EXISTS (
  SELECT 1 FROM journal j WHERE j.subject = a.alert AND j.action = 'approve' AND j.actor = a.approver
  AND j.at = a.approved_at AND {_SAID % "content_hash"} = a.content_hash
  AND {_SAID % "legal_basis"} = a.legal_basis)
"""
_NO_APPROVAL = f"""
SELECT j.seq, j.subject FROM journal j WHERE j.action = 'approve' AND NOT EXISTS (
  SELECT 1 FROM approval a WHERE a.alert = j.subject AND a.approver = j.actor AND a.approved_at = j.at
  AND {_SAID % "content_hash"} = a.content_hash AND {_SAID % "legal_basis"} = a.legal_basis)
"""
_NO_DECISION_TO_ISSUE = f"""
SELECT i.alert, i.issuer, i.issued_at FROM issue i WHERE NOT EXISTS (
  SELECT 1 FROM journal j WHERE j.subject = i.alert AND j.action = 'issue' AND j.actor = i.issuer
  AND j.at = i.issued_at AND {_SAID % "content_hash"} = i.content_hash)
"""
_NO_ISSUE = """
SELECT j.seq, j.subject FROM journal j WHERE j.action = 'issue' AND NOT EXISTS (
  SELECT 1 FROM issue i WHERE i.alert = j.subject AND i.issuer = j.actor AND i.issued_at = j.at)
"""
_NOT_ISSUED = """
SELECT o.id, o.recipient, CASE WHEN json_valid(o.payload) THEN json_extract(o.payload, '$.alert') END
FROM {table} o WHERE NOT EXISTS (
  SELECT 1 FROM issue i
  WHERE i.alert = json_extract(CASE WHEN json_valid(o.payload) THEN o.payload ELSE '{{}}' END, '$.alert'))
"""
_NO_ENTRY = """
SELECT r.id, MIN(r.revision) FROM record r WHERE r.kind = 'alert' AND NOT EXISTS (
  SELECT 1 FROM journal j WHERE j.subject = r.id) GROUP BY r.id
"""


def _approvals(connection: sqlite3.Connection, findings: Findings) -> None:
    for alert, _ in rows(connection, _NO_ENTRY):
        _unexplained(
            findings, f"warning {plain_text(alert)}", "no entry of the journal on it", "one at least"
        )
    for alert, approver, at in rows(connection, _NO_DECISION):
        place = f"approval of {plain_text(alert)} by {plain_text(approver)} at {_when(at)}"
        _unexplained(findings, place, "no decision of the same content and law", "one in the journal")
    for seq, alert in rows(connection, _NO_APPROVAL):
        place = f"journal entry {seq} (approve of {plain_text(alert)})"
        _unexplained(findings, place, "no approval of the same content and law", "the one that it made")


def _issues(connection: sqlite3.Connection, findings: Findings) -> None:
    for alert, issuer, at in rows(connection, _NO_DECISION_TO_ISSUE):
        place = f"issue of {plain_text(alert)} by {plain_text(issuer)} at {_when(at)}"
        _unexplained(findings, place, "no decision to issue this content", "one in the journal")
    for seq, alert in rows(connection, _NO_ISSUE):
        place = f"journal entry {seq} (issue of {plain_text(alert)})"
        _unexplained(findings, place, "no issue on record", "the one that it made")


def _messages(connection: sqlite3.Connection, findings: Findings) -> None:
    for table in ("outbox", "outbox_drill"):
        for number, recipient, alert in rows(connection, _NOT_ISSUED.format(table=table)):
            place = f"{table} {number} to {plain_text(recipient)}"
            _unexplained(findings, place, f"a message of {plain_text(alert)}, never issued", "one that was")


def _accounts(connection: sqlite3.Connection, findings: Findings) -> None:
    """Every account is as the last entry about it left it: role, and whether it is disabled."""
    last = (
        "SELECT CAST(body AS TEXT) FROM journal WHERE subject = ? AND action LIKE 'account.%' "
        "ORDER BY seq DESC LIMIT 1"
    )
    for name, role, disabled in rows(connection, "SELECT name, role, disabled FROM account ORDER BY name"):
        found = connection.execute(last, (f"account:{name}",)).fetchone()
        decision = None if found is None else _decision(found[0])
        now = {"account": name, "role": role, "disabled": bool(disabled)}
        text = json.dumps(now, sort_keys=True, ensure_ascii=False)
        told = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        if decision is None or decision.content_hash != told:
            state = plain_text(role) + (", disabled" if disabled else "")
            _unexplained(
                findings,
                f"account {plain_text(name)}",
                f"{state}, which no entry explains",
                "no entry at all" if decision is None else f"as its last entry says: {decision.reason}",
            )


def _unexplained(findings: Findings, place: str, found: str, expected: str) -> None:
    findings.add(Kind.UNEXPLAINED, place, found=found, expected=expected)


def _when(at: Any) -> str:
    try:
        return iso(from_us(at))
    except (TypeError, ValueError, OverflowError):
        return plain_text(at)
