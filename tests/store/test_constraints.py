"""Around the code, with plain SQL: the database itself refuses what must never be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.model import Decision, Role, State, to_us
from tocsin.store import Store, open_store
from tocsin.testing.store import HOUR, NOW, T0, alert, event, observation

UNTIL = to_us(T0 + HOUR)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    store.put("alert", "x", alert("x"), known_at=T0, revision=0)
    store.add([observation("A", T0, T0, 1.0), event("e", T0)], ingest="1", at=NOW)
    store.journal(
        Decision(id="1", at=T0, actor="a", role=Role.SYSTEM, action="d", subject="x", content_hash="")
    )
    store.quarantine("s", T0, None, "row 1", "bad")
    yield store
    store.close()


@pytest.fixture
def sql(store: Store, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "tocsin.db")
    connection.execute("PRAGMA foreign_keys = ON")
    yield connection
    connection.close()


def insert(sql: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    places = ", ".join("?" * len(row))
    sql.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", [*row.values()])


def approve(sql: sqlite3.Connection, **changes: object) -> None:
    row: dict[str, object] = {
        "alert": "x",
        "content_hash": alert("x").content_hash,
        "approval_expires": UNTIL,
        "approved_at": to_us(T0),
        "submitter": "anna",
        "approver": "bert",
        "legal_basis": "law",
    } | changes
    insert(sql, "approval", row)


def issue(sql: sqlite3.Connection, **changes: object) -> None:
    row: dict[str, object] = {
        "alert": "x",
        "content_hash": alert("x").content_hash,
        "approval_expires": UNTIL,
        "issued_at": to_us(T0),
        "issuer": "bert",
    } | changes
    insert(sql, "issue", row)


def test_the_good_way_is_open(sql: sqlite3.Connection) -> None:
    approve(sql)
    issue(sql)
    assert sql.execute("SELECT COUNT(*) FROM issue").fetchone() == (1,)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"approver": "anna"}, "approval_four_eyes"),
        ({"approver": "anna", "breakglass_policy": "night"}, "approval_four_eyes"),
        ({"approver": "anna", "breakglass_policy": "night", "reason": "alone"}, "approval_four_eyes"),
        ({"legal_basis": None}, "NOT NULL"),
        ({"legal_basis": "  "}, "approval_legal_basis"),
        ({"approver": ""}, "approval_named"),
        ({"approved_at": UNTIL + 1}, "approval_window"),
        ({"content_hash": "0" * 64}, "content_hash is not that of the current alert revision"),
        ({"alert": "nobody"}, "content_hash is not that of the current alert revision"),
    ],
)
def test_no_bad_approval(sql: sqlite3.Connection, changes: dict[str, object], constraint: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=constraint):
        approve(sql, **changes)


def test_break_glass_needs_all_three(sql: sqlite3.Connection) -> None:
    approve(sql, approver="anna", breakglass_policy="night", reason="alone", review_due=UNTIL)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"issued_at": UNTIL + 1}, "issue_in_time"),
        ({"approval_expires": UNTIL + 1}, "FOREIGN KEY"),
        ({"content_hash": "0" * 64}, "content_hash is not that of the current alert revision"),
    ],
)
def test_no_bad_issue(sql: sqlite3.Connection, changes: dict[str, object], constraint: str) -> None:
    approve(sql)
    sql.commit()
    with pytest.raises(sqlite3.IntegrityError, match=constraint):
        issue(sql, **changes)


def test_no_issue_without_approval(sql: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        issue(sql)


def test_an_edit_voids_the_approval(store: Store, sql: sqlite3.Connection) -> None:
    approve(sql)
    sql.commit()
    edited = alert("x", revision=1, headline="edited")
    store.put("alert", "x", edited, known_at=T0, revision=1)
    with pytest.raises(sqlite3.IntegrityError, match="current alert revision"):
        issue(sql)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        issue(sql, content_hash=edited.content_hash)


def test_a_change_of_state_does_not(store: Store, sql: sqlite3.Connection) -> None:
    approve(sql)
    sql.commit()
    store.put("alert", "x", alert("x", revision=1, state=State.APPROVED), known_at=T0, revision=1)
    issue(sql)


@pytest.mark.parametrize("table", ["journal", "record", "event", "ingest", "approval", "issue", "quarantine"])
def test_append_only(sql: sqlite3.Connection, table: str) -> None:
    approve(sql)
    issue(sql)
    sql.commit()
    column = sql.execute(f"SELECT name FROM pragma_table_info('{table}') LIMIT 1").fetchone()[0]
    for verb in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            sql.execute(verb)


def test_revisions_have_no_gap(sql: sqlite3.Connection) -> None:
    insert = "INSERT INTO record (kind, id, revision, known_at, body) VALUES ('alert', 'x', ?, 0, '{}')"
    for wrong in (0, 2, -1):
        with pytest.raises(sqlite3.IntegrityError, match=r"revision|UNIQUE"):
            sql.execute(insert, [wrong])
    sql.execute(insert, [1])


def test_a_forged_journal_is_found(store: Store, sql: sqlite3.Connection) -> None:
    assert store.check() == []
    sql.execute("DROP TRIGGER journal_no_update")
    sql.execute("UPDATE journal SET body = replace(body, '\"d\"', '\"e\"')")
    sql.commit()
    assert any("is not what was written" in fault for fault in store.check())


def test_the_chain_cannot_fork(sql: sqlite3.Connection) -> None:
    insert = (
        "INSERT INTO journal (id, at, actor, action, subject, body, prev, hash) "
        "SELECT 'other', at, actor, action, subject, body, prev, 'other' FROM journal"
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        sql.execute(insert)


def test_settings_that_durability_rests_on(store: Store) -> None:
    with store.database.read() as connection:  # type: ignore[attr-defined]
        got = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert got == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
