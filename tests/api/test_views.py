"""Every view over the API says the same thing, as known at the moment asked for."""

from __future__ import annotations

import base64
import re
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import numpy as np
import pytest

from tests.api.conftest import AIRPORTS, CONTENT, DURING, END, GAP, RAW, START, STOPPED, Officer
from tocsin.model import HOUR, UNCOVERED, UNKNOWN, Missing, iso, parse_time
from tocsin.ops import queries
from tocsin.ops.office import Office

AT = iso(DURING)


def get(client: httpx.Client, path: str, **query: str) -> dict:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def cube(client: httpx.Client, start: datetime, end: datetime) -> tuple[dict, np.ndarray]:
    body = get(client, "picture/cube", start=iso(start), end=iso(end))
    block = np.frombuffer(base64.b64decode(body["levels"]), np.uint8)
    return body, block.reshape(len(body["domains"]), body["steps"], len(body["regions"]))


def the_warning(client: httpx.Client) -> dict:
    found = get(client, "warnings", asof=AT, state="open")["items"]
    assert len(found) == 1
    return found[0]


def test_the_stop_is_in_the_picture_and_was_warned_of(public: httpx.Client) -> None:
    picture = get(public, "picture", asof=AT)
    assert picture["mode"] == "replay"
    assert picture["standing"] == 1
    assert {a["region"] for a in picture["assessments"] if a["level"] >= 2} == set(STOPPED)
    assert sum(picture["summary"].values()) == len(picture["assessments"]) >= 3
    assert all(a["title"] and a["contributors"] for a in picture["assessments"])
    warning = the_warning(public)
    assert set(warning["title_regions"]) >= {"Gen Edw L Logan Intl, Suffolk, Massachusetts"}
    assert warning["state"] == "issued"
    assert warning["actions"] == []


def test_nothing_is_shown_before_it_was_known(public: httpx.Client, enter: Callable[[str], Officer]) -> None:
    created = parse_time(the_warning(public)["created_at"])
    before = get(public, "warnings", asof=iso(created - timedelta(minutes=1)))["items"]
    assert all(parse_time(w["created_at"]) < created for w in before)
    # Between draft and approval it is a draft: the state is that of the moment, not of today.
    chain = the_warning(public)["chain"]
    first = get(public, f"warnings/{chain}")
    between = {"asof": iso(parse_time(first["created_at"]) + timedelta(minutes=7))}
    waiting = get(enter("vera").client, f"warnings/{chain}", **between)
    assert public.get(f"/api/v1/warnings/{chain}", params=between).status_code == 404
    assert waiting["state"] == "submitted"
    assert waiting["sent"] is None
    assert waiting["waiting_s"] == 120
    assert [h["action"] for h in waiting["history"]] == ["draft", "submit"]
    assert public.get(f"/api/v1/warnings/{chain}", params={"asof": iso(START)}).status_code == 404


def test_the_cube_says_what_the_picture_says(public: httpx.Client) -> None:
    body, levels = cube(public, DURING, DURING + 6 * HOUR)
    air = body["domains"].index("air_transport")
    place = {r: i for i, r in enumerate(body["regions"])}
    for step in range(body["steps"]):
        picture = get(public, "picture", asof=iso(DURING + step * HOUR))
        said = {a["region"]: a["level"] for a in picture["assessments"] if a["domain"] == "air_transport"}
        assert {r: int(levels[air, step, place[r]]) for r in AIRPORTS} == {
            r: said.get(r, 0) for r in AIRPORTS
        }


def test_a_fortnight_of_levels_is_small_on_the_wire(public: httpx.Client) -> None:
    query = {"start": iso(START), "end": iso(START + timedelta(days=14))}
    with public.stream("GET", "/api/v1/picture/cube", params=query) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        sent = sum(len(part) for part in answer.iter_raw())
    body, levels = cube(public, START, START + timedelta(days=14))
    assert levels.size == 2 * 336 * len(body["regions"]) > 2_000_000
    assert len(set(body["regions"])) == len(body["regions"])
    assert sent < 30_000


