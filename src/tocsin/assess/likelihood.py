"""Likelihood in its first form: the measured share of earlier warnings that came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_VERDICTS = 5
"""Below so many verdicts the share that came true is not stated as a likelihood."""


def carried_counts(carried: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Verdicts counted up to the last cycle, as it left them; zero before the first.

    Parameters
    ----------
    carried : mapping of ndarray
        State of one domain.

    Returns
    -------
    ndarray of int64, shape (2,)
        Warnings that came true, warnings that did not.

    Examples
    --------
    >>> carried_counts({}).tolist()
    [0, 0]
    """
    return carried["verdicts"] if "verdicts" in carried else np.zeros(2, np.int64)


def count_verdicts(
    before: NDArray[np.int64], domain: str, verdicts: Sequence[Mapping[str, Any]]
) -> NDArray[np.int64]:
    """Counts after the first verdicts on the warnings of a domain that came in since.

    Parameters
    ----------
    before : ndarray of int64, shape (2,)
        Came true, did not.
    domain : str
        Id; the verdicts of other domains do not count.
    verdicts : sequence of mapping
        Entries of the ledger. One that revises an earlier verdict (``first`` is False) does not count.

    Returns
    -------
    ndarray of int64, shape (2,)

    Examples
    --------
    >>> new = [{"domain": "air", "verdict": "TRUE"}, {"domain": "air", "verdict": "FALSE", "first": False}]
    >>> count_verdicts(np.array([2, 3]), "air", new).tolist()
    [3, 3]
    """
    new = [v["verdict"] for v in verdicts if v["domain"] == domain and v.get("first", True)]
    true = sum(v == "TRUE" for v in new)
    after: NDArray[np.int64] = before + np.array([true, len(new) - true], np.int64)
    return after


def likelihood(counts: NDArray[np.int64]) -> float:
    """Share that came true; NaN below :data:`LEAST_VERDICTS`, because nobody has measured it yet.

    Examples
    --------
    >>> likelihood(np.array([3, 1])), likelihood(np.array([3, 2]))
    (nan, 0.6)
    """
    total = int(counts.sum())
    return float(counts[0]) / total if total >= LEAST_VERDICTS else float("nan")
