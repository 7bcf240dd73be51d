"""``tocsin govern audit``: shown, verified, anchored; exit 1 when the record was tampered with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.conftest import run


def test_from_the_list_to_an_anchor(own: Path) -> None:
    rows = run("govern", "audit", "list", "--action", "draft", "--json").rows
    assert [r["action"] for r in rows] == ["draft"]
    shown = run("govern", "audit", "show", rows[0]["seq"], "--json").row
    assert shown["headline"]
    assert shown["anchored_by"] is None
    made = run("govern", "audit", "anchor", "--json").row
    assert Path(made["file"]) == own / "anchors.jsonl"
    assert run("govern", "audit", "show", rows[0]["id"], "--json").row["anchored_by"]
    assert "Last entry" in run("govern", "audit", "anchor", "--print").out
    done = run("govern", "audit", "verify", "--json")
    assert done.status == 0, done.out
    assert done.rows[-1]["weight"] == "summary"
    assert done.rows[-1]["faults"] == 0
    later = run("govern", "audit", "verify", "--since", "2199-01-01T00:00:00Z", "--json").rows[-1]
    assert (later["entries"], later["since"] is None) == (1, False)


def test_a_record_that_was_tampered_with(own: Path) -> None:
    sql = sqlite3.connect(own / "tocsin.db")
    sql.execute("DROP TRIGGER journal_no_update")
    sql.execute("UPDATE journal SET actor = 'eve' WHERE action = 'draft'")
    sql.commit()
    sql.close()
    done = run("govern", "audit", "verify")
    assert done.status == 1
    assert "column actor eve" in done.out
    assert "  do        " in done.out
    assert run("govern", "audit", "verify", "--json").rows[-1]["verdict"] == "not whole"
    bare = run("govern", "audit")
    assert bare.status == 1
    assert "column actor eve" in bare.err
    assert run("store", "check").status == 1
    assert run("govern", "audit", "show", "999").status == 3
    assert run("govern", "audit", "verify", "--anchors", own / "none").status == 2
