"""The register of authorities: as which senders each of them speaks, on which terms, and how often.

It says who may end whose warnings, what may be passed on under which licence, and when silence is too long.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.model import DAY, ConfigError

REGISTER = Path(__file__).with_name("authorities.toml")
"""What ships; a store's settings add to it and overrule it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Somebody who issues warnings.

    Parameters
    ----------
    id, name : str
        For programs and for people.
    country : str
        ISO 3166-1 in two letters; empty where it is not known.
    senders : tuple of str
        CAP senders that are this authority; ``*`` stands for any letters.
    licence, licence_url : str
        Terms of its messages; empty where they are not known.
    cadence : timedelta or None
        How often its feed changes as a rule.
    stale_after : timedelta
        When content so old is too old, although the feed is read.

    Examples
    --------
    >>> Authority(id="de_bbk", name="BBK", senders=("DE-*",)).speaks_as("DE-HE-KS-SE106")
    True
    """

    id: str
    name: str
    country: str = ""
    senders: tuple[str, ...] = ()
    licence: str = ""
    licence_url: str = ""
    cadence: timedelta | None = None
    stale_after: timedelta = 30 * DAY

    def speaks_as(self, sender: str) -> bool:
        """Whether a CAP sender is this authority."""
        return any(fnmatchcase(sender, pattern) for pattern in self.senders)


class AuthorityTable(BaseModel):
    """One authority as TOML writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    senders: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    licence: str = ""
    licence_url: str = ""
    cadence_minutes: Annotated[float, Field(gt=0)] | None = None
    stale_after_hours: Annotated[float, Field(gt=0)] | None = None

    def noun(self, name: str) -> Authority:
        """The authority of this table."""
        stale = self.stale_after_hours
        return Authority(
            id=name,
            name=self.name or name,
            country=self.country,
            senders=self.senders,
            licence=self.licence,
            licence_url=self.licence_url,
            cadence=None if self.cadence_minutes is None else timedelta(minutes=self.cadence_minutes),
            stale_after=30 * DAY if stale is None else timedelta(hours=stale),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Authorities by id.

    Parameters
    ----------
    authorities : mapping of str to Authority
        The later one of two that claim a sender does not get it.

    Examples
    --------
    >>> register = shipped()
    >>> register.of("noreply@met.no").country
    'NO'
    >>> register.same("cap-pac@ec.gc.ca", "cap-pac@canada.ca"), register.same("a@x.example", "b@x.example")
    (True, False)
    """

    authorities: Mapping[str, Authority] = field(default_factory=dict)

    def of(self, sender: str) -> Authority | None:
        """The authority that speaks as a sender; None for one that nobody registered."""
        return next((a for a in self.authorities.values() if a.speaks_as(sender)), None)

    def same(self, one: str, other: str) -> bool:
        """Whether two senders are one authority; two that nobody registered only when they are equal."""
        if one == other:
            return True
        found = self.of(one)
        return found is not None and found == self.of(other)

    def with_(self, more: Iterable[Authority]) -> Register:
        """This register with further authorities first: they overrule what it says."""
        ours = {a.id: a for a in more}
        return Register(authorities={**ours, **{k: v for k, v in self.authorities.items() if k not in ours}})


def read_register(path: Path) -> Register:
    """Read a register.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed.
    """
    try:
        plain = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "TOML in UTF-8") from error
    found: dict[str, Authority] = {}
    for name, table in plain.items():
        try:
            found[name] = AuthorityTable.model_validate(table).noun(name)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, (name, *first["loc"])))
            raise ConfigError(str(path), key, first["input"], first["msg"]) from error
    return Register(authorities=found)


@functools.cache
def shipped() -> Register:
    """The register that ships.

    Examples
    --------
    >>> "us_nws" in shipped().authorities
    True
    """
    return read_register(REGISTER)
