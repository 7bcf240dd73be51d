"""Rules that need more than one message: identities used twice, references to nowhere or in a circle."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence

from tocsin.cap.chains import Arrival, Chains, Message, Verdict
from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert

_NAMED = 3
"""How many messages one finding names."""


def check_set(alerts: Sequence[CapAlert]) -> list[list[Finding]]:
    """Judge messages together.

    Parameters
    ----------
    alerts : sequence of CapAlert
        In any order; a message that stands twice is one message.

    Returns
    -------
    list of list of Finding
        For each message given, sorted; empty where nothing is to be said.

    Examples
    --------
    >>> alone = CapAlert(identifier="a-2", sender="x", sent=None, msg_type="Update",
    ...                  references=("x,a-1,2001-02-28T19:00:00-00:00",))
    >>> [f.rule for f in check_set([alone])[0]]
    ['set.references.dangling']
    """
    chains = Chains(Arrival(alert=alert, name=str(i)) for i, alert in enumerate(alerts))
    found: list[list[Finding]] = [[] for _ in alerts]
    for message, finding in findings_of(chains):
        for arrival in message.arrivals:
            found[int(arrival.name)].append(finding)
    return [sorted(set(row)) for row in found]


def findings_of(chains: Chains) -> Iterator[tuple[Message, Finding]]:
    """What is wrong with a set: each finding with the message that it is about.

    Returns
    -------
    iterator of (Message, Finding)
        Rules ``set.duplicate-identity``, ``set.references.dangling``, ``set.references.foreign``,
        ``set.references.circular``, ``set.references.incomplete``, ``set.reissue``.
    """
    for same in chains.conflicts():
        for message in same:
            words = f"{len(same)} messages of this identity say different things: all are kept and shown"
            yield message, _finding("set.duplicate-identity", "error", "alert/identifier", words)
    for message in chains.messages:
        for link in chains.links(message):
            if link.verdict is Verdict.DANGLING:
                words = f"{link.item!r} names no message of this set: is an earlier one missing?"
                yield message, _finding("set.references.dangling", "warning", "alert/references", words)
            elif link.verdict is Verdict.FOREIGN:
                words = f"{link.item!r} is of another authority, which this sender cannot end"
                yield message, _finding("set.references.foreign", "warning", "alert/references", words)
    for circle in chains.circles():
        words = f"a circle of {_names(circle)}: none of them ends another"
        for message in circle:
            yield message, _finding("set.references.circular", "error", "alert/references", words)
    for chain in chains.chains(through_missing=False):  # what only shares a missing message may be two events
        yield from _incomplete(chains, chain)
    for message, before in chains.reissues():
        words = (
            f"says what {before.identity.identifier!r} said less than an hour before, and does not name it"
        )
        yield message, _finding("set.reissue", "warning", "alert/identifier", words)


def _incomplete(chains: Chains, chain: Sequence[Message]) -> Iterator[tuple[Message, Finding]]:
    """An Update or Cancel that leaves out an earlier message of its chain that has not expired."""
    open_: dict[int, Message] = {}
    ends: list[tuple[float, int]] = []
    dated = [m for m in chain if m.identity.sent is not None]
    for sent, group in itertools.groupby(dated, key=lambda m: m.identity.sent):
        now = list(group)
        moment = 0.0 if sent is None else sent.timestamp()
        while ends and ends[0][0] <= moment:
            open_.pop(heapq.heappop(ends)[1], None)
        for message in now:
            if message.alert.msg_type not in ("Update", "Cancel") or not message.alert.references:
                continue
            named = {id(t) for link in chains.links(message) for t in link.targets}
            count = len(open_) - sum(key in open_ for key in named)
            if count:
                left_out = itertools.islice((m for k, m in open_.items() if k not in named), _NAMED)
                words = f"does not name {count} earlier, unexpired of its chain: {_names(tuple(left_out))}"
                yield message, _finding("set.references.incomplete", "warning", "alert/references", words)
        for message in now:
            if message.alert.msg_type in ("Alert", "Update"):
                open_[id(message)] = message
                if message.expires is not None:
                    heapq.heappush(ends, (message.expires.timestamp(), id(message)))
            elif message.alert.msg_type == "Cancel":
                for link in chains.links(message):
                    for target in link.targets:
                        open_.pop(id(target), None)


def _names(messages: Sequence[Message]) -> str:
    shown = ", ".join(repr(m.identity.identifier) for m in messages[:_NAMED])
    return shown if len(messages) <= _NAMED else f"{shown} and {len(messages) - _NAMED} more"


def _finding(rule: str, level: str, path: str, message: str) -> Finding:
    return Finding(rule=rule, level=level, path=path, message=message)
