"""The life of a warning told once more, in plain words: what must come of each step.

Nothing here is taken from the code under test: states are words, rules are ifs. A step is first asked of this
model (:meth:`Model.may`), then taken in the real store; both must agree, in what is done and in what is not.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

STAFF = {
    "vic": "viewer",
    "ann": "analyst",
    "tess": "analyst",
    "dan": "duty_officer",
    "eve": "duty_officer",
    "olga": "approving_officer",
    "omar": "approving_officer",
    "adam": "administrator",
    "system": "system",
}
DESK = {"duty_officer", "approving_officer"}
LAWS = {  # of the shipped country: levels, roles
    "stafford-202": ({1, 2, 3, 4}, {"duty_officer", "approving_officer"}),
    "ipaws": ({2, 3, 4}, {"approving_officer"}),
    "eas": ({3, 4}, {"approving_officer"}),
}
APPROVERS = {1: {"duty_officer", "approving_officer"}, 2: {"approving_officer"}, 3: {"approving_officer"},
             4: {"approving_officer"}}  # fmt: skip
SPANISH_FROM = 3
LASTS = timedelta(hours=1)
SECONDS = "Earthquake"
OPEN = {"draft", "submitted", "approved"}


@dataclass
class Spanish:
    by: str
    words: str
    checked: str | None = None


@dataclass
class Message:
    id: str
    chain: str
    status: str
    kind: str
    event: str
    headline: str
    level: int
    expires: datetime
    made: datetime
    author: str
    state: str = "draft"
    revision: int = 0
    last: datetime | None = None
    submitter: str | None = None
    approver: str | None = None
    law: str | None = None
    until: datetime | None = None
    sent: datetime | None = None
    refs: frozenset[str] = frozenset()
    spanish: Spanish | None = None
    correction: bool = False
    alone: bool = False

    def at(self, now: datetime) -> str:
        if self.state in OPEN | {"issued"} and self.expires <= now:
            return "expired"
        if self.state == "approved" and self.until is not None and self.until < now:
            return "submitted"
        return self.state

    def again(self) -> None:
        """Nothing that anybody has agreed to holds any more."""
        self.state, self.submitter, self.approver, self.law, self.until = "draft", None, None, None, None
        self.alone = False


@dataclass
class Model:
    messages: dict[str, Message] = field(default_factory=dict)
    journal: list[tuple[str, str, str]] = field(default_factory=list)  # actor, action, subject
    letters: set[tuple[str, str, str]] = field(default_factory=set)  # outbox, recipient, message
    told: set[str] = field(default_factory=set)  # chains whose level once left the house
    acks: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> Model:
        return copy.deepcopy(self)

    # ---- may this be? --------------------------------------------------------------------------------------

    def may(self, step: str, who: str, now: datetime, id: str, **more: Any) -> bool:  # noqa: A002
        role = STAFF[who]
        if step == "draft":
            return id not in self.messages and role in DESK | {"analyst", "system"}
        m = self.messages[id]
        if step == "ack":
            return True
        if more.get("stale") or now < m.made or (m.last is not None and now < m.last):
            return False
        state = m.at(now)
        return bool(getattr(self, f"_may_{step}")(m, who, role, state, now, **more))

    def _may_edit(self, m, who, role, state, now, *, changes, **_):
        differs = any(getattr(m, name) != value for name, value in changes.items())
        return role in DESK and state in OPEN | {"rejected"} and differs

    def _may_translate(self, m, who, role, state, now, *, words, **_):
        sound = "[" not in words and words != m.headline
        return role in DESK | {"analyst"} and state in OPEN and sound

    def _may_drop(self, m, who, role, state, now, **_):
        return role in DESK | {"analyst"} and state in OPEN and m.spanish is not None

    def _may_check(self, m, who, role, state, now, **_):
        if role not in DESK | {"analyst"} or state not in {"draft", "submitted"} or m.spanish is None:
            return False
        return m.spanish.checked is None and m.spanish.by != who

    def _may_submit(self, m, who, role, state, now, **_):
        return role in DESK and state == "draft" and self._sound(m) and self._whole(m)

    def _may_approve(self, m, who, role, state, now, *, law, glass=False, reason="", **_):
        if state != "submitted" or law not in LAWS or not self._sound(m) or not self._whole(m):
            return False
        if m.spanish is not None and m.spanish.checked is None:
            return False
        levels, roles = LAWS[law]
        if m.level not in levels or role not in roles & APPROVERS[m.level]:
            return False
        if glass:
            return m.event == SECONDS and bool(reason.strip())
        others = {m.author, m.submitter} | ({m.spanish.by} if m.spanish else set())
        return who not in others

    def _may_reject(self, m, who, role, state, now, *, reason="no", **_):
        return role in DESK and state in OPEN and bool(reason.strip())

    def _may_issue(self, m, who, role, state, now, **_):
        if role not in DESK | {"system"} or state != "approved":
            return False
        return self.related(m, now) <= m.refs

    def _may_update(self, m, who, role, state, now, *, changes, reason="", correction=False, **_):
        if role not in DESK | {"system"} or state != "issued" or m.kind == "Cancel":
            return False
        if self._waiting(m, now, {"Update", "Cancel"}) or (correction and not reason.strip()):
            return False
        return any(getattr(m, name) != value for name, value in changes.items())

    def _may_cancel(self, m, who, role, state, now, *, reason, **_):
        if role not in DESK | {"system"} or state != "issued" or m.kind == "Cancel":
            return False
        return not self._waiting(m, now, {"Cancel"}) and bool(reason.strip())

    def _sound(self, m: Message) -> bool:
        return "[" not in m.headline and (m.spanish is None or m.spanish.words != m.headline)

    def _whole(self, m: Message) -> bool:
        return m.level < SPANISH_FROM or m.kind == "Cancel" or m.spanish is not None

    def _waiting(self, m: Message, now: datetime, kinds: set[str]) -> bool:
        chain = (o for o in self.messages.values() if o.chain == m.chain and o.id != m.id)
        return any(o.kind in kinds and o.at(now) in OPEN for o in chain)

    def related(self, m: Message, now: datetime) -> set[str]:
        """Messages of the chain that went out and have not expired."""
        chain = (o for o in self.messages.values() if o.chain == m.chain and o.id != m.id)
        return {o.id for o in chain if o.sent is not None and o.expires > now}

    # ---- then it is ----------------------------------------------------------------------------------------

    def take(self, step: str, who: str, now: datetime, id: str, **more: Any) -> str:  # noqa: A002
        """Take a step that may be; give the id of the message that it made or changed."""
        if step == "draft":
            self.messages[id] = Message(id=id, chain=id, made=now, author=who, last=now, **more["texts"])
            self.journal.append((who, "draft", id))
            return id
        m = self.messages[id]
        if step == "ack":
            self.acks.add((id, who))
            self.journal.append((who, "ack", id))
            return id
        if step in ("update", "cancel"):
            return self._successor(m, step, who, now, more)
        getattr(self, f"_take_{step}")(m, who, now, **more)
        m.revision, m.last = m.revision + 1, now
        word = "translate" if step == "drop" else step
        at = len(self.journal)
        self.journal.append((who, word, id))
        if step == "issue":
            self._gone(m, who, now)
            assert self.journal[at][1] == "issue"
        return id

    def _take_edit(self, m, who, now, *, changes, **_):
        if "headline" in changes and m.spanish is not None:
            m.spanish.checked = None
        m.__dict__.update(changes)
        m.again()
        m.author = who

    def _take_translate(self, m, who, now, *, words, **_):
        m.spanish = Spanish(by=who, words=words)
        m.again()

    def _take_drop(self, m, who, now, **_):
        m.spanish = None
        m.again()

    def _take_check(self, m, who, now, **_):
        m.spanish.checked = who
        m.state = m.at(now)  # an approval that lapsed is one no more

    def _take_submit(self, m, who, now, **_):
        m.state, m.submitter = "submitted", who

    def _take_approve(self, m, who, now, *, law, glass=False, **_):
        m.state, m.approver, m.law, m.until, m.alone = "approved", who, law, now + LASTS, glass

    def _take_reject(self, m, who, now, **_):
        m.state, m.approver, m.law, m.until, m.alone = "rejected", None, None, None, False

    def _take_issue(self, m, who, now, **_):
        m.state, m.sent = "issued", now

    def _gone(self, m: Message, who: str, now: datetime) -> None:
        """What comes of a message that went out: others are replaced, letters are written."""
        end, word = ("cancelled", "cancel") if m.kind == "Cancel" else ("updated", "update")
        chain = [o for o in self.messages.values() if o.chain == m.chain and o.id != m.id]
        live = [o for o in chain if o.sent is not None and o.expires > now and o.state == "issued"]
        for o in sorted(live, key=lambda o: (o.sent, o.id)):
            o.state, o.revision, o.last = end, o.revision + 1, now
            self.journal.append((who, word, o.id))
        once = any(o.sent is not None and o.level > 1 for o in chain)
        if m.level > 1 or once:
            box, names = ("public", ("feed", "press")) if m.status == "Actual" else ("drill", ("players",))
            self.letters |= {(box, name, m.id) for name in names}

    def _successor(self, m: Message, step: str, who: str, now: datetime, more: dict[str, Any]) -> str:
        chain = [o for o in self.messages.values() if o.chain == m.chain]
        stem = m.chain.rpartition(".")[0]
        number = max(len(chain), *(int(o.id.rpartition(".")[2]) for o in chain)) + 1
        new = copy.deepcopy(m)
        new.id, new.kind = f"{stem}.{number}", step.capitalize()
        new.again()
        new.refs = m.refs | self.related(m, now) | {m.id}
        new.made = new.last = now
        new.author, new.sent, new.revision = who, None, 0
        new.correction = bool(more.get("correction"))
        if step == "cancel":
            new.headline = f"Cancelled: {m.headline}"
            if m.spanish is not None:
                new.spanish = Spanish(by=who, words=f"Cancelado: {m.spanish.words}")
        elif new.spanish is not None and "headline" in more["changes"]:
            new.spanish.checked = None
        if step == "update":
            new.__dict__.update(more["changes"])
        self.messages[new.id] = new
        self.journal.append((who, step, new.id))
        return new.id