def test_a_county_is_as_high_as_its_sites_and_what_nobody_watches_is_not_calm(
    public: httpx.Client, office: Office
) -> None:
    body, levels = cube(public, DURING, DURING + HOUR)
    place = {r: i for i, r in enumerate(body["regions"])}
    air, seismic = body["domains"].index("air_transport"), body["domains"].index("seismic")
    for airport in STOPPED:
        county = office.pack.regions[airport].parent
        assert levels[air, 0, place[county]] == levels[air, 0, place[airport]] >= 2
    assert levels[air, 0, place["US-AIR-ORD"]] == UNCOVERED
    assert (levels[seismic] == UNCOVERED).all()


def test_a_value_that_is_missing_is_unknown_and_unknown_outranks_normal(
    public: httpx.Client, office: Office
) -> None:
    at = START.replace(hour=4) + (GAP[0] + 1) * HOUR + timedelta(minutes=5)
    body, levels = cube(public, at, at + HOUR)
    place = {r: i for i, r in enumerate(body["regions"])}
    air = body["domains"].index("air_transport")
    assert levels[air, 0, place["US-AIR-PHX"]] == UNKNOWN
    assert levels[air, 0, place[office.pack.regions["US-AIR-PHX"].parent]] == UNKNOWN
    cover = {c["domain"]: c for c in get(public, "coverage", asof=iso(at))["items"]}
    # The first Sunday: no method has judged one yet, so the airports with a value are unknown too.
    assert cover["air_transport"]["series_unknown"] == 5
    assert cover["air_transport"]["series_total"] == 5
    day_after = {c["domain"]: c for c in get(public, "coverage", asof=iso(at + timedelta(days=2)))["items"]}
    assert day_after["air_transport"]["series_unknown"] == 0


def test_outside_of_the_replay_nothing_is_covered(public: httpx.Client) -> None:
    for at in (START - timedelta(days=1), END + timedelta(days=1)):
        _, levels = cube(public, at, at + HOUR)
        assert (levels == UNCOVERED).all()
        picture = get(public, "picture", asof=iso(at))
        assert {c["state"] for c in picture["coverage"]} == {"never"}
        assert picture["assessments"] == []
    # Two hours after the last cycle what it said still holds; later it does not.
    _, levels = cube(public, END + 2 * HOUR, END + 4 * HOUR)
    assert (levels[0, 0] == 0).any()
    assert (levels[0, 1] == UNCOVERED).all()


def test_a_series_is_as_known_then(public: httpx.Client) -> None:
    query = {"region": "US-AIR-PHX", "quantity": "air_transport.departures"}
    span = {"start": iso(DURING - timedelta(days=4)), "end": iso(DURING + timedelta(days=1))}
    found = get(public, "series", **query, **span, asof=AT)
    points = found["points"]
    assert len({len(column) for column in points.values()}) == 1
    assert all(t is None or parse_time(t) <= DURING for t in points["known_at"])
    assert parse_time(points["time"][-1]) == DURING - HOUR - timedelta(minutes=5)
    reasons = {m["reason"] for m in found["missing"]}
    assert len(found["missing"]) == GAP[1] - GAP[0]
    assert reasons == {str(Missing.NOT_REPORTED)}
    gaps = {m["time"] for m in found["missing"]}
    assert all((v is None) == (t in gaps) for t, v in zip(points["time"], points["value"], strict=True))
    banded = [i for i, e in enumerate(points["expected"]) if e is not None]
    # Of the first Saturday and Sunday nothing like it had been seen before: those have no band.
    assert len(banded) >= 40
    assert all(points["lower"][i] <= points["expected"][i] <= points["upper"][i] for i in banded)
    assert found["source"]["licence"]
    later = get(public, "series", **query, **span)
    assert len(later["points"]["time"]) > len(points["time"])


def test_versions_are_those_that_were_known_then(public: httpx.Client) -> None:
    query = {"region": "US-AIR-BOS", "quantity": "air_transport.departures"}
    whole = get(public, "series/revisions", **query)["items"]
    then = get(public, "series/revisions", **query, asof=AT)["items"]
    assert then == [r for r in whole if parse_time(r["known_at"]) <= DURING]
    assert 0 < len(then) < len(whole)
    last = then[-1]["valid_time"]
    assert get(public, "series/revisions", **query, valid_time=last, asof=AT)["items"] == then[-1:]
    assert get(public, "series/revisions", **query, valid_time=last, asof=iso(START))["items"] == []


