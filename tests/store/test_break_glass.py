"""With plain SQL, past all code: nobody approves their own, and the glass is not broken by an empty word."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tocsin.model import State, Translation, to_us
from tocsin.store import Store, open_store
from tocsin.store.migrations import CURRENT
from tocsin.testing.store import HOUR, T0, alert

UNTIL = to_us(T0 + HOUR)
GLASS = {"breakglass_policy": "seconds-1", "reason": "alone at night", "review_due": UNTIL}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    spanish = Translation(
        language="es", event="e", headline="h", description="d", instruction="i", author="tess", written_at=T0
    )
    first = replace(
        alert("x"), author="ann", headline='a quoted "submitter":"bob" and \\', translations=(spanish,)
    )
    store.put("alert", "x", first, known_at=T0, revision=0)
    asked = replace(first, revision=1, state=State.SUBMITTED, submitter="sue")
    store.put("alert", "x", asked, known_at=T0, revision=1)
    yield store
    store.close()


@pytest.fixture
def sql(store: Store, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    yield connection
    connection.close()


def approve(sql: sqlite3.Connection, **changes: object) -> None:
    content = sql.execute("SELECT content_hash FROM record WHERE kind = 'alert' AND id = 'x'").fetchone()[0]
    row = {
        "alert": "x", "content_hash": content, "approval_expires": UNTIL, "approved_at": to_us(T0),
        "submitter": "sue", "approver": "olga", "legal_basis": "law", **changes,
    }  # fmt: skip
    names, places = ", ".join(row), ", ".join("?" * len(row))
    sql.execute(f"INSERT INTO approval ({names}) VALUES ({places})", [*row.values()])


def test_another_officer_may(sql: sqlite3.Connection) -> None:
    approve(sql)
    approve(sql, approver="sue", approval_expires=UNTIL + 1, **GLASS)
    assert sql.execute("SELECT COUNT(*) FROM approval").fetchone() == (2,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"approver": "sue"}, "approval_four_eyes"),
        ({"approver": "ann"}, "the approver wrote the warning"),
        ({"approver": "tess"}, "the approver wrote the warning or a translation of it"),
        # somebody else is named as the submitter, to make two of one
        ({"approver": "sue", "submitter": "bob"}, "the submitter is not the one of the warning"),
        ({"approver": "sue", "submitter": 'x" OR "1'}, "the submitter is not the one of the warning"),
    ],
)
def test_nobody_approves_their_own(sql: sqlite3.Connection, changes: dict[str, object], words: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=words):
        approve(sql, **changes)


@pytest.mark.parametrize("approver", ["sue", "ann"])
@pytest.mark.parametrize(
    "glass",
    [
        *({name: None} for name in GLASS),
        {"breakglass_policy": "", "reason": ""},
        {"breakglass_policy": "  "},
        {"reason": " "},
        {"review_due": to_us(T0)},
        {"review_due": to_us(T0) - 1},
    ],
)
def test_the_glass_needs_policy_reason_and_a_review_to_come(
    sql: sqlite3.Connection, approver: str, glass: dict[str, object]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"four_eyes|four eyes|break-glass needs"):
        approve(sql, approver=approver, **(GLASS | glass))


def test_an_older_store_gets_the_triggers(store: Store, sql: sqlite3.Connection, tmp_path: Path) -> None:
    for name in ("submitter", "author", "glass"):
        sql.execute(f"DROP TRIGGER approval_{name}")
    sql.execute("UPDATE meta SET value = 3 WHERE name = 'schema'")
    approve(sql, approver="ann")  # as it was
    store.close()
    open_store(tmp_path).close()
    assert sql.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == (CURRENT,)
    with pytest.raises(sqlite3.IntegrityError, match="the approver wrote the warning"):
        approve(sql, approver="ann", approval_expires=UNTIL + 1)
