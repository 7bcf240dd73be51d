"""News arrive on the stream, and a server that stops does not wait for its listeners."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx

from tests.api.conftest import END, START, Clock, Officer, served, written
from tocsin.api import create_app
from tocsin.api.routes.stream import EVERY, Bulletin
from tocsin.ops.office import Office
from tocsin.ops.queries import News, Watch
from tocsin.store import CycleRow

Enter = Callable[[str], Officer]


def lines(client: httpx.Client) -> Iterator[str]:
    with client.stream("GET", "/api/v1/stream") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        yield from answer.iter_lines()


def test_a_draft_is_news_for_the_desk(enter: Enter) -> None:
    duty = enter("duty")
    found = lines(duty.client)
    assert next(found).startswith("retry:")
    with httpx.Client(base_url=duty.client.base_url, cookies=duty.client.cookies, timeout=20) as other:
        alert = Officer(other, duty.csrf).write("POST", "/api/v1/warnings", written()).json()
    said = None
    until = time.monotonic() + 10
    for line in found:
        assert time.monotonic() < until
        if line.startswith("data:") and alert["id"] in line:
            said = json.loads(line.removeprefix("data:"))
            break
    assert said == {"id": alert["id"], "revision": 0, "state": "draft"}
    found.close()  # type: ignore[attr-defined]


def test_the_public_is_not_told_of_drafts(enter: Enter, office: Office, clock: Clock) -> None:
    watch = Watch(office, clock())
    alert = enter("duty").write("POST", "/api/v1/warnings", written()).json()
    said = {"id": alert["id"], "revision": 0, "state": "draft"}
    assert watch.poll(clock()) == [News("alert", said, public=False)]
    assert watch.poll(clock()) == []
    drill = enter("duty").write("POST", "/api/v1/warnings", written(status="Exercise")).json()
    assert [(n.said["id"], n.public) for n in watch.poll(clock())] == [(drill["id"], False)]


def test_many_listeners_look_once(enter: Enter, office: Office, clock: Clock) -> None:
    bulletin = Bulletin(create_app(office, clock=clock).state.desk)
    begun = bulletin.begin()
    alert = enter("duty").write("POST", "/api/v1/warnings", written()).json()
    # One has just looked: the next looks are answered from what is kept, until the second is over.
    assert bulletin.after(begun) == (begun, [])
    time.sleep(EVERY)
    last, news = bulletin.after(begun)
    assert [n.said["id"] for n in news] == [alert["id"]]
    assert bulletin.after(begun) == (last, news)
    assert bulletin.after(last) == (last, [])
    assert bulletin.begin() == last


def test_cycles_and_feeds_are_news_once(office: Office, clock: Clock) -> None:
    watch = Watch(office, clock())
    now = clock()
    old = office.store.cycles(START, END, plan="small")[-1]
    row = CycleRow(
        id="f" * 32, plan="other", at=now, mode="live", inputs_hash="f" * 64, code="x",
        judgement=old.judgement, levels=old.levels, summary={"domains": []},
    )  # fmt: skip
    office.store.put_cycle(row)
    office.store.feed_run("usgs_earthquakes", now, "failed", "no route to host")
    news = {n.kind: n.said for n in watch.poll(clock())}
    assert set(news) == {"cycle", "feed"}
    assert news["feed"] == {"id": "usgs_earthquakes", "outcome": "failed"}
    assert watch.poll(clock()) == []


def test_a_server_that_stops_ends_its_streams(office: Office, clock: Clock) -> None:
    app = create_app(office, clock=clock)
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        found = lines(client)
        next(found)
        assert app.state.streams.open == 1
        began = time.monotonic()
        app.state.streams.close()
        assert list(found)[-1:] in ([], [""])
        assert time.monotonic() - began < 3
        refused = client.get("/api/v1/stream")
        assert refused.status_code == 503
    assert app.state.streams.open == 0
