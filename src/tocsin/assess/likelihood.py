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
    """Counts after the verdicts on the warnings of a domain that came in since.

    Parameters
    ----------
    before : ndarray of int64, shape (2,)
        Came true, did not.
    domain : str
        Id; the verdicts of other domains do not count.
    verdicts : sequence of mapping
        Entries of the ledger. One that revises an earlier verdict (``first`` is False) counts as the
        difference to the verdict that it takes back, ``was``; an open one does not count.

    Returns
    -------
    ndarray of int64, shape (2,)

    Examples
    --------
    >>> new = {"domain": "air", "verdict": "TRUE"}
    >>> revised = new | {"first": False, "was": "FALSE"}
    >>> count_verdicts(np.array([2, 3]), "air", [new, revised]).tolist()
    [4, 2]
    """
    after: NDArray[np.int64] = before.copy()
    for entry in verdicts:
        if entry["domain"] != domain:
            continue
        if entry.get("first", True):
            after += _counted(entry["verdict"])
        elif "was" in entry:
            after += _counted(entry["verdict"]) - _counted(entry["was"])
    return after


def _counted(verdict: str) -> NDArray[np.int64]:
    return np.array([verdict == "TRUE", verdict not in ("TRUE", "OPEN")], np.int64)


def likelihood(counts: NDArray[np.int64]) -> float:
    """Share that came true; NaN below :data:`LEAST_VERDICTS`, because nobody has measured it yet.

    Examples
    --------
    >>> likelihood(np.array([3, 1])), likelihood(np.array([3, 2]))
    (nan, 0.6)
    """
    total = int(counts.sum())
    return float(counts[0]) / total if total >= LEAST_VERDICTS else float("nan")
