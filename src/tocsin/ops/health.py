"""Everything that can be wrong with an installation and its store, looked at in one go."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from tocsin.catalog import detectors
from tocsin.feeds import all_feeds
from tocsin.geo import Pack, load_pack
from tocsin.geo.check import check_pack
from tocsin.govern import law, registers
from tocsin.model import ChannelError, ConfigError, NotFoundError, TocsinError, iso
from tocsin.ops import anchoring, jobs, reach, signatures, staleness
from tocsin.ops.config import Settings, read_settings
from tocsin.ops.office import Office, open_office
from tocsin.ops.plan import make_plan
from tocsin.ops.queries import authorities, moments, overdue
from tocsin.ops.queries.drifts import drifts
from tocsin.ops.queries.outbox import given_up
from tocsin.ops.redaction import without_secrets
from tocsin.respond.playbook import playbooks
from tocsin.warn.contract import Recipient

LEAST_FREE = 1_000_000_000
"""Bytes of free disk below which it is a fault."""

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock before this has never been set."""

_MOST = 5
"""Faults that one line lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What.
    ok : bool or None
        Whether nothing is wrong; None where nobody can tell, because what would show it never ran.
    detail : str
        What was found, in words.
    """

    name: str
    ok: bool | None
    detail: str


def examine(path: Path, *, now: datetime) -> list[Check]:
    """Look at the installation, the country and the store in a folder.

    Parameters
    ----------
    path : Path
        Folder of the store; where there is none, that is said.
    now : datetime
        Wall time.

    Returns
    -------
    list of Check
        In the order in which one would mend them.
    """
    checks = [
        Check(name="python", ok=sys.version_info >= (3, 11), detail=sys.version.split()[0]),
        Check(name="clock", ok=now >= EARLIEST, detail=f"{now:%Y-%m-%d %H:%M}Z"),
        _disk(path),
        _page(),
        _judge("plug-ins", _plugins),
    ]
    settings = Settings()
    try:
        settings = read_settings(path)
        checks.append(Check(name="settings", ok=True, detail=f"country {settings.pack}"))
    except ConfigError as error:
        checks.append(Check(name="settings", ok=False, detail=str(error)))
    try:
        pack = load_pack(settings.pack)
    except TocsinError as error:
        return [*checks, Check(name="country", ok=False, detail=str(error))]
    checks += [
        _judge("country", lambda: (check_pack(pack), f"{len(pack.regions):,} regions fit together")),
        _judge("laws", lambda: (law.gaps(pack.levels, pack.laws), "every level can be issued lawfully")),
        _judge("sources", lambda: _sources(pack)),
    ]
    return [*checks, *_store(path, settings, now)]


def _judge(name: str, look: Callable[[], tuple[tuple[str, ...], str]]) -> Check:
    """A check that fails where its look finds faults, or cannot be made at all."""
    try:
        faults, good = look()
    except TocsinError as error:
        return Check(name=name, ok=False, detail=str(error))
    more = f"; and {len(faults) - _MOST} more" if len(faults) > _MOST else ""
    return Check(name=name, ok=not faults, detail="; ".join(faults[:_MOST]) + more if faults else good)


def _disk(path: Path) -> Check:
    place = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    return Check(name="disk", ok=free >= LEAST_FREE, detail=f"{free / 1e9:,.1f} GB free at {place}")


def _page() -> Check:
    built = files("tocsin").joinpath("static", "index.html").is_file()
    detail = "built" if built else "not built: run 'make setup' or 'npm run build'; /text works without it"
    return Check(name="page", ok=built, detail=detail)


def _plugins() -> tuple[tuple[str, ...], str]:
    return (), f"{len(all_feeds())} feeds, {len(detectors())} methods, {len(playbooks())} playbooks"


def _sources(pack: Pack) -> tuple[tuple[str, ...], str]:
    declared = [feed.SOURCE for feed in all_feeds().values()]
    return registers.faults(declared, make_plan(pack).domains), f"{len(declared)} with their licences"


def _store(path: Path, settings: Settings, now: datetime) -> Iterator[Check]:
    try:
        office = open_office(path, pack=settings.pack, domains=settings.domains or None, create=False)
    except TocsinError as error:
        yield Check(name="store", ok=False, detail=str(error))
        return
    with contextlib.closing(office.store):
        yield _judge("store", lambda: (tuple(office.store.check()), f"{path} is whole"))
        yield from _journal(office, now)
        yield _quarantine(office)
        yield _letters(office, now)
        yield _delivery(office, now)
        yield from _recipients(office, now)
        yield from _signatures(office, now)
        yield _jobs(office, now)
        yield _calibration(office, now)
        yield from _feeds(office, now)


def _journal(office: Office, now: datetime) -> Iterator[Check]:
    """The record from its last good anchor on, all of it where there is none; and how old that anchor is."""
    try:
        anchors = anchoring.read(anchoring.anchors_file(office.path)) or ()
        try:
            report = anchoring.verify(office.path, since=now)
        except NotFoundError:
            report = anchoring.verify(office.path)
    except TocsinError as error:
        yield Check(name="journal", ok=False, detail=str(error))
        return
    faults = tuple(str(f) for f in report.faults)
    behind = f"{report.entries:,} decisions since the anchor of {report.since}"
    whole = f"{report.entries:,} decisions, unbroken and lawful"
    yield _judge("journal", lambda: (faults, behind if report.since else whole))
    if not anchors:
        said = "unknown: none was made; 'tocsin govern audit anchor' makes one, live operation one a day"
        yield Check(name="anchors", ok=None, detail=said)
        return
    last = anchors[-1]
    signed = "unsigned" if last.key is None else f"signed by the key {last.key}"
    late = now - last.at > anchoring.LATE
    yield Check(name="anchors", ok=not late, detail=f"the last one of {iso(last.at)}, {signed}")


