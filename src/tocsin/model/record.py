"""How a decision is named on record."""

from __future__ import annotations

import hashlib
from datetime import datetime

from tocsin.model.time import iso


def decision_id(subject: str, action: str, at: datetime, actor: str) -> str:
    """Give the id of a decision: the same act has the same id, however often it is replayed.

    Examples
    --------
    >>> from datetime import UTC
    >>> decision_id("a", "approve", datetime(2001, 3, 5, tzinfo=UTC), "x")[:8]
    'd8ff2747'
    """
    text = "\x1f".join((subject, str(action), iso(at), actor))
    return hashlib.sha256(text.encode()).hexdigest()
