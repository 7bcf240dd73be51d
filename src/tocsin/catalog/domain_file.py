"""Domains as TOML: read, checked against the catalogue, made into nouns of the model."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from tocsin.catalog.plugins import detectors, feeds, forecasters
from tocsin.model import (
    DAY,
    Budget,
    ConfigError,
    Criteria,
    Domain,
    Monitor,
    Nowcasting,
    OutcomeRule,
    Outlook,
    Quantity,
    RegionLevel,
)
from tocsin.model.periods import has_calendar

FOLDER = Path(__file__).parents[1] / "domains"
TRANSLATED_WORDS = ("places", "count", "until")
"""Placeholders that a template in a further language may hold."""

_UNITS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}


def read_duration(text: Any) -> timedelta:
    """Read a duration such as ``3 h 5 min``.

    Raises
    ------
    ValueError
        When it is not numbers with the units d, h, min, s.

    Examples
    --------
    >>> read_duration("3 h 5 min")
    datetime.timedelta(seconds=11100)
    """
    if isinstance(text, timedelta):
        return text
    parts = re.findall(r"(\d+(?:\.\d+)?) ?(d|h|min|s)(?:\s+|$)", str(text))
    if not parts or "".join(f"{n}{u}" for n, u in parts) != re.sub(r"\s", "", str(text)):
        raise ValueError(f"got {text!r}, allowed: numbers with units such as '3 h 5 min'")
    return sum((timedelta(**{_UNITS[unit]: float(n)}) for n, unit in parts), timedelta(0))


Duration = Annotated[timedelta, BeforeValidator(read_duration)]

LEAST_REPEAT = timedelta(minutes=15)
"""A warning is said again at most so often."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Texts(_Strict):
    headline: str = Field(max_length=120)
    description: str
    instruction: str


class _Translated(_Texts):
    event: str


class _Nowcast(_Strict):
    method: str = Field("lawless", pattern="^(lawless|bayes\\.notrunc\\.bnb)$")
    longest: int = Field(ge=1, le=366)
    memory: float = Field(60.0, gt=0)
    least: float = Field(0.1, gt=0, le=1)


class _Monitor(_Strict):
    quantity: str
    method: str
    settings: dict[str, Any] = {}
    raises: bool = False
    watch_tail: float = Field(1e-3, gt=0, lt=1)
    mature: Duration = timedelta(0)
    nowcast: _Nowcast | None = None


class _Budget(_Strict):
    per_week: float = Field(gt=0)
    aim: float = Field(gt=0)
    gain: float = Field(gt=0)
    start: float = Field(gt=0)
    shadow: Duration


class _Criteria(_Strict):
    least_daily: float = 0.0
    group_km: float = 0.0
    hold: Duration = timedelta(hours=12)
    renew: Duration = timedelta(hours=3)
    join: float = 0.0
    severe_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    severe_hours: Annotated[int, Field(ge=1)] = 6
    severe_members: Annotated[int, Field(ge=2)] = 3
    event_levels: tuple[tuple[float, int], ...] = ()
    compound: Duration = timedelta(hours=24)
    rejection_holds: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(hours=24)
    rejection_growth: Annotated[float, Field(gt=0)] = 0.5
    level_by: Literal["rule", "matrix"] = "rule"
    raise_after: Annotated[int, Field(ge=1)] = 1
    lower_after: Annotated[int, Field(ge=0)] = 0
    min_hold: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(0)
    update_overlap: Annotated[float, Field(gt=0, le=1)] = 1.0
    group_adjacent: bool = False
    daily_cap: Annotated[int, Field(ge=0)] = 0
    cap_area: RegionLevel = RegionLevel.STATE
    repeat: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(0)

    @field_validator("repeat")
    @classmethod
    def _not_a_flood(cls, every: timedelta) -> timedelta:
        """Everybody who is warned gets every repetition: a slip of a unit must not become a siren."""
        if timedelta(0) < every < LEAST_REPEAT:
            raise ValueError(f"repeat: got {every}, allowed: 0 for never, or {LEAST_REPEAT} and more")
        return every


