"""Checks that every channel must pass; shipped, so that who writes one can run them.

Write a :class:`Bench` for the channel, a receiver that can be looked at and broken, and call every function
of :func:`checks` with a fresh one. A check raises AssertionError with what was got.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from tocsin.cap import CapAlert, CapArea, CapInfo, render
from tocsin.model import ChannelError
from tocsin.warn.contract import Audience, Channel, Message, Recipient, idempotency_key

AT = datetime(2001, 3, 5, 9, 20, tzinfo=UTC)
"""Instant at which the checks send."""


class Bench(Protocol):
    """A channel with a receiver of its own behind it."""

    @property
    def channel(self) -> Channel:
        """The channel under test."""

    def recipient(self, audience: Audience) -> Recipient:
        """An address of the receiver for this audience."""

    def wrong_recipient(self) -> Recipient:
        """A recipient that cannot be: a bad address, or a setting that it needs left out."""

    def form(self, given: Message) -> str:
        """What a receiver holds of a message: its body, or what the channel makes of it."""

    def arrived(self) -> Sequence[str]:
        """What the receiver holds now, each once for each copy; one that knows copies holds them once."""

    def break_down(self) -> None:
        """Make the receiver unreachable, as a network or a disk does for a while."""


def message(*, status: str = "Actual", to: str = "check", number: int = 1, text: str = "") -> Message:
    """Give a real message for a check.

    Parameters
    ----------
    status : str
        CAP status.
    to : str
        Id of the recipient, for the key.
    number : int
        Makes it another warning.
    text : str
        Added to its description.
    """
    sent, expires = AT - timedelta(minutes=5), AT + timedelta(hours=6)
    cap = CapAlert(
        identifier=f"check.{number}",
        sender="check@example.org",
        sent=sent,
        status=status,
        note="A check of channels." if status != "Actual" else None,
        infos=(
            CapInfo(
                language="en-US",
                category=("Transport",),
                event="Check",
                urgency="Expected",
                severity="Moderate",
                certainty="Likely",
                expires=expires,
                sender_name="Check",
                headline=f"Check {number}",
                description=f"A message for the checks of channels. {text}",
                instruction="Do nothing.",
                areas=(CapArea(area_desc="Nowhere", geocodes=(("check", "0"),)),),
            ),
        ),
    )
    return Message(
        key=idempotency_key(f"check.{number}", to, status),
        alert=cap.identifier,
        status=status,
        msg_type="Alert",
        headline=f"Check {number}",
        sent=sent,
        expires=expires,
        body=render(cap).decode(),
    )


def check_names(bench: Bench) -> None:
    """It says what it is called and how much it takes."""
    name, most = bench.channel.NAME, bench.channel.MAX_BYTES
    _hold(isinstance(name, str), f"NAME: got {name!r}")
    _hold(name.isidentifier(), f"NAME: got {name!r}, allowed: an identifier")
    _hold(isinstance(most, int), f"MAX_BYTES: got {most!r}")
    _hold(most >= 1_000, f"MAX_BYTES: got {most!r}, allowed: at least 1000")


def check_delivers(bench: Bench) -> None:
    """What it is given arrives, once and unchanged, and the receipt says so under the key."""
    to = bench.recipient(Audience.PUBLIC)
    given = message(to=to.id)
    answer = bench.channel.send(given, to, at=AT)
    _hold(
        list(bench.arrived()) == [bench.form(given)], f"arrived: got {len(bench.arrived())} bodies or others"
    )
    got = (answer.id, answer.alert, answer.channel, answer.recipient, answer.at)
    _hold(got == (given.key, given.alert, bench.channel.NAME, to.id, AT), f"receipt: got {answer}")
    _hold(answer.status in ("accepted", "delivered"), f"status: got {answer.status!r}")


def check_claims_nothing(bench: Bench) -> None:
    """A receiver that gives no receipt has not confirmed anything: *accepted* is all that may be said."""
    to = bench.recipient(Audience.PUBLIC)
    answer = bench.channel.send(message(to=to.id), to, at=AT)
    _hold(
        answer.status == "accepted", f"status: got {answer.status!r}, allowed without a receipt: 'accepted'"
    )


def check_recipient(bench: Bench) -> None:
    """A good recipient has no fault; a bad one has, before anything is sent to it."""
    for audience in Audience:
        found = list(bench.channel.faults(bench.recipient(audience)))
        _hold(not found, f"faults: got {found} for a good recipient")
    found = list(bench.channel.faults(bench.wrong_recipient()))
    _hold(bool(found), "faults: got none for a recipient that cannot be")
    known = {"channel", "address", *bench.channel.SETTINGS}
    known |= {f"{name}_{end}" for name in bench.channel.SECRETS for end in ("file", "env")}
    _hold(all(f.key in known for f in found), f"faults: got {found}, allowed keys: {sorted(known)}")


def check_probe(bench: Bench) -> None:
    """A probe says what it found, and nothing arrives by it."""
    said = bench.channel.probe(bench.recipient(Audience.PUBLIC))
    _hold(bool(str(said)), f"probe: got {said!r}, allowed: words")
    _hold(not bench.arrived(), "arrived: got a body by a probe")


def check_same_key_twice(bench: Bench) -> None:
    """Sending again, as after a crash, does no harm: the receiver holds it once."""
    to = bench.recipient(Audience.PUBLIC)
    given = message(to=to.id)
    first = bench.channel.send(given, to, at=AT)
    second = bench.channel.send(given, to, at=AT + timedelta(seconds=30))
    _hold(first.id == second.id == given.key, "id: got another key for the same decision")
    _hold(
        list(bench.arrived()) == [bench.form(given)],
        f"arrived: got {len(bench.arrived())} copies, allowed: 1",
    )


def check_two_messages(bench: Bench) -> None:
    """A second warning does not replace the first."""
    to = bench.recipient(Audience.PUBLIC)
    both = [message(to=to.id, number=1), message(to=to.id, number=2)]
    for given in both:
        bench.channel.send(given, to, at=AT)
    _hold(
        sorted(bench.arrived()) == sorted(bench.form(m) for m in both),
        "arrived: got other than both messages",
    )


def check_dry_run(bench: Bench) -> None:
    """Nothing leaves in a dry run, and the receipt claims no delivery."""
    to = bench.recipient(Audience.PUBLIC)
    answer = bench.channel.send(message(to=to.id), to, at=AT, dry_run=True)
    _hold(not bench.arrived(), "arrived: got a body, allowed in a dry run: nothing")
    _hold(answer.status == "dry", f"status: got {answer.status!r}, allowed in a dry run: 'dry'")


def check_drills_stay_inside(bench: Bench) -> None:
    """An exercise or a test is refused on a public target, for good, and reaches a drill's target."""
    public, drill = bench.recipient(Audience.PUBLIC), bench.recipient(Audience.DRILL)
    for status in ("Exercise", "Test"):
        for dry_run in (True, False):
            _refused(bench, message(status=status, to=public.id), public, retry=False, dry_run=dry_run)
        _hold(not bench.arrived(), f"arrived: got a {status} on the way to the public")
    given = message(status="Exercise", to=drill.id)
    bench.channel.send(given, drill, at=AT)
    _hold(list(bench.arrived()) == [bench.form(given)], "arrived: got nothing on the exercise's own target")


