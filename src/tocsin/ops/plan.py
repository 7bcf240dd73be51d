"""The plan of a country: its pack and the domains that are watched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tocsin.catalog import load_domains
from tocsin.geo import Pack
from tocsin.model import ConfigError, Domain, Plan, Region
from tocsin.ops import overlay


def make_plan(pack: Pack, domains: Sequence[str] | None = None, *, store: Path | None = None) -> Plan:
    """What a cycle computes for a country.

    Parameters
    ----------
    pack : Pack
        The country.
    domains : sequence of str, optional
        Ids; all of the pack by default.
    store : Path, optional
        Folder of a store that may set some things differently (:mod:`tocsin.ops.overlay`).

    Returns
    -------
    Plan
        Its id is a hash of pack, domains and their settings: a changed setting starts a new state.

    Raises
    ------
    ConfigError
        When a domain is none of the pack's, or cites a law or asks for a matrix that the pack does not have.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> plan = make_plan(load_pack("us"), ["air_transport"])
    >>> len(plan.watched["air_transport"])
    229
    """
    chosen = tuple(pack.domains if domains is None else domains)
    for name in chosen:
        if name not in pack.domains:
            raise ConfigError(f"{pack.id}/pack.toml", "domains", name, pack.domains)
    loaded = load_domains(chosen)
    if store is not None:
        loaded = overlay.laid_over(loaded, store)
    laws = [law.key for law in pack.laws]
    for domain in loaded:
        if domain.legal_basis not in laws:
            raise ConfigError(f"{domain.id}.toml", "legal_basis", domain.legal_basis, laws)
        if domain.criteria.level_by == "matrix" and pack.matrix is None:
            have = f"rule: {pack.id}/pack.toml has no matrix"
            raise ConfigError(f"{domain.id}.toml", "criteria.level_by", "matrix", have)
    counties = pack.at_level("county")
    return Plan(
        id=_identity(pack, loaded),
        pack=pack.id,
        domains=loaded,
        regions=pack.regions,
        watched={d.id: _watched(pack, d) for d in loaded},
        neighbours={c.id: tuple(n.id for n in pack.neighbours(c.id)) for c in counties},
        sender=pack.sender,
        matrix=pack.matrix,
    )


def _watched(pack: Pack, domain: Domain) -> tuple[str, ...]:
    places: tuple[Region, ...] = pack.at_level(domain.region_level)
    return tuple(place.id for place in places)


def _identity(pack: Pack, domains: Sequence[Domain]) -> str:
    text = "|".join([pack.id, pack.digest, *(f"{d.id}:{d.version}" for d in domains)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