class _Outcome(_Strict):
    quantity: str
    text: str
    least_daily: float
    share: float = Field(gt=0, lt=1)
    short_hours: int = Field(ge=1)
    short_share: float = Field(gt=0, le=1)
    settle: Duration


class _Outlook(_Strict):
    quantity: str
    method: str
    settings: dict[str, Any] = {}
    steps: int = Field(ge=1)
    every: Duration
    past: Duration
    season: int = Field(1, ge=1)
    reconcile: Literal["", "bottom_up", "ols", "mint_shrink"] = ""


class DomainTest(_Strict):
    """A test that a domain file carries about itself.

    Parameters
    ----------
    name : str
        What it shows.
    series : list of [factor of normal or "missing", periods]
        A series in shorthand.
    events : list of float
        Magnitudes of events that are on.
    feed : str
        ``ok`` or ``failed``.
    level : int or "unknown"
        What the newest moment must show; 0 must stay quiet.
    """

    name: str
    series: list[tuple[float | str, int]] = []
    events: list[float] = []
    feed: str = Field("ok", pattern="^(ok|failed)$")
    level: int | str


class _File(_Strict):
    title: str
    category: str
    event: str
    response_type: str
    sources: tuple[str, ...]
    region_level: RegionLevel
    legal_basis: str
    texts: _Texts
    translations: dict[str, _Translated] = {}
    monitor: tuple[_Monitor, ...] = ()
    budget: _Budget | None = None
    criteria: _Criteria = _Criteria()
    outcome: _Outcome | None = None
    forecast: tuple[_Outlook, ...] = ()
    test: tuple[DomainTest, ...] = Field(min_length=2)


def load_domain(path: Path) -> tuple[Domain, tuple[DomainTest, ...]]:
    """Read one domain file.

    Parameters
    ----------
    path : Path
        ``<id>.toml``.

    Returns
    -------
    tuple
        The domain, and the tests that its file carries.

    Raises
    ------
    ConfigError
        Naming file and key, what was got and what is allowed: a bad type, an unknown key, source, quantity,
        method or setting; event levels that do not rise.

    Examples
    --------
    >>> domain, tests = load_domain(FOLDER / "seismic.toml")
    >>> domain.id, domain.criteria.event_level(5.1)
    ('seismic', 2)
    """
    content = path.read_bytes()
    try:
        table = _File.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path.name, "(file)", str(error), "TOML in UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(path.name, key, first.get("input"), first["msg"]) from error
    quantities = _quantities(path, table.sources)
    _check_levels(path, table.criteria)
    _check_translations(path, table.translations)
    if table.outcome is not None and table.outcome.quantity not in quantities:
        raise ConfigError(path.name, "outcome.quantity", table.outcome.quantity, quantities)
    domain = Domain(
        id=path.stem,
        title=table.title,
        category=table.category,
        event=table.event,
        response_type=table.response_type,
        sources=table.sources,
        region_level=str(table.region_level),
        monitors=tuple(m for row in table.monitor for m in _monitors(path, row, quantities)),
        budget=None if table.budget is None else Budget(**dict(table.budget)),
        criteria=Criteria(**dict(table.criteria)),
        outcome=None if table.outcome is None else OutcomeRule(**dict(table.outcome)),
        texts=dict(table.texts),
        legal_basis=table.legal_basis,
        version=hashlib.sha256(content).hexdigest(),
        outlooks=tuple(_outlook(path, row, quantities) for row in table.forecast),
        translations={tag: dict(texts) for tag, texts in table.translations.items()},
    )
    return domain, table.test


def load_domains(ids: Iterable[str], folder: Path = FOLDER) -> tuple[Domain, ...]:
    """Read the named domains, in order of their ids.

    Raises
    ------
    ConfigError
        When one has no file; as :func:`load_domain`.

    Examples
    --------
    >>> [d.id for d in load_domains(["seismic", "economy"])]
    ['economy', 'seismic']
    """
    have = {path.stem: path for path in folder.glob("*.toml")}
    for name in ids:
        if name not in have:
            raise ConfigError(str(folder.name), "domain", name, sorted(have))
    return tuple(load_domain(have[name])[0] for name in sorted(set(ids)))


