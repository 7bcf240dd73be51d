"""Compiled kernels where numba is installed, numpy where it is not.

numba is an optional dependency (``pip install tocsin[fast]``). A kernel exists twice, as numpy on whole
columns and as a loop for numba, and a test holds the two to the same numbers; the loop is never run
uncompiled. ``TOCSIN_NUMPY_ONLY=1`` in the environment switches the loops off.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

COMPILED: bool = (
    importlib.util.find_spec("numba") is not None and os.environ.get("TOCSIN_NUMPY_ONLY", "0") == "0"
)
"""Whether kernels marked with :func:`compiled` may be called."""

_numba: Any = importlib.import_module("numba") if COMPILED else None

_state = {"threads": COMPILED}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _state.update(threads=False))


def threads() -> bool:
    """Whether loops compiled with ``parallel=True`` may be called in this process.

    Not without numba, nor in a process that was forked: the threads stayed behind, and some threading layers
    end a process that asks for them.

    Examples
    --------
    >>> threads() in (True, False)
    True
    """
    return _state["threads"]


each: Any = _numba.prange if COMPILED else range
"""``numba.prange`` where compiled: a loop whose rounds do not depend on each other."""


def compiled(*, cache: bool = True, **options: Any) -> Callable[[F], F]:
    """Compile a loop on its first call; without numba, leave it as it is (then it is not to be called).

    Parameters
    ----------
    cache : bool
        Keep the compiled loop beside the module, so that the next process need not compile.
    **options
        Of ``numba.njit``, such as ``parallel=True`` or ``fastmath=True``.

    Examples
    --------
    >>> @compiled(cache=False)
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total((1.0, 2.0))
    3.0
    """

    def mark(function: F) -> F:
        if not COMPILED:
            return function

        def jit(keep: bool) -> F:
            made: F = _numba.njit(cache=keep, nogil=True, **options)(function)
            return made

        try:
            return jit(cache)
        except RuntimeError:  # no folder in which it may keep anything
            return jit(False)

    return mark
