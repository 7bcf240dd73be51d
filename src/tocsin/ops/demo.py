"""The demonstration: packaged data, replayed by the code that also runs live, and a desk to try.

Everything here can be run again: what is done is found done, what was cut off goes on where it stopped.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.model import HOUR, Alert, ConfigError, Role, State, iso
from tocsin.ops import accounts, commands, loop, queries, runs
from tocsin.ops.commands import Actor
from tocsin.ops.datasets import load_datasets
from tocsin.ops.office import Office, code_version

OPEN_AT = datetime(2001, 3, 5, 18, 5, tzinfo=UTC)
"""Moment on which the demonstration opens: the nor'easter of March 2001."""

EXERCISE_LASTS = timedelta(hours=24)
"""How long an exercise of the demonstration stands."""

Progress = Callable[[str, int, int, datetime], None]
"""Takes the title of a replay, cycles done, cycles in all, and the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A stretch of the past that is replayed hour by hour.

    Parameters
    ----------
    id, title : str
        Name of its record; what people read.
    domains : tuple of str
        What is watched.
    start, end : datetime
        First and last cycle.
    """

    id: str
    title: str
    domains: tuple[str, ...]
    start: datetime
    end: datetime

    @property
    def cycles(self) -> int:
        """Number of hourly cycles."""
        return (self.end - self.start) // HOUR + 1


