"""Delivery with the real store and the real channels, through a kill at the worst moment."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.warn.desk import LEVELS, alert, at, member
from tocsin.cap import parse
from tocsin.cap.atom import parse_atom
from tocsin.catalog import plugins
from tocsin.geo import load_pack
from tocsin.model import RegionLevel, State
from tocsin.store import open_store
from tocsin.warn import deliver
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import Audience, Recipient
from tocsin.warn.message import Issuer
from tocsin.warn.retry import Retry

CHANNELS = plugins("tocsin.warn.channels", ("NAME", "MAX_BYTES", "send"))


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
    deliver.prepare(issued(status=status), at=at("09:21"), desk=here, outbox=store)
    done = deliver.send(store, CHANNELS, here.book, at=at("09:22"))
    assert {r.status for r in done.receipts} == {"accepted"}
    assert store.pending(at("23:00")) == []
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

    class Dying:
        pending = store.pending

        def settle(self, row_id, **answer):
            os._exit(9)

    deliver.prepare(issued(), at=at("09:21"), desk=here, outbox=store)
    deliver.send(Dying(), CHANNELS, here.book, at=at("09:22"))
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
    done = deliver.send(store, CHANNELS, here.book, at=at("09:31"))
    assert [(r.recipient, r.status) for r in done.receipts] == [("feed", "accepted"), ("drop", "accepted")]
    assert len({r.id for r in done.receipts}) == 2
    assert len(parse_atom((tmp_path / "cap" / "feed.xml").read_bytes())[0].entries) == 1
    assert len(store.outbox()) == 2


def test_a_folder_that_is_gone_is_tried_again_until_it_is_back(tmp_path):
    store, here = open_store(tmp_path / "store"), desk(tmp_path)
    (tmp_path / "out").write_text("in the way")
    deliver.prepare(issued(), at=at("09:21"), desk=here, outbox=store)
    retry = Retry(first=timedelta(minutes=1), longest=timedelta(minutes=1))
    first = deliver.send(store, CHANNELS, here.book, at=at("09:22"), retry=retry)
    assert [(r.recipient, r.status) for r in first.receipts] == [("feed", "accepted"), ("drop", "failed")]
    (tmp_path / "out").unlink()
    assert deliver.send(store, CHANNELS, here.book, at=at("09:22"), retry=retry).receipts == ()
    second = deliver.send(store, CHANNELS, here.book, at=at("09:24"), retry=retry)
    assert [(r.recipient, r.status) for r in second.receipts] == [("drop", "accepted")]
    assert store.pending(at("23:00")) == []


def test_levels_of_the_test_desk_are_those_of_the_pack():
    shipped = load_pack("us").levels
    assert [(row.rank, row.name, row.public) for row in shipped] == [
        (r.rank, r.name, r.public) for r in LEVELS
    ]
