"""Registers: the sources with their licences, and the methods with their settings, as they are in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from tocsin.model import Domain, Source, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One source in the register.

    Parameters
    ----------
    id, title, publisher, licence, licence_url : str
        As the feed declares them.
    url : str or None
        Where it is fetched.
    cadence, lag, stale_after : timedelta
        How often, how late, from when on it counts as failed.
    quantities : tuple of str
        Ids of what it observes.
    domains : tuple of str
        Domains that rest on it: those that it declares and those that name it.
    """

    id: str
    title: str
    publisher: str
    licence: str
    licence_url: str
    url: str | None
    cadence: timedelta
    lag: timedelta
    stale_after: timedelta
    quantities: tuple[str, ...]
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodEntry:
    """One method at work on one quantity.

    Parameters
    ----------
    domain, quantity, method : str
        What judges what, where.
    settings : tuple of (str, str)
        Parameters by name, as JSON text of plain values.
    raises : bool
        Whether it may raise a warning.
    version : str
        Hash of the domain file that sets it.
    """

    domain: str
    quantity: str
    method: str
    settings: tuple[tuple[str, str], ...]
    raises: bool
    version: str


def sources(declared: Iterable[Source], domains: Iterable[Domain] = ()) -> tuple[SourceEntry, ...]:
    """List the sources by id, with the domains that rest on them."""
    used: dict[str, set[str]] = {}
    for domain in domains:
        for source in domain.sources:
            used.setdefault(source, set()).add(domain.id)
    return tuple(
        SourceEntry(
            id=s.id,
            title=s.title,
            publisher=s.publisher,
            licence=s.licence,
            licence_url=s.licence_url,
            url=s.url,
            cadence=s.cadence,
            lag=s.lag,
            stale_after=s.stale_after,
            quantities=tuple(q.id for q in s.quantities),
            domains=tuple(sorted({*s.domains, *used.get(s.id, ())})),
        )
        for s in sorted(declared, key=lambda s: s.id)
    )


def methods(domains: Iterable[Domain]) -> tuple[MethodEntry, ...]:
    """List the methods at work by domain, in the order of its file."""
    return tuple(
        MethodEntry(
            domain=domain.id,
            quantity=monitor.quantity.id,
            method=monitor.method,
            settings=tuple(sorted((name, str(to_plain(v))) for name, v in monitor.settings.items())),
            raises=monitor.raises,
            version=domain.version,
        )
        for domain in sorted(domains, key=lambda d: d.id)
        for monitor in domain.monitors
    )


def faults(declared: Iterable[Source], domains: Iterable[Domain] = ()) -> tuple[str, ...]:
    """Say in words what the register lacks: a licence, its address, a publisher, a source that is named."""
    known = {s.id: s for s in declared}
    found: list[str] = []
    for s in known.values():
        for name in ("title", "publisher", "licence"):
            text = getattr(s, name).strip()
            if not text or text.lower() in ("unknown", "none", "tbd", "todo"):
                found.append(f"{s.id}: {name}: got {text!r}, allowed: what the publisher states")
        link = urlsplit(s.licence_url)
        if link.scheme not in ("http", "https") or not link.netloc:
            found.append(f"{s.id}: licence_url: got {s.licence_url!r}, allowed: the address of the terms")
        if s.stale_after < s.cadence:
            found.append(
                f"{s.id}: stale_after: got {s.stale_after}, allowed: not below the cadence, {s.cadence}"
            )
    for domain in domains:
        found += [
            f"{domain.id}: sources: got {name!r}, allowed: {', '.join(sorted(known)) or 'none'}"
            for name in domain.sources
            if name not in known
        ]
    return tuple(sorted(found))
