"""Delivery over HTTP: what became of messages, tests of the channels, and the word of a receiver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx

from tests.api.conftest import Clock, Officer
from tests.api.test_steps import approved, eventually, refused
from tocsin.ops.address_book import FILE
from tocsin.ops.office import Office

Enter = Callable[[str], Officer]


def test_what_became_of_each_message(enter: Enter, office: Office, public: httpx.Client) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = approved(duty, chief)
    path = f"/api/v1/deliveries?alert={alert['id']}"
    assert duty.get(path).json() == {"items": [], "next": None}
    assert chief.step(alert, "issue").status_code == 200
    assert eventually(lambda: {r["state"] for r in duty.get(path).json()["items"]} == {"accepted"})
    rows = duty.get(path).json()["items"]
    assert {r["recipient"] for r in rows} == {"public-feed", "partners-folder"}
    assert all(r["confirmed"] is None and r["attempts"] == 1 for r in rows)
    assert duty.get(f"{path}&state=dead").json()["items"] == []
    first = duty.get(f"{path}&limit=1").json()
    rest = duty.get(f"{path}&limit=1&cursor={first['next']}").json()
    assert [r["recipient"] for r in (*first["items"], *rest["items"])] == [r["recipient"] for r in rows]
    refused(public.get(path), 401)
    refused(duty.get(f"{path}&state=lost"), 422)

    # a receiver says that it has it: it needs no account, only the key of what it got
    key = rows[0]["key"]
    assert public.post("/api/v1/receipts", json={"key": key}).status_code == 202
    refused(public.post("/api/v1/receipts", json={"key": "0" * 64}), 404, "key")
    refused(public.post("/api/v1/receipts", json={"key": "' OR 1"}), 422)
    after = {r["recipient"]: r for r in duty.get(path).json()["items"]}
    assert after[rows[0]["recipient"]]["state"] == "delivered"
    assert after[rows[0]["recipient"]]["confirmed"] is not None
    assert after[rows[1]["recipient"]]["state"] == "accepted"


def test_tests_of_the_channels(enter: Enter, office: Office, public: httpx.Client, clock: Clock) -> None:
    duty, viewer = enter("duty"), enter("vera")
    clock.forward(timedelta(seconds=2))  # a test of the same second would be the same test
    before = len(office.store.outbox_of("reach").rows())
    found = {r["recipient"] for r in duty.get("/api/v1/reach").json()["items"]}
    assert found == {"public-feed", "partners-folder", "drill-folder"}
    refused(public.get("/api/v1/reach"), 401)
    refused(viewer.write("POST", "/api/v1/reach"), 403, "channel.test")
    assert len(office.store.outbox_of("reach").rows()) == before
    answer = duty.write("POST", "/api/v1/reach")
    assert (answer.status_code, answer.json()) == (202, {"recipients": ["drill-folder"]})
    row = office.store.outbox_of("reach").rows()[before]
    drill = next(r for r in duty.get("/api/v1/reach").json()["items"] if r["audience"] == "drill")
    assert drill["state"] == "unknown"
    assert public.post("/api/v1/receipts", json={"key": row.payload["key"]}).status_code == 202
    drill = next(r for r in duty.get("/api/v1/reach").json()["items"] if r["audience"] == "drill")
    assert (drill["state"], drill["words"]) == ("ok", "the receiver confirmed the last test")


def test_the_feed_names_its_hubs(enter: Enter, office: Office, public: httpx.Client) -> None:
    assert "link" not in public.get("/cap/feed.xml").headers
    (office.path / FILE).write_text(
        '[public.hub]\nchannel = "websub"\naddress = "https://hub.example.org/"\n'
        'topic = "https://warnings.example.org/cap/feed.xml"\n'
    )
    office.__dict__.pop("desk")  # as a server that was started anew
    try:
        link = public.get("/cap/feed.xml").headers["link"]
        assert '<https://hub.example.org/>; rel="hub"' in link
        assert '/cap/feed.xml>; rel="self"' in link
        (office.path / FILE).write_text("[public.x]\n")
        office.__dict__.pop("desk")
        answer = public.get("/cap/feed.xml")
        assert (answer.status_code, "link" in answer.headers) == (200, False), (
            "the feed is served all the same"
        )
    finally:
        (office.path / FILE).unlink()
        office.__dict__.pop("desk", None)
