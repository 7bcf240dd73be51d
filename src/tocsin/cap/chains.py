"""Sets of messages: which one names which, which one stands, and what was known of it when.

A message is (sender, identifier, sent as an instant); the same identity with other content is a conflict, and
both are shown. Only a later message can end an earlier one, so the order of arrival never matters, and what
arrives late is judged as if it had always been there, from the moment on at which it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from tocsin.cap.fingerprint import content_fingerprint, fingerprint
from tocsin.cap.message import CapAlert
from tocsin.cap.values import read_time

REISSUE_WITHIN = timedelta(minutes=60)
"""The same content under a new identity within this time is the same warning sent again."""


class Identity(NamedTuple):
    """What names a message: identifiers are unique for a sender only, and some senders use them again."""

    sender: str
    identifier: str
    sent: datetime | None

    @classmethod
    def of(cls, alert: CapAlert) -> Identity:
        """The identity of a message.

        Examples
        --------
        >>> Identity.of(CapAlert(identifier="a-1", sender="x", sent=None)).identifier
        'a-1'
        """
        return cls(alert.sender, alert.identifier, alert.sent)

    @classmethod
    def read(cls, item: str) -> Identity | None:
        """The identity that an item of ``references`` names; None where it has another form.

        Examples
        --------
        >>> Identity.read("x,a-1,2001-02-28T20:00:00+01:00").sent.isoformat()
        '2001-02-28T20:00:00+01:00'
        >>> Identity.read("x,a-1") is None
        True
        """
        parts = item.split(",")
        moment = read_time(parts[2]) if len(parts) == 3 and parts[0] and parts[1] else None
        return None if moment is None else cls(parts[0], parts[1], moment)


class State(StrEnum):
    """State of a message at an instant; the first that holds."""

    NOT_YET = "not_yet"  # sent later
    NOTICE = "notice"  # an Ack or an Error: no warning, never shown
    CANCEL = "cancel"  # a Cancel itself, never shown
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    CONFLICT = "conflict"  # the same identity with other content: all of them are shown
    IN_FORCE = "in_force"

    @property
    def shown(self) -> bool:
        """Whether a map shows it."""
        return self in (State.CONFLICT, State.IN_FORCE)


class Verdict(StrEnum):
    """What became of one item of ``references``."""

    RESOLVED = "resolved"
    DANGLING = "dangling"  # names no message of the set
    POSTDATED = "postdated"  # names a message that was not sent earlier, and so cannot end it
    ITSELF = "itself"
    FOREIGN = "foreign"  # names a message of another authority, which it cannot end
    MALFORMED = "malformed"  # no sender,identifier,sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One copy of a message, as it came.

    Parameters
    ----------
    alert : CapAlert
        As read.
    name : str
        Of the copy: a file, a hash.
    known_at : datetime or None
        Time of receipt; None where that is not known: then it was always known.
    digest, content : str or None
        Fingerprints of the whole message and of its content, where they are known already.
    """

    alert: CapAlert
    name: str = ""
    known_at: datetime | None = None
    digest: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Message:
    """All copies that say the same under one identity.

    Parameters
    ----------
    identity : Identity
        Sender, identifier, sent.
    alert : CapAlert
        What they say.
    fingerprint : str
        Of what they say.
    arrivals : tuple of Arrival
        By time of receipt and name.
    """

    identity: Identity
    alert: CapAlert
    fingerprint: str
    arrivals: tuple[Arrival, ...]

    @property
    def known_at(self) -> datetime | None:
        """The first receipt; None where one copy was always known."""
        times = [a.known_at for a in self.arrivals]
        return None if None in times else min(t for t in times if t is not None)

    @property
    def expires(self) -> datetime | None:
        """The latest ``expires`` of the infos; None where there is none: it stands until somebody ends it."""
        return max((i.expires for i in self.alert.infos if i.expires is not None), default=None)

    def known(self, at: datetime | None) -> bool:
        """Whether it had been received at a moment; None is the end of all receipts."""
        first = self.known_at
        return at is None or first is None or first <= at


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One item of ``references`` and what it names.

    Parameters
    ----------
    item : str
        As written.
    verdict : Verdict
        What became of it.
    targets : tuple of Message
        Messages of the identity named; more than one where they conflict.
    """

    item: str
    verdict: Verdict
    targets: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a message stands at an instant.

    Parameters
    ----------
    message : Message
        Which.
    state : State
        How.
    by : tuple of Message
        Those that cancelled or superseded it, in the order in which they were sent.
    """

    message: Message
    state: State
    by: tuple[Message, ...] = ()