def check_real_is_no_drill(bench: Bench) -> None:
    """A real warning is not lost among the players of an exercise; a draft goes nowhere."""
    drill, public = bench.recipient(Audience.DRILL), bench.recipient(Audience.PUBLIC)
    _refused(bench, message(to=drill.id), drill, retry=False)
    _refused(bench, replace(message(to=public.id), status="Draft"), public, retry=False)
    _hold(not bench.arrived(), "arrived: got a body that should have been refused")


def check_length(bench: Bench) -> None:
    """A body that is too long is refused for good, before anything leaves."""
    to = bench.recipient(Audience.PUBLIC)
    given = message(to=to.id, text="x" * bench.channel.MAX_BYTES)
    _refused(bench, given, to, retry=False)
    _refused(bench, replace(given, body=""), to, retry=False)
    _hold(not bench.arrived(), "arrived: got a body beyond the limit")


def check_expired(bench: Bench) -> None:
    """A warning that is over is not sent."""
    to = bench.recipient(Audience.PUBLIC)
    given = message(to=to.id)
    _refused(bench, given, to, retry=False, at=given.expires)
    _hold(not bench.arrived(), "arrived: got an expired warning")


def check_other_channel(bench: Bench) -> None:
    """A recipient of another channel is refused for good."""
    to = replace(bench.recipient(Audience.PUBLIC), channel="another")
    _refused(bench, message(to=to.id), to, retry=False)
    _hold(not bench.arrived(), "arrived: got a body for another channel")


def check_retry_flag(bench: Bench) -> None:
    """While the receiver cannot be reached, the error says that it is worth trying again."""
    bench.break_down()
    to = bench.recipient(Audience.PUBLIC)
    _refused(bench, message(to=to.id), to, retry=True)


def checks() -> Mapping[str, Callable[[Bench], None]]:
    """Every check by name.

    Examples
    --------
    >>> len(checks()) > 8
    True
    """
    return MappingProxyType({n: f for n, f in globals().items() if n.startswith("check_")})


def _refused(
    bench: Bench, given: Message, to: Recipient, *, retry: bool, dry_run: bool = False, at: datetime = AT
) -> None:
    try:
        answer = bench.channel.send(given, to, at=at, dry_run=dry_run)
    except ChannelError as error:
        _hold(error.retry is retry, f"retry: got {error.retry}, allowed here: {retry} ({error})")
        return
    raise AssertionError(f"send: got a receipt {answer.status!r} for {given.status}, allowed: ChannelError")


def _hold(fact: bool, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)
