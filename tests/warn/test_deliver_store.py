"""Delivery with the real store and the real channels, through a kill at the worst moment."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.warn.desk import LEVELS, alert, at, member
from tocsin.cap import parse
from tocsin.cap.atom import parse_atom
from tocsin.catalog import plugins
from tocsin.geo import load_pack
from tocsin.model import RegionLevel, State, StoreError, to_plain
from tocsin.store import open_store
from tocsin.store.outbox import OutboxTable
from tocsin.testing.channels import AT, message
from tocsin.warn import deliver
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import PLUGIN, Audience, Recipient, receipt
from tocsin.warn.message import Issuer
from tocsin.warn.retry import Retry
from tocsin.warn.sending import LEASE, Carrier

CHANNELS = plugins("tocsin.warn.channels", PLUGIN)


def desk(folder: Path) -> deliver.Desk:
    pack = load_pack("us")
    book = AddressBook(
        public=(
            Recipient(id="feed", channel="atom", address=str(folder / "cap"), audience=Audience.PUBLIC),
            Recipient(id="drop", channel="file", address=str(folder / "out"), audience=Audience.PUBLIC),
        ),
        drill=(
            Recipient(id="drill", channel="atom", address=str(folder / "drill"), audience=Audience.DRILL),
        ),
    )
    issuer = Issuer(
        sender=pack.sender,
        name=pack.sender_name,
        geocodes={
            RegionLevel.COUNTY: (("SAME", "0{tail}"), ("FIPS6", "0{tail}")),
            RegionLevel.STATE: (("SAME", "0{tail}000"),),
        },
    )
    return deliver.Desk(issuer=issuer, levels=pack.levels, regions=pack.regions, book=book)


def issued(number=1, **changes):
    members = (member(), member("US-AIR-BOS", "BOS"))
    return replace(alert(number, members=members, **changes), state=State.ISSUED, sent=at("09:21"))


@pytest.mark.parametrize("status", ["Actual", "Exercise"])
def test_from_the_store_to_the_folders(status, tmp_path):
    store, here = open_store(tmp_path / "store"), desk(tmp_path)
    other, box = (
        store.outbox_of(n) for n in (("drill", "public") if status == "Actual" else ("public", "drill"))
    )
    deliver.prepare(issued(status=status), at=at("09:21"), desk=here, outbox=box)
    done = deliver.send(box, CHANNELS, here.book, at=at("09:22"))
    assert {r.status for r in done.receipts} == {"accepted"}
    assert box.pending(at("23:00")) == []
    with pytest.raises(StoreError, match="a message of this status may not be here"):
        deliver.prepare(issued(2, status=status), at=at("09:21"), desk=here, outbox=other)
    assert other.rows() == []
    folder = tmp_path / ("cap" if status == "Actual" else "drill")
    entries = parse_atom((folder / "feed.xml").read_bytes())[0].entries
    assert len(entries) == 1
    message, findings = parse((folder / entries[0].link).read_bytes())
    assert not [f for f in findings if f.level == "error"]
    areas = message.infos[0].areas
    assert [a.area_desc for a in areas] == ["King, Washington (SEA)", "Suffolk, Massachusetts (BOS)"]
    assert [dict(a.geocodes)["SAME"] for a in areas] == ["053033", "025025"]
    for scheme in ("SAME", "FIPS6"):  # who reads our message by our own table finds the same counties
        codes = [dict(a.geocodes)[scheme] for a in areas]
        assert [load_pack("us").by_geocode(scheme, code) for code in codes] == ["US-53033", "US-25025"]
    assert (tmp_path / "drill").exists() is (status == "Exercise")
    assert (tmp_path / "cap").exists() is (status == "Actual")


def _killed_after_sending(folder: str) -> None:
    store, here = open_store(Path(folder) / "store"), desk(Path(folder))

    class Dying(OutboxTable):
        def settle(self, row_id, **answer):
            os._exit(9)

    deliver.prepare(issued(), at=at("09:21"), desk=here, outbox=store)
    Carrier(
        outbox=Dying(store.database, "public"),
        channels=CHANNELS,
        book=here.book,
        clock=lambda: at("09:22"),
        owner="killed",
    ).lane("feed")
    sys.exit(0)


def test_killed_between_the_channel_and_the_record(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=_killed_after_sending, args=(str(tmp_path),)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert len(list((tmp_path / "cap").glob("us.air.1.xml"))) == 1, "the first channel had it"
    store, here = open_store(tmp_path / "store"), desk(tmp_path)
    again = deliver.prepare(issued(), at=at("09:30"), desk=here, outbox=store)
    assert [o.sent_on for o in again] == [False, False], "one decision only"
    early = deliver.send(store.outbox_of("public"), CHANNELS, here.book, at=at("09:22") + LEASE / 2)
    assert [r.recipient for r in early.receipts] == ["drop"], "the killed one may still be sending"
    done = deliver.send(store.outbox_of("public"), CHANNELS, here.book, at=at("09:22") + LEASE)
    done = replace(done, receipts=(*done.receipts, *early.receipts))
    assert [(r.recipient, r.status) for r in done.receipts] == [("feed", "accepted"), ("drop", "accepted")]
    assert len({r.id for r in done.receipts}) == 2
    assert len(parse_atom((tmp_path / "cap" / "feed.xml").read_bytes())[0].entries) == 1
    assert len(store.outbox()) == 2


def test_a_folder_that_is_gone_is_tried_again_until_it_is_back(tmp_path):
    store, here = open_store(tmp_path / "store"), desk(tmp_path)
    (tmp_path / "out").write_text("in the way")
    deliver.prepare(issued(), at=at("09:21"), desk=here, outbox=store)
    retry = Retry(first=timedelta(minutes=1), longest=timedelta(minutes=1))
    box = store.outbox_of("public")
    first = deliver.send(box, CHANNELS, here.book, at=at("09:22"), retry=retry)
    assert [(r.recipient, r.status) for r in first.receipts] == [("feed", "accepted"), ("drop", "failed")]
    (tmp_path / "out").unlink()
    assert deliver.send(box, CHANNELS, here.book, at=at("09:22"), retry=retry).receipts == ()
    second = deliver.send(box, CHANNELS, here.book, at=at("09:24"), retry=retry)
    assert [(r.recipient, r.status) for r in second.receipts] == [("drop", "accepted")]
    assert store.pending(at("23:00")) == []


def test_levels_of_the_test_desk_are_those_of_the_pack():
    shipped = load_pack("us").levels
    assert [(row.rank, row.name, row.public) for row in shipped] == [
        (r.rank, r.name, r.public) for r in LEVELS
    ]


class Logged:
    """A channel that writes down each attempt, from whichever process."""

    NAME, MAX_BYTES = "logged", 1_000_000

    @staticmethod
    def send(message, to, *, at, dry_run=False):
        with Path(to.address).open("a") as file:
            file.write(f"{message.key}\n")
        return receipt(message, to, at=at, status="accepted")


def _logged(folder: str) -> tuple[AddressBook, dict[str, type[Logged]]]:
    to = (
        Recipient(id=f"r{n}", channel="logged", address=f"{folder}/log{n}", audience=Audience.PUBLIC)
        for n in range(3)
    )
    return AddressBook(public=tuple(to)), {"logged": Logged}


def _sends(folder: str, name: str, ready: Any) -> None:
    store = open_store(Path(folder) / "store")
    book, channels = _logged(folder)
    ready.wait(60)
    deliver.send(store.outbox_of("public"), channels, book, at=AT, owner=name)
    store.close()


def test_two_processes_send_nothing_twice(tmp_path):
    store = open_store(tmp_path / "store")
    for n in range(90):
        key = f"{n:064x}"
        store.enqueue(
            group=f"g{n // 2}", recipient=f"r{n % 3}", content_hash=key, channel="logged", at=AT,
            payload=to_plain(replace(message(number=n), key=key)),
        )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(3)
    children = [context.Process(target=_sends, args=(str(tmp_path), f"process{n}", ready)) for n in range(2)]
    for child in children:
        child.start()
    ready.wait(60)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    sent = [line for n in range(3) for line in (tmp_path / f"log{n}").read_text().split()]
    assert sorted(sent) == sorted(f"{n:064x}" for n in range(90))
    assert store.outbox_of("public").tally() == {"accepted": 90}
    store.close()