REPLAYS = (
    Replay(
        id="2001",
        title="Air transport and economy, January to June 2001",
        domains=("air_transport", "economy"),
        start=datetime(2001, 1, 1, 6, 5, tzinfo=UTC),
        end=datetime(2001, 7, 1, 5, 5, tzinfo=UTC),
    ),
    Replay(
        id="2018",
        title="Earthquakes, first week of February 2018",
        domains=("seismic",),
        start=datetime(2018, 1, 31, 3, 5, tzinfo=UTC),
        end=datetime(2018, 2, 7, 1, 5, tzinfo=UTC),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something that happened and must have been warned of.

    Parameters
    ----------
    title : str
        What people read.
    airports : tuple of str
        IATA codes where it was felt.
    since, until : datetime
        Warnings issued in this window are looked at; ``since`` is the moment of the shock for an earthquake,
        else the first hour of the local day on which it began.
    exact : bool
        Whether ``since`` is the moment of the hazard, so that a lag can be given.
    """

    title: str
    airports: tuple[str, ...]
    since: datetime
    until: datetime
    exact: bool = False


NAMED = (
    Named(
        title="Nisqually earthquake",
        airports=("SEA",),
        since=datetime(2001, 2, 28, 18, 54, tzinfo=UTC),
        until=datetime(2001, 3, 1, 18, 54, tzinfo=UTC),
        exact=True,
    ),
    Named(
        title="Nor'easter of 5–6 March",
        airports=("BOS", "LGA", "JFK", "EWR", "BDL", "PVD"),
        since=datetime(2001, 3, 5, 5, 0, tzinfo=UTC),
        until=datetime(2001, 3, 7, 5, 0, tzinfo=UTC),
    ),
    Named(
        title="Tropical Storm Allison",
        airports=("IAH", "HOU"),
        since=datetime(2001, 6, 8, 5, 0, tzinfo=UTC),
        until=datetime(2001, 6, 11, 5, 0, tzinfo=UTC),
    ),
)

ACCOUNTS: Mapping[str, Role] = {
    "duty": Role.DUTY_OFFICER,
    "chief": Role.APPROVING_OFFICER,
    "analyst": Role.ANALYST,
    "viewer": Role.VIEWER,
    "admin": Role.ADMINISTRATOR,
}
"""Role accounts of the demonstration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of one replay.

    Parameters
    ----------
    replay : Replay
        Which one.
    run : int
        Cycles run now; 0 when all were there.
    seconds : float
        Time they took, or took when they were run.
    per_second : float
        Cycles a second, of the run that finished it.
    """

    replay: Replay
    run: int
    seconds: float
    per_second: float


def build(
    office: Office, packages: Path, *, at: datetime, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Read the packaged data into the store; see :func:`tocsin.ops.datasets.load_datasets`."""
    return load_datasets(office.store, packages, office.pack, at=at, report=report)


def run_replay(
    office: Office,
    wanted: Replay,
    *,
    at: datetime,
    progress: Progress = lambda _title, _done, _all, _at: None,
) -> Ran:
    """Run what is missing of one replay.

    Parameters
    ----------
    office : Office
        Store and country.
    wanted : Replay
        Which one.
    at : datetime
        Wall time, for the record.
    progress : callable
        Told how far it is.

    Raises
    ------
    ConfigError
        When the data are not there, or the store holds this replay under other settings: its warnings
        would mix with those.
    """
    plan = office.plan_of(wanted.domains).id
    before = office.store.history("replay", wanted.id)
    if before and before[0].noun["plan"] != plan:
        raise ConfigError(
            str(office.path),
            f"replay {wanted.id}",
            before[0].noun["plan"],
            f"plan {plan}; the settings of a domain changed since this store was made: use another folder "
            "with --store, or remove this one",
        )
    last = before[-1].noun if before else None
    if last is not None and last["state"] == "done":
        return Ran(replay=wanted, run=0, seconds=last["seconds"], per_second=last["per_second"])
    if last is None:
        _note(office, wanted, plan, at, state="begun", run=0, seconds=0.0)
    begun = time.perf_counter()
    run = loop.replay(
        office,
        start=wanted.start,
        end=wanted.end,
        domains=wanted.domains,
        archives=_archives(office, wanted),
        progress=lambda done, all_, moment: progress(wanted.title, done, all_, moment),
    )
    seconds = time.perf_counter() - begun
    _note(office, wanted, plan, at, state="done", run=run, seconds=seconds)
    return Ran(replay=wanted, run=run, seconds=seconds, per_second=run / seconds if run else 0.0)


def _archives(office: Office, wanted: Replay) -> dict[str, tuple[datetime, datetime]]:
    spans = runs.archives(office, wanted.domains)
    for domain in office.plan_of(wanted.domains).domains:
        if not spans.keys() & set(domain.sources):
            raise ConfigError(str(office.path), domain.id, None, "packaged data: run 'tocsin demo build'")
    return spans


def _note(
    office: Office, wanted: Replay, plan: str, at: datetime, *, state: str, run: int, seconds: float
) -> None:
    history = office.store.history("replay", wanted.id)
    record = {
        "id": wanted.id,
        "title": wanted.title,
        "domains": list(wanted.domains),
        "start": iso(wanted.start),
        "end": iso(wanted.end),
        "cycles": wanted.cycles,
        "plan": plan,
        "code": code_version(),
        "state": state,
        "seconds": seconds,
        "per_second": run / seconds if run else 0.0,
    }
    # A clock that went back must not stop the demonstration: the record is known no earlier than the last.
    known = max([at, *(s.known_at for s in history)])
    office.store.put("replay", wanted.id, record, known_at=known, revision=len(history))


def renew_accounts(office: Office, *, at: datetime) -> dict[str, str]:
    """Give every account of the demonstration a new random password; only the hashes are kept.

    Returns
    -------
    dict
        Passwords by account: shown once, then forgotten.
    """
    passwords = {name: secrets.token_urlsafe(9) for name in ACCOUNTS}
    for name, role in ACCOUNTS.items():
        accounts.put_account(
            office, name, role, passwords[name], at=at, actor=commands.SYSTEM, reason="demonstration"
        )
    return passwords


def renew_exercises(office: Office, *, at: datetime) -> list[Alert]:
    """See that one exercise waits as a draft and one for approval; what expired is replaced.

    Returns
    -------
    list of Alert
        The two that wait: of the Nisqually earthquake for approval, of the nor'easter as a draft.
    """
    waiting = []
    duty = Actor(account="duty-demo", role=Role.DUTY_OFFICER, simulated=True)
    for named, state in ((NAMED[0], State.SUBMITTED), (NAMED[1], State.DRAFT)):
        place = named.airports[0]
        found = _exercise_waiting(office, place, state, at)
        if found is None:
            told = warnings_of(office, named)
            if not told:
                continue
            # The last message of the first chain says most about what happened.
            last = [a for a in told if a.chain == told[0].chain][-1]
            number = at.strftime("%Y%m%dT%H%M%SZ")
            new = commands.exercise_of(
                last, identifier=f"us.exercise.{number}.{place}.1", at=at, hold=EXERCISE_LASTS
            )
            found = commands.draft(office, replace(new, inputs=(told[0].id,)), commands.SYSTEM, at=at)
            if state is State.SUBMITTED:
                found = commands.submit(office, found.id, duty, at=at)
        waiting.append(found)
    return waiting


def _exercise_waiting(office: Office, place: str, state: State, at: datetime) -> Alert | None:
    alerts: list[Alert] = office.store.list("alert", where={"status": "Exercise", "state": str(state)})
    fresh = [a for a in alerts if a.expires > at and a.id.split(".")[-2] == place]
    return fresh[-1] if fresh else None


def warnings_of(office: Office, named: Named) -> list[Alert]:
    """Warnings that were issued of a named event, in the order in which they were sent."""
    alerts: list[Alert] = office.store.list("alert", where={"domain": "air_transport", "status": "Actual"})
    found = [
        (a.sent, a)
        for a in alerts
        if a.sent is not None
        and a.msg_type != "Cancel"
        and named.since <= a.sent < named.until
        and {m.name for m in a.members} & set(named.airports)
    ]
    return [a for _, a in sorted(found, key=lambda pair: (pair[0], pair[1].id))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the replays gave.

    Parameters
    ----------
    warnings : Mapping of str to int
        Chains by verdict, over all domains.
    summaries : sequence of mapping
        One for each domain with a budget, as ``tocsin verify ledger`` gives them.
    named : sequence of mapping
        The named events: title, first warning, lag in seconds, level, verdict, airports named.
    """

    warnings: Mapping[str, int]
    summaries: Sequence[Mapping[str, Any]]
    named: Sequence[Mapping[str, Any]]


def report(office: Office, *, now: datetime) -> Report:
    """Count warnings and verdicts of the replay of 2001, and look up the named events."""
    entries, summaries = queries.ledger(office, at=REPLAYS[0].end, now=now)
    told = [e for e in entries if e["entry"] == "warning"]
    verdicts = {e["alert"]: e for e in told}
    counts: dict[str, int] = {}
    for e in told:
        counts[e["verdict"]] = counts.get(e["verdict"], 0) + 1
    return Report(
        warnings=counts,
        summaries=summaries,
        named=[_named(office, named, verdicts) for named in NAMED],
    )


def _named(office: Office, named: Named, verdicts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    told = warnings_of(office, named)
    row: dict[str, Any] = {"title": named.title, "warned": bool(told)}
    if not told or told[0].sent is None:
        return row
    first = told[0]
    entry = verdicts.get(first.chain, {})
    sent = told[0].sent
    chain = [a for a in told if a.chain == first.chain]
    return {
        **row,
        "alert": first.chain,
        "issued": iso(sent),
        "lag_s": int((sent - named.since).total_seconds()) if named.exact else None,
        "after_onset_s": int((sent - first.onset).total_seconds()),
        "level": max(a.level for a in chain),
        "airports": sorted({m.name for a in chain for m in a.members}),
        "verdict": entry.get("verdict", "OPEN"),
    }
