"""Every channel passes every shipped check, and a channel that breaks one is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tocsin.catalog import plugins
from tocsin.model import ChannelError, Receipt
from tocsin.testing import channels as suite
from tocsin.warn.contract import Audience, Message, Recipient, admit, receipt

CHANNELS = plugins("tocsin.warn.channels", ("NAME", "MAX_BYTES", "send"))


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

    def arrived(self) -> Sequence[str]:
        return [p.read_text() for p in sorted(self.root.rglob("*.xml")) if p.name != "feed.xml"]

    def break_down(self) -> None:
        self.broken = True


BENCHES: dict[str, Callable[[Any, Path], suite.Bench]] = {"file": Folder, "atom": Folder}


def test_the_channels_and_checks_were_found():
    assert set(CHANNELS) == {"file", "atom"}
    assert set(BENCHES) == set(CHANNELS), "a new channel needs a bench here"
    assert len(suite.checks()) == 11


@pytest.mark.parametrize("check", suite.checks().values(), ids=suite.checks().keys())
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_every_channel(name, check, tmp_path):
    assert name == CHANNELS[name].NAME
    check(BENCHES[name](CHANNELS[name], tmp_path))


# ---- one bad channel for each check -----------------------------------------------------------------------


@dataclass
class Good:
    """A channel that passes; each bad one below breaks it in one place."""

    NAME: Any = "good"
    MAX_BYTES: Any = 100_000
    box: dict[str, str] = field(default_factory=dict)
    down: bool = False

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


@dataclass
class Box:
    channel: Any

    def recipient(self, audience: Audience) -> Recipient:
        return Recipient(id=f"to-{audience}", channel=self.channel.NAME, address="box", audience=audience)

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
