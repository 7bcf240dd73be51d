"""From the outbox to receipts: each recipient has a lane of its own, in which its messages go one by one.

A lane claims rows of its recipient under a lease, so that two processes never send the same row at once, and
settles each with the channel's answer. A receiver that is slow or down holds up its own lane only. A lane
that met :data:`PATIENCE` failures in a row rests: what waits behind them is not worth a time-out each.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.model import ChannelError, Receipt, StoreError, from_plain, iso, require_utc
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import LONGEST_SEND, Audience, Channel, Link, Message, Recipient, receipt
from tocsin.warn.outbox import Outbox, OutboxRow
from tocsin.warn.retry import Retry
from tocsin.warn.wording import shorten

LEASE = timedelta(seconds=60)
"""How long a claim holds: longer than the longest send; after a kill its rows wait for so long at most."""

BATCH = 16
"""Rows claimed at a time."""

PATIENCE = 2
"""Failures in a row after which a lane ends."""

LANES = 64
"""Recipients served at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of sending gave.

    Parameters
    ----------
    receipts : tuple of Receipt
        One an attempt; ``accepted``, ``delivered``, ``failed`` (will be tried again) or ``dead``.
    alarms : tuple of str
        Sentences for the desk: a warning that will not arrive.
    failures : int
        Failures in a row with which it ended; 0 when the last message was taken.
    """

    receipts: tuple[Receipt, ...] = ()
    alarms: tuple[str, ...] = ()
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What a lane needs, besides the name of its recipient.

    Parameters
    ----------
    outbox : Outbox
        Where the messages wait.
    channels : mapping of str to Channel
        By name.
    book : AddressBook
        Recipients.
    clock : callable
        Gives the wall time.
    owner : str
        Unique to the process that sends.
    retry : Retry
        How long to try.
    tick : callable
        Seconds that only ever grow; the wall clock may be set back while a lease runs.
    """

    outbox: Outbox
    channels: Mapping[str, Channel]
    book: AddressBook
    clock: Callable[[], datetime]
    owner: str
    retry: Retry = Retry()  # noqa: RUF009 - frozen
    tick: Callable[[], float] = time.monotonic

    def lane(self, recipient: str, *, was_down: bool = False) -> Round:
        """Send what one recipient has not got yet, in order, until nothing is due or too much fails.

        Parameters
        ----------
        recipient : str
            Id.
        was_down : bool
            The lane before this one ended by failures in a row. With the first message that is taken the
            receiver is back, and what waits for a later try goes at once.
        """
        with closing(_Links()) as links:
            return self._lane(recipient, f"{self.owner}/{recipient}", links, was_down=was_down)

    def _lane(self, recipient: str, owner: str, links: _Links, *, was_down: bool) -> Round:
        receipts: list[Receipt] = []
        alarms: list[str] = []
        failures = 0
        while failures < PATIENCE:
            begun = self.tick()
            rows = self.outbox.claim(
                self.clock(),
                recipient=recipient,
                owner=owner,
                lease=LEASE,
                horizon=self.retry.horizon,
                limit=BATCH,
            )
            if not rows:
                break
            for row in rows:
                # Never send on a lease that may end meanwhile: another process would send it too.
                if failures >= PATIENCE or self.tick() - begun > LEASE.total_seconds() - LONGEST_SEND:
                    self.outbox.release(owner)
                    break
                # After a jump of the clock a lease may have gone to another before its time was over.
                if not self.outbox.holds(row.id, owner):
                    continue
                answer, recorded = self._carry(row, owner, alarms, links)
                if answer is not None:
                    receipts.append(answer)
                if not recorded:
                    # The row stays claimed, and is sent again with the same key when the lease is over.
                    return Round(receipts=tuple(receipts), alarms=tuple(alarms), failures=PATIENCE)
                if answer is None:
                    continue
                failures = failures + 1 if answer.status == "failed" else 0
                if was_down and answer.status in ("accepted", "delivered"):
                    self.outbox.wake(recipient, self.clock())
                    was_down = False
        return Round(receipts=tuple(receipts), alarms=tuple(alarms), failures=failures)

    def _carry(
        self, row: OutboxRow, owner: str, alarms: list[str], links: _Links
    ) -> tuple[Receipt | None, bool]:
        """Send one row; give the receipt, and whether the store has kept it."""
        try:
            message = read(row)
        except ChannelError as error:
            alarms.append(str(error))
            return None, self._settle(row, owner, alarms, status="dead", at=self.clock(), detail=str(error))
        answer, next_try = attempt(
            message, row, self.channels, self.book, clock=self.clock, retry=self.retry, links=links
        )
        recorded = self._settle(
            row, owner, alarms, status=answer.status, at=answer.at, detail=answer.detail, next_try=next_try
        )
        if answer.status == "dead":
            alarms.append(lost(message, row.recipient, answer.detail))
        return answer, recorded

    def _settle(
        self,
        row: OutboxRow,
        owner: str,
        alarms: list[str],
        *,
        status: str,
        at: datetime,
        detail: str,
        next_try: datetime | None = None,
    ) -> bool:
        """Record an answer; False when the store refuses, and not because another was first."""
        try:
            self.outbox.settle(row.id, status=status, at=at, detail=detail, next_try=next_try, owner=owner)
        except StoreError as error:
            alarms.append(f"outbox row {row.id} to {row.recipient}: receipt not recorded: {error}")
            try:
                return not self.outbox.holds(row.id, owner)
            except StoreError:
                return False
        return True


