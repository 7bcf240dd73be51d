"""What a cycle would ask and officers are not asked: weighed where drafts are kept, and kept visible.

In this order a draft is held back by the criteria of its domain (area, minimum hold), by a message beside it
that waits for officers, by what officers have rejected (:mod:`tocsin.ops.rejections`), by a wider warning of
the same hazard, by a silence of an officer, by the cap of its area and day, by a later message that officers
turned down in the same words. Each leaves a record of kind ``suppressed``: what would have been asked, why
not, since when and until when last. Nothing here forgets: when the reason ends, the next cycle asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tocsin.geo.rollup import lineage
from tocsin.model import (
    HOUR,
    Alert,
    Criteria,
    Decision,
    Region,
    RegionLevel,
    Role,
    from_plain,
    iso,
    parse_time,
    to_plain,
)
from tocsin.model.record import decision_id
from tocsin.ops.office import Office
from tocsin.warn.daily_cap import areas, capped
from tocsin.warn.inhibit import inhibited_by
from tocsin.warn.propose import Proposal
from tocsin.warn.report import event_of
from tocsin.warn.silence import Silence

KIND = "suppressed"
SILENCES = "silence"

AGAIN = HOUR
"""What is held back at every cycle is noted once in so long, and whenever level or area change."""

OVER = timedelta(hours=2)
"""What was not called for any more for so long is over; when it comes back it is told as new."""

_WIDTH = list(RegionLevel)

_Place = tuple[str, str, str]


def _place(alert: Alert, region: str) -> _Place:
    return alert.status, alert.event.casefold(), region


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why a draft is not asked.

    Parameters
    ----------
    stage : str
        ``criteria``, ``waiting``, ``inhibited``, ``silenced``, ``capped``, ``proposed again`` or ``repeat
        silenced``.
    by : str
        Id of the warning, silence or area that holds it back; the domain for its criteria.
    reason : str
        In words.
    until : datetime or None
        Until when that is so, where it is known.
    """

    stage: str
    by: str
    reason: str
    until: datetime | None = None


def widest_first(office: Office, proposals: Iterable[Proposal]) -> list[Proposal]:
    """The proposals of a cycle, those of wide areas before those that lie inside; else in their order."""

    def width(proposal: Proposal) -> int:
        return min(_WIDTH.index(office.pack.regions[r].level) for r in proposal.alert.regions)

    return sorted(proposals, key=width)


# Read once a cycle, however many drafts it weighs; not frozen: what is kept joins what stands.
@dataclass(slots=True, kw_only=True, eq=False)
class Batch:
    """What the drafts of one cycle are weighed against.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime
        Moment of the cycle.
    """

    office: Office
    at: datetime
    _around: dict[_Place, list[Alert]] | None = None
    _silences: list[Silence] | None = None
    _earlier: dict[str, dict[str, list[Alert]]] = field(default_factory=dict)

    def weigh(self, proposal: Proposal) -> Held | None:
        """Why a proposal is not asked; None when it is."""
        alert, regions = proposal.alert, self.office.pack.regions
        if proposal.held:
            stage = "waiting" if proposal.behind else "criteria"
            return Held(stage=stage, by=proposal.behind or alert.chain, reason=proposal.held)
        wider = inhibited_by(alert, self._wider(alert), regions, self.at)
        if wider is not None:
            why = f"{wider.id}, {wider.state} at level {wider.level}, warns of the same hazard around it"
            return Held(stage="inhibited", by=wider.chain, reason=why, until=wider.expires)
        if self._silences is None:
            self._silences = silences(self.office, at=self.at)
        silence = silenced_by(alert, self._silences, regions, at=self.at)
        if silence is not None:
            why = f"shelved by {silence.author}: {silence.reason}"
            return Held(stage="silenced", by=silence.id, reason=why, until=silence.ends)
        return self._capped(alert)

    def kept(self, alert: Alert) -> None:
        """Note that a draft was kept: what comes after it is weighed against it too."""
        if self._around is not None:
            self._stand(self._around, alert)
        if alert.domain in self._earlier:
            self._count(self._earlier[alert.domain], alert)

    def _wider(self, alert: Alert) -> list[Alert]:
        """What stands or waits of the same hazard around the first region: never all pairs of a flood."""
        if self._around is None:
            self._around = {}
            for one in self.office.store.as_of(self.at).standing():
                self._stand(self._around, one)
        around = lineage(self.office.pack.regions, alert.regions[0])[1:]
        found = (one for r in around for one in self._around.get(_place(alert, r), ()))
        return list({one.id: one for one in found}.values())

    @staticmethod
    def _stand(around: dict[_Place, list[Alert]], alert: Alert) -> None:
        for region in alert.regions:
            around.setdefault(_place(alert, region), []).append(alert)

    def _count(self, earlier: dict[str, list[Alert]], alert: Alert) -> None:
        for area in areas(alert, criteria_of(self.office, alert.domain), self.office.pack.regions):
            earlier.setdefault(area, []).append(alert)

    def _capped(self, alert: Alert) -> Held | None:
        criteria, regions = criteria_of(self.office, alert.domain), self.office.pack.regions
        if criteria.daily_cap == 0:
            return None
        if alert.domain not in self._earlier:
            # No local day is longer than this, and the zones of two areas are no further apart.
            since = self.at - timedelta(days=3)
            self._earlier[alert.domain] = {}
            for one in self.office.store.list("alert", at=self.at, where={"domain": alert.domain}):
                if one.created_at >= since:
                    self._count(self._earlier[alert.domain], one)
        by_area = self._earlier[alert.domain]
        same = {one.id: one for area in areas(alert, criteria, regions) for one in by_area.get(area, ())}
        full = capped(alert, list(same.values()), criteria, regions)
        if not full:
            return None
        said = "; ".join(f"{c.asked} of {c.cap} for {c.area} on {c.day}" for c in full)
        why = f"cap of the area and day at level {alert.level} or above: {said}"
        return Held(stage="capped", by=full[0].area, reason=why)


