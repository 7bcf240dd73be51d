"""Legal bases and the break-glass policy: what makes a warning lawful."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tocsin.model.alert import Alert, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis:
    """One row of a country pack's law table.

    Parameters
    ----------
    key : str
        Short name that an approval cites.
    law, article : str
        Law and the place in it, as people cite them.
    levels : tuple of int
        Ranks of the warnings that may be issued on it, 1 to 4.
    roles : tuple of Role
        Who may approve on it.
    note : str
        What a reader must know, such as the limits of the mapping.

    Raises
    ------
    ValueError
        If a field is empty or a level is none.

    Examples
    --------
    >>> basis = LegalBasis(key="wa", law="Warning Act", article="s. 4", levels=(2, 3), roles=(Role.SYSTEM,))
    >>> print(basis)
    Warning Act, s. 4
    """

    key: str
    law: str
    article: str
    levels: tuple[int, ...]
    roles: tuple[Role, ...]
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("key", "law", "article"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name}: got nothing, allowed: words that cite the law")
        if not self.levels or not all(1 <= level <= 4 for level in self.levels):
            raise ValueError(f"levels: got {self.levels!r}, allowed: at least one of 1 to 4")
        if not self.roles:
            raise ValueError("roles: got none, allowed: at least one role")

    def __str__(self) -> str:
        return f"{self.law}, {self.article}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """The policy by which one officer alone may approve, for hazards that leave only seconds.

    Parameters
    ----------
    policy : str
        Id of the written policy.
    hazards : tuple of str
        Event types (the ``event`` of an alert) that it covers; no other may pass.
    review_within : timedelta
        Until when after the act it must be reviewed.

    Raises
    ------
    ValueError
        If a field is empty or the review has no time.

    Examples
    --------
    >>> BreakGlass(policy="", hazards=("Earthquake",), review_within=timedelta(hours=24))
    Traceback (most recent call last):
    ValueError: policy: got nothing, allowed: the id of a written policy
    """

    policy: str
    hazards: tuple[str, ...]
    review_within: timedelta

    def __post_init__(self) -> None:
        if not self.policy.strip():
            raise ValueError("policy: got nothing, allowed: the id of a written policy")
        if not self.hazards or not all(h.strip() for h in self.hazards):
            raise ValueError(f"hazards: got {self.hazards!r}, allowed: at least one event type")
        if self.review_within <= timedelta(0):
            raise ValueError(f"review_within: got {self.review_within}, allowed: a time above zero")

    def covers(self, alert: Alert) -> bool:
        """Whether the policy lists the event of this alert."""
        return alert.event.casefold() in {h.casefold() for h in self.hazards}