def send(
    outbox: Outbox,
    channels: Mapping[str, Channel],
    book: AddressBook,
    *,
    at: datetime,
    clock: Callable[[], datetime] | None = None,
    owner: str = "round",
    retry: Retry | None = None,
    dry_run: bool = False,
    elsewhere: Collection[str] = (),
) -> Round:
    """Take what is due to the channels, all recipients at the same time, and record every answer.

    Parameters
    ----------
    channels : mapping of str to Channel
        By name.
    at : datetime
        Now.
    clock : callable or None
        Gives the wall time of each answer; ``at`` throughout when None, as in a replay.
    owner : str
        Unique to the process that sends.
    retry : Retry or None
        How long to try; the defaults when None.
    dry_run : bool
        Let the channels check everything, send nothing and settle nothing.
    elsewhere : collection of str
        Recipients that are not in this book and that somebody else serves; any other that is not in the book
        is unknown, and its messages are dead.

    Returns
    -------
    Round
        Receipts by recipient, in the order of the book, and alarms for what is dead.
    """
    retry, at = retry or Retry(), require_utc(at, "at")
    now = clock or (lambda: at)
    if dry_run:
        return _rehearse(outbox, channels, book, at=at, retry=retry, elsewhere=elsewhere)
    carrier = Carrier(outbox=outbox, channels=channels, book=book, clock=now, owner=owner, retry=retry)
    order = {to.id: n for n, to in enumerate((*book.public, *book.drill))}
    waiting = [r for r in outbox.due(at, horizon=retry.horizon) if r not in elsewhere]
    waiting.sort(key=lambda r: (order.get(r, len(order)), r))
    if not waiting:
        return Round()
    if len(waiting) == 1:
        rounds = [carrier.lane(waiting[0])]
    else:
        with ThreadPoolExecutor(min(len(waiting), LANES), thread_name_prefix="tocsin-lane") as pool:
            rounds = list(pool.map(carrier.lane, waiting))
    return Round(
        receipts=tuple(r for one in rounds for r in one.receipts),
        alarms=tuple(a for one in rounds for a in one.alarms),
        failures=max(one.failures for one in rounds),
    )


def _rehearse(
    outbox: Outbox,
    channels: Mapping[str, Channel],
    book: AddressBook,
    *,
    at: datetime,
    retry: Retry,
    elsewhere: Collection[str],
) -> Round:
    receipts: list[Receipt] = []
    alarms: list[str] = []
    for row in outbox.pending(at):
        if row.recipient in elsewhere:
            continue
        try:
            message = read(row)
        except ChannelError as error:
            alarms.append(str(error))
            continue
        answer, _ = attempt(message, row, channels, book, clock=lambda: at, retry=retry, dry_run=True)
        receipts.append(answer)
        if answer.status == "dead":
            alarms.append(lost(message, row.recipient, answer.detail))
    return Round(receipts=tuple(receipts), alarms=tuple(alarms))


