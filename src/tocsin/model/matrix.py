"""The risk matrix: likelihood and impact are kept apart, and a level is read from both at the very end.

A matrix is data of a country pack with an id and a version, so that a level of last year can be read by the
matrix of last year. A scheme writes a level in the words of somebody else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

IMPACTS = ("minimal", "minor", "significant", "severe")
"""Bands of impact, 1 to 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """One band of likelihood.

    Parameters
    ----------
    name : str
        What people read: ``very low`` … ``high``.
    least : float
        Probability from which on it holds, 0 to 1.
    certainty : str
        The CAP certainty that says the same.
    """

    name: str
    least: float
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Bands of likelihood by bands of impact, a level in each cell.

    Parameters
    ----------
    id, version : str
        Which matrix, and which edition of it; both go on record with every level that was read from it.
    likelihoods : tuple of Likelihood
        From the least likely, which begins at 0.
    levels : tuple of tuple of int
        One row a band of likelihood, one column a band of :data:`IMPACTS`; 0 (no warning) to 4.
    rare_but_grave : tuple of (str, str)
        Cells, as likelihood and impact, that keep a mark of their own whatever their level: unlikely, and
        grave if it comes.

    Raises
    ------
    ValueError
        When the bands do not rise from 0, the table has another shape, a level is none or falls with
        likelihood or impact, or a marked cell is none.

    Examples
    --------
    >>> rows = ((0, 0, 1, 2), (1, 2, 3, 4))
    >>> bands = (Likelihood(name="low", least=0.0, certainty="Possible"),
    ...          Likelihood(name="high", least=0.5, certainty="Likely"))
    >>> matrix = Matrix(id="m", version="1", likelihoods=bands, levels=rows,
    ...                 rare_but_grave=(("low", "severe"),))
    >>> matrix.level(0.7, 3), matrix.level(0.2, 4), matrix.is_rare_but_grave(0.2, 4)
    (3, 2, True)
    >>> print(matrix)
    m/1
    """

    id: str
    version: str
    likelihoods: tuple[Likelihood, ...]
    levels: tuple[tuple[int, ...], ...]
    rare_but_grave: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        bounds = [band.least for band in self.likelihoods]
        if not bounds or bounds[0] != 0.0 or bounds != sorted(set(bounds)) or not bounds[-1] < 1:
            raise ValueError(f"likelihoods: got bands from {bounds}, allowed: from 0 on, rising, below 1")
        names = [band.name for band in self.likelihoods]
        if len(set(names)) != len(names):
            raise ValueError(f"likelihoods: got {names}, allowed: each name once")
        shape = (len(bounds), len(IMPACTS))
        if len(self.levels) != shape[0] or any(len(row) != shape[1] for row in self.levels):
            raise ValueError(f"levels: got {self.levels}, allowed: {shape[0]} rows of {shape[1]}")
        if any(not 0 <= level <= 4 for row in self.levels for level in row):
            raise ValueError(f"levels: got {self.levels}, allowed: 0 to 4")
        falls = any(list(line) != sorted(line) for line in (*self.levels, *zip(*self.levels, strict=True)))
        if falls:
            raise ValueError(
                f"levels: got {self.levels}, allowed: levels that never fall with likelihood or impact"
            )
        for likelihood, impact in self.rare_but_grave:
            if likelihood not in names or impact not in IMPACTS:
                raise ValueError(
                    f"rare_but_grave: got {likelihood!r}, {impact!r}, allowed: one of {names}, of {IMPACTS}"
                )

    def __str__(self) -> str:
        return f"{self.id}/{self.version}"

    def band(self, likelihood: float) -> Likelihood | None:
        """The band of a probability; None where nobody has measured it (NaN).

        Raises
        ------
        ValueError
            When it is no probability.
        """
        if math.isnan(likelihood):
            return None
        return self.likelihoods[self._row(likelihood)]

    def level(self, likelihood: float, impact: int) -> int | None:
        """The level of a probability and a band of impact (1 to 4); None where the likelihood is unknown.

        Raises
        ------
        ValueError
            When the likelihood is no probability or the impact is no band.
        """
        if not 1 <= impact <= len(IMPACTS):
            raise ValueError(f"impact: got {impact!r}, allowed: 1 to {len(IMPACTS)}")
        if math.isnan(likelihood):
            return None
        return self.levels[self._row(likelihood)][impact - 1]

    def is_rare_but_grave(self, likelihood: float, impact: int) -> bool:
        """Whether a cell has the mark of the unlikely and grave; never for an unknown likelihood."""
        band = self.band(likelihood)
        return band is not None and (band.name, IMPACTS[impact - 1]) in self.rare_but_grave

    def _row(self, likelihood: float) -> int:
        if not 0 <= likelihood <= 1:
            raise ValueError(f"likelihood: got {likelihood!r}, allowed: 0 to 1, or NaN where it is unknown")
        return sum(likelihood >= band.least for band in self.likelihoods) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The four levels in the words of somebody else.

    Parameters
    ----------
    id, title : str
        ``meteoalarm``; what people read.
    parameter : str
        Name of the CAP parameter that carries it.
    values : tuple of str
        For each level from 1 to 4 its word; empty where the other scheme has no equal.

    Raises
    ------
    ValueError
        When there are not four values.

    Examples
    --------
    >>> eu = Scheme(id="eu", title="EU", parameter="awareness_level", values=("", "2; yellow", "3", "4"))
    >>> eu.value(2), eu.value(1)
    ('2; yellow', None)
    """

    id: str
    title: str
    parameter: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.values) != 4:
            raise ValueError(f"{self.id}: values: got {self.values!r}, allowed: one for each of 4 levels")

    def value(self, level: int) -> str | None:
        """The word for a level; None where the scheme has no equal."""
        return self.values[level - 1] or None
