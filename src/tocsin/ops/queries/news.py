"""News: what changed in the store since somebody last looked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tocsin.model import Alert, iso
from tocsin.ops.office import Office
from tocsin.ops.queries.coverage import source_states
from tocsin.ops.queries.told import seen_by_all
from tocsin.store import OutboxItem


class News(NamedTuple):
    """What changed (``cycle``, ``alert``, ``call``, ``delivery``, ``feed``), and whether all may know it."""

    kind: str
    said: dict[str, Any]
    public: bool = True


class Watch:
    """Remembers what was there and tells what is new.

    Parameters
    ----------
    office : Office
        Store and country.
    now : datetime
        Wall time; what is there already is no news.
    """

    def __init__(self, office: Office, now: datetime) -> None:
        self._office = office
        self._cycle = now
        self._seq = self._newest()
        self._feeds = self._outcomes(now)
        self._lost = {item.id for item in self._given_up()}

    def poll(self, now: datetime) -> list[News]:
        """What is new; one piece of news for each cycle, warning and feed that changed."""
        news: list[News] = []
        rows = self._office.store.cycles(self._cycle + timedelta(microseconds=1), now + timedelta(days=1))
        if rows:
            self._cycle = rows[-1].at
            news.append(News("cycle", {"at": iso(self._cycle)}))
        seq = self._newest()
        if seq > self._seq:
            entries = self._office.store.audit(limit=seq - self._seq)
            self._seq = seq
            for subject in dict.fromkeys(e.decision.subject for e in entries):
                alert: Alert | None = self._office.store.get("alert", subject)
                if alert is not None:
                    said = {"id": alert.id, "revision": alert.revision, "state": str(alert.state)}
                    news.append(News("alert", said, seen_by_all(alert)))
            for made in (e.decision for e in entries):
                if made.action == "escalate":  # the desk is called: for staff only
                    called = {"id": made.subject, "at": iso(made.at), "text": made.reason}
                    news.append(News("call", called, public=False))
        outcomes = self._outcomes(now)
        changed = sorted(s for s, o in outcomes.items() if self._feeds.get(s) != o)
        news += [News("feed", {"id": s, "outcome": outcomes[s]}) for s in changed]
        self._feeds = outcomes
        # Somebody who should have been warned was not: the desk must know at once, and nobody else.
        lost = [item for item in self._given_up() if item.id not in self._lost]
        self._lost |= {item.id for item in lost}
        news += [
            News(
                "delivery",
                {"alert": i.payload.get("alert"), "recipient": i.recipient, "state": i.status},
                False,
            )
            for i in lost
        ]
        return news

    def _given_up(self) -> list[OutboxItem]:
        return self._office.store.outbox_of("public").rows(status="dead")

    def _newest(self) -> int:
        entries = self._office.store.audit(limit=1)
        return entries[-1].seq if entries else 0

    def _outcomes(self, now: datetime) -> dict[str, str]:
        return {name: state.outcome for name, state in source_states(self._office, now).items()}