def _quarantine(office: Office) -> Check:
    held = office.store.quarantined()
    last = "" if not held else f"; the last of {held[-1].source}: {held[-1].error}"
    return Check(name="quarantine", ok=not held, detail=f"{len(held)} records that could not be used{last}")


def _letters(office: Office, now: datetime) -> Check:
    dead = given_up(office, now)
    last = "" if not dead else f"; the last to {dead[-1].recipient}: {dead[-1].detail}"
    return Check(name="outbox", ok=not dead, detail=f"{len(dead)} messages that could not be delivered{last}")


def _delivery(office: Office, now: datetime) -> Check:
    """Messages that could be sent and are not: nothing carries them, whatever says that it runs."""
    late = overdue(office, now)
    said = "; ".join(f"{r['messages']} to {r['recipient']} since {r['since']}" for r in late[:_MOST])
    detail = f"nothing carries {said}: is 'tocsin serve --live' running?" if late else "nothing is overdue"
    return Check(name="delivery", ok=not late, detail=detail)


def _recipients(office: Office, now: datetime) -> Iterator[Check]:
    """Each recipient: whether its receiver can be reached now, and what routine tests of it gave."""
    try:
        book = office.desk.book
    except ConfigError as error:
        yield Check(name="recipients", ok=False, detail=str(error))
        return
    yield Check(
        name="recipients", ok=True, detail=f"{len(book.public)} of warnings, {len(book.drill)} of drills"
    )
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda to: _probed(office, to), book.everybody))
    measured = {row["recipient"]: row for row in reach.reach(office, now)}
    for to, (good, detail) in zip(book.everybody, found, strict=True):
        row = measured[to.id]
        wrong = row["state"] in ("failed", "silent")
        yield Check(name=f"recipient {to.id}", ok=good and not wrong, detail=f"{detail}; {row['words']}")


def _probed(office: Office, to: Recipient) -> tuple[bool, str]:
    """Whether the receiver answers; nothing is sent to it."""
    try:
        return True, str(office.channels[to.channel].probe(to))
    except ChannelError as error:
        return False, without_secrets(str(error))
    except Exception as error:  # noqa: BLE001 - a defect of a plug-in is a finding, not the end of the doctor
        return False, without_secrets(f"{to.channel}: {type(error).__name__}: {error}")


def _signatures(office: Office, now: datetime) -> Iterator[Check]:
    """Without a key or a registry nothing is wrong, but nobody can tell who wrote a message."""
    found = signatures.state(office, now)
    signs = False if found["faults"] else found["signs"] if found["key"] else None
    yield Check(name="signing", ok=signs, detail=found["words"])
    known = True if found["authorities"] else None
    yield Check(name="trust", ok=False if found["trust_fault"] else known, detail=found["trust"])


def _jobs(office: Office, now: datetime) -> Check:
    """Faults of the live jobs; where no live cycle is young enough, that none is known is no good news."""
    failing = [row for row in jobs.states(office.store) if row["state"] == "failed"]
    said = "; ".join(f"{row['job']} since {row['since']}: {row['message']}" for row in failing[:_MOST])
    if failing:
        return Check(name="jobs", ok=False, detail=said)
    last = max((run.last for run in moments.runs(office, now) if run.mode == "live"), default=None)
    if last is None:
        return Check(name="jobs", ok=None, detail="unknown: no live cycle has run yet")
    if now - last > moments.LIVE_FRESH:
        return Check(name="jobs", ok=None, detail=f"unknown: the last live cycle was that of {iso(last)}")
    return Check(name="jobs", ok=True, detail="none of the live jobs fails")


def _calibration(office: Office, now: datetime) -> Check:
    rows = drifts(office, now)
    worst: dict[str, str] = {}
    for row in rows:
        if row["drifts"]:
            worst.setdefault(row["quantity"], row["words"])
    if not rows:
        return Check(name="calibration", ok=None, detail="unknown: no cycle that judges series is on record")
    said = f"calibration drifts: {'; '.join(worst.values())}"
    return Check(
        name="calibration", ok=not worst, detail=said if worst else "tails come as often as they say"
    )


def _feeds(office: Office, now: datetime) -> Iterator[Check]:
    """Every feed that is declared or was read; one that was never read is not well, it is unknown."""
    declared = {feed.SOURCE.id: feed.SOURCE for feed in all_feeds().values()}
    recorded = office.store.feeds(now)
    spans = {d["source"]: d["span"] for d in office.store.list("dataset")}
    watched = {d for run in moments.runs(office, now) if run.mode == "live" for d in run.domains}
    for name in sorted(declared.keys() | recorded.keys()):
        source, state = declared.get(name), recorded.get(name)
        if state is not None and state.outcome != "never":
            state = staleness.aged(state, source or authorities.of_source(office, name), now)
            detail = without_secrets(state.message) or f"read {iso(state.last_ok or now)}"
            yield Check(name=f"feed {name}", ok=state.outcome == "ok", detail=detail)
        elif source is not None and name in spans:
            first, last = (t[:10] for t in spans[name])
            yield Check(
                name=f"feed {name}", ok=None, detail=f"never read; an archive covers {first} to {last}"
            )
        else:
            # Live cycles judge a domain that this feed should tell of: that is a fault, not a plan.
            missed = source is not None and source.url is not None and bool(watched & set(source.domains))
            yield Check(name=f"feed {name}", ok=False if missed else None, detail="never read")
