"""A defect or a surprise in what somebody else published: reported, never an exception."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One rule that a message or document breaks, or one field that nobody expected.

    Parameters
    ----------
    rule : str
        Id of the rule (``alert.sent.format``, ``feed.unknown-field`` …).
    level : str
        ``error``, ``warning`` or ``info``.
    path : str
        Where: ``alert/info[2]/expires``, ``features[3].properties.mag``.
    message : str
        What was got, what is allowed.

    Examples
    --------
    >>> Finding(rule="time.zulu", level="error", path="alert/sent", message="…Z").level
    'error'
    """

    rule: str
    level: str
    path: str
    message: str

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level: got {self.level!r}, allowed: {', '.join(LEVELS)}")


LEVELS = ("error", "warning", "info")
"""From what makes a message nonconforming to what is only worth knowing."""