def _quantities(path: Path, sources: Iterable[str]) -> Mapping[str, Quantity]:
    known = feeds()
    for source in sources:
        if source not in known:
            raise ConfigError(path.name, "sources", source, sorted(known))
    return {q.id: q for source in sources for q in known[source].SOURCE.quantities}


def _monitors(path: Path, row: _Monitor, quantities: Mapping[str, Quantity]) -> list[Monitor]:
    """One monitor for each quantity that the pattern names."""
    methods = detectors()
    if row.method not in methods:
        raise ConfigError(path.name, "monitor.method", row.method, sorted(methods))
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in row.settings.items()}
    allowed = [f.name for f in dataclasses.fields(methods[row.method])]
    for name in settings:
        if name not in allowed:
            raise ConfigError(path.name, "monitor.settings", name, allowed)
    named = [q for q in quantities.values() if fnmatch.fnmatchcase(q.id, row.quantity)]
    if not named:
        raise ConfigError(path.name, "monitor.quantity", row.quantity, sorted(quantities))
    for quantity in named:
        if not has_calendar(quantity.step):
            known = "a quantity of periods up to a day, of 2 to 28 whole days, or of a month as 30 days"
            raise ConfigError(path.name, "monitor.quantity", quantity.id, known)
        if row.nowcast is not None and (quantity.kind != "count" or quantity.step > DAY):
            grows = "a count of hours or days: only these grow by late reports"
            raise ConfigError(path.name, "monitor.nowcast", quantity.id, grows)
    return [
        Monitor(
            quantity=quantity,
            method=row.method,
            settings=settings,
            raises=row.raises,
            watch_tail=row.watch_tail,
            mature=row.mature,
            nowcast=None if row.nowcast is None else Nowcasting(**dict(row.nowcast)),
        )
        for quantity in sorted(named, key=lambda q: q.id)
    ]


def _outlook(path: Path, row: _Outlook, quantities: Mapping[str, Quantity]) -> Outlook:
    methods = forecasters()
    if row.method not in methods:
        raise ConfigError(path.name, "forecast.method", row.method, sorted(methods))
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in row.settings.items()}
    allowed = [f.name for f in dataclasses.fields(methods[row.method])]
    for name in settings:
        if name not in allowed:
            raise ConfigError(path.name, "forecast.settings", name, allowed)
    methods[row.method](**settings)  # refuses a bad value now, not at the first forecast
    named = tuple(sorted(q for q in quantities if fnmatch.fnmatchcase(q, row.quantity)))
    if not named:
        raise ConfigError(path.name, "forecast.quantity", row.quantity, sorted(quantities))
    for name in named if row.reconcile else ():
        if quantities[name].kind != "count":
            raise ConfigError(
                path.name, "forecast.reconcile", name, "counts: nothing else adds up over regions"
            )
    if min(row.every, row.past) <= timedelta(0):
        raise ConfigError(path.name, "forecast.every", str(min(row.every, row.past)), "longer than nothing")
    return Outlook(
        quantities=named,
        method=row.method,
        settings=settings,
        steps=row.steps,
        every=row.every,
        past=row.past,
        season=row.season,
        reconcile=row.reconcile,
    )


def _check_translations(path: Path, translations: Mapping[str, _Translated]) -> None:
    """Findings are written in the first language only: a template of another cannot hold them."""
    for tag, texts in translations.items():
        for name, text in dict(texts).items():
            template = string.Template(text)
            if not template.is_valid() or not set(template.get_identifiers()) <= set(TRANSLATED_WORDS):
                allowed = f"a text with no placeholder but {', '.join('$' + w for w in TRANSLATED_WORDS)}"
                raise ConfigError(path.name, f"translations.{tag}.{name}", text, allowed)


def _check_levels(path: Path, criteria: _Criteria) -> None:
    sizes = [size for size, _ in criteria.event_levels]
    ranks = [rank for _, rank in criteria.event_levels]
    if sizes != sorted(set(sizes)) or ranks != sorted(set(ranks)) or not set(ranks) <= {1, 2, 3, 4}:
        raise ConfigError(
            path.name, "criteria.event_levels", criteria.event_levels, "sizes and levels that rise, 1 to 4"
        )
