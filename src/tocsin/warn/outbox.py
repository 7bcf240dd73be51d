"""The durable table of decisions to send, as delivery sees it; the store has one that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol


class OutboxRow(Protocol):
    """One decision to send that has no final receipt yet."""

    @property
    def id(self) -> int:
        """Names the row to ``settle``."""

    @property
    def recipient(self) -> str:
        """Id of the recipient."""

    @property
    def payload(self) -> Mapping[str, Any]:
        """What ``enqueue`` was given."""

    @property
    def attempts(self) -> int:
        """Attempts settled so far."""


class Outbox(Protocol):
    """What delivery asks of the table."""

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
        priority: int = 0,
    ) -> bool:
        """Keep a decision; False when (group, recipient, content) is there already."""

    def pending(self, at: datetime) -> Sequence[OutboxRow]:
        """Rows without a final receipt whose next try has come, in the order in which they came."""

    def due(self, at: datetime, *, horizon: timedelta) -> Mapping[str, datetime]:
        """Recipients with rows that could be claimed, and since when the first of them waits."""

    def claim(
        self,
        at: datetime,
        *,
        recipient: str,
        owner: str,
        lease: timedelta,
        horizon: timedelta,
        limit: int,
    ) -> Sequence[OutboxRow]:
        """Take rows to send them, of each group the first; nobody else gets them until the lease is over."""

    def holds(self, id: int, owner: str) -> bool:  # noqa: A002 - the table's word
        """Whether a row is still to be sent, and by this owner."""

    def wake(self, recipient: str, at: datetime) -> None:
        """Let what waits for its next try be tried now: the recipient's receiver is back."""

    def release(self, owner: str) -> None:
        """Give back what was claimed and not settled."""

    def settle(
        self,
        id: int,  # noqa: A002 - the table's word
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
        owner: str | None = None,
    ) -> None:
        """Record an attempt: ``accepted``, ``delivered``, ``dead`` end it; ``failed`` has a ``next_try``."""
