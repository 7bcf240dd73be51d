"""One datum, from the publisher's bytes to the task it opened and the score of the warning it raised.

Read it from top to bottom. It is 9 January 2001 in a country of five airports; at nine in the morning Boston,
La Guardia and Newark stop for thirty hours. Nothing is stubbed: this is the way that a live datum goes.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.cycle import small_world as small
from tocsin import cap
from tocsin.feeds.sources import bts_flights
from tocsin.geo import load_pack
from tocsin.model import DAY, HOUR, Raw, State, parse_time
from tocsin.ops import loop, record
from tocsin.ops.queries.why import flat, why
from tocsin.verify import ledger

STOPPED = ("BOS", "LGA", "EWR")
STOP = datetime(2001, 1, 9, 9)  # noqa: DTZ001 - local time, as the archive has it
AIRPORTS = ("BOS", "LGA", "EWR", "SEA", "PHX")


def archive() -> bytes:
    """Flights of two weeks in the form of the publisher: about twenty an hour by day, one by night."""
    rng = np.random.default_rng(21)
    rows = []
    for code in AIRPORTS:
        for k in range(14 * 24):
            hour = datetime(2001, 1, 1) + k * HOUR  # noqa: DTZ001
            if code in STOPPED and STOP <= hour < STOP + 30 * HOUR:
                continue
            for minute in rng.choice(60, rng.binomial(40, 0.5) if 6 <= hour.hour < 22 else 1, replace=False):
                to = AIRPORTS[(AIRPORTS.index(code) + 1 + int(rng.integers(4))) % 5]
                rows.append((hour + timedelta(minutes=int(minute)), int(rng.integers(-9, 5)), 840, code, to))
    names = ("date", "delay", "distance", "origin", "destination")
    kinds = (pa.timestamp("ms"), pa.int16(), pa.int16(), pa.string(), pa.string())
    columns = zip(names, kinds, zip(*rows, strict=True), strict=True)
    sink = io.BytesIO()
    pq.write_table(pa.table({n: pa.array(list(c), k) for n, k, c in columns}), sink)
    return sink.getvalue()


def test_the_way_of_a_datum(tmp_path):
    office = small.office(tmp_path, [])
    store, plan = office.store, small.plan()

    # Fetch: the bytes are kept as they came, under their hash.
    read_at = datetime(2001, 9, 1, tzinfo=UTC)
    raw = Raw(
        source="bts_flights",
        url="flights.parquet",
        fetched_at=read_at,
        media_type=bts_flights.SOURCE.media_type,
        content=archive(),
    )
    sha = store.keep_raw(raw)
    assert store.raw(sha).content == raw.content

    # Parse: pure, from bytes to observations that know when they could be known.
    parsed = bts_flights.parse(raw, known_at=read_at, locate=load_pack("us"))
    # Keep: the store answers what was known at any moment.
    store.load([parsed.table()], ingest=sha, at=read_at)
    ten = datetime(2001, 1, 9, 15, tzinfo=UTC)  # 10 h in Boston
    window = {"regions": ["US-AIR-BOS"], "start": ten - HOUR, "end": ten, "step": HOUR}
    at_ten = store.as_of(ten).panel("air_transport.departures", **window)
    assert not at_ten.known.any()  # the hour is over, but nobody has been told
    told = store.as_of(ten + timedelta(minutes=5)).panel("air_transport.departures", **window)
    assert told.known.all()
    assert told.values[0, 0] == 0  # a known zero, not silence

    # Detect, assess, warn, approve, deliver, respond, verify: one cycle an hour, by the code that runs live.
    loop.replay(
        office,
        start=small.START,
        end=small.START + 12 * DAY,
        domains=["air_transport"],
        archives=small.ARCHIVES,
    )
    # Detect: Boston's tail falls below the threshold of the budget in the first hours.
    rows = store.cycles(ten, ten + 6 * HOUR, plan.id)
    tails = [record.decode_judgement(r.judgement)["air_transport.departures"].tail[0] for r in rows]
    assert min(tails) <= 10.0 ** -rows[0].summary["thresholds"]["air_transport"]

    # Warn: one warning for the three, drafted by the system as they fell out.
    chains = ledger.issued_chains(store.list("alert"), "air_transport")
    mine = [c for c in chains if {m.name for m in c.newest.members} == set(STOPPED)]
    assert len(mine) == 1
    first, newest = mine[0].first, mine[0].newest
    assert first.author == "system"
    assert ten <= first.created_at <= ten + 4 * HOUR
    assert newest.level == 3  # three members are severe

    # Approve: by two different hands, on a legal basis, bound to what was read.
    (approval,) = store.approvals(first.id)
    assert approval.submitter != approval.approver
    assert approval.legal_basis == "ipaws"
    assert approval.content_hash == first.content_hash
    assert [e.decision.action for e in store.audit(subject=first.id)][:4] == [
        "draft", "submit", "approve", "issue",
    ]  # fmt: skip

    # Deliver: a valid CAP message, accepted by the channel once for each message of the chain.
    sent = [i for i in store.outbox() if i.group == first.chain]
    assert len(sent) == len({i.content_hash for i in sent}) >= 2
    assert {i.status for i in sent} == {"accepted"}
    (file,) = tmp_path.rglob(f"{first.id}.xml")
    message, findings = cap.parse(file.read_bytes())
    assert not [f for f in (*findings, *cap.check(message)) if f.level == "error"]
    assert (message.identifier, message.sent) == (first.id, first.sent)

    # Respond: tasks with a role and a time are open since it was issued.
    tasks = [t for t in store.list("task") if t.alert == first.chain]
    assert tasks
    assert all(t.owner and t.due_at > t.opened_at == first.sent for t in tasks if t.opened_at == first.sent)

    # Verify: it came true, on local days that were judged by the past alone.
    verdict = store.get("verdict", first.chain)
    assert verdict["verdict"] == "TRUE"
    assert set(verdict["local_dates"]) <= {"2001-01-09", "2001-01-10"}
    assert set(verdict["came_true_at"]) == {f"US-AIR-{c}" for c in STOPPED}
    assert parse_time(verdict["settled"]) > first.sent + 8 * HOUR
    entries = [store.get("verdict", c.chain) or ledger.open_entry(c, plan.domains[0]) for c in chains]
    score = ledger.summary(entries, plan.domains[0], small.START + 5 * DAY, small.START + 12 * DAY)
    assert score["counts"]["TRUE"] >= 1

    # Why: from the warning back to the bytes.
    path = flat(why(office, first.id))
    assert path[0]["id"] == first.id
    assert any(sha in row["id"] for row in path)
    assert first.state is not State.DRAFT
    store.close()