def criteria_of(office: Office, domain: str) -> Criteria:
    """The criteria of a domain, watched or not."""
    plan = office.plan if domain in office.plan.watched else office.plan_of((domain,))
    return next(d for d in plan.domains if d.id == domain).criteria


def silences(office: Office, *, at: datetime) -> list[Silence]:
    """Silences that hold at a moment, as known then; those that end first come first."""
    kept = [from_plain(Silence, _noun(row)) for row in office.store.list(SILENCES, at=at)]
    return sorted((s for s in kept if s.holds(at)), key=lambda s: (s.ends, s.id))


def _noun(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != "revision"}


def silenced_by(
    alert: Alert, holding: Iterable[Silence], regions: Mapping[str, Region], *, at: datetime
) -> Silence | None:
    """The silence that covers a warning at a moment; of several the one that lasts longest."""
    found = [s for s in holding if s.covers(alert, at, regions)]
    return max(found, key=lambda s: (s.ends, s.id), default=None)


def note(office: Office, alert: Alert, held: Held, *, at: datetime) -> None:
    """Put on record that a draft is held back; the first time with an entry in the journal."""
    key = _key(alert, held)
    with office.store.transaction():
        old: Mapping[str, Any] | None = office.store.get(KIND, key)
        last = None if old is None else parse_time(old["last"])
        if last is not None and at <= last:
            return  # a clock went back, or an older moment is run again: the newer record stands
        fresh = old is None or last is None or at - last > OVER
        revision = 0 if old is None else int(old["revision"]) + 1
        body = {
            "id": key,
            "revision": revision,
            "stage": held.stage,
            "by": held.by,
            "reason": held.reason,
            "until": held.until,
            "since": at if fresh or old is None else parse_time(old["since"]),
            "last": at,
            "alert": alert.id,
            "chain": alert.chain,
            "domain": alert.domain,
            "event": alert.event,
            "status": alert.status,
            "msg_type": alert.msg_type,
            "level": alert.level,
            "likelihood": alert.likelihood,
            "impact": alert.impact,
            "headline": alert.headline,
            "regions": list(alert.regions),
            "names": [m.name for m in alert.members],
            "why": alert.reason,
        }
        if old is not None and last is not None and at - last < AGAIN and _same(old, body):
            return
        office.store.put(KIND, key, body, known_at=at, revision=revision)
        if fresh:
            office.store.journal(_decision(alert, held, at))


def _key(alert: Alert, held: Held) -> str:
    """One record for each thing that is held back, the same at every cycle, whatever the id of the draft.

    A report has an id, a later message its chain; of our own findings it is the hazard at the first of its
    places.
    """
    first = alert.msg_type == "Alert"
    about = (event_of(alert) or min(alert.regions)) if first else alert.chain
    parts = (held.stage, held.by, alert.domain, alert.event, alert.status, alert.msg_type, about)
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{held.stage}.{digest[:24]}"


def _same(old: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return all(old[k] == body[k] for k in ("level", "regions", "by", "event", "reason"))


def _decision(alert: Alert, held: Held, at: datetime) -> Decision:
    reason = f"{held.stage}: {held.reason}" + (f", until {iso(held.until)}" if held.until else "")
    return Decision(
        id=decision_id(f"{alert.id}:{held.stage}:{held.by}", "suppress", at, "system"),
        at=at,
        actor="system",
        role=Role.SYSTEM,
        action="suppress",
        subject=alert.id,
        content_hash=alert.content_hash,
        reason=reason,
    )


def plain(silence: Silence) -> dict[str, Any]:
    """A silence as plain types."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in to_plain(silence).items()}