def test_the_index_of_runs_reads_no_columns(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries.moments, "_INDEX", weakref.WeakKeyDictionary())
    kept = [(r.id, r.at) for r in office.store.cycles(START, END + HOUR)]
    monkeypatch.setattr(office.store, "cycles", None)
    # Another test of this store may have run a cycle of its own.
    (run,) = (r for r in queries.moments.runs(office, DURING) if r.plan == "small" and r.first == START)
    assert (run.plan, run.mode, run.domains, run.first, run.last) == (
        "small",
        "replay",
        ("air_transport",),
        START,
        END,
    )
    assert dict(kept).items() <= queries.moments._index(office, None).places.items()


def test_what_never_came_is_listed_as_such(public: httpx.Client) -> None:
    query = {"region": "US-AIR-BOS", "quantity": "air_transport.arrival_delay"}
    found = get(public, "series", **query, start=iso(DURING - 5 * HOUR), end=iso(DURING - 2 * HOUR), asof=AT)
    assert {m["reason"] for m in found["missing"]} == {"unknown: nothing was received"}
    assert len(found["missing"]) == 3
    assert found["points"]["value"] == [None, None, None]


def test_the_ledger_has_the_rows_that_others_rely_on(public: httpx.Client) -> None:
    body = get(public, "ledger", asof=iso(END))
    keys = [
        "entry",
        "alert",
        "domain",
        "level",
        "regions",
        "names",
        "issued",
        "onset",
        "local_dates",
        "verdict",
        "lead_s",
        "rule",
    ]
    assert body["items"]
    assert all(list(e) == keys for e in body["items"])
    mine = next(e for e in body["items"] if e["alert"] == the_warning(public)["chain"])
    assert mine["verdict"] == "TRUE"
    assert set(mine["names"]) >= {"BOS"}
    assert mine["local_dates"]
    assert body["summary"]["budget_per_week"] == 1.0
    assert body["summary"]["from"] == iso(START + timedelta(days=5))
    assert body["summary"]["to"] == iso(END)
    # At the hour of the warning nobody could know how it ends.
    then = next(e for e in get(public, "ledger", asof=AT)["items"] if e["alert"] == mine["alert"])
    assert then["verdict"] == "OPEN"
    listed = {w["chain"]: w["verdict"] for w in get(public, "warnings", asof=iso(END))["items"]}
    assert listed[mine["alert"]] == {"verdict": "TRUE", "lead_s": mine["lead_s"]}


def test_why_ends_at_the_raw_bytes_and_checks_them(public: httpx.Client, office: Office) -> None:
    detail = get(public, f"warnings/{the_warning(public)['id']}", asof=AT)
    steps = detail["why"]
    assert steps[0]["kind"] == "warning"
    assert {
        "decision",
        "cycle",
        "previous",
        "finding",
        "series",
        "observation",
        "raw",
        "dataset",
        "source",
    } <= {s["kind"] for s in steps}
    raw = next(s for s in steps if s["kind"] == "raw")
    assert raw["id"] == f"sha256:{RAW}"
    assert "hash verified" in raw["text"]
    assert f"{len(CONTENT)} bytes" in raw["text"]
    source = next(s for s in steps if s["kind"] == "source")
    assert "US Government work" in source["text"]
    # The values on the way are those of the store.
    seen = next(s for s in steps if s["kind"] == "observation")
    rows = get(public, f"why/{seen['id']}")["items"]
    assert rows[1]["text"].split(",")[0] == seen["text"].split(",")[0]
    cycle = next(s for s in steps if s["kind"] == "cycle")
    assert get(public, f"why/cycle:{cycle['id']}")["items"][0]["id"] == cycle["id"]
    node = queries.why(office, detail["id"], at=DURING)
    assert queries.flat(node) == steps


