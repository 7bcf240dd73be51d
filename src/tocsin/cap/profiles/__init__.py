"""Profiles of CAP: what one country or community demands beyond the standard, one module each.

A module of this package is a profile when it has ``TITLE`` (what it is called and which version of it),
``RULES`` (its rules by id, each id beginning with the name of the profile) and ``check(alert)``, which gives
findings of these rules. Its name is that of the module with hyphens. It is found by looking; nothing is
registered, and profiles do not know each other.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import RULES, Rule
from tocsin.model.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile as found.

    Parameters
    ----------
    name : str
        As it is chosen: ``cap-cp``.
    title : str
        What it is, and which version of it is checked.
    rules : mapping of str to Rule
        Its rules by id.
    check : callable
        From a message to the findings of these rules.
    """

    name: str
    title: str
    rules: Mapping[str, Rule]
    check: Callable[[CapAlert], Iterator[Finding]]


@functools.cache
def profiles() -> Mapping[str, Profile]:
    """Every profile by name, sorted.

    Raises
    ------
    ConfigError
        If a module of this package is no profile.

    Examples
    --------
    >>> list(profiles())
    ['cap-au', 'cap-cp', 'ipaws', 'meteoalarm', 'wmo']
    """
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        name = module.name.replace("_", "-")
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        try:
            profile = Profile(name=name, title=loaded.TITLE, rules=loaded.RULES, check=loaded.check)
        except AttributeError as error:
            raise ConfigError(loaded.__name__, "profile", error.name, "TITLE, RULES and check") from None
        strange = [rule for rule in profile.rules if not rule.startswith(f"{name}.")]
        if strange:
            raise ConfigError(loaded.__name__, "RULES", strange[0], f"{name}.…")
        found[name] = profile
    return found


def profile_named(name: str) -> Profile:
    """One profile.

    Raises
    ------
    ConfigError
        If there is none of this name.

    Examples
    --------
    >>> profile_named("ipaws").name
    'ipaws'
    """
    known = profiles()
    if name not in known:
        raise ConfigError("profiles of CAP", "name", name, known)
    return known[name]


def check_profiles(alert: CapAlert, names: Iterable[str]) -> list[Finding]:
    """Hold a message against profiles.

    Raises
    ------
    ConfigError
        If one of the names is none.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> sent = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> [f.rule for f in check_profiles(CapAlert(identifier="a-1", sender="x", sent=sent), ["ipaws"])]
    ['ipaws.code']
    """
    return sorted({f for name in dict.fromkeys(names) for f in profile_named(name).check(alert)})


def every_rule() -> Mapping[str, Rule]:
    """The rules of everybody and those of every profile, by id.

    Examples
    --------
    >>> every_rule()["cap-cp.code"].level
    'error'
    """
    return {**RULES, **{rule: r for profile in profiles().values() for rule, r in profile.rules.items()}}
