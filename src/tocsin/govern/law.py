"""Legal bases: who may approve which level on which law, and where nobody may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tocsin.model import Level, Role
from tocsin.model.law import LegalBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One way in which one level can be lawfully approved.

    Parameters
    ----------
    level : int
        Rank.
    level_name : str
        Name of the level.
    role : Role
        Who approves.
    basis : LegalBasis
        On which law.
    """

    level: int
    level_name: str
    role: Role
    basis: LegalBasis


def mandates(levels: Iterable[Level], laws: Iterable[LegalBasis]) -> tuple[Mandate, ...]:
    """List every lawful way to approve, by level, then in the order of the law table."""
    table = tuple(laws)
    return tuple(
        Mandate(level=level.rank, level_name=level.name, role=role, basis=basis)
        for level in sorted(levels, key=lambda row: row.rank)
        for basis in table
        for role in level.issued_by
        if level.rank in basis.levels and role in basis.roles
    )


def gaps(levels: Iterable[Level], laws: Iterable[LegalBasis]) -> tuple[str, ...]:
    """Say in words what is wrong with a law table; empty when each level can be issued.

    Examples
    --------
    >>> gaps([], [LegalBasis(key="a", law="Act", article="1", levels=(2,), roles=(Role.SYSTEM,))])
    ('a: got levels 2, allowed: levels of the scheme, none',)
    """
    scheme, table = tuple(levels), tuple(laws)
    found = []
    seen: set[str] = set()
    ranks = {level.rank for level in scheme}
    names = ", ".join(map(str, sorted(ranks))) or "none"
    for basis in table:
        if basis.key in seen:
            found.append(f"{basis.key}: got the key twice, allowed: once")
        seen.add(basis.key)
        if unknown := sorted(set(basis.levels) - ranks):
            got = ", ".join(map(str, unknown))
            found.append(f"{basis.key}: got levels {got}, allowed: levels of the scheme, {names}")
    can = {m.level for m in mandates(scheme, table)}
    found.extend(
        f"level {level.rank} ({level.name}): got no law under which "
        f"{', '.join(level.issued_by) or 'anybody'} may approve it; it can never be issued"
        for level in scheme
        if level.rank not in can
    )
    return tuple(found)