def test_lost_bytes_are_said_to_be_lost(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.model import StoreError

    def gone(sha256: str) -> None:
        raise StoreError(f"raw {sha256}: got nothing")

    monkeypatch.setattr(office.store, "raw", gone)
    valid = iso(DURING.replace(minute=0) - 2 * HOUR)
    rows = queries.flat(queries.why(office, f"air_transport.departures@US-AIR-BOS@{valid}"))
    raw = next(r for r in rows if r["kind"] == "raw")
    assert raw["text"].startswith("not to be had")
    assert any(r["kind"] == "source" for r in rows)


def test_text_has_the_same_counts_no_script_and_few_bytes(public: httpx.Client) -> None:
    picture = get(public, "picture", asof=AT)
    page = public.get("/text", params={"asof": AT})
    assert page.status_code == 200
    assert len(page.content) <= 30_000
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert f"{picture['standing']} open warning(s)" in page.text
    for rank, count in picture["summary"].items():
        assert re.search(rf'data-level="{rank}">\w+ <b>{count}</b>', page.text), rank
    assert f'REPLAY: as known at <time datetime="{AT}"' in page.text
    for cover in picture["coverage"]:
        assert cover["title"] in page.text
    link = re.search(r'href="(/text/warnings/[^"]+)"', page.text)
    assert link is not None
    one = public.get(link[1].replace("&amp;", "&"))
    assert one.status_code == 200
    assert len(one.content) <= 30_000
    assert RAW in one.text
    assert "not covered" in page.text


def test_text_live_says_that_no_warning_is_not_no_hazard(public: httpx.Client) -> None:
    page = public.get("/text").text
    assert "LIVE" in page
    assert f"/text?asof={AT}" in page


def test_regions_and_map(public: httpx.Client) -> None:
    sites = get(public, "regions", level="site")["items"]
    assert len(sites) == 229
    assert {s["mapped"] for s in sites} == {True, False}
    assert all((s["x"] is None) != s["mapped"] for s in sites)
    boston = get(public, "regions/US-AIR-BOS")
    assert boston["code"] == "BOS"
    assert boston["timezone"] == "America/New_York"
    topology = get(public, "regions/map")
    names = {g["id"] for g in topology["objects"]["counties"]["geometries"]}
    assert {c["id"] for c in get(public, "regions", level="county")["items"] if c["mapped"]} <= names | {"x"}


def test_pages_of_a_list_together_are_the_list(public: httpx.Client) -> None:
    whole = [r["id"] for r in get(public, "regions", level="site")["items"]]
    found: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        query = {"level": "site", "limit": "50"} | ({"cursor": cursor} if cursor else {})
        body = get(public, "regions", **query)
        found += [r["id"] for r in body["items"]]
        cursor = body["next"]
        if cursor is None:
            break
    assert found == whole


def test_health_knows_the_replay_and_where_it_opens(public: httpx.Client) -> None:
    health = get(public, "health")
    assert health["clock"]["mode"] == "replay"
    assert health["clock"]["open_at"] == AT
    assert health["clock"]["replay"] == {"start": iso(START), "end": iso(END), "step_s": 3600}
    assert [level["rank"] for level in health["levels"]] == [1, 2, 3, 4]


def test_the_world_reads_what_stood(public: httpx.Client) -> None:
    from tocsin.cap import parse
    from tocsin.cap.atom import parse_atom

    body = public.get("/cap/feed.xml", params={"asof": AT})
    assert body.headers["content-type"].startswith("application/atom+xml")
    feed, findings = parse_atom(body.content, base=str(body.url))
    assert [f for f in findings if f.level == "error"] == []
    assert [e.link.rsplit("/", 1)[-1] for e in feed.entries if e.link] == [f"{the_warning(public)['id']}.xml"]
    link = feed.entries[0].link
    assert link is not None
    message, _ = parse(public.get(link).content)
    assert message.identifier == the_warning(public)["id"]
    assert message.status == "Actual"
    empty, _ = parse_atom(public.get("/cap/feed.xml", params={"asof": iso(START)}).content)
    assert empty.entries == ()
