"""A small desk for tests: two counties, two airports, four levels, two laws, an outbox and a channel."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.model import Alert, ChannelError, Level, Member, Receipt, Region, RegionLevel, Role, Translation
from tocsin.model.law import BreakGlass, LegalBasis
from tocsin.warn.contract import Message, Recipient, admit, receipt
from tocsin.warn.message import Issuer

DUTY, APPROVING, ADMIN = Role.DUTY_OFFICER, Role.APPROVING_OFFICER, Role.ADMINISTRATOR
SENDER = "desk@warnings.example.org"


def at(clock: str, day: int = 5) -> datetime:
    """A time of day in March 2001, UTC."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2001, 3, day, hour, minute, tzinfo=UTC)


def level(rank: int, name: str, issued_by: tuple[Role, ...], *, public: bool = True) -> Level:
    severity = ("Minor", "Moderate", "Severe", "Extreme")[rank - 1]
    return Level(
        rank=rank, name=name, colour="#f2d024", glyph="△", hatch="none", severity=severity,
        urgency="Expected", certainty="Likely", issued_by=issued_by, public=public,
    )  # fmt: skip


LEVELS = (
    level(1, "watch", (DUTY, APPROVING), public=False),
    level(2, "warning", (APPROVING,)),
    level(3, "severe", (APPROVING,)),
    level(4, "extreme", (APPROVING, ADMIN)),
)
LAWS = (
    LegalBasis(key="act", law="Warning Act", article="section 2", levels=(1, 2, 3), roles=(DUTY, APPROVING)),
    LegalBasis(key="grave", law="Emergency Act", article="section 9", levels=(3, 4), roles=(APPROVING,)),
)
GLASS = BreakGlass(policy="seconds-1", hazards=("Earthquake",), review_within=timedelta(hours=24))


def place(
    region: str,
    name: str,
    rank: RegionLevel,
    parent: str | None,
    code: str,
    title: str,
    lat: float,
    lon: float,
):
    return Region(
        id=region, name=name, level=rank, parent=parent, code=code, title=title, lat=lat, lon=lon,
        area_km2=None, population=None, timezone="America/Los_Angeles",
    )  # fmt: skip


_STATE, _COUNTY, _SITE = RegionLevel.STATE, RegionLevel.COUNTY, RegionLevel.SITE
REGIONS = {
    r.id: r
    for r in (
        place("US", "United States", RegionLevel.NATION, None, "US", "United States", 39.0, -98.0),
        place("US-53", "Washington", _STATE, "US", "WA", "Washington", 47.4, -120.5),
        place("US-53033", "King", _COUNTY, "US-53", "53033", "King, Washington", 47.49, -121.8),
        place("US-53053", "Pierce", _COUNTY, "US-53", "53053", "Pierce, Washington", 47.05, -122.1),
        place("US-AIR-SEA", "Seattle", _SITE, "US-53033", "SEA", "Seattle (SEA)", 47.448982, -122.309313),
        place("US-AIR-BFI", "Boeing Field", _SITE, "US-53033", "BFI", "Boeing Field (BFI)", 47.53, -122.30),
    )
}

ISSUER = Issuer(
    sender=SENDER,
    name="Test desk",
    geocodes={
        RegionLevel.COUNTY: (("SAME", "0{tail}"), ("FIPS6", "0{tail}")),
        RegionLevel.STATE: (("SAME", "0{tail}000"),),
    },
)


def member(region: str = "US-AIR-SEA", name: str = "SEA", **changes: Any) -> Member:
    plain: dict[str, Any] = {
        "since": at("09:00"),
        "tail": 1e-7,
        "value": 3.0,
        "expected": 42.5,
        "window_h": 6,
    }
    return Member(region=region, name=name, **(plain | changes))