def read(row: OutboxRow) -> Message:
    """The message of a row.

    Raises
    ------
    ChannelError
        When it cannot be read; it never will be.
    """
    try:
        return from_plain(Message, dict(row.payload))
    except Exception as error:
        # Whatever is wrong with one row must not keep those behind it from being sent.
        raise ChannelError(
            f"outbox row {row.id} to {row.recipient} cannot be read: {error}", retry=False
        ) from error


def lost(message: Message, recipient: str, why: str) -> str:
    """The alarm for a message that will not arrive.

    Parameters
    ----------
    recipient, why : str
        Who does not get it, and what the channel said last.
    """
    return (
        f"{message.msg_type} {message.alert} did not reach {recipient}: {why}; "
        "an administrator can check the channel, a duty officer can reach the recipient another way"
    )


def attempt(
    message: Message,
    row: OutboxRow,
    channels: Mapping[str, Channel],
    book: AddressBook,
    *,
    clock: Callable[[], datetime],
    retry: Retry,
    dry_run: bool = False,
    links: _Links | None = None,
) -> tuple[Receipt, datetime | None]:
    """Hand one message to its channel; whatever happens there, this gives a receipt.

    Parameters
    ----------
    links : optional
        Connections that the lane keeps.

    Returns
    -------
    tuple of (Receipt, datetime or None)
        What to record, and when to try again if it is ``failed``.
    """
    at = clock()
    # The table is chosen by the message's own status, so a drill cannot name a public recipient here either.
    to = book.routes(message.status).get(row.recipient)
    if to is None:
        gone = Recipient(id=row.recipient, channel="none", address="", audience=Audience.DRILL)
        why = f"recipient: got {row.recipient!r}, allowed for {message.status}: those of its table"
        return receipt(message, gone, at=at, status="dead", detail=why), None
    channel = channels.get(to.channel)
    if channel is None:
        why = f"channel: got {to.channel!r}, allowed: {', '.join(sorted(channels)) or 'none'}"
        return receipt(message, to, at=at, status="dead", detail=why), None
    if message.expires <= at:
        why = f"expired at {iso(message.expires)} before it could be sent"
        return receipt(message, to, at=at, status="dead", detail=why), None
    try:
        if links is None or dry_run:
            answer = channel.send(message, to, at=at, dry_run=dry_run)
        else:
            answer = links.send(channel, message, to, at=at)
    except ChannelError as error:
        again, why = error.retry, str(error)
    except Exception as error:  # noqa: BLE001 - one broken channel must not keep the others from warning
        again, why = True, f"{type(error).__name__}: {error}"
    else:
        # A channel knows when it was asked, the desk wants to know when the answer came.
        said = presentable(answer.detail, to)
        return receipt(message, to, at=clock(), status=answer.status, detail=said), None
    number = row.attempts + 1
    detail = shorten(f"attempt {number}: {presentable(why, to)}", 500)
    if not again or number >= retry.attempts:
        return receipt(message, to, at=clock(), status="dead", detail=detail), None
    now = clock()
    return receipt(message, to, at=now, status="failed", detail=detail), now + retry.wait(message.key, number)


def presentable(said: str, to: Recipient) -> str:
    r"""What a receiver said as one line that can be kept and shown: a stranger wrote it.

    Parameters
    ----------
    to : Recipient
        Its secrets are taken out: a server may say back what it was told.

    Examples
    --------
    >>> desk = {"channel": "c", "address": "", "audience": Audience.PUBLIC}
    >>> presentable("535 \x1bno\n'word'", Recipient(id="a", secrets={"password": "word"}, **desk))
    "535 no '…'"
    """
    for secret in to.secrets.values():
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            if form:
                said = said.replace(form, "…")
    return "".join(c for c in " ".join(said.split()) if c.isprintable())


class _Links:
    """The connection that a lane keeps; after a fault the next message gets a new one."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._to: Recipient | None = None
        self._good = True

    def send(self, channel: Channel, message: Message, to: Recipient, *, at: datetime) -> Receipt:
        link: Callable[[Recipient], Link] | None = getattr(channel, "link", None)
        if link is None:
            return channel.send(message, to, at=at)
        if not self._good or self._to is not to:
            self.close()
        if self._link is None:
            self._link, self._to = link(to), to
        # Not closed at once after a fault: that may take long, and the answer is to be recorded first.
        self._good = False
        answer = self._link.send(message, at=at)
        self._good = True
        return answer

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            with suppress(Exception):
                link.close()
