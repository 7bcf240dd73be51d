"""``tocsin cap``: check, show and convert, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cap.messages import WHOLE
from tests.cap.test_rules import CLEAN
from tests.cli.conftest import run
from tocsin.cap import parse, render
from tocsin.ops.messages import check

OPEN = CLEAN.replace("10,41 10,40</polygon>", "10,41</polygon>", 1)
FEED = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>w</title><updated>2026-03-14T06:00:00Z</updated>'
    "<entry><id>1</id><title>a</title><updated>2026-03-14T06:00:00Z</updated><content>{}</content></entry></feed>"
)
KEYS = {"file", "kind", "parsed", "version", "identifier", "xsd_valid", "errors", "warnings", "infos"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1-clean.xml").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "2-open.cap").write_text(OPEN, encoding="utf-8")
    (tmp_path / "3-feed.atom").write_text(FEED.format(CLEAN.split("?>")[1]), encoding="utf-8")
    (tmp_path / "4-page.xml").write_text("<!DOCTYPE html><html/>", encoding="utf-8")
    (tmp_path / "5-json.xml").write_text('{"identifier": "x"}', encoding="utf-8")
    (tmp_path / "6-wrapped.xml").write_text(f"<alerts>{CLEAN.split('?>')[1]}</alerts>", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    return tmp_path


def test_every_message_feed_and_document_is_a_line(folder: Path) -> None:
    ran = run("cap", "check", folder, "--json")
    rows = {Path(row["file"]).name + ("*" if row["kind"] == "feed" else ""): row for row in ran.rows}
    assert list(rows) == [
        "1-clean.xml", "2-open.cap", "3-feed.atom*", "3-feed.atom", "4-page.xml", "5-json.xml",
        "6-wrapped.xml",
    ]  # fmt: skip
    assert all(set(row) == KEYS for row in ran.rows)
    clean = rows["1-clean.xml"]
    assert (clean["parsed"], clean["version"], clean["xsd_valid"], clean["errors"]) == (True, "1.2", True, [])
    (error,) = rows["2-open.cap"]["errors"]
    assert error["rule"] == "area.polygon.open"
    assert error["path"] == "alert/info[1]/area[1]/polygon[1]"
    assert error["advice"] == "Repeat the first pair at the end."
    assert [e["rule"] for e in rows["3-feed.atom*"]["errors"]] == ["feed.id"]  # the feed itself has none
    assert rows["3-feed.atom"]["identifier"] == "2.49.0.1.0.1"
    assert rows["3-feed.atom"]["errors"] == []
    page, other = rows["4-page.xml"], rows["5-json.xml"]
    assert (page["parsed"], page["xsd_valid"], page["errors"][0]["rule"]) == (False, None, "doc.doctype")
    assert (other["parsed"], other["xsd_valid"]) == (False, False)
    assert other["errors"][0]["rule"] == "doc.not-well-formed"
    wrapped = rows["6-wrapped.xml"]
    assert (wrapped["identifier"], wrapped["xsd_valid"]) == ("2.49.0.1.0.1", False)
    assert [e["rule"] for e in wrapped["errors"]] == ["doc.namespace"]
    assert ran.status == 1


def test_the_exit_status_and_the_words(folder: Path) -> None:
    good = run("cap", "check", folder / "1-clean.xml")
    assert good.status == 0
    assert "valid by the schema  nothing to say" in good.out
    bad = run("cap", "check", folder / "2-open.cap")
    assert bad.status == 1
    assert "✗ area.polygon.open" in bad.out
    assert "→ Repeat the first pair at the end. [CAP 1.2 §3.2.4]" in bad.out
    assert "1 message in 1 file: 0 without an error, 1 with" in bad.out
    empty = folder / "empty"
    empty.mkdir()
    nothing = run("cap", "check", empty)
    assert (nothing.status, nothing.out) == (1, "")
    assert "no message found" in nothing.err


def test_profiles_and_levels(folder: Path) -> None:
    clean = folder / "1-clean.xml"
    ran = run("cap", "check", clean, "--profile", "ipaws", "--profile", "cap-cp", "--json")
    rules = {e["rule"] for e in ran.row["errors"]}
    assert {"ipaws.code", "cap-cp.code"} <= rules
    assert ran.status == 1
    unknown = run("cap", "check", clean, "--profile", "ipasw")
    assert unknown.status == 2
    assert "Did you mean 'ipaws'" in unknown.err
    assert run("cap", "check", clean, "--level", "loud").status == 2
    errors = run("cap", "check", clean, "--profile", "wmo", "--profile", "ipaws", "--level", "error")
    assert "ipaws.same-geocode" not in errors.out
    assert "ipaws.code" in errors.out


def test_messages_judged_together(tmp_path: Path) -> None:
    update = (
        CLEAN.replace(">Alert<", ">Update<")
        .replace("2.49.0.1.0.1", "2")
        .replace("T06:00:00+03:00</sent>", "T06:30:00+03:00</sent>")
    )
    gone = "desk@example.org,gone,2026-03-14T05:00:00+03:00"
    update = update.replace("</scope>", f"</scope><references>{gone}</references>")
    (tmp_path / "a.xml").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "b.xml").write_text(update, encoding="utf-8")
    apart = run("cap", "check", tmp_path, "--json")
    together = run("cap", "check", tmp_path, "--together", "--json")
    assert [w["rule"] for row in apart.rows for w in row["warnings"]] == []
    assert "set.references.dangling" in [w["rule"] for w in together.rows[1]["warnings"]]


def test_a_message_is_drawn_for_people(folder: Path) -> None:
    out = run("cap", "show", folder / "2-open.cap").out
    for words in (
        "Alert 2.49.0.1.0.1", "Heavy rain from noon", "1/2", "2/2", "Severe", "The coast",
        "polygon of 4 pairs", "5 km around 10,40", "from 100 ft to 200 ft", "Stay away from the rivers.",
    ):  # fmt: skip
        assert words in out, words
    (folder / "whole.xml").write_bytes(render(WHOLE))
    drill = run("cap", "show", folder / "whole.xml").out
    assert "EXERCISE: no warning for the public" in drill
    assert "replaces an earlier warning" in drill
    assert run("cap", "show", folder / "2-open.cap", "--json").row["identifier"] == "2.49.0.1.0.1"
    assert run("cap", "show", folder / "4-page.xml").status == 3


def test_older_messages_become_canonical_ones(tmp_path: Path) -> None:
    old = CLEAN.replace("cap:1.2", "cap:1.1").replace("T06:00:00+03:00</sent>", "T06:00:00Z</sent>")
    old = old.replace("<sender>", '<x xmlns="urn:x">y</x><sender>')
    file = tmp_path / "old.xml"
    file.write_text(old, encoding="utf-8")
    ran = run("cap", "convert", file)
    assert ran.status == 0
    alert, findings = parse(ran.out.encode())
    assert alert == parse(old.encode())[0]
    assert {f.level for f in findings} <= {"info"}
    assert "left out: alert/x:" in ran.err
    assert "doc.foreign-element" in ran.err


def test_the_messages_of_a_feed_become_files(folder: Path) -> None:
    two = FEED.format(CLEAN.split("?>")[1] + OPEN.split("?>")[1].replace("2.49.0.1.0.1", "../a b/c"))
    (folder / "two.atom").write_text(two, encoding="utf-8")
    refused = run("cap", "convert", folder / "two.atom")
    assert refused.status == 2
    assert "got 2 messages" in refused.err
    ran = run("cap", "convert", folder / "two.atom", "--output", folder / "out")
    files = [Path(line) for line in ran.out.splitlines()]
    assert [f.parent for f in files] == [folder / "out"] * 2
    assert [parse(f.read_bytes())[0].identifier for f in files] == ["2.49.0.1.0.1", "../a b/c"]
    assert ran.status == 1  # one of them is still wrong
    assert "still wrong: alert/identifier" in ran.err


def test_json_of_a_message_converts(tmp_path: Path) -> None:
    item = {"identifier": "a-1", "sender": "x", "sent": "2026-03-14T06:00:00+03:00", "status": "Actual",
            "msgType": "Alert", "scope": "Public", "info": []}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([item]), encoding="utf-8")
    assert run("cap", "check", tmp_path / "a.json", "--json").row["xsd_valid"] is None  # it is no XML
    ran = run("cap", "convert", tmp_path / "a.json")
    assert parse(ran.out.encode())[0].identifier == "a-1"


def test_a_file_that_is_gone_is_a_row_and_not_the_end(folder: Path) -> None:
    (folder / "0-gone.xml").symlink_to(folder / "nowhere.xml")
    found = check([folder / "0-gone.xml", folder / "1-clean.xml"])
    assert [one.wrong for one in found] == [True, False]
    assert found[0].row()["errors"][0]["rule"] == "doc.unreadable"
    assert "No such file" in found[0].row()["errors"][0]["message"]


def test_a_message_in_an_envelope_nobody_knows_is_judged_all_the_same(folder: Path) -> None:
    (folder / "soap.xml").write_text(
        f"<Envelope><Body>{OPEN.split('?>')[1]}</Body></Envelope>", encoding="utf-8"
    )
    row = run("cap", "check", folder / "soap.xml", "--json").row
    assert row["identifier"] == "2.49.0.1.0.1"
    assert {e["rule"] for e in row["errors"]} == {"doc.namespace", "area.polygon.open"}


def test_a_message_cannot_steer_the_terminal(folder: Path) -> None:
    text = (
        OPEN.replace("The coast", "The \x9b2J coast")
        .replace("Heavy rain", "\x85\x9b31m rain")
        .replace("2.49.0.1.0.1", "a\x9bc b")
    )
    (folder / "steer.xml").write_text(text, encoding="utf-8")
    for verb in ("show", "check"):
        out = run("cap", verb, folder / "steer.xml").out
        assert "\x9b" not in out
        assert "a\ufffdc" in out
