"""How long a message is tried again when a channel did not take it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long to try: waits grow by ``factor`` from ``first`` to ``longest``; after ``attempts`` it is dead.

    With the defaults a receiver that is down for seconds has the message seconds after it is back, and one
    that stays down is tried for about three hours, or until the message has expired.

    Examples
    --------
    >>> wait = Retry().wait("key", 1)
    >>> Retry().first <= wait < 1.25 * Retry().first
    True
    """

    first: timedelta = timedelta(seconds=2)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)
    attempts: int = 40

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.factor < 1 or not timedelta(0) < self.first <= self.longest:
            raise ValueError(f"retry: got {self!r}, allowed: attempts ≥ 1, factor ≥ 1, 0 < first ≤ longest")

    @property
    def horizon(self) -> timedelta:
        """Longer than any wait between two attempts: who waits for longer waits for a wrong clock."""
        return 2 * self.longest

    def wait(self, key: str, attempt: int) -> timedelta:
        """Time after a failed attempt (1, 2, …), spread by up to a quarter to spare the receivers."""
        spread = int.from_bytes(hashlib.sha256(f"{key}{attempt}".encode()).digest()[:4]) / 2**32
        most = self.longest / self.first
        steps = math.log(most) / math.log(self.factor) if self.factor > 1 else math.inf
        grown = most if attempt - 1 >= steps else self.factor ** (attempt - 1)  # no number gets too large
        return self.first * grown * (1 + spread / 4)
