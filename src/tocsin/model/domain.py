"""A domain and a plan: what is watched, by which methods, within which budget, told in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tocsin.model.matrix import Matrix
from tocsin.model.quantity import Quantity
from tocsin.model.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowcasting:
    """How the newest counts of a quantity that is reported late are corrected before they are judged.

    Parameters
    ----------
    method : str
        ``lawless`` or ``bayes.notrunc.bnb`` (:mod:`tocsin.detect.nowcast`).
    longest : int
        Longest delay that matters, in periods.
    memory : float
        Periods after which what was learned of the delays weighs 1/e.
    least : float
        Share of the reports that must be in: with less the period is unknown.
    """

    method: str
    longest: int
    memory: float = 60.0
    least: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """One quantity under one detector.

    Parameters
    ----------
    quantity : Quantity
        What is judged.
    method : str
        Name of a module in ``detect/methods``.
    settings : mapping
        Parameters of the method.
    raises : bool
        Whether an alarm may raise a warning; otherwise it supports a watch only.
    watch_tail : float
        Calibrated tail probability below which the picture shows a watch.
    mature : timedelta
        From the end of a period to the moment when it is judged.
    nowcast : Nowcasting or None
        For counts that are reported late; None where what is known is judged as it is.
    """

    quantity: Quantity
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    raises: bool = False
    watch_tail: float = 1e-3
    mature: timedelta = timedelta(0)
    nowcast: Nowcasting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """False alarms that a domain may raise, over all its series together.

    Parameters
    ----------
    per_week : float
        What is promised: warnings that do not come true, a week, in the long run.
    aim : float
        What the controller steers to; below the promise, because verdicts come late.
    gain : float
        Step of the threshold for each false alarm, in decades of tail probability.
    start : float
        First threshold, in decades (4 means a tail of 1e-4); fixed on the calibration months.
    shadow : timedelta
        Time from the first cycle in which alarms are judged but nothing is drafted.
    """

    per_week: float
    aim: float
    gain: float
    start: float
    shadow: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """From findings to a level.

    Parameters
    ----------
    least_daily : float
        Typical daily total from which a series may raise a warning: below it the outcome is not defined.
    group_km : float
        Alarms within this distance are one warning; a later one joins it while it stands.
    hold, renew : timedelta
        How long a warning stands after its last alarm; it is renewed when less than ``renew`` is left.
    join : float
        Decades of tail probability by which the threshold is lower for joining a standing warning.
    severe_share, severe_hours : float, int
        Severe when a member stays below this share of expected over so many hours …
    severe_members : int
        … or when so many members alarm together.
    event_levels : tuple of (float, int)
        For events: magnitude from which a level holds, rising.
    compound : timedelta
        Two domains above normal within this window, here or next door, are compound.
    rejection_holds : timedelta
        How long a draft that officers rejected is not proposed again while its alarm goes on; when the alarm
        has been over for ``hold`` it may be sooner.
    rejection_growth : float
        Share of the rejected regions by which the area must have grown to be proposed again before that.
    level_by : str
        ``rule``: the level is the impact that the rules above state. ``matrix``: it is read from the
        country's matrix where the likelihood is known, and from the rule where it is not.
    raise_after : int
        Evaluations in a row after which an alarm counts; an evaluation is a newly judged period.
    lower_after : int
        Evaluations in a row below the threshold of joining after which a member counts no more for the level;
        0: a warning of our own detectors is never lowered while it stands.
    min_hold : timedelta
        No level is lowered sooner after the newest message was issued.
    update_overlap : float
        An area that grew is told when old and new area overlap by less than this share of their union; 1: any
        change is told.
    group_adjacent : bool
        Whether regions that share a border, or lie in one another, are near each other whatever the distance.
    daily_cap : int
        First messages of one level or above that the system asks for in one area and local day; 0: no cap.
        What is called extreme (level 4) passes.
    cap_area : str
        Level of the regions in which is counted.
    repeat : timedelta
        How often a warning that stands is sent again; zero: never.
    """

    least_daily: float = 0.0
    group_km: float = 0.0
    hold: timedelta = timedelta(hours=12)
    renew: timedelta = timedelta(hours=3)
    join: float = 0.0
    severe_share: float = 0.5
    severe_hours: int = 6
    severe_members: int = 3
    event_levels: tuple[tuple[float, int], ...] = ()
    compound: timedelta = timedelta(hours=24)
    rejection_holds: timedelta = timedelta(hours=24)
    rejection_growth: float = 0.5
    level_by: str = "rule"
    raise_after: int = 1
    lower_after: int = 0
    min_hold: timedelta = timedelta(0)
    update_overlap: float = 1.0
    group_adjacent: bool = False
    daily_cap: int = 0
    cap_area: str = "state"
    repeat: timedelta = timedelta(0)

    def event_level(self, magnitude: float | None) -> int:
        """Level of an event of this size: the highest row that it reaches, 0 below all.

        Examples
        --------
        >>> Criteria(event_levels=((4.0, 1), (5.5, 2))).event_level(5.7)
        2
        """
        if magnitude is None:
            return 0
        return max((level for least, level in self.event_levels if magnitude >= least), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRule:
    """What counts as having come true.

    Parameters
    ----------
    quantity : str
        Observed property whose daily totals decide.
    text : str
        The rule in words.
    least_daily, share : float
        A member with at least this typical daily total has a day below this share of it.
    short_hours, short_share : int, float
        Else a short stop, when so many further hours stay below this share of expected.
    settle : timedelta
        After the end of the second local day, when the verdict is taken.
    """

    quantity: str
    text: str
    least_daily: float
    share: float
    short_hours: int
    short_share: float
    settle: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is forecast in a domain, and how often.

    Parameters
    ----------
    quantities : tuple of str
        Ids.
    method : str
        Name of a module in ``forecast/methods``.
    settings : mapping
        Parameters of the method.
    steps : int
        Periods ahead.
    every : timedelta
        One forecast in each such stretch of time, counted from 1970.
    past : timedelta
        How much of the past it rests on.
    season : int
        Length of the season in periods: what the seasonal naive beside it is told.
    reconcile : str
        How forecasts are made to add up over the tree of regions (``bottom_up``, ``ols``, ``mint_shrink``);
        empty where only the watched regions are forecast, each alone.
    """

    quantities: tuple[str, ...]
    method: str
    settings: Mapping[str, Any]
    steps: int
    every: timedelta
    past: timedelta
    season: int
    reconcile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Everything that is particular to one domain, read from ``domains/<id>.toml``.

    Parameters
    ----------
    id, title : str
        Name and what people read.
    category, event, response_type : str
        CAP category, type of event, recommended response.
    sources : tuple of str
        Feeds that it rests on.
    region_level : str
        Level of the regions that it watches.
    monitors : tuple of Monitor
        Quantities and detectors.
    budget : Budget or None
        None for a domain that relays the findings of others and raises no alarm of its own.
    criteria : Criteria
        From findings to levels.
    outcome : OutcomeRule or None
        How its warnings are verified; None where no outcome is observed (then verdicts stay open).
    texts : mapping
        Templates by ``headline``, ``description``, ``instruction``.
    legal_basis : str
        Key of the pack's law table used by default.
    version : str
        SHA-256 of the file: part of what a cycle rests on.
    outlooks : tuple of Outlook
        What is forecast.
    translations : mapping
        Templates in further languages: by language tag, ``event``, ``headline``, ``description`` and
        ``instruction``. What is filled in from them is a translation that nobody has checked.
    """

    id: str
    title: str
    category: str
    event: str
    response_type: str
    sources: tuple[str, ...]
    region_level: str
    monitors: tuple[Monitor, ...]
    budget: Budget | None
    criteria: Criteria
    outcome: OutcomeRule | None
    texts: Mapping[str, str]
    legal_basis: str
    version: str = ""
    outlooks: tuple[Outlook, ...] = ()
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cycle computes: the same for live, replay, stress test and exercise.

    Parameters
    ----------
    id : str
        Hash of pack, domains and their settings; names the carried state.
    pack : str
        Id of the country.
    domains : tuple of Domain
        What is watched.
    regions : mapping of str to Region
        All regions of the pack, sites included.
    watched : mapping of str to tuple of str
        For each domain the ids of the regions of its series.
    neighbours : mapping of str to tuple of str
        Adjacent counties, for compound events.
    sender : str
        CAP sender of drafts.
    matrix : Matrix or None
        From which levels are read in domains that say so; None where the country has none.
    """

    id: str
    pack: str
    domains: tuple[Domain, ...]
    regions: Mapping[str, Region]
    watched: Mapping[str, tuple[str, ...]]
    neighbours: Mapping[str, tuple[str, ...]]
    sender: str
    matrix: Matrix | None = None
