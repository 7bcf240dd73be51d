"""A small country that was replayed, served by a real server on this machine; the clock is given."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from tocsin.api import create_app
from tocsin.model import HOUR, Basis, Missing, Observation, Raw, Role, iso, zone
from tocsin.ops import accounts, loop
from tocsin.ops.commands import SYSTEM
from tocsin.ops.office import Office, open_office
from tocsin.ops.plan import make_plan

AIRPORTS = ("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR", "US-AIR-SEA", "US-AIR-PHX")
FIRST = datetime(2001, 1, 1, 4, tzinfo=UTC)
START = datetime(2001, 1, 1, 11, 5, tzinfo=UTC)
DAYS = 13
END = START + timedelta(days=DAYS) - 12 * HOUR
STOPPED, STOP = ("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR"), (8 * 24 + 9, 8 * 24 + 39)
DURING = START + timedelta(days=8, hours=9)
GAP = (6 * 24 + 12, 6 * 24 + 17)
"""Hours in which Phoenix reported that it had no value."""
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONTENT = b"departures of five airports, made from a seed"
RAW = hashlib.sha256(CONTENT).hexdigest()
ACCOUNTS = {
    "vera": Role.VIEWER,
    "ana": Role.ANALYST,
    "duty": Role.DUTY_OFFICER,
    "chief": Role.APPROVING_OFFICER,
    "root": Role.ADMINISTRATOR,
}


@dataclass
class Clock:
    """Wall time that tests move."""

    now: datetime = NOW
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> datetime:
        # No two reads are the same, so that two drafts of one test have two names.
        with self.lock:
            self.now += timedelta(milliseconds=1)
            return self.now

    def forward(self, span: timedelta) -> None:
        with self.lock:
            self.now += span


def password(account: str) -> str:
    return f"{account}-has-a-long-word"


def departures() -> Iterator[Observation]:
    rng = np.random.default_rng(7)
    zones = {"US-AIR-SEA": "America/Los_Angeles", "US-AIR-PHX": "America/Phoenix"}
    for airport in AIRPORTS:
        for k in range(DAYS * 24):
            valid = FIRST + k * HOUR
            local = valid.astimezone(zone(zones.get(airport, "America/New_York"))).hour
            mean = 20.0 if 6 <= local < 22 else 1.0
            stopped = airport in STOPPED and STOP[0] <= k < STOP[1]
            count = 0.0 if stopped else float(rng.binomial(2 * int(mean), 0.5))
            gap = airport == "US-AIR-PHX" and GAP[0] <= k < GAP[1]
            for name in ("departures", "landings"):
                yield Observation(
                    quantity=f"air_transport.{name}",
                    region=airport,
                    valid_time=valid,
                    known_at=valid + HOUR + timedelta(minutes=5),
                    value=None if gap else count,
                    missing=Missing.NOT_REPORTED if gap else None,
                    source="bts_flights",
                    raw=RAW,
                    basis=Basis.ESTIMATED,
                )


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Thirteen days replayed by the real loop over five airports; the seismic domain never ran."""
    made = open_office(tmp_path_factory.mktemp("api") / "store", domains=("air_transport", "seismic"))
    counties = tuple(c.id for c in made.pack.at_level("county"))
    watched = {"air_transport": AIRPORTS, "seismic": counties}
    whole = make_plan(made.pack, ("air_transport", "seismic"))
    domains = tuple(
        replace(d, budget=replace(d.budget, shadow=timedelta(days=5))) if d.budget else d
        for d in whole.domains
    )
    made.__dict__["plan"] = replace(whole, domains=domains, watched=watched)
    made._plans["air_transport"] = replace(
        make_plan(made.pack, ("air_transport",)),
        id="small",
        domains=domains[:1],
        watched={"air_transport": AIRPORTS},
    )
    raw = Raw(
        source="bts_flights", url="made@1/seed", fetched_at=NOW, media_type="text/plain", content=CONTENT
    )
    assert made.store.keep_raw(raw) == RAW
    made.store.add(list(departures()), ingest="made", at=NOW)
    span = (FIRST, FIRST + timedelta(days=DAYS))
    record = {
        "id": "made", "source": "bts_flights", "publisher": "nobody", "package": "made", "release": "1",
        "file": "seed", "sha256": RAW, "licence": "none", "licence_url": "", "observations": 1, "events": 0,
        "findings": [], "span": [iso(t) for t in span],
    }  # fmt: skip
    made.store.put("dataset", "made", record, known_at=NOW, revision=0)
    count = loop.replay(made, start=START, end=END, domains=["air_transport"], archives={"bts_flights": span})
    assert count == (END - START) // HOUR + 1
    for name, role in ACCOUNTS.items():
        accounts.put_account(made, name, role, password(name), at=NOW, actor=SYSTEM)
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """A real server on a free port of this machine."""
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
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.streams.close()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def app(office: Office, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    static = tmp_path_factory.mktemp("static")
    (static / "assets").mkdir()
    (static / "index.html").write_text("<!doctype html><title>Tocsin</title><p>the page</p>")
    (static / "assets" / "index-abc123.js").write_text("export const x = 1;\n" * 200)
    (static / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return create_app(office, clock=clock, open_at=DURING, static=static)


@pytest.fixture(scope="session")
def url(app: FastAPI) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def public(url: str) -> Iterator[httpx.Client]:
    """Somebody who is not logged in."""
    with httpx.Client(base_url=url, timeout=20) as client:
        yield client


@dataclass
class Officer:
    """Somebody who is logged in, with the words that writes need."""

    client: httpx.Client
    csrf: str

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def write(self, method: str, path: str, body: object = None, match: str | None = None) -> httpx.Response:
        headers = {"X-CSRF-Token": self.csrf} | ({"If-Match": match} if match else {})
        return self.client.request(method, path, json=body, headers=headers)

    def step(self, alert: dict, action: str, **body: str) -> httpx.Response:
        return self.write("POST", f"/api/v1/warnings/{alert['id']}/{action}", body, alert["etag"])


@pytest.fixture(scope="session")
def enter(url: str) -> Iterator[Callable[[str], Officer]]:
    """Log in under an account; one session each."""
    officers: dict[str, Officer] = {}

    def log_in(account: str) -> Officer:
        if account not in officers:
            client = httpx.Client(base_url=url, timeout=20)
            body = {"account": account, "password": password(account)}
            answer = client.post("/api/v1/session", json=body)
            assert answer.status_code == 200, answer.text
            officers[account] = Officer(client, answer.json()["csrf"])
        return officers[account]

    yield log_in
    for officer in officers.values():
        officer.client.close()


def written(**changes: object) -> dict[str, object]:
    """A draft that is fit to be sent."""
    return {
        "domain": "air_transport",
        "event": "Airport departures stopped",
        "level": 2,
        "headline": "Departures stopped at Boston",
        "description": "No departures for three hours.",
        "instruction": "Travellers: ask your airline.",
        "regions": ["US-AIR-BOS"],
        **changes,
    }
