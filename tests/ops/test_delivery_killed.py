"""Delivery killed at work again and again: nothing is lost, and only what was in flight is sent twice."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.warn.receivers import SECRET, Hook, eventually, running
from tocsin.model import to_plain
from tocsin.ops.address_book import FILE
from tocsin.ops.delivery import Courier
from tocsin.ops.office import open_office
from tocsin.testing.channels import message
from tocsin.warn.sending import LEASE

MESSAGES, KILLS = 60, 3


def _works(folder: str, later: timedelta) -> None:
    """Deliver until nothing is left, by a clock that goes ahead: the leases of the one before are over."""

    def clock() -> datetime:
        return datetime.now(UTC) + later

    office = open_office(Path(folder))
    courier = Courier(office=office, clock=clock)
    box = office.store.outbox_of("public")
    while box.tally().keys() & {"pending", "failed"}:
        courier.turn(clock())
        time.sleep(0.02)
    courier.stop()


def test_killed_at_work_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook, rng = Hook(receipts=True), random.Random(5)
    office = open_office(tmp_path)
    (tmp_path / FILE).write_text(
        f'[public.hook]\nchannel = "webhook"\naddress = "{hook.url}"\nsecret_env = "HOOK_SECRET"\n'
    )
    now, box = datetime.now(UTC), office.store.outbox_of("public")
    keys = [f"{n:064x}" for n in range(MESSAGES)]
    for n, key in enumerate(keys):
        given = replace(message(number=n), key=key, sent=now, expires=now + timedelta(days=1))
        box.enqueue(
            group=f"g{n // 2}", recipient="hook", content_hash=key, channel="webhook",
            payload=to_plain(given), at=now,
        )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    with running(hook):
        for kill in range(KILLS + 1):
            worker = context.Process(target=_works, args=(str(tmp_path), kill * 2 * LEASE))
            worker.start()
            if kill < KILLS:
                wanted = len(hook.came) + rng.randint(3, 12)
                assert eventually(lambda wanted=wanted: len(hook.came) >= wanted, 60)
                worker.kill()
                worker.join(30)
                assert worker.exitcode == -signal.SIGKILL
            else:
                worker.join(100)
                assert worker.exitcode == 0
    came = Counter(key for key, _ in hook.came)
    assert set(came) == set(keys), "lost"
    assert sum(came.values()) - MESSAGES <= KILLS, "more was sent again than was in flight at the kills"
    assert box.tally() == {"delivered": MESSAGES}
    first = {key: n for n, (key, _) in reversed(list(enumerate(hook.came)))}
    assert all(first[keys[n]] < first[keys[n + 1]] for n in range(0, MESSAGES, 2)), "an update overtook"
    assert hook.held().keys() == set(keys), "who knows copies by their key holds each once"
    office.store.close()
