"""A real warning from draft to a public correction on the command line: two officers, and the law."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, password, run

SPANISH = ("--language", "es-US")


def act(*words: object, account: str) -> Ran:
    return run("warnings", *words, "--json", account=account)


def written(account: str, **changes: object) -> Ran:
    given = {
        "domain": "seismic", "region": "US-53033", "level": 2, "hours": 6,
        "headline": "Strong shaking reported in King County", "description": "Callers report shaking.",
        "instruction": "Check gas and water before use.", "status": "Actual", **changes,
    }  # fmt: skip
    words = [w for name, value in given.items() if value is not None for w in (f"--{name}", value)]
    return act("draft", *words, account=account)


def made(name: str, role: str, store: Path) -> None:
    os.environ["TOCSIN_PASSWORD"] = password(name)
    try:
        assert run("init", "--account", f"{name}:{role}", store=store).status == 0
    finally:
        del os.environ["TOCSIN_PASSWORD"]


def test_two_officers_and_a_third_without_the_role(own: Path) -> None:
    # draft, in two languages
    drafted = written("duty")
    assert drafted.status == 0, drafted.err
    name = drafted.row["id"]
    spanish = act("translate", name, *SPANISH, account="duty").row
    assert spanish["translations"][0]["headline"] == "Terremoto: King, Washington"
    assert act("check", name, *SPANISH, account="duty").status == 4  # one's own
    assert act("submit", name, account="duty").row["state"] == "submitted"
    unread = act("approve", name, "--basis", "ipaws", account="chief")
    assert (unread.status, "es-US unchecked" in unread.err) == (2, True)
    assert act("check", name, *SPANISH, account="second").row["translations"][0]["checked_by"] == "second"
    # the third has no such role; the article says who has
    for account in ("viewer", "second"):
        refused = act("approve", name, "--basis", "ipaws", account=account)
        assert refused.status == 4
        assert "Integrated Public Alert and Warning System Modernization Act" in refused.err
        assert "section 2 (6 U.S.C. § 321o)" in refused.err
        assert "approving_officer" in refused.err
    # approve and issue
    assert act("approve", name, "--basis", "ipaws", account="chief").row["legal_basis"] == "ipaws"
    issued = act("issue", name, account="duty").row
    assert issued["state"] == "issued"
    body = next((own / "partners").glob(f"*{name}*")).read_text("utf-8")
    assert "<language>es-US</language>" in body
    assert "Terremoto: King, Washington" in body
    assert act("ack", name, account="viewer").status == 0
    # update
    words = ("--reason", "new figures", "--headline", "Shaking ended in King County")
    new = act("update", name, *words, account="duty").row
    assert (new["msg_type"], new["translations"][0]["checked_by"]) == ("Update", None)
    assert act("translate", new["id"], *SPANISH, "--drop", account="second").row["translations"] == []
    assert act("submit", new["id"], account="duty").status == 0
    assert act("approve", new["id"], "--basis", "ipaws", account="chief").status == 0
    assert act("issue", new["id"], account="duty").status == 0
    assert run("warnings", "show", name, "--json").row["state"] == "updated"
    # it was wrong: taken back in public
    gone = act("cancel", new["id"], "--reason", "A quarry blast.", "--correction", account="duty").row
    assert act("submit", gone["id"], account="duty").status == 0
    assert act("approve", gone["id"], "--basis", "ipaws", account="chief").status == 0
    assert act("issue", gone["id"], account="duty").row["correction"] is True
    (row,) = run("warnings", "list", "--corrections", "--json").rows
    assert (row["id"], row["corrects"], row["reason"]) == (gone["id"], [new["id"]], "A quarry blast.")
    body = next((own / "partners").glob(f"*{gone['id']}*")).read_text("utf-8")
    assert "<note>Correction: A quarry blast.</note>" in body
    entry = next(r for r in run("verify", "ledger", "--json").rows if r.get("alert") == name)
    assert entry["corrected_by"] == [gone["id"]]
    # a draft that is turned down
    other = written("duty").row["id"]
    assert act("reject", other, "--reason", "not confirmed", account="second").row["state"] == "rejected"


def test_one_officer_alone_and_the_review(own: Path) -> None:
    made("root", "administrator", own)
    name = written("chief", event="Earthquake").row["id"]
    act("submit", name, account="chief")
    assert act("approve", name, "--basis", "ipaws", account="chief").status == 4
    bare = act("approve", name, "--basis", "ipaws", "--break-glass", account="chief")
    assert (bare.status, "reason: got nothing" in bare.err) == (4, True)
    alone = ("--break-glass", "--reason", "8 seconds are left")
    assert act("approve", name, "--basis", "ipaws", *alone, account="chief").row["state"] == "approved"
    assert act("issue", name, account="chief").row["state"] == "issued"
    waiting = run("warnings", "reviews", "--due", "--json")
    assert (waiting.status, waiting.row["policy"], waiting.row["account"]) == (0, "demo-seconds-1", "chief")
    later = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    late = run("warnings", "reviews", "--due", "--at", later, "--json")
    assert (late.status, late.row["overdue"]) == (1, True)
    found = ("--verdict", "upheld", "--finding", "The text was right.")
    assert act("review", name, *found, account="duty").status == 4
    own_act = act("review", name, *found, account="chief")
    assert (own_act.status, "took part" in own_act.err) == (4, True)
    assert act("review", name, "--verdict", "fine", "--finding", "x", account="root").status == 2
    assert act("review", name, *found, account="root").row["reviewed_by"] == "root"
    assert run("warnings", "reviews", "--due", "--json").rows == []
    assert act("review", name, *found, account="root").status == 3


def test_the_glass_breaks_for_no_other_hazard(own: Path) -> None:
    name = written("chief", event="Flood").row["id"]
    act("submit", name, account="chief")
    alone = ("--break-glass", "--reason", "hurry")
    refused = act("approve", name, "--basis", "ipaws", *alone, account="chief")
    assert refused.status == 4
    assert "got event 'Flood', allowed by policy demo-seconds-1: Earthquake" in refused.err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"region": "US-99999"}, "got 'US-99999', allowed: a region of pack us"),
        ({"domain": "tides"}, "domain: got 'tides', allowed:"),
        ({"hours": 0}, "--hours': Input should be greater than or equal to 0.1"),
        ({"region": None}, "Missing option '--region'"),
    ],
)
def test_bad_input_is_no_draft(own: Path, changes: dict[str, object], words: str) -> None:
    refused = written("duty", **changes)
    assert refused.status == 2
    assert words in " ".join(refused.err.replace("│", " ").split())
    assert run("warnings", "list", "--state", "draft", "--json").rows == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"headline": "Shaking in [place]"}, "headline: got the unfilled placeholder '[place]'"),
        ({"description": "Callers report $what."}, "description: got the unfilled placeholder '$what'"),
        ({"instruction": "TODO"}, "instruction: got the unfilled placeholder 'TODO'"),
        ({"headline": "x" * 161}, "headline: got 161 characters, allowed: at most 160"),
        ({"description": "y" * 5001}, "description: got 5001 characters, allowed: at most 5000"),
    ],
)
def test_bad_text_is_not_submitted(own: Path, changes: dict[str, object], words: str) -> None:
    name = written("duty", **changes).row["id"]
    refused = act("submit", name, account="duty")
    assert (refused.status, words in refused.err) == (2, True), refused.err


def test_an_unknown_language_names_those_that_there_are(own: Path) -> None:
    name = written("duty").row["id"]
    refused = act("translate", name, "--language", "es-MX", account="duty")
    assert refused.status == 2
    assert "language: got 'es-MX', allowed by country us: en-US, es-US" in refused.err
    assert act("check", name, *SPANISH, account="second").status == 2  # there is none to check
    same = act(
        "translate", name, *SPANISH, "--headline", "Strong shaking reported in King County", account="duty"
    )
    assert (same.status, "the same text as in en-US" in same.err) == (2, True)


def test_a_clock_that_went_back(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = written("duty").row["id"]
    past = datetime.now(UTC) - timedelta(hours=1)
    monkeypatch.setattr("tocsin.cli.warnings.now", lambda: past)
    refused = act("submit", name, account="duty")
    assert refused.status == 2
    assert "allowed: not before it was made" in refused.err


def test_a_recipient_that_cannot_be_is_told_before_anything_is_issued(own: Path) -> None:
    name = written("duty").row["id"]
    act("submit", name, account="duty")
    act("approve", name, "--basis", "ipaws", account="chief")
    (own / "recipients.toml").write_text('[public.press]\nchannel = "pigeon"\naddress = "roof"\n', "utf-8")
    refused = act("issue", name, account="duty")
    assert refused.status == 2
    assert "public.press.channel: got 'pigeon', allowed:" in refused.err
    assert run("warnings", "show", name, "--json").row["state"] == "approved"
