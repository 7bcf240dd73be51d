"""The TOML of a country pack: what may stand in it, and the error that says what is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tocsin.model import ConfigError, Likelihood, Matrix, RegionLevel, Role

PACK_FILE = "pack.toml"

_WORD = r"^[a-z][a-z0-9_-]*$"
Word = Annotated[str, Field(pattern=_WORD)]
Text = Annotated[str, Field(min_length=1)]
File = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]  # beside pack.toml, nowhere else
Pair = tuple[float, float]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _checked(template: str, fields: set[str]) -> str:
    """The template, if it names no other field than these."""
    try:
        named = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise ValueError(f"a template such as XX-{{id}} ({error})") from None
    if not named <= fields:
        raise ValueError(f"a template of {sorted(fields)}, not of {sorted(named)}")
    return template


class RegionLevelTable(_Table):
    """One level of the hierarchy."""

    level: RegionLevel
    title: Text
    words: tuple[str, ...] = ()


class RegionsTable(_Table):
    """Files of the places."""

    file: File
    neighbours: File
    sites: File | None = None
    levels: Annotated[tuple[RegionLevelTable, ...], Field(min_length=1)]

    @field_validator("levels")
    @classmethod
    def _in_order(cls, levels: tuple[RegionLevelTable, ...]) -> tuple[RegionLevelTable, ...]:
        order = list(RegionLevel)
        ranks = [order.index(table.level) for table in levels]
        if ranks != sorted(set(ranks)) or ranks[0] != 0:
            raise ValueError("each level once, the nation first, from the widest to the narrowest")
        return levels


class GeocodeTable(_Table):
    """How a publisher's code names a region."""

    scheme: Text
    pattern: Text
    region: Text

    @model_validator(mode="after")
    def _compiles(self) -> GeocodeTable:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"pattern: a regular expression ({error})") from None
        _checked(self.region, set(groups))
        return self


class CodeTable(_Table):
    """How our own messages name a region of one level, for receivers that know a scheme of codes."""

    level: RegionLevel
    scheme: Text
    code: Text

    @field_validator("code")
    @classmethod
    def _template(cls, code: str) -> str:
        return _checked(code, {"id", "code", "tail"})


class BoundariesTable(_Table):
    """Geographic TopoJSON."""

    file: File
    objects: dict[RegionLevel, str]
    region: Text = "{id}"
    nation: str | None = None
    crs: Text
    source: Text
    licence: Text

    @field_validator("region")
    @classmethod
    def _template(cls, region: str) -> str:
        return _checked(region, {"id"})


class MapTable(_Table):
    """Planar TopoJSON."""

    file: File
    objects: dict[RegionLevel, str]
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]
    source: Text
    licence: Text


class PartTable(_Table):
    """One part of the projection."""

    name: Text
    rotate: float
    center: Pair
    parallels: Pair
    scale: Annotated[float, Field(gt=0)]
    offset: Pair
    window: tuple[float, float, float, float]

    @field_validator("parallels")
    @classmethod
    def _conic(cls, parallels: Pair) -> Pair:
        if abs(sum(parallels)) < 1e-6:
            raise ValueError("two parallels whose sum is not zero (a cone, not a cylinder)")
        return parallels


class ProjectionTable(_Table):
    """The projection of the planar map."""

    kind: Literal["conic-equal-area"]
    scale: Annotated[float, Field(gt=0)]
    translate: Pair
    parts: Annotated[tuple[PartTable, ...], Field(min_length=1)]


class PopulationsTable(_Table):
    """What the population figures are."""

    what: Text
    caveat: str = ""
    source: Text
    licence: Text
    attribution: str = ""


class LevelTable(_Table):
    """One row of the level scheme."""

    rank: Annotated[int, Field(ge=1, le=4)]
    name: Text
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    glyph: Text
    hatch: Text
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
    issued_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    public: bool


class LikelihoodTable(_Table):
    """One band of likelihood."""

    name: Text
    least: Annotated[float, Field(ge=0, lt=1)]
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]


class MatrixTable(_Table):
    """The risk matrix from which levels are read."""

    id: Word
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    likelihoods: Annotated[tuple[LikelihoodTable, ...], Field(min_length=2)]
    levels: Annotated[tuple[tuple[int, ...], ...], Field(min_length=2)]
    rare_but_grave: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def noun(self) -> Matrix:
        """As the word of the model."""
        bands = tuple(Likelihood(**band.model_dump()) for band in self.likelihoods)
        return Matrix(
            id=self.id,
            version=self.version,
            likelihoods=bands,
            levels=self.levels,
            rare_but_grave=self.rare_but_grave,
        )

    @model_validator(mode="after")
    def _sound(self) -> MatrixTable:
        self.noun()  # it refuses what is no matrix
        return self


class SchemeTable(_Table):
    """The levels in the words of somebody else."""

    id: Word
    title: Text
    parameter: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_:.-]*$")]
    values: Annotated[tuple[str, ...], Field(min_length=4, max_length=4)]
    note: str = ""


