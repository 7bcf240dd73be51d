"""What the commands show of a store: stable keys, past views, and the way back to the raw bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import END, SAMPLE, run
from tocsin.ops import config
from tocsin.ops.office import open_office

KING = "US-53033"


def issued(store: Path) -> str:
    rows = run("warnings", "list", "--json", store=store).rows
    return str(next(r["id"] for r in reversed(rows) if r["domain"] == "seismic" and r["sent"]))


def test_the_earthquake_was_warned_of_and_why_ends_at_the_bytes(store: Path) -> None:
    done = run("why", issued(store), "--json")
    assert done.status == 0
    kinds = [row["kind"] for row in done.rows]
    assert kinds[0] == "warning"
    assert {"decision", "cycle", "event", "raw", "source"} <= set(kinds)
    sha = hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    assert f"sha256:{sha}" in {row["id"] for row in done.rows if row["kind"] == "raw"}
    told = run("why", issued(store))
    assert sha in told.out


def test_why_of_nothing_is_a_fault_in_words(store: Path) -> None:
    done = run("why", "nothing.of.this.name")
    assert (done.status, done.out) == (3, "")
    assert "'nothing.of.this.name'" in done.err


def test_a_past_view_knows_only_what_was_known(store: Path) -> None:
    before = run("warnings", "list", "--at", "2001-02-28T18:00:00Z", "--json")
    after = run("warnings", "list", "--at", END, "--json")
    assert before.rows == []
    assert len(after.rows) >= 1
    assert {"id", "state", "level", "members", "etag", "verdict"} <= set(after.rows[0])


def test_ledger_rows_have_the_agreed_keys(store: Path) -> None:
    rows = run("verify", "ledger", "--json").rows
    warning = next(r for r in rows if r["entry"] == "warning")
    assert list(warning) == [
        "entry", "alert", "domain", "level", "regions", "names", "issued", "onset", "local_dates", "verdict",
        "lead_s", "rule",
    ]  # fmt: skip
    assert warning["verdict"] == "OPEN"  # nobody observes the outcome of an earthquake here
    assert run("verify", "ledger", "--domain", "nonsense").status == 2


def test_status_coverage_and_doctor(store: Path) -> None:
    status = run("status", "--json").row
    assert status["runs"][0]["domains"] == ["seismic"]
    assert [d["id"] for d in status["datasets"]] == ["sample"]
    struck = {r["domain"]: r for r in run("coverage", "--at", "2001-02-28T19:05:00Z", "--json").rows}
    assert struck["seismic"]["state"] == "ok"
    # Eleven hours later the archive has said nothing new: that is not calm, replay or not.
    coverage = {r["domain"]: r for r in run("coverage", "--at", END, "--json").rows}
    assert coverage["seismic"]["state"] == "stale"
    assert coverage["seismic"]["series_unknown"] > 3000
    assert coverage["air_transport"]["state"] == "never"
    checks = {r["check"]: r for r in run("doctor", "--json").rows}
    assert {"store", "journal", "country", "laws", "sources", "clock"} <= set(checks)
    assert all(checks[name]["ok"] for name in ("store", "journal", "country", "laws", "sources"))
    # Nothing live ever ran here: that is unknown, and in the words for people too.
    assert checks["jobs"]["ok"] is None
    assert {r["ok"] for name, r in checks.items() if name == "feed nws_alerts"} == {None}
    for words in (("status",), ("coverage",), ("doctor",)):
        assert run(*words).out.strip()
    (line,) = (line for line in run("doctor").out.splitlines() if line.split()[:1] == ["jobs"])
    assert line.split()[1] == "unknown"


def test_doctor_finds_what_is_wrong(own: Path) -> None:
    office = open_office(own)
    office.store.quarantine("usgs_earthquakes", office.store.audit()[-1].decision.at, None, "line 3", "torn")
    office.store.close()
    done = run("doctor", "--json")
    wrong = [r for r in done.rows if not r["ok"] and r["check"] == "quarantine"]
    assert done.status == 1
    assert "torn" in wrong[0]["detail"]
    assert "torn" in run("status").out


def test_doctor_without_a_store_says_so(tmp_path: Path) -> None:
    done = run("doctor", "--store", tmp_path / "none", "--json")
    assert done.status == 1
    assert not next(r for r in done.rows if r["check"] == "store")["ok"]


def test_a_cycle_on_record_is_shown_as_it_was(store: Path) -> None:
    row = run("cycle", "--at", "2001-02-28T19:05:00Z", "--domain", "seismic", "--json").row
    assert (row["kept"], row["mode"]) == (True, "replay")
    struck = [a["region"] for a in row["assessments"] if a["level"] >= 3]
    warned = run("warnings", "show", issued(store), "--json").row["members"]
    assert struck == [m["region"] for m in warned]


def test_a_cycle_never_run_is_computed_and_not_kept(store: Path) -> None:
    when = "2001-02-28T19:30:00Z"
    one = run("cycle", "--at", when, "--domain", "seismic", "--json")
    again = run("cycle", "--at", when, "--domain", "seismic", "--json")
    assert one.row["kept"] is False
    assert one.row == again.row
    assert max(a["level"] for a in one.row["assessments"]) >= 3
    fresh = run("cycle", "--at", "2001-02-28T14:00:00Z", "--domain", "seismic", "--json")
    assert "have learnt nothing" in fresh.err


def test_a_replay_that_was_done_is_found_done(own: Path) -> None:
    again = run("replay", "--start", "2001-02-28T15:05:00Z", "--end", END, "--domain", "seismic", "--json")
    assert again.row["run"] == 0
    off = run(
        "replay", "--start", "1999-01-01T00:05:00Z", "--end", "1999-01-02T00:05:00Z", "--domain", "seismic"
    )
    assert off.status == 2
    assert "allowed: a time that an archive of seismic covers" in off.err


def test_feeds(store: Path, tmp_path: Path) -> None:
    listed = {r["id"]: r for r in run("feeds", "list", "--json").rows}
    assert listed["usgs_earthquakes"]["outcome"] == "ok"
    assert listed["nws_alerts"]["outcome"] == "never"
    assert run("feeds", "show", "usgs_earthquakes", "--json").row["licence"]
    assert run("feeds", "show", "usgs_earthquake").status == 2
    assert "Did you mean 'usgs_earthquakes'" in run("feeds", "show", "usgs_earthquake").err


def test_feeds_parse_gives_a_record_a_line() -> None:
    rows = run("feeds", "parse", "usgs_earthquakes", SAMPLE, "--json").rows
    assert {r["kind"] for r in rows} == {"event"}
    first = next(r for r in rows if r["external_id"] == "uw00000001")
    assert first["magnitude"] == 6.8
    assert first["onset"].endswith("Z")
    parquet = SAMPLE.parents[1] / "bts_flights" / "sample.parquet"
    flights = run("feeds", "parse", "bts_flights", parquet, "--json").rows
    assert {r["kind"] for r in flights} == {"observation"}
    assert set(flights[0]) == {
        "kind", "quantity", "region", "valid_time", "known_at", "value", "missing", "source", "raw", "basis",
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b'{"type": "Topology"}', b"[" * 100_000])
def test_feeds_parse_of_bad_bytes_is_a_fault_in_words(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.geojson"
    bad.write_bytes(content)
    done = run("feeds", "parse", "usgs_earthquakes", bad, "--json")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("tocsin: ")


def test_feeds_new_makes_a_feed_that_parses(tmp_path: Path) -> None:
    done = run("feeds", "new", "gauges_river", "--to", tmp_path, "--json")
    source = Path(done.row["file"])
    space: dict[str, object] = {}
    exec(compile(source.read_text(), str(source), "exec"), space)  # noqa: S102 - we wrote it a line above
    assert space["SOURCE"].id == "gauges_river"  # type: ignore[attr-defined]
    again = run("feeds", "new", "gauges_river", "--to", tmp_path)
    assert again.status == 2
    assert run("feeds", "new", "Gauges", "--to", tmp_path).status == 2


def test_regions() -> None:
    assert run("regions", "show", KING, "--json").row["title"] == "King, Washington"
    assert KING in {r["id"] for r in run("regions", "find", "king county", "--json").rows}
    assert run("regions", "find", "--lat", 47.6, "--lon=-122.3", "--json").row["id"] == KING
    assert run("regions", "find", "--lat", 0, "--lon", 0).status == 1
    assert len(run("regions", "list", "--level", "site", "--json").rows) == 229
    assert all(
        r["parent"] == "US-53"
        for r in run("regions", "list", "--level", "county", "--in", "US-53", "--json").rows
    )
    assert run("regions", "list", "--level", "village").status == 2
    assert run("regions", "show", "US-5303").status == 3


def test_series_in_out_and_as_of(own: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(
        "quantity,region,valid_time,known_at,value,missing\n"
        "air_transport.departures,US-AIR-SEA,2001-02-28T18:00:00Z,2001-02-28T19:05:00Z,12,\n"
        "air_transport.departures,US-AIR-SEA,2001-02-28T18:00:00Z,2001-02-28T21:00:00Z,14,\n"
        "air_transport.departures,US-AIR-SEA,2001-02-28T19:00:00Z,2001-02-28T20:05:00Z,,not_reported\n"
    )
    done = run("series", "import", table, "--source", "desk", "--json")
    assert done.row["observations"] == 3
    again = run("series", "import", table, "--source", "desk", "--json").row
    assert (again["observations"], again["message"]) == (0, "this file was imported before")
    words = ("series", "as-of", "-q", "air_transport.departures", "-r", "US-AIR-SEA", "--json", "--at")
    early = run(*words, "2001-02-28T20:00:00Z").rows
    late = run(*words, "2001-02-28T22:00:00Z").rows
    assert [r["value"] for r in early] == [12]
    assert [(r["value"], r["missing"]) for r in late] == [(14, None), (None, "not_reported")]
    assert late[0]["raw"] == hashlib.sha256(table.read_bytes()).hexdigest()
    both = run("series", "revisions", "-q", "air_transport.departures", "-r", "US-AIR-SEA", "--json").rows
    assert [r["value"] for r in both if r["valid_time"] == "2001-02-28T18:00:00Z"] == [12, 14]
    out = run("series", "export", "-q", "air_transport.departures", "--at", "2001-02-28T22:00:00Z").out
    assert [r["value"] for r in csv.DictReader(io.StringIO(out))] == ["14", ""]
    parquet = tmp_path / "out.parquet"
    run("series", "export", "-q", "air_transport.departures", "-o", parquet)
    assert run("series", "import", parquet, "--source", "copy", "--json").row["observations"] == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("region,valid_time,value\nUS-AIR-SEA,2001-02-28T18:00:00Z,1\n", "quantity"),
        ("quantity,region,valid_time,value\nq,US-AIR-XXX,2001-02-28T18:00:00Z,1\n", "US-AIR-XXX"),
        ("quantity,region,valid_time,value\nq,US-AIR-SEA,2001-02-28T18:00:00,1\n", "without a zone"),
        ("quantity,region,valid_time,value\nq,US-AIR-SEA,2001-02-28T18:00:00Z,much\n", "much"),
        ("quantity,region,valid_time,value\nq,US-AIR-SEA,2001-02-28T18:00:00Z,nan\n", "NaN"),
        (
            "quantity,region,valid_time,known_at,value\nq,US-AIR-SEA,2001-02-28T18:00:00Z,2999-01-01T00:00:00Z,1\n",
            "2999",
        ),
    ],
)
def test_a_bad_table_keeps_nothing(own: Path, tmp_path: Path, text: str, word: str) -> None:
    table = tmp_path / "bad.csv"
    table.write_text(text)
    done = run("series", "import", table, "--source", "desk")
    assert done.status == 3
    assert word.lower() in done.err.lower()
    office = open_office(own)
    assert office.store.revisions("q", "US-AIR-SEA").num_rows == 0
    office.store.close()


def test_times_need_a_zone(store: Path) -> None:
    for words in (("warnings", "list", "--at", "2001-02-28"), ("coverage", "--at", "noon")):
        done = run(*words)
        assert done.status == 2
        assert "ISO 8601" in done.err or "zone" in done.err


def test_no_store_is_a_fault_that_says_what_to_do(tmp_path: Path) -> None:
    done = run("status", "--store", tmp_path / "none")
    assert done.status == 3
    assert "tocsin init" in done.err
    assert not (tmp_path / "none").exists()


def test_a_torn_database_is_a_fault_in_words(own: Path) -> None:
    database = own / "tocsin.db"
    for path in own.glob("tocsin.db-*"):
        path.unlink()
    database.write_bytes(b"not a database" * 1000)
    done = run("status")
    assert done.status == 3
    assert "Traceback" not in done.err


def test_settings_name_the_bad_key(own: Path) -> None:
    (own / config.FILE).write_text("[serve]\nprot = 1\n")
    done = run("status")
    assert done.status == 2
    assert "serve.prot" in done.err
    assert "Did you mean 'port'" in done.err


def test_cap(store: Path, tmp_path: Path) -> None:
    message = tmp_path / "message.xml"
    message.write_text(run("cap", "show", issued(store), "--xml").out)
    good = run("cap", "check", message, "--json")
    assert (good.status, good.row["parsed"], good.row["errors"]) == (0, True, [])
    agreed = ["file", "parsed", "version", "identifier", "xsd_valid", "errors", "warnings"]
    assert [key for key in good.row if key in agreed] == agreed
    message.write_text(message.read_text().replace("<status>Actual", "<status>Factual"))
    bad = run("cap", "check", tmp_path, "--json")
    assert bad.status == 1
    assert bad.row["errors"][0]["path"]
    (tmp_path / "torn.xml").write_text("<alert>")
    rows = run("cap", "check", tmp_path, "--json").rows
    assert [r["parsed"] for r in rows] == [True, False]
    assert run("cap", "check", tmp_path / "nothing.xml").status == 2
    when = run("warnings", "show", issued(store), "--json").row["sent"]
    feed = tmp_path / "feed.atom"
    feed.write_text(run("cap", "feed", "--at", when).out)
    assert len(run("cap", "feed", feed, "--json").rows) == 1
    assert run("cap", "feed", "--at", "2001-02-27T00:00:00Z", "--json").rows == []


def test_govern(store: Path) -> None:
    rows = run("govern", "sources", "--json").rows
    assert {"feed", "dataset", "pack"} == {r["kind"] for r in rows}
    assert all(r["licence"] for r in rows)
    assert next(r for r in rows if r["kind"] == "dataset")["sha256"]
    laws = run("govern", "laws", "--json")
    assert laws.status == 0
    assert {r["level"] for r in laws.rows} == {1, 2, 3, 4}
    entries = run("govern", "audit", "--subject", issued(store), "--json")
    assert entries.status == 0
    assert [r["action"] for r in entries.rows][:4] == ["draft", "submit", "approve", "issue"]
    assert run("govern", "limits", "--json").row["found"] == []


def test_tables_are_for_people(store: Path) -> None:
    for words in (
        ("warnings", "list"),
        ("warnings", "show", issued(store)),
        ("verify", "ledger"),
        ("feeds", "list"),
        ("govern", "sources"),
        ("govern", "laws"),
        ("govern", "audit"),
        ("respond", "list"),
        ("respond", "tasks"),
        ("detect", "methods"),
        ("regions", "list", "--level", "state"),
    ):
        done = run(*words)
        assert done.status == 0, done.err
        with pytest.raises(json.JSONDecodeError):
            json.loads(done.out)
