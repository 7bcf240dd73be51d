"""Other authorities over the API: for the desk only, as known at a moment, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx

from tests.api.conftest import Clock, Officer
from tests.ops.test_aggregate import document, message
from tocsin.cap import messages_in
from tocsin.model import iso
from tocsin.ops.aggregate import keep_messages, register_of
from tocsin.ops.office import Office

Enter = Callable[[str], Officer]
MESSAGES = "/api/v1/authorities/messages"


def test_messages_that_contradict_each_other_are_shown_to_the_desk(
    enter: Enter, public: httpx.Client, office: Office, clock: Clock
) -> None:
    now = clock()
    sent = (message("a", 0), message("a", 0, text="Snow"), message("b", 10))
    found = messages_in(document(*sent)).messages
    known = keep_messages(
        office.store, found, source="cap_atom:met", raw="0" * 64, at=now, register=register_of(office)
    )
    assert known == 3
    office.store.feed_run("cap_atom:met", now, "ok", newest=now)
    duty = enter("duty")
    rows = duty.get(f"{MESSAGES}?limit=2").json()
    more = duty.get(f"{MESSAGES}?limit=2&cursor={rows['next']}").json()
    told = [*rows["items"], *more["items"]]
    assert [(r["identifier"], len(r["problems"])) for r in told] == [("a", 1), ("a", 1), ("b", 0)]
    assert more["next"] is None
    before = duty.get(f"{MESSAGES}?asof={iso(now - timedelta(seconds=1))}").json()
    assert before["items"] == []
    (met,) = duty.get("/api/v1/authorities").json()["items"]
    assert (met["id"], met["outcome"], met["licence"]) == ("met", "ok", "")
    assert duty.get(f"{MESSAGES}?state=asleep").status_code == 422
    for path in (MESSAGES, "/api/v1/authorities"):
        assert public.get(path).status_code == 401
