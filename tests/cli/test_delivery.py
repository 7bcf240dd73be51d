"""What arrived and whether the channels work, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.cli.test_desk import act, drafted
from tocsin.ops.address_book import FILE


def test_what_became_of_messages_of_one_warning(own: Path) -> None:
    name = drafted()
    act("submit", name, account="duty")
    act("approve", name, "--basis", "ipaws", account="chief")
    assert run("warnings", "deliveries", name, "--drill", "--json").rows == []
    act("issue", name, account="duty")
    (row,) = run("warnings", "deliveries", name, "--drill", "--json").rows
    assert (row["recipient"], row["state"], row["alert"]) == ("drill-folder", "accepted", name)
    assert run("warnings", "deliveries", name, "--json").rows == [], "an exercise is among no real warnings"
    assert run("warnings", "deliveries", "--state", "lost").status == 2


def test_one_that_was_given_up_is_found_wrong(own: Path) -> None:
    from tocsin.ops.office import open_office
    from tocsin.testing.channels import AT

    office = open_office(own)
    office.store.enqueue(
        group="g", recipient="r", content_hash="h", channel="c", payload={"alert": "x"}, at=AT
    )
    office.store.settle(office.store.outbox()[-1].id, status="dead", at=AT, detail="550")
    office.store.close()
    done = run("warnings", "deliveries", "--state", "dead", "--json")
    assert done.status == 1
    assert done.row["detail"] == "550"


def test_a_test_of_the_channels_is_sent_and_measured(own: Path) -> None:
    done = run("warnings", "reach", "--test", "--json")
    assert done.status == 0, done.err
    rows = {r["recipient"]: r for r in done.rows}
    assert rows["drill-folder"]["taken"] == 1.0
    assert rows["drill-folder"]["state"] == "unknown"
    assert len(list((own / "drill").glob("*.xml"))) == 1
    assert not (own / "public").exists()
    table = run("warnings", "reach")
    assert "the receiver never confirms" in " ".join(table.out.split())


def test_a_channel_that_does_not_work_is_found_wrong(own: Path) -> None:
    (own / "drill").write_text("in the way of a folder")
    assert run("warnings", "reach", "--test", "--json").status == 0, "it is tried for an hour"
    checks = {r["check"]: r for r in run("doctor", "--json").rows}
    assert checks["recipient drill-folder"]["ok"] is False


@pytest.mark.parametrize("words", [("warnings", "reach"), ("warnings", "reach", "--test")])
def test_a_bad_address_book_is_named(own: Path, words: tuple[str, ...]) -> None:
    (own / FILE).write_text('[drill.x]\nchannel = "emial"\naddress = "x@example.org"\n')
    done = run(*words)
    assert done.status == 2
    assert "drill.x.channel: got 'emial'" in " ".join(done.err.split())
