"""Silences: for a stated while officers are not asked about what they have said they know.

A silence (``tocsin warnings shelve``) keeps the system from asking and from repeating. It never holds back
what officers have issued, a cancellation, nor an extreme warning; it ends by itself, and what it holds back
stays visible with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.geo.overlap import inside
from tocsin.model import Alert, Region, require_utc

LONGEST = timedelta(days=7)
"""A silence lasts at most so long: whoever wants more says so again."""

MOST_LEVEL = 3
"""No silence reaches the level above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stated decision not to be asked about certain warnings for a while.

    Parameters
    ----------
    id : str
        Unique.
    reason : str
        Why, in words.
    author : str
        Account that set it.
    starts, ends : datetime
        When it holds; the end is not included.
    domains, hazards : tuple of str
        Domains, and events as the warnings call them; empty is every one.
    regions : tuple of str
        A warning matches if each of its regions is one of these or lies in one; empty is everywhere.
    max_level : int
        Highest level that it holds back, 1 to 3.

    Raises
    ------
    ValueError
        When the reason is missing, the time is none or too long, the level cannot be silenced, or it matches
        everything: that would be to switch the desk off.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2001, 3, 5, 12, tzinfo=UTC)
    >>> later = noon + timedelta(hours=3)
    >>> one = Silence(id="s", reason="works", author="duty", starts=noon, ends=later, regions=("US-53",))
    >>> one.holds(noon), one.holds(later)
    (True, False)
    """

    id: str
    reason: str
    author: str
    starts: datetime
    ends: datetime
    domains: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    max_level: int = 2

    def __post_init__(self) -> None:
        for name in ("starts", "ends"):
            object.__setattr__(self, name, require_utc(getattr(self, name), name))
        if not self.reason.strip():
            raise ValueError("reason: got nothing, allowed: why, in words")
        if not timedelta(0) < self.ends - self.starts <= LONGEST:
            raise ValueError(
                f"ends: got {self.ends - self.starts} after it starts, allowed: up to {LONGEST.days} days"
            )
        if not 1 <= self.max_level <= MOST_LEVEL:
            raise ValueError(f"max_level: got {self.max_level!r}, allowed: 1 to {MOST_LEVEL}")
        if not (self.domains or self.hazards or self.regions):
            raise ValueError("matchers: got none, allowed: at least one domain, hazard or region")

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.starts <= at < self.ends

    def covers(self, alert: Alert, at: datetime, regions: Mapping[str, Region]) -> bool:
        """Whether it holds this warning back at a moment.

        Parameters
        ----------
        alert : Alert
            A draft, or a message that would be repeated; a cancellation is never held back.
        at : datetime
            Moment.
        regions : mapping of str to Region
            All regions of the pack.
        """
        hazards = {hazard.casefold() for hazard in self.hazards}
        return (
            self.holds(at)
            and alert.msg_type != "Cancel"
            and alert.level <= self.max_level
            and (not self.domains or alert.domain in self.domains)
            and (not hazards or alert.event.casefold() in hazards)
            and (not self.regions or all(inside(regions, r, self.regions) for r in alert.regions))
        )
