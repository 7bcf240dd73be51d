"""Every channel passes every shipped check, and a channel that breaks one is found."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.warn import receivers
from tocsin.catalog import plugins
from tocsin.model import ChannelError, Receipt
from tocsin.testing import channels as suite
from tocsin.warn import text
from tocsin.warn.contract import PLUGIN, Audience, Fault, Message, Recipient, admit, receipt

CHANNELS = plugins("tocsin.warn.channels", PLUGIN)


@dataclass
class Folder:
    """A receiver that is a folder for each audience."""

    channel: Any
    root: Path
    broken: bool = False

    def recipient(self, audience: Audience) -> Recipient:
        folder = self.root / audience
        if self.broken:
            (self.root / "a-file").write_text("in the way")
            folder = self.root / "a-file" / audience
        return Recipient(
            id=f"to-{audience}", channel=self.channel.NAME, address=str(folder), audience=audience
        )

    def wrong_recipient(self) -> Recipient:
        (self.root / "a-file").write_text("in the way")
        return replace(self.recipient(Audience.PUBLIC), address=str(self.root / "a-file"))

    def form(self, given: Message) -> str:
        if self.channel.NAME != "cell_broadcast":
            return given.body
        return json.dumps(self.channel.export(given), ensure_ascii=False, indent=1)

    def arrived(self) -> Sequence[str]:
        kind = "*.json" if self.channel.NAME == "cell_broadcast" else "*.xml"
        return [p.read_text() for p in sorted(self.root.rglob(kind)) if p.name != "feed.xml"]

    def break_down(self) -> None:
        self.broken = True


@dataclass
class Behind:
    """A channel with a receiver on the loopback; one that knows copies by the key holds them once."""

    channel: Any
    receiver: Any

    def recipient(self, audience: Audience) -> Recipient:
        port, name = self.receiver.port, self.channel.NAME
        address, settings, secrets = {
            "webhook": (f"http://127.0.0.1:{port}/{audience}", {}, {"secret": receivers.SECRET}),
            "websub": (
                f"http://127.0.0.1:{port}/{audience}",
                {"topic": f"http://127.0.0.1:{port}/{audience}.xml"},
                {},
            ),
            "email": (
                f"{audience}@example.org",
                {"host": "127.0.0.1", "port": port, "security": "none", "sender": "desk@example.org"},
                {},
            ),
            "mqtt": (f"mqtt://127.0.0.1:{port}/warnings", {}, {}),
            "wis2": (
                f"mqtt://127.0.0.1:{port}",
                {"centre": "int-example", "link": "https://warnings.example.org/cap/"},
                {},
            ),
            "apprise": ("loopback", {}, {"url": f"json://127.0.0.1:{port}/{audience}"}),
        }[name]
        return Recipient(
            id=f"to-{audience}",
            channel=name,
            address=address,
            audience=audience,
            settings=settings,
            secrets=secrets,
        )

    def wrong_recipient(self) -> Recipient:
        good = self.recipient(Audience.PUBLIC)
        return replace(
            good, address="nowhere at all", secrets={}, settings=dict(good.settings) | {"limit": 3}
        )

    def form(self, given: Message) -> str:
        name = self.channel.NAME
        if name == "websub":
            return f"http://127.0.0.1:{self.receiver.port}/public.xml"
        if name == "apprise":
            return text.short_text(given, 480)
        return given.body

    def arrived(self) -> Sequence[str]:
        held = list(self.receiver.held().values())
        return [json.loads(b)["properties"]["content"]["value"] for b in held] if self.wis2 else held

    @property
    def wis2(self) -> bool:
        return bool(self.channel.NAME == "wis2")

    def break_down(self) -> None:
        self.receiver.stop()


RECEIVERS: dict[str, Callable[[], Any]] = {
    "webhook": receivers.Hook,
    "websub": receivers.Hook,
    "apprise": receivers.Hook,
    "email": receivers.Mailbox,
    "mqtt": receivers.Broker5,
    "wis2": receivers.Broker5,
}
FOLDERS = {"file", "atom", "cell_broadcast"}


@contextlib.contextmanager
def bench(name: str, root: Path) -> Iterator[suite.Bench]:
    if name in FOLDERS:
        yield Folder(CHANNELS[name], root)
        return
    receiver = RECEIVERS[name]()
    with receivers.running(receiver):
        yield Behind(CHANNELS[name], receiver)


def test_the_channels_and_checks_were_found():
    assert set(CHANNELS) == FOLDERS | set(RECEIVERS), "a new channel needs a bench here"
    assert len(CHANNELS) >= 9
    assert len(suite.checks()) == 14


# A hub is told of the feed, not of a message: two warnings are one news, so that check asks nothing of it.
PAIRS = sorted(set(itertools.product(CHANNELS, suite.checks())) - {("websub", "check_two_messages")})


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # by apprise's import
@pytest.mark.parametrize(("name", "check"), PAIRS, ids=map("-".join, PAIRS))
def test_every_channel(name, check, tmp_path):
    check = suite.checks()[check]
    assert name == CHANNELS[name].NAME
    if name == "apprise":
        pytest.importorskip("apprise", reason="the extra 'channels' is not installed")
    if (name, check.__name__) == ("websub", "check_drills_stay_inside"):
        with bench(name, tmp_path) as made:
            made.form = lambda _: f"http://127.0.0.1:{made.receiver.port}/drill.xml"
            check(made)
        return
    with bench(name, tmp_path) as made:
        check(made)


# ---- one bad channel for each check -----------------------------------------------------------------------


@dataclass
class Good:
    """A channel that passes; each bad one below breaks it in one place."""

    NAME: Any = "good"
    MAX_BYTES: Any = 100_000
    SETTINGS: Any = field(default_factory=dict)
    SECRETS: Any = field(default_factory=dict)
    box: dict[str, str] = field(default_factory=dict)
    down: bool = False

    def faults(self, to: Recipient) -> list[Fault]:
        return [] if to.address == "box" else [Fault(key="address", got=to.address, allowed="box")]

    def probe(self, to: Recipient) -> str:
        return "there"

    def guard(self, message: Message, to: Recipient, at: Any) -> None:
        admit(message, to, name=self.NAME, max_bytes=self.MAX_BYTES, at=at)

    def keep(self, message: Message) -> None:
        self.box[message.key] = message.body

    def send(self, message: Message, to: Recipient, *, at: Any, dry_run: bool = False) -> Receipt:
        self.guard(message, to, at)
        if dry_run:
            return receipt(message, to, at=at, status="dry")
        if self.down:
            raise ChannelError("down", retry=True)
        self.keep(message)
        return receipt(message, to, at=at, status="accepted")


class Nameless(Good):
    NAME = "not a name"

    def __init__(self) -> None:
        super().__init__(NAME="not a name")


class Loses(Good):
    def keep(self, message):
        pass


class Doubles(Good):
    def keep(self, message):
        self.box[f"{message.key}{len(self.box)}"] = message.body


class Overwrites(Good):
    def keep(self, message):
        self.box["the one"] = message.body


class SendsInADryRun(Good):
    def send(self, message, to, *, at, dry_run=False):
        super().send(message, to, at=at)
        return receipt(message, to, at=at, status="dry")


class ClaimsInADryRun(Good):
    def send(self, message, to, *, at, dry_run=False):
        answer = super().send(message, to, at=at, dry_run=dry_run)
        return replace(answer, status="accepted")


class TakesDrillsOutside(Good):
    def guard(self, message, to, at):
        if message.status not in ("Exercise", "Test"):
            super().guard(message, to, at)


class TakesDrillsOutsideWhenItMatters(Good):
    """Refuses in the dry run, which is what a rehearsal would see."""

    def send(self, message, to, *, at, dry_run=False):
        if not dry_run and message.status == "Test":
            self.keep(message)
            return receipt(message, to, at=at, status="accepted")
        return super().send(message, to, at=at, dry_run=dry_run)


class TakesRealToPlayers(Good):
    def guard(self, message, to, at):
        if to.audience is not Audience.DRILL or message.status != "Actual":
            super().guard(message, to, at)


class TakesAnyLength(Good):
    def guard(self, message, to, at):
        admit(message, to, name=self.NAME, max_bytes=10**9, at=at)


class SendsWhatIsOver(Good):
    def guard(self, message, to, at):
        admit(message, to, name=self.NAME, max_bytes=self.MAX_BYTES, at=suite.AT)


class TakesOthers(Good):
    def guard(self, message, to, at):
        admit(message, to, name=to.channel, max_bytes=self.MAX_BYTES, at=at)


class GivesUp(Good):
    def send(self, message, to, *, at, dry_run=False):
        if self.down:
            raise ChannelError("down", retry=False)
        return super().send(message, to, at=at, dry_run=dry_run)


class RetriesRefusals(Good):
    def guard(self, message, to, at):
        try:
            super().guard(message, to, at)
        except ChannelError as error:
            raise ChannelError(str(error), retry=True) from error


class WrongReceipt(Good):
    def send(self, message, to, *, at, dry_run=False):
        return replace(super().send(message, to, at=at, dry_run=dry_run), id="another")


class ClaimsDelivery(Good):
    def send(self, message, to, *, at, dry_run=False):
        answer = super().send(message, to, at=at, dry_run=dry_run)
        return answer if dry_run else replace(answer, status="delivered")


class TakesAnyAddress(Good):
    def faults(self, to):
        return []


class SendsInAProbe(Good):
    def probe(self, to):
        self.box["probe"] = "are you there?"
        return "there"


@dataclass
class Box:
    channel: Any

    def recipient(self, audience: Audience) -> Recipient:
        return Recipient(id=f"to-{audience}", channel=self.channel.NAME, address="box", audience=audience)

    def wrong_recipient(self) -> Recipient:
        return replace(self.recipient(Audience.PUBLIC), address="elsewhere")

    def form(self, given: Message) -> str:
        return given.body

    def arrived(self) -> Sequence[str]:
        return list(self.channel.box.values())

    def break_down(self) -> None:
        self.channel.down = True


BROKEN = [
    (Nameless, "check_names"),
    (Loses, "check_delivers"),
    (WrongReceipt, "check_delivers"),
    (Doubles, "check_same_key_twice"),
    (Overwrites, "check_two_messages"),
    (SendsInADryRun, "check_dry_run"),
    (ClaimsInADryRun, "check_dry_run"),
    (TakesDrillsOutside, "check_drills_stay_inside"),
    (TakesDrillsOutsideWhenItMatters, "check_drills_stay_inside"),
    (RetriesRefusals, "check_drills_stay_inside"),
    (TakesRealToPlayers, "check_real_is_no_drill"),
    (TakesAnyLength, "check_length"),
    (SendsWhatIsOver, "check_expired"),
    (TakesOthers, "check_other_channel"),
    (GivesUp, "check_retry_flag"),
    (ClaimsDelivery, "check_claims_nothing"),
    (TakesAnyAddress, "check_recipient"),
    (SendsInAProbe, "check_probe"),
]


@pytest.mark.parametrize("check", suite.checks().values(), ids=suite.checks().keys())
def test_the_good_channel_passes(check):
    check(Box(Good()))


@pytest.mark.parametrize(("broken", "name"), BROKEN, ids=[b.__name__ for b, _ in BROKEN])
def test_a_bad_channel_is_found(broken, name):
    with pytest.raises(AssertionError):
        suite.checks()[name](Box(broken()))


def test_each_check_has_a_bad_channel():
    assert {name for _, name in BROKEN} == set(suite.checks())