class Chains:
    """A set of messages with their references resolved.

    Parameters
    ----------
    arrivals : iterable of Arrival
        In any order; equal copies are one message.
    same_authority : callable or None
        Whether two senders are one authority: a message cannot end one of another authority. None trusts
        every sender to name only what it may.
    may_end : callable or None
        Whether a later message may end an earlier one that it names, such as :func:`real_by_real`. None is
        the standard's own words: whoever names an earlier message ends it.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> first = CapAlert(identifier="a-1", sender="x", sent=at)
    >>> later = CapAlert(identifier="a-2", sender="x", sent=at + timedelta(hours=1), msg_type="Cancel",
    ...                  references=(first.reference,))
    >>> chains = Chains([Arrival(alert=later), Arrival(alert=first)])
    >>> [str(s.state) for s in chains.states(at)]
    ['in_force', 'not_yet']
    >>> [str(s.state) for s in chains.states(later.sent)]
    ['cancelled', 'cancel']
    """

    def __init__(
        self,
        arrivals: Iterable[Arrival],
        *,
        same_authority: Callable[[str, str], bool] | None = None,
        may_end: Callable[[CapAlert, CapAlert], bool] | None = None,
    ) -> None:
        self._same = same_authority
        self._may_end = may_end
        copies: dict[tuple[Identity, str], list[Arrival]] = {}
        for arrival in arrivals:
            key = (Identity.of(arrival.alert), arrival.digest or fingerprint(arrival.alert))
            copies.setdefault(key, []).append(arrival)
        found = [
            Message(
                identity=identity,
                alert=same[0].alert,
                fingerprint=digest,
                arrivals=tuple(sorted(same, key=_receipt)),
            )
            for (identity, digest), same in copies.items()
        ]
        self.messages: tuple[Message, ...] = tuple(sorted(found, key=_order))
        self._by_identity: dict[Identity, list[Message]] = {}
        for message in self.messages:
            if message.identity.sender and message.identity.identifier:  # what has no name, nobody can name
                self._by_identity.setdefault(message.identity, []).append(message)

    def named(self, identity: Identity) -> tuple[Message, ...]:
        """Messages of one identity; more than one where they conflict."""
        return tuple(self._by_identity.get(identity, ()))

    def conflicts(self) -> Iterator[tuple[Message, ...]]:
        """Messages that share an identity and say different things."""
        for same in self._by_identity.values():
            if len(same) > 1:
                yield tuple(same)

    def links(self, message: Message) -> tuple[Link, ...]:
        """Every item of the message's references, resolved."""
        return self._links.get(id(message), ())

    @cached_property
    def _links(self) -> Mapping[int, tuple[Link, ...]]:
        return {
            id(m): tuple(self._resolve(m, item) for item in m.alert.references)
            for m in self.messages
            if m.alert.references
        }

    def _resolve(self, message: Message, item: str) -> Link:
        identity = Identity.read(item)
        if identity is None:
            return Link(item=item, verdict=Verdict.MALFORMED)
        targets = self.named(identity)
        own = message.identity.sent
        if identity == message.identity:
            verdict = Verdict.ITSELF
        elif not targets:
            verdict = Verdict.DANGLING
        elif self._same is not None and not self._same(message.identity.sender, identity.sender):
            verdict = Verdict.FOREIGN
        elif own is None or identity.sent is None or identity.sent >= own:
            verdict = Verdict.POSTDATED
        else:
            verdict = Verdict.RESOLVED
        return Link(item=item, verdict=verdict, targets=targets)

    @cached_property
    def _enders(self) -> Mapping[int, tuple[Message, ...]]:
        """Messages that cancel or supersede each message, by the order in which they were sent."""
        enders: dict[int, dict[int, Message]] = {}
        for message in self.messages:
            if message.alert.msg_type not in ("Update", "Cancel"):
                continue
            for link in self.links(message):
                if link.verdict is Verdict.RESOLVED:
                    for target in link.targets:
                        if self._may_end is None or self._may_end(message.alert, target.alert):
                            enders.setdefault(id(target), {})[id(message)] = message
        return {target: tuple(sorted(by.values(), key=_order)) for target, by in enders.items()}

    def states(self, at: datetime, known_at: datetime | None = None) -> list[Standing]:
        """State of every message that was known, at an instant.

        Parameters
        ----------
        at : datetime
            The instant (valid time).
        known_at : datetime or None
            Only what had been received by then counts; None is everything.

        Returns
        -------
        list of Standing
            In the order in which they were sent.
        """
        known = self.messages
        if known_at is not None:
            known = tuple(m for m in known if m.known(known_at))
        return [self._state(m, at, known_at) for m in known]

    def state(self, message: Message, at: datetime, known_at: datetime | None = None) -> Standing:
        """State of one message; see :meth:`states`."""
        return self._state(message, at, known_at)

    def _state(self, message: Message, at: datetime, known_at: datetime | None) -> Standing:
        sent = message.identity.sent or message.known_at  # a time that is none: from its receipt on
        if sent is not None and sent > at:
            return Standing(message=message, state=State.NOT_YET)
        if message.alert.msg_type == "Cancel":
            return Standing(message=message, state=State.CANCEL)
        if message.alert.msg_type in ("Ack", "Error"):
            return Standing(message=message, state=State.NOTICE)
        by = [
            m
            for m in self._enders.get(id(message), ())
            if m.identity.sent is not None and m.identity.sent <= at and m.known(known_at)
        ]
        for verb, state in (("Cancel", State.CANCELLED), ("Update", State.SUPERSEDED)):
            ended = tuple(m for m in by if m.alert.msg_type == verb)
            if ended:
                return Standing(message=message, state=state, by=ended)
        expires = message.expires
        if expires is not None and expires <= at:
            return Standing(message=message, state=State.EXPIRED)
        if sum(m.known(known_at) for m in self.named(message.identity)) > 1:
            return Standing(message=message, state=State.CONFLICT)
        return Standing(message=message, state=State.IN_FORCE)

    def chains(self, *, through_missing: bool = True) -> list[tuple[Message, ...]]:
        """Messages that hang together by their references.

        Parameters
        ----------
        through_missing : bool
            Also those that only name the same message which is not here.

        Returns
        -------
        list of tuple of Message
            Chains by their first message, each in the order in which it was sent.
        """
        parent: dict[Identity | int, Identity | int] = {}

        def root(key: Identity | int) -> Identity | int:
            parent.setdefault(key, key)
            while parent[key] != key:
                parent[key] = parent[parent[key]]
                key = parent[key]
            return key

        def place(message: Message) -> Identity | int:
            nameless = not (message.identity.sender and message.identity.identifier)
            return id(message) if nameless else message.identity

        for message in self.messages:
            here = root(place(message))
            for link in self.links(message):
                identity = Identity.read(link.item)
                here_too = through_missing or link.verdict is not Verdict.DANGLING
                if identity is not None and link.verdict is not Verdict.FOREIGN and here_too:
                    parent[root(identity)] = here = root(here)
        groups: dict[Identity | int, list[Message]] = {}
        for message in self.messages:
            groups.setdefault(root(place(message)), []).append(message)
        return [tuple(group) for group in groups.values()]

    def circles(self) -> list[tuple[Message, ...]]:
        """Messages whose references lead back to themselves over another one."""
        targets = {
            id(m): [t for link in self.links(m) if link.verdict is not Verdict.ITSELF for t in link.targets]
            for m in self.messages
        }
        return [group for group in _strong(self.messages, targets) if len(group) > 1]

    def reissues(self) -> Iterator[tuple[Message, Message]]:
        """Messages that say what an earlier one of the sender said, under a new identity, naming nobody.

        Returns
        -------
        iterator of (Message, Message)
            The later one, and the one just before it, at most an hour apart. Both stay: to withhold the later
            one is a decision of whoever passes it on.
        """
        last: dict[str, Message] = {}
        for message in self.messages:
            if message.alert.msg_type != "Alert" or message.identity.sent is None:
                continue
            key = message.arrivals[0].content or content_fingerprint(message.alert)
            before = last.get(key)
            if before is not None and before.identity != message.identity and not message.alert.references:
                gap = message.identity.sent - (before.identity.sent or message.identity.sent)
                if gap <= REISSUE_WITHIN:
                    yield message, before
            last[key] = message


