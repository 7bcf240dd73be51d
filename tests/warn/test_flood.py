"""Five hundred warnings at once, to real receivers, of which one is down at first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.warn.flood import flood
from tests.warn.receivers import SECRET, Broker, Hook, Mailbox, running
from tocsin.ops.delivery import Courier
from tocsin.ops.office import open_office
from tocsin.warn import deliver
from tocsin.warn.filing import file_name

DOWN, ALL = 20.0, 60.0
"""Seconds: the web hook comes up after the one, all is delivered within the other (25 s on two cores)."""


def test_the_flood_is_five_hundred_different_warnings(tmp_path: Path) -> None:
    office = open_office(tmp_path / "store")
    alerts = flood(office.pack.regions, at=datetime(2001, 3, 5, tzinfo=UTC))
    assert len({a.id for a in alerts}) == len({a.content_hash for a in alerts}) == 500
    assert len({(a.event, a.regions) for a in alerts}) == 500
    assert len({a.event for a in alerts}) == 5
    assert alerts == flood(office.pack.regions, at=datetime(2001, 3, 5, tzinfo=UTC))
    office.store.close()


@pytest.mark.slow
def test_five_hundred_warnings_reach_everybody_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook, mailbox, broker = Hook(receipts=True), Mailbox(), Broker()
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "recipients.toml").write_text(
        f"""
        [public.hook]
        channel = "webhook"
        address = "{hook.url}"
        secret_env = "HOOK_SECRET"

        [public.mail]
        channel = "email"
        address = "press@example.org"
        host = "127.0.0.1"
        port = {mailbox.port}
        security = "none"
        sender = "desk@example.org"

        [public.broker]
        channel = "mqtt"
        address = "mqtt://127.0.0.1:{broker.port}/warnings"
        version = "3.1.1"
        """
    )
    office = open_office(folder)
    outbox = office.store.outbox_of("public")
    recipients = [to.id for to in office.desk.book.public]
    assert len(recipients) == 5
    alerts = flood(office.pack.regions, at=datetime.now(UTC))

    with running(mailbox, broker):
        begun, start = time.monotonic(), datetime.now(UTC)
        up = threading.Timer(DOWN, hook.start)
        up.daemon = True
        up.start()
        couriers = [Courier(office=office, clock=lambda: datetime.now(UTC)) for _ in range(2)]
        try:
            with office.store.transaction():
                for alert in alerts:
                    at = datetime.now(UTC)
                    outcomes = deliver.prepare(alert, at=at, desk=office.desk, outbox=outbox)
                    assert [o.sent_on for o in outcomes] == [True] * 5
            while time.monotonic() - begun < ALL:
                for courier in couriers:
                    courier.turn(datetime.now(UTC))
                if not outbox.tally().keys() & {"pending", "failed"}:
                    break
                time.sleep(0.5)
            took = time.monotonic() - begun
        finally:
            up.cancel()
            for courier in couriers:
                courier.stop()
            hook.stop()

    rows = outbox.rows()
    reached = {
        who: max((r.settled_at - start).total_seconds() for r in rows if r.recipient == who and r.settled_at)
        for who in recipients
    }
    print(f"all within {took:.1f} s: " + ", ".join(f"{k} {v:.1f}" for k, v in reached.items()))
    left = Counter((r.recipient, r.detail) for r in rows if r.status in ("pending", "failed"))
    assert not left, f"after {took:.0f} s these were not reached: {left}"
    assert took < ALL
    assert max(v for k, v in reached.items() if k != "hook") < DOWN + 30, (
        "one that is down held up the others"
    )
    # one decision for each warning and recipient, and nothing given up
    assert len(rows) == len({(r.group, r.recipient, r.content_hash) for r in rows}) == 500 * 5
    assert Counter((r.recipient, r.status) for r in rows) == {
        (who, "delivered" if who == "hook" else "accepted"): 500 for who in recipients
    }
    keys = {who: {r.payload["key"] for r in rows if r.recipient == who} for who in recipients}
    # each receiver holds each key exactly once, and nothing was sent twice although two couriers ran
    assert Counter(k for k, _ in hook.came) == dict.fromkeys(keys["hook"], 1)
    assert mailbox.keys() == dict.fromkeys(keys["mail"], 1)
    topics = {f"warnings/actual/{file_name(a.id).removesuffix('.xml')}" for a in alerts}
    assert Counter(topic for topic, _ in broker.came) == dict.fromkeys(topics, 1)
    assert hook.forged == 0
    assert len(list((folder / "partners").glob("*.xml"))) == 500
    office.store.close()