class LawTable(_Table):
    """One legal basis."""

    key: Word
    law: Text
    article: Text
    levels: Annotated[tuple[int, ...], Field(min_length=1)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    note: str = ""


class BreakGlassTable(_Table):
    """The policy by which one officer alone may approve."""

    policy: Text
    hazards: Annotated[tuple[Text, ...], Field(min_length=1)]
    review_hours: Annotated[float, Field(gt=0)]


class TranslationTable(_Table):
    """A further language of the country's warnings."""

    language: Text
    required_from: Annotated[int, Field(ge=1, le=4)] | None = None
    checked_by: Annotated[tuple[Role, ...], Field(min_length=1)] = (
        Role.ANALYST,
        Role.DUTY_OFFICER,
        Role.APPROVING_OFFICER,
    )


class SenderTable(_Table):
    """Sender of the Common Alerting Protocol."""

    address: Annotated[str, Field(pattern=r"^[^\s,<&]+$")]
    name: Text


class ContactTable(_Table):
    """A role that can be reached; never a person."""

    role: Role
    title: Text
    address: Text


class PackTable(_Table):
    """The whole file."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: Word
    title: Text
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    domains: tuple[Word, ...] = ()
    timezones: Annotated[tuple[str, ...], Field(min_length=1)]
    regions: RegionsTable
    geocodes: tuple[GeocodeTable, ...] = ()
    codes: tuple[CodeTable, ...] = ()
    boundaries: BoundariesTable
    map: MapTable
    projection: ProjectionTable
    populations: PopulationsTable
    levels: Annotated[tuple[LevelTable, ...], Field(min_length=1)]
    matrix: MatrixTable | None = None
    schemes: tuple[SchemeTable, ...] = ()
    laws: tuple[LawTable, ...] = ()
    break_glass: BreakGlassTable | None = None
    translations: tuple[TranslationTable, ...] = ()
    sender: SenderTable
    contacts: tuple[ContactTable, ...] = ()
    build: dict[str, Any] = {}

    @field_validator("timezones")
    @classmethod
    def _zones(cls, timezones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in timezones:
            try:
                ZoneInfo(zone)
            except (ValueError, OSError, ZoneInfoNotFoundError):
                raise ValueError(f"IANA time zones, not {zone!r}") from None
        return timezones

    @model_validator(mode="after")
    def _whole(self) -> PackTable:
        ranks = [level.rank for level in self.levels]
        if ranks != list(range(1, len(ranks) + 1)):
            raise ValueError(f"levels with ranks 1, 2, … in this order, not {ranks}")
        for name, keys in (
            ("levels", [v.name for v in self.levels]),
            ("laws", [v.key for v in self.laws]),
            ("schemes", [v.id for v in self.schemes]),
            ("translations", [v.language for v in self.translations]),
            ("schemes: parameter", [v.parameter for v in self.schemes]),
        ):
            if len(set(keys)) != len(keys):
                raise ValueError(f"{name}: each name once, not {keys}")
        if self.matrix is not None and not {x for row in self.matrix.levels for x in row} <= {0, *ranks}:
            raise ValueError(f"matrix: levels out of {[0, *ranks]}, not {list(self.matrix.levels)}")
        for row in self.translations:
            if row.language not in self.languages[1:]:
                allowed = f"one of {list(self.languages[1:])}, not {row.language!r}"
                raise ValueError(f"translations: language: {allowed}")
        for law in self.laws:
            if not set(law.levels) <= set(ranks):
                raise ValueError(f"laws: {law.key}: levels out of {ranks}, not {list(law.levels)}")
        for level in self.levels:
            lawful = {r for law in self.laws if level.rank in law.levels for r in law.roles}
            if not lawful & set(level.issued_by):
                roles = ", ".join(level.issued_by)
                raise ValueError(f"laws: one that lets {roles} approve level {level.rank} ({level.name})")
        return self


def read_description(path: Path) -> PackTable:
    """Read and check ``pack.toml``.

    Raises
    ------
    ConfigError
        With file, key, what was got and what is allowed; the first fault of the file.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            str(path), "file", error.strerror or "unreadable", "a country pack's TOML"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "TOML in UTF-8") from error
    try:
        return PackTable.model_validate(plain)
    except ValidationError as error:
        raise _explain(path, plain, error) from error


def _explain(path: Path, plain: dict[str, Any], error: ValidationError) -> ConfigError:
    fault = error.errors(include_url=False)[0]
    place = [part for part in fault["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in place) or "(whole file)"
    if fault["type"] == "extra_forbidden":
        return ConfigError(str(path), key, place[-1], _fields(place[:-1]))
    if fault["type"] == "missing":
        return ConfigError(str(path), key, "nothing", "a value: this key is required")
    got = "these tables" if fault["input"] is plain else fault["input"]
    context = fault.get("ctx", {})
    if fault["type"] in ("enum", "literal_error"):
        # pydantic words the choices as 'a', 'b' or 'c'; taken apart they allow a suggestion.
        return ConfigError(
            str(path), key, got, re.findall(r"'([^']*)'", context["expected"]) or context["expected"]
        )
    allowed = str(context["error"]) if "error" in context else fault["msg"]
    return ConfigError(str(path), key, got, allowed)


def _fields(place: list[int | str]) -> list[str]:
    """Keys allowed in the table at ``place``."""
    table: type[BaseModel] = PackTable
    for part in place:
        if isinstance(part, int):
            continue
        inner = table.model_fields[part].annotation
        found = [inner, *getattr(inner, "__args__", ())]
        table = next(t for t in found if isinstance(t, type) and issubclass(t, BaseModel))
    return sorted(field.alias or name for name, field in table.model_fields.items())
