"""A small country, replayed by the real loop and served by the real server, and pages that look at it.

The replay holds the two events that the demonstration plays again as exercises: a stop at Seattle on the day
of the earthquake of Nisqually, and a stop of the north-east on 5 March 2001, on which the page opens. Beside
it runs LIVE, in which earthquakes were read once and then no more.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

import tocsin
from tests.browser.chromium import ADVICE, FLAGS, find
from tocsin.api import create_app
from tocsin.model import HOUR, Alert, Basis, Observation, Raw, Role, iso, zone
from tocsin.ops import accounts, commands, demo, loop, schedule
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.office import Office, open_office
from tocsin.ops.plan import make_plan

AIRPORTS = {
    "US-AIR-BOS": "America/New_York",
    "US-AIR-LGA": "America/New_York",
    "US-AIR-EWR": "America/New_York",
    "US-AIR-SEA": "America/Los_Angeles",
    "US-AIR-PHX": "America/Phoenix",
    "US-AIR-SJU": "America/Puerto_Rico",
}
FIRST = datetime(2001, 2, 18, 5, tzinfo=UTC)
START = datetime(2001, 2, 18, 12, 5, tzinfo=UTC)
END = datetime(2001, 3, 7, 12, 5, tzinfo=UTC)
QUIET = datetime(2001, 2, 26, 18, 5, tzinfo=UTC)
STOPS = (
    (("US-AIR-SEA",), datetime(2001, 2, 28, 19, tzinfo=UTC), datetime(2001, 3, 1, 6, tzinfo=UTC)),
    (("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR"), datetime(2001, 3, 5, 12, tzinfo=UTC),
     datetime(2001, 3, 6, 18, tzinfo=UTC)),
    (("US-AIR-SJU",), datetime(2001, 3, 5, 12, tzinfo=UTC), datetime(2001, 3, 6, 2, tzinfo=UTC)),
)  # fmt: skip
"""Airports where nothing left, from the first hour to before the last."""

OPEN_AT = datetime(2001, 3, 5, 20, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 40, tzinfo=UTC)
FEED = "usgs_earthquakes"
REFUSED = "connection refused: nobody answers"
CONTENT = b"departures of six airports, made from a seed"
ACCOUNTS = {
    "duty": Role.DUTY_OFFICER,
    "chief": Role.APPROVING_OFFICER,
    "second": Role.APPROVING_OFFICER,
}
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)


# On a machine that does other work too, what comes may come late.
expect.set_options(timeout=15_000)


def password(account: str) -> str:
    return f"{account}-has-a-long-word"


@dataclass
class Clock:
    """Wall time that stands still, but for a millisecond a reading: two drafts have two names."""

    now: datetime = NOW
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> datetime:
        with self.lock:
            self.now += timedelta(milliseconds=1)
            return self.now


def flights() -> Iterator[Observation]:
    rng = np.random.default_rng(11)
    raw = hashlib.sha256(CONTENT).hexdigest()
    for airport, name in AIRPORTS.items():
        for k in range((END - FIRST) // HOUR):
            valid = FIRST + k * HOUR
            mean = 20 if 6 <= valid.astimezone(zone(name)).hour < 22 else 1
            stopped = any(airport in names and since <= valid < until for names, since, until in STOPS)
            for quantity in ("departures", "landings"):
                yield Observation(
                    quantity=f"air_transport.{quantity}",
                    region=airport,
                    valid_time=valid,
                    known_at=valid + HOUR + timedelta(minutes=5),
                    value=0.0 if stopped else float(rng.binomial(2 * mean, 0.5)),
                    source="bts_flights",
                    raw=raw,
                    basis=Basis.ESTIMATED,
                )


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Office]:
    made = open_office(tmp_path_factory.mktemp("browser") / "store", domains=("air_transport", "seismic"))
    whole = make_plan(made.pack, ("air_transport", "seismic"))
    domains = tuple(
        replace(d, budget=replace(d.budget, shadow=timedelta(days=5))) if d.budget else d
        for d in whole.domains
    )
    airports = tuple(AIRPORTS)
    made.__dict__["plan"] = replace(
        whole, domains=domains, watched={**whole.watched, "air_transport": airports}
    )
    made._plans["air_transport"] = replace(
        make_plan(made.pack, ("air_transport",)),
        id="small",
        domains=domains[:1],
        watched={"air_transport": airports},
    )
    made.store.keep_raw(
        Raw(source="bts_flights", url="made@1", fetched_at=NOW, media_type="text/plain", content=CONTENT)
    )
    made.store.add(list(flights()), ingest="made", at=NOW)
    span = (FIRST, END)
    made.store.put(
        "dataset",
        "made",
        {
            "id": "made", "source": "bts_flights", "publisher": "nobody", "package": "made", "release": "1",
            "file": "seed", "sha256": hashlib.sha256(CONTENT).hexdigest(), "licence": "none",
            "licence_url": "", "observations": 1, "events": 0, "findings": [],
            "span": [iso(t) for t in span],
        },
        known_at=NOW,
        revision=0,
    )  # fmt: skip
    loop.replay(made, start=START, end=END, domains=["air_transport"], archives={"bts_flights": span})
    read, failed = NOW - timedelta(minutes=30), NOW - timedelta(minutes=10)
    made.store.feed_run(FEED, read, "ok", "", read)
    world = schedule.live_cycle(made, at=read)
    made.store.feed_run(FEED, failed, "failed", REFUSED)
    # After the last full hour: what a page that looks at full hours only would not see.
    schedule.live_cycle(made, at=failed, world=world)
    for name, role in ACCOUNTS.items():
        accounts.put_account(made, name, role, password(name), at=NOW, actor=SYSTEM)
    yield made
    made.store.close()


@contextmanager
def served(office: Office, clock: Clock, open_at: datetime | None = None) -> Iterator[str]:
    """The real server on a free port of this machine."""
    built = Path(tocsin.__file__).parent / "static" / "index.html"
    assert built.is_file(), "the front is not built: run 'npm run build'"
    app = create_app(office, clock=clock, open_at=open_at)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", ws="none", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(1000):
        if server.started:
            break
        time.sleep(0.01)
    assert server.started
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    app.state.streams.close()
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def url(office: Office, clock: Clock) -> Iterator[str]:
    """The address of the replayed country."""
    with served(office, clock, OPEN_AT) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield made
        made.close()


@dataclass
class Seen:
    """What went on behind a page."""

    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda m: self.said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", self._answered)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.refused.append(response.status)

    @property
    def outside(self) -> list[str]:
        return [one for one in self.asked if not one.startswith((self.url, "data:", "blob:"))]


@dataclass
class Viewer:
    """One browser context: its own cookies, its own window."""

    context: BrowserContext
    url: str
    seen: Seen

    def open(self, link: str = "") -> Page:
        """Open the page and wait until its first picture is drawn and nothing is being read."""
        page = self.context.new_page()
        self.seen.watch(page)
        page.goto(f"{self.url}/{link}")
        settled(page)
        return page


def settled(page: Page) -> None:
    page.locator("html[data-ready=true][data-busy=false]").wait_for(timeout=20_000)


def of(page: Page, name: str) -> Any:
    return page.get_by_test_id(name)


def log_in(page: Page, account: str) -> None:
    of(page, "login").click()
    of(page, "login-account").fill(account)
    of(page, "login-password").fill(password(account))
    of(page, "login-send").click()
    of(page, "account").wait_for()
    settled(page)


Look = Callable[..., Viewer]


@pytest.fixture
def look(browser: Browser, url: str) -> Iterator[Look]:
    """Make viewers; at the end none may have asked anything outside this machine or said an error."""
    made: list[Viewer] = []

    def viewer(width: int = 1440, height: int = 900, **settings: Any) -> Viewer:
        settings = {
            "timezone_id": "America/New_York",
            "locale": "en-US",
            "reduced_motion": "reduce",
            **settings,
        }
        context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, **settings)
        context.set_default_timeout(10_000)
        one = Viewer(context, url, Seen(url))
        made.append(one)
        return one

    yield viewer
    for one in made:
        one.context.close()
        assert one.seen.outside == []
        # Chromium reports answers of 4xx by itself; a test that expects one says so in ``refused``.
        said = [s for s in one.seen.said if "status of 4" not in s]
        assert said == []


@pytest.fixture
def page(look: Look) -> Page:
    """The page where the demonstration opens."""
    return look().open()


@pytest.fixture
def exercise(office: Office, clock: Clock) -> Callable[..., Alert]:
    """Make an exercise of the warning of the north-east that waits for approval."""

    def make(author: Actor = DUTY) -> Alert:
        told = demo.warnings_of(office, demo.NAMED[1])
        at = clock()
        new = commands.exercise_of(
            told[0], identifier=f"us.exercise.{at:%Y%m%dT%H%M%S%f}.BOS.1", at=at, hold=timedelta(hours=24)
        )
        kept = commands.draft(office, replace(new, inputs=(told[0].id,)), commands.SYSTEM, at=at)
        return commands.submit(office, kept.id, author, at=clock())

    return make