def _receipt(arrival: Arrival) -> tuple[bool, float, str]:
    known = arrival.known_at
    return known is not None, 0.0 if known is None else known.timestamp(), arrival.name


def _order(message: Message) -> tuple[float, str, str, str]:
    sent = message.identity.sent
    moment = float("-inf") if sent is None else sent.timestamp()
    return moment, message.identity.sender, message.identity.identifier, message.fingerprint


def real_by_real(later: CapAlert, earlier: CapAlert) -> bool:
    """A drill or a test cannot end a real warning: a rule of safety, not of the standard.

    Examples
    --------
    >>> drill = CapAlert(identifier="a-2", sender="x", sent=None, status="Exercise", msg_type="Cancel")
    >>> real = CapAlert(identifier="a-1", sender="x", sent=None)
    >>> real_by_real(drill, real), real_by_real(real, drill)
    (False, True)
    """
    return later.status == "Actual" or earlier.status != "Actual"


def _strong(messages: Iterable[Message], targets: Mapping[int, list[Message]]) -> list[tuple[Message, ...]]:
    """Strongly connected parts of the graph of references (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[Message] = []
    found: list[tuple[Message, ...]] = []
    for start in messages:
        if id(start) in index:
            continue
        work: list[tuple[Message, Iterator[Message]]] = []

        def enter(message: Message, work: list[tuple[Message, Iterator[Message]]]) -> None:
            index[id(message)] = low[id(message)] = len(index)
            stack.append(message)
            on_stack.add(id(message))
            work.append((message, iter(targets.get(id(message), ()))))

        enter(start, work)
        while work:
            message, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    above = id(work[-1][0])
                    low[above] = min(low[above], low[id(message)])
                if low[id(message)] == index[id(message)]:
                    part = []
                    while True:
                        part.append(stack.pop())
                        on_stack.discard(id(part[-1]))
                        if part[-1] is message:
                            break
                    found.append(tuple(sorted(part, key=_order)))
            elif id(following) not in index:
                enter(following, work)
            elif id(following) in on_stack:
                low[id(message)] = min(low[id(message)], index[id(following)])
    return found
