"""What every domain file must pass; shipped, so that a third party runs the same checks on its own file.

Run all of :data:`CHECKS` on the domain and the tests that its file carries. A check raises
``AssertionError`` with the reason. The file's own tests run through the real cycle, hour by hour (or month by
month), over a :class:`Scene`: one region, and series made of the shorthand.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin import cycle
from tocsin.cap.values import CATEGORY, RESPONSE_TYPE
from tocsin.catalog import detectors, feeds
from tocsin.catalog.domain_file import DomainTest
from tocsin.model import (
    DAY,
    HOUR,
    OBSERVATION_SCHEMA,
    UNCOVERED,
    UNKNOWN,
    Alert,
    ConfigError,
    Domain,
    Event,
    FeedState,
    Kind,
    Panel,
    Plan,
    Quantity,
    Region,
    RegionLevel,
    State,
    grid_us,
    to_us,
    zone,
)
from tocsin.model.periods import ended, is_month
from tocsin.testing.feeds import UNITS

START = datetime(2001, 1, 1, 6, tzinfo=UTC)
"""First period of every series: Monday, midnight in Chicago."""

ZONE = "America/Chicago"
BY_DAY, BY_NIGHT, OTHER = 20.0, 1.0, 5.0
WORDS = frozenset({"places", "findings", "until", "count"})
"""What a template may ask for."""

Floats = NDArray[np.float64]


def places() -> dict[str, Region]:
    """A nation, a state, a county and a site, one in the other."""

    def place(region: str, level: RegionLevel, parent: str | None) -> Region:
        return Region(
            id=region,
            name="Nowhere",
            level=level,
            parent=parent,
            code="NWH",
            title="Nowhere, Nation",
            lat=41.9,
            lon=-87.6,
            area_km2=None,
            population=None,
            timezone=ZONE,
        )

    chain = {"XX": RegionLevel.NATION, "XX-1": RegionLevel.STATE, "XX-11": RegionLevel.COUNTY}
    parents = {"XX": None, "XX-1": "XX", "XX-11": "XX-1"}
    found = {region: place(region, level, parents[region]) for region, level in chain.items()}
    return found | {"XX-11-NWH": place("XX-11-NWH", RegionLevel.SITE, "XX-11")}


def plan_of(domain: Domain) -> Plan:
    """The plan that watches one region of the domain's level."""
    regions = places()
    watched = tuple(r.id for r in regions.values() if r.level == domain.region_level)
    return Plan(
        id=f"check-{domain.id}",
        pack="xx",
        domains=(domain,),
        regions=regions,
        watched={domain.id: watched},
        neighbours={},
        sender="check@example.org",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A snapshot of one region, made of the shorthand of a domain's test.

    Parameters
    ----------
    at : datetime
        Moment of knowledge.
    series : mapping of str to (times, values)
        By quantity: first instants of periods in microseconds, values; NaN is missing.
    reported : tuple of Event
        Events that are on.
    states : mapping
        State of each feed.
    told : tuple of Alert
        Warnings that stand.
    left : mapping of ndarray or None
        State that the cycle before left.
    lag : mapping of str to timedelta
        By quantity: a period is known so long after its end.
    """

    at: datetime
    series: Mapping[str, tuple[NDArray[np.int64], Floats]]
    reported: tuple[Event, ...]
    states: Mapping[str, FeedState]
    told: tuple[Alert, ...]
    left: Mapping[str, NDArray[Any]] | None
    lag: Mapping[str, timedelta]

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel:
        """Values that are known at ``at``."""
        times = grid_us(start, end, step)
        values = np.full((times.size, len(regions)), np.nan)
        have, column = self.series[quantity]
        known = have <= to_us(self.at - self.lag[quantity])
        row = np.searchsorted(times, have)
        inside = known & (row < times.size)
        inside[inside] &= times[row[inside]] == have[inside]
        values[row[inside]] = column[inside, None]
        return Panel(
            quantity=quantity,
            regions=tuple(regions),
            times=times,
            values=values,
            known=np.isfinite(values),
            at=self.at,
        )

    def cells(
        self,
        *,
        quantity: str | None = None,
        regions: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """No rows: a cycle reads panels."""
        del quantity, regions, start, end
        return OBSERVATION_SCHEMA.empty_table()

    def events(
        self, *, domain: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Event]:
        """Those that are on."""
        return [
            e
            for e in self.reported
            if e.known_at <= self.at
            and (domain is None or e.domain == domain)
            and (end is None or e.onset < end)
            and (start is None or (e.ends or self.at) > start)
        ]

    def standing(self) -> Sequence[Alert]:
        """Warnings that have not expired."""
        return [a for a in self.told if a.expires > self.at]

    def verdicts(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        """None."""
        del since
        return ()

    def carried(self, plan: str) -> Mapping[str, NDArray[Any]] | None:
        """State that the cycle before left."""
        del plan
        return self.left

    def feeds(self) -> Mapping[str, FeedState]:
        """State of each feed."""
        return self.states


def shorthand(quantity: Quantity, series: Sequence[tuple[float | str, int]]) -> tuple[NDArray[Any], Floats]:
    """Periods and values of ``[factor of normal or "missing", periods]``.

    Normal is 20 an hour by day (06 to 22 h local) and 1 by night for hourly counts, 5 for everything else,
    with a small noise that is the same in every run.

    Returns
    -------
    tuple of ndarray
        First instants in microseconds, shape (n,); values, shape (n,), NaN where missing.

    Examples
    --------
    >>> from tocsin.catalog import load_domains
    >>> rate = load_domains(["economy"])[0].monitors[0].quantity
    >>> shorthand(rate, [(1.0, 2), ("missing", 1)])[1].round().tolist()
    [5.0, 5.0, nan]
    """
    factors = np.repeat(
        [np.nan if f == "missing" else float(f) for f, _ in series], [n for _, n in series]
    ).astype(float)
    moments = _periods(quantity, len(factors))
    noise = np.array([(k * 2654435761 >> 7) % 5 - 2 for k in range(len(factors))], float)  # -2 … 2
    if quantity.step == HOUR and quantity.kind is Kind.COUNT:
        hours = np.array([m.astimezone(zone(ZONE)).hour for m in moments])
        normal = np.where((hours >= 6) & (hours < 22), BY_DAY + noise, BY_NIGHT + (noise > 1))
        values = np.round(factors * normal)
    else:
        values = factors * OTHER + 0.05 * noise
    return np.array([to_us(m) for m in moments], np.int64), values


def _periods(quantity: Quantity, n: int) -> list[datetime]:
    if quantity.step <= DAY:
        return [START + k * quantity.step for k in range(n)]
    if not is_month(quantity.step):
        edge = START + (n + 1) * quantity.step
        return ended(quantity, after=START - DAY, edge=edge)[:n]
    return [datetime(2001 + k // 12, k % 12 + 1, 1, tzinfo=UTC) for k in range(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a run of a domain's own test showed.

    Parameters
    ----------
    level : int or "unknown"
        Of the newest cycle.
    drafted : int
        Warnings and updates that all cycles drafted.
    """

    level: int | str
    drafted: int


def play(domain: Domain, test: DomainTest) -> Shown:
    """Run one test of a domain file through the real cycle.

    Parameters
    ----------
    domain : Domain
        As loaded.
    test : DomainTest
        As its file carries it. A factor moves the quantities that raise (all, where none does) away from
        normal; ``missing`` is missing in all of them.

    Returns
    -------
    Shown

    Examples
    --------
    >>> from tocsin.catalog.domain_file import FOLDER, load_domain
    >>> domain, tests = load_domain(FOLDER / "seismic.toml")
    >>> play(domain, tests[2])
    Shown(level=3, drafted=1)
    """
    plan = plan_of(domain)
    deciding = {m.quantity.id for m in domain.monitors if m.raises} or {
        m.quantity.id for m in domain.monitors
    }
    calm = [("missing" if f == "missing" else 1.0, n) for f, n in test.series]
    series = {
        m.quantity.id: shorthand(m.quantity, test.series if m.quantity.id in deciding else calm)
        for m in domain.monitors
    }
    lag = {m.quantity.id: m.quantity.step + m.mature for m in domain.monitors}
    moments = _moments(domain, test)
    states = {
        s: FeedState(source=s, outcome=test.feed, last_ok=moments[0], newest=moments[0])
        for s in domain.sources
    }
    events = tuple(_event(plan, domain, k, size, moments[-1]) for k, size in enumerate(test.events))
    scene = Scene(at=moments[0], series=series, reported=events, states=states, told=(), left=None, lag=lag)
    methods = detectors()
    drafted = 0
    for at in moments:
        one = cycle.run(replace(scene, at=at), plan, methods)
        # As if officers had issued every draft at once: a message replaces the one of its chain before.
        new = [replace(p.alert, state=State.ISSUED, sent=at) for p in one.proposals]
        chains = {a.chain for a in new}
        told = (*(a for a in scene.told if a.chain not in chains), *new)
        scene = replace(scene, left=one.carried, told=told)
        drafted += len(new)
    level = int(one.levels[domain.id].max())
    return Shown(level="unknown" if level in (UNKNOWN, UNCOVERED) else level, drafted=drafted)


def _moments(domain: Domain, test: DomainTest) -> list[datetime]:
    """One cycle for each period, when it has matured in the quantity that decides; one for events alone."""
    length = sum(n for _, n in test.series)
    if not length or not domain.monitors:
        return [START]
    first = next((m for m in domain.monitors if m.raises), domain.monitors[0])
    periods = _periods(first.quantity, length + 1)
    return [end + first.mature for end in periods[1:]]


def _event(plan: Plan, domain: Domain, number: int, magnitude: float, at: datetime) -> Event:
    return Event(
        id=f"{domain.sources[0]}:{number}",
        source=domain.sources[0],
        external_id=f"check{number}",
        domain=domain.id,
        hazard="check",
        title="An event of the check",
        onset=at - HOUR,
        known_at=at - timedelta(minutes=30),
        magnitude=magnitude,
        unit="level",
        regions=plan.watched[domain.id],
        raw="0" * 64,
    )


def check_own_tests(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """Every test of the file shows the level that it states; calm drafts nothing, a warning is drafted."""
    for test in tests:
        shown = play(domain, test)
        _hold(shown.level == test.level, f"{test.name!r}: level: got {shown.level}, expected {test.level}")
        warns = isinstance(test.level, int) and test.level >= 2
        _hold(warns or not shown.drafted, f"{test.name!r}: got {shown.drafted} drafts, expected none")
        _hold(not warns or shown.drafted > 0, f"{test.name!r}: got no draft, expected one")


def check_tests_cover_calm_and_silence(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """The file shows what stays quiet, what is unknown when its feed is down, and what stands out."""
    del domain
    levels = [t.level for t in tests]
    _hold(0 in levels, "tests: got none that must stay quiet (level = 0)")
    _hold("unknown" in levels, 'tests: got none with a feed that is down (level = "unknown")')
    _hold(any(isinstance(v, int) and v >= 1 for v in levels), "tests: got none that shows a finding")


def check_levels_rise(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """A larger event never has a lower level, and an event of unknown size none."""
    del tests
    sizes = np.linspace(-1, 12, 131)
    levels = [domain.criteria.event_level(float(s)) for s in sizes]
    _hold(levels == sorted(levels), f"criteria.event_levels: got levels that fall: {levels}")
    _hold(domain.criteria.event_level(None) == 0, "criteria.event_levels: got a level for no magnitude")


def check_codes(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """Category and response type are words of CAP, units are of UCUM."""
    del tests
    _hold(domain.category in CATEGORY, f"category: got {domain.category!r}, allowed: {', '.join(CATEGORY)}")
    _hold(
        domain.response_type in RESPONSE_TYPE,
        f"response_type: got {domain.response_type!r}, allowed: {', '.join(RESPONSE_TYPE)}",
    )
    for m in domain.monitors:
        _hold(m.quantity.unit in UNITS, f"{m.quantity.id}: unit: got {m.quantity.unit!r}")


def check_texts(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """Templates ask only for what a draft fills in; headline and description name places or findings."""
    del tests
    for name, text in domain.texts.items():
        template = string.Template(text)
        _hold(template.is_valid(), f"texts.{name}: got a $ that names nothing")
        unknown = sorted(set(template.get_identifiers()) - WORDS)
        _hold(not unknown, f"texts.{name}: got ${', $'.join(unknown)}, allowed: ${', $'.join(sorted(WORDS))}")
    _hold("$places" in domain.texts["headline"], "texts.headline: got no $places")
    _hold("$findings" in domain.texts["description"], "texts.description: got no $findings")


def check_maturity(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """No quantity is judged before its source publishes it: it would always be missing."""
    del tests
    lags = {q.id: module.SOURCE.lag for module in feeds().values() for q in module.SOURCE.quantities}
    for m in domain.monitors:
        lag = lags.get(m.quantity.id, timedelta(0))
        _hold(m.mature >= lag, f"{m.quantity.id}: mature: got {m.mature}, allowed: at least the lag {lag}")


def check_budget(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """What raises warnings of its own has a budget and an outcome to be judged by; nothing else has.

    The aim lies below the promise, because verdicts come late.
    """
    del tests
    raising = {m.quantity.id for m in domain.monitors if m.raises}
    _hold(
        bool(raising) == (domain.budget is not None),
        f"budget: got {domain.budget}, with {len(raising)} raising quantities",
    )
    if domain.budget is not None:
        _hold(domain.budget.aim <= domain.budget.per_week, "budget.aim: got more than per_week")
        _hold(domain.outcome is not None, "outcome: got none, allowed with a budget: a rule")
    if domain.outcome is not None:
        _hold(
            domain.outcome.quantity in raising,
            f"outcome.quantity: got {domain.outcome.quantity}, which raises nothing",
        )


def check_methods_start(domain: Domain, tests: Sequence[DomainTest]) -> None:
    """Each monitor's method takes its settings and can begin."""
    del tests
    methods = detectors()
    for m in domain.monitors:
        try:
            state = methods[m.method](**m.settings).start(2)
        except (TypeError, ValueError, LookupError, ConfigError) as error:
            raise AssertionError(
                f"{m.quantity.id}: {m.method}: got {error!r}, allowed: its settings"
            ) from error
        _hold(bool(state), f"{m.quantity.id}: {m.method}: got an empty state")


Check = Callable[[Domain, Sequence[DomainTest]], None]


def _checks() -> Mapping[str, Check]:
    return MappingProxyType({n: f for n, f in globals().items() if n.startswith("check_")})


def _hold(fact: bool, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)


CHECKS: Mapping[str, Check] = _checks()
"""Every check by name."""
