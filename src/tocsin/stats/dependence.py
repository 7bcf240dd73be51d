"""Resampling that keeps dependence: in time by blocks, between series because whole rows are drawn.

References
----------
Künsch (1989), Annals of Statistics 17:1217, doi:10.1214/aos/1176347265;
Politis, Romano (1994), Journal of the American Statistical Association 89:1303,
doi:10.1080/01621459.1994.10476870.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.model import MethodError


def blocks(rng: np.random.Generator, n_times: int, length: int) -> NDArray[np.int64]:
    """Rows of one moving-block bootstrap sample.

    Indexing the rows of a table with it draws all series together, so that what happens everywhere at once
    stays together, and keeps the order inside each block, so that persistence stays too.

    Parameters
    ----------
    rng : Generator
        Source of the block starts.
    n_times : int
        Rows of the table.
    length : int
        Rows in a block; at least the time over which the series depend on themselves.

    Returns
    -------
    ndarray of int64, shape (n_times,)
        Row numbers; the last block is cut to fit.

    Raises
    ------
    MethodError
        When a block is longer than the table, or shorter than one row.

    Examples
    --------
    >>> index = blocks(np.random.default_rng(1), 7, 3)
    >>> len(index), (np.diff(index.tolist())[:2] == 1).all().item()
    (7, True)
    """
    _check(n_times, length)
    starts = rng.integers(0, n_times - length + 1, -(-n_times // length))
    return (starts[:, None] + np.arange(length)).ravel()[:n_times]


def stationary_blocks(rng: np.random.Generator, n_times: int, length: float) -> NDArray[np.int64]:
    """Rows of one stationary bootstrap sample: blocks of random length, running round the end.

    Parameters
    ----------
    rng : Generator
        Source of block starts and lengths.
    n_times : int
        Rows of the table.
    length : float
        Mean length of a block (geometric), in rows.

    Returns
    -------
    ndarray of int64, shape (n_times,)

    Raises
    ------
    MethodError
        As :func:`blocks`.

    Examples
    --------
    >>> stationary_blocks(np.random.default_rng(1), 5, 5.0).shape
    (5,)
    """
    _check(n_times, length)
    fresh = rng.random(n_times) < 1 / length
    fresh[:1] = True
    starts = rng.integers(0, n_times, n_times)
    each = np.arange(n_times)
    begin = np.maximum.accumulate(np.where(fresh, each, 0))
    return (starts[begin] + each - begin) % n_times


def _check(n_times: int, length: float) -> None:
    if not 1 <= length <= n_times:
        raise MethodError(
            f"length of a block: got {length} rows, allowed: 1 to {n_times}, the rows there are"
        )
