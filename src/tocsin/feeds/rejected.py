"""What the gate sets aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_YEAR, LAST_YEAR = 1700, 2300
"""Times outside are a fault of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One record, or a whole document, that was set aside.

    Parameters
    ----------
    where : str
        ``document``, ``observations[7]``, ``events[3]``.
    error : str
        What was got, what is allowed.
    record : mapping
        The record as plain JSON types; empty for a document.
    """

    where: str
    error: str
    record: Mapping[str, Any]