def alert(number: int = 1, **changes: Any) -> Alert:
    """A draft that the cycle made at 09:10."""
    plain: dict[str, Any] = {
        "id": f"us.air.{number}",
        "chain": f"us.air.{number}",
        "domain": "air_transport",
        "event": "Air traffic stop",
        "category": "Transport",
        "level": 2,
        "likelihood": math.nan,
        "impact": 2,
        "headline": "Departures stopped at Seattle-Tacoma",
        "description": "3 departures in 6 h, 42.5 expected.",
        "instruction": "Ask your airline before you travel.",
        "members": (member(),),
        "onset": at("09:00"),
        "expires": at("21:00"),
        "created_at": at("09:10"),
        "author": "system",
        "inputs": ("cycle-1",),
    }
    return Alert(**(plain | changes))


def spanish(**changes: Any) -> Translation:
    """The same warning in Spanish, written by an analyst and read by nobody yet."""
    plain: dict[str, Any] = {
        "language": "es-US",
        "event": "Parada del tráfico aéreo",
        "headline": "Salidas suspendidas en Seattle-Tacoma",
        "description": "3 salidas en 6 h; se esperaban 42,5.",
        "instruction": "Consulte con su aerolínea antes de viajar.",
        "author": "tess",
        "written_at": at("09:11"),
    }
    return Translation(**(plain | changes))


LOCK = threading.Lock()


@dataclass
class Row:
    id: int
    group: str
    recipient: str
    content_hash: str
    channel: str
    payload: dict[str, Any]
    at: datetime
    status: str = "pending"
    attempts: int = 0
    next_try: datetime | None = None
    detail: str = ""


@dataclass
class Table:
    """An outbox in memory with the same rules as the store's: one row a key, final answers are final."""

    rows: list[Row] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Any,
        at: datetime,
        priority: int = 0,
    ) -> bool:
        if any((r.group, r.recipient, r.content_hash) == (group, recipient, content_hash) for r in self.rows):
            return False
        row = Row(len(self.rows) + 1, group, recipient, content_hash, channel, dict(payload), at, next_try=at)
        self.rows.append(row)
        return True

    def pending(self, at: datetime) -> list[Row]:
        due = [r for r in self.rows if r.status in ("pending", "failed") and r.next_try and r.next_try <= at]
        return [replace(r) for r in due]

    def due(self, at: datetime, *, horizon: timedelta) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for row in self.pending(at):
            found.setdefault(row.recipient, row.at)
        return found

    def claim(self, at: datetime, *, recipient: str, limit: int, **lease: Any) -> list[Row]:
        with LOCK:
            mine = [r for r in self.pending(at) if r.recipient == recipient and r.id not in self.held]
            open_ = [r for r in self.rows if r.status in ("pending", "failed")]
            first = {(r.group, r.recipient): r.id for r in reversed(open_)}
            mine = [r for r in mine if first[r.group, r.recipient] == r.id][:limit]
            self.held.update({r.id: lease["owner"] for r in mine})
        return mine

    def holds(self, id: int, owner: str) -> bool:  # noqa: A002 - the table's word
        return self.held.get(id) == owner

    def wake(self, recipient: str, at: datetime) -> None:
        for row in self.rows:
            if row.recipient == recipient and row.status == "failed":
                row.next_try = at

    def release(self, owner: str) -> None:
        self.held = {n: who for n, who in self.held.items() if who != owner}

    def settle(
        self,
        id: int,  # noqa: A002 - the table's word
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
        owner: str | None = None,
    ) -> None:
        row = self.rows[id - 1]
        assert owner is None or self.held.pop(id) == owner
        assert row.status in ("pending", "failed"), f"row {id} has a final answer: {row.status}"
        assert (status == "failed") == (next_try is not None)
        row.status, row.detail, row.next_try, row.attempts = status, detail, next_try, row.attempts + 1


@dataclass
class Post:
    """A channel that keeps what it was handed and can be told to fail."""

    NAME: str = "post"
    MAX_BYTES: int = 1_000_000
    got: list[Message] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)

    def send(self, message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
        admit(message, to, name=self.NAME, max_bytes=self.MAX_BYTES, at=at)
        if dry_run:
            return receipt(message, to, at=at, status="dry")
        if self.troubles:
            raise self.troubles.pop(0)
        self.got.append(message)
        return receipt(message, to, at=at, status="accepted", detail="taken")


def busy() -> ChannelError:
    return ChannelError("451 try again later", retry=True)
