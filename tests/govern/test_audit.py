"""Any change, reorder or cut in the record is found; so is what no decision bears out."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.govern.record import lived, write_record
from tests.warn.desk import DUTY as DUTY_ROLE
from tests.warn.desk import SENDER, at
from tocsin.govern.audit import Anchor, AnchorKey, Kind, heads, read_anchors, unlawful, verify
from tocsin.model import Decision, NotFoundError, Role, StoreError
from tocsin.store import open_store
from tocsin.warn import lifecycle as life

STATE = ("journal", "seal", "record", "approval", "issue", "account", "outbox")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return write_record(tmp_path_factory.mktemp("audit") / "store")


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store"))


def edit(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Somebody with the file: no trigger, no constraint holds."""
    sql = sqlite3.connect(path / "tocsin.db")
    triggers = sql.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        sql.execute(f"DROP TRIGGER {name}")
    for one in statements:
        sql.execute(*((one,) if isinstance(one, str) else one))
    for _, text in triggers:
        sql.execute(text)
    sql.commit()
    sql.close()


def kinds(path: Path, **more) -> set[Kind]:
    return {f.kind for f in verify(path, **more).faults}


def anchor(path: Path, moment="10:00", **more) -> Anchor:
    now = heads(path)
    return Anchor(
        at=at(moment), entries=now.entries, head=now.head, seals=now.seals, seal_head=now.seal_head, **more
    )


def test_a_whole_record(path):
    report = verify(path, anchors=[anchor(path)])
    assert report.faults == ()
    assert (report.entries, report.anchors) == (10, 1)
    assert report.rows == 8 + 2 + 2 + 2 + 6 + 4
    assert [n.kind for n in report.notes] == [Kind.UNSIGNED]
    assert [n.kind for n in verify(path).notes] == [Kind.NO_ANCHOR]


def test_an_empty_store(tmp_path):
    open_store(tmp_path).close()
    assert verify(tmp_path).faults == ()
    with pytest.raises(StoreError, match="got no store"):
        verify(tmp_path / "none")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE journal SET body = replace(body, 'olga', 'otto') WHERE seq = 5", Kind.CHANGED),
        ("UPDATE journal SET body = body || ' ' WHERE seq = 5", Kind.CHANGED),
        ("UPDATE journal SET body = 'x' WHERE seq = 5", Kind.CHANGED),
        ("UPDATE journal SET actor = 'otto' WHERE seq = 5", Kind.CHANGED),
        ("UPDATE journal SET at = at + 1 WHERE seq = 5", Kind.CHANGED),
        ("DELETE FROM journal WHERE seq = 5", Kind.REMOVED),
        ("DELETE FROM journal WHERE seq = 1", Kind.REMOVED),
        ("DELETE FROM journal WHERE seq = 10", Kind.CUT_OFF),
        ("DELETE FROM seal WHERE n = 3", Kind.REMOVED),
        ("DELETE FROM seal WHERE n = (SELECT MAX(n) FROM seal)", Kind.CUT_OFF),
        ("UPDATE record SET body = replace(body, 'Seattle', 'Spokane') WHERE revision = 2", Kind.CHANGED),
        ("DELETE FROM record WHERE revision = 3", Kind.REMOVED),
        ("UPDATE approval SET approver = 'otto'", Kind.CHANGED),
        ("DELETE FROM issue WHERE alert = 'us.air.1'", Kind.REMOVED),
        ("UPDATE account SET role = 'administrator' WHERE name = 'dan'", Kind.CHANGED),
        ("UPDATE account SET role = 'administrator' WHERE name = 'dan'", Kind.UNEXPLAINED),
        ("INSERT INTO account VALUES ('eve', 'administrator', 'h', 0)", Kind.UNEXPLAINED),
        ("UPDATE outbox SET recipient = 'nobody' WHERE status = 'pending'", Kind.CHANGED),
        ("UPDATE outbox SET detail = 'never' WHERE status = 'delivered'", Kind.CHANGED),
        ("UPDATE outbox SET status = 'pending' WHERE status = 'delivered'", Kind.REMOVED),
        ("UPDATE outbox SET status = 'delivered' WHERE status = 'pending'", Kind.UNEXPLAINED),
        ("DROP TRIGGER record_no_update", Kind.UNGUARDED),
    ],
)  # fmt: skip
def test_what_somebody_did_with_sql(path, statement, kind):
    if statement.startswith("DROP"):
        sql = sqlite3.connect(path / "tocsin.db")
        sql.execute(statement)
        sql.close()
    else:
        edit(path, statement)
    found = [f for f in verify(path).faults if f.kind is kind]
    assert found
    assert found[0].found != found[0].expected
    assert found[0].advice


def test_two_entries_that_changed_places(path):
    edit(
        path,
        "UPDATE journal SET seq = -4 WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 5",
        "UPDATE journal SET seq = 5 WHERE seq = -4",
    )
    assert Kind.REORDERED in kinds(path)


def test_a_cut_that_covers_its_tracks_is_found_by_the_anchor_alone(path):
    kept = anchor(path)
    edit(
        path,
        "DELETE FROM record WHERE id = 'us.air.1'", "DELETE FROM approval WHERE alert = 'us.air.1'",
        "DELETE FROM issue WHERE alert = 'us.air.1'", "DELETE FROM outbox WHERE group_id = 'us.air.1'",
        "DELETE FROM journal WHERE subject = 'us.air.1'", "DELETE FROM seal WHERE n > 8",
        "UPDATE sqlite_sequence SET seq = (SELECT MAX(seq) FROM journal) WHERE name = 'journal'",
        "UPDATE sqlite_sequence SET seq = (SELECT MAX(n) FROM seal) WHERE name = 'seal'",
    )  # fmt: skip
    assert verify(path).faults == ()
    assert kinds(path, anchors=[kept]) == {Kind.CUT_OFF}


def test_a_record_written_anew_is_found_by_the_anchor(made, tmp_path):
    forged = write_record(tmp_path / "forged", lives=3)
    assert verify(forged).faults == ()
    other = replace(anchor(made), head="0" * 63 + "1")
    assert Kind.REWRITTEN in kinds(forged, anchors=[other])


def test_going_on_from_an_anchor(path):
    kept = anchor(path)
    store = open_store(path)
    store.put("x", "y", {"z": 1}, known_at=at("11:00"), revision=0)
    store.close()
    report = verify(path, anchors=[kept], since=at("12:00"))
    assert (report.faults, report.entries, report.seals, report.rows) == ((), 0, 1, 1)
    edit(path, "UPDATE record SET body = '{}' WHERE kind = 'x'")
    assert kinds(path, anchors=[kept], since=at("12:00")) == {Kind.CHANGED}
    with pytest.raises(NotFoundError, match="from 2001-03-05T10:00:00Z on"):
        verify(path, anchors=[kept], since=at("09:00"))


def _texts(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else str(value).encode()


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_single_change_passes(made, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        shutil.copy(made / "tocsin.db", path / "tocsin.db")
        sql = sqlite3.connect(path / "tocsin.db")
        table = data.draw(st.sampled_from(STATE))
        rows = [r[0] for r in sql.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        columns = [r[1] for r in sql.execute(f"PRAGMA table_info({table})")]
        if table == "outbox":  # when it is tried next is no decision
            columns = [c for c in columns if c not in ("next_try", "owner", "lease_until", "priority")]
        row = data.draw(st.sampled_from(rows))
        how = data.draw(st.sampled_from(["byte", "byte", "byte", "delete", "swap"]))
        statements: list[tuple[str, tuple[object, ...]]]
        if how == "delete":
            statements = [(f"DELETE FROM {table} WHERE rowid = ?", (row,))]
        elif how == "swap":
            other = data.draw(st.sampled_from([r for r in rows if r != row]))
            column = data.draw(st.sampled_from(columns))
            pair = {r: sql.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (r,)).fetchone()[0]
                    for r in (row, other)}  # fmt: skip
            if pair[row] == pair[other]:
                return
            aside = -1 if isinstance(pair[row], int) else "aside"
            statements = [
                (f"UPDATE {table} SET {column} = ? WHERE {column} IS ? AND rowid = ?", values)
                for values in ((aside, pair[row], row),)
            ]
            if column not in ("seq", "n", "id") or table not in ("journal", "seal", "outbox"):
                statements += [
                    (f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (pair[row], other)),
                    (f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (pair[other], row)),
                ]
        else:
            column = data.draw(st.sampled_from(columns))
            old = sql.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()[0]
            if old is None or old == "":
                new: object = "x"
            else:
                text = bytearray(_texts(old))
                place = data.draw(st.integers(0, len(text) - 1))
                byte = data.draw(st.integers(33, 126).filter(lambda b: b != text[place]))
                text[place] = byte
                new = text.decode("utf-8", "replace")
            answered = table == "outbox" and column in ("attempts", "settled_at", "detail", "confirmed_at")
            pending = sql.execute(
                "SELECT 1 FROM outbox WHERE rowid = ? AND status = 'pending'", (row,)
            ).fetchone()
            if answered and pending:
                return  # nothing was answered yet: nothing is vouched for
            statements = [(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))]
        sql.execute("PRAGMA ignore_check_constraints = ON")
        sql.close()
        try:
            edit(path, *statements)
        except sqlite3.Error:
            return  # the database itself refused
        assert verify(path).faults != (), statements


def test_anchors_are_judged_by_their_signatures(path):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def signed(one: Anchor) -> Anchor:
        import base64

        said = private.sign(one.signed_bytes, ec.ECDSA(hashes.SHA256()))
        return replace(one, signature=base64.b64encode(said).decode())

    key = AnchorKey(id="k", public_key=public, valid_from=at("08:00"), valid_until=at("20:00"))
    good = signed(anchor(path, key="k", method="ecdsa-sha256"))
    assert verify(path, anchors=[good], keys={"k": key}).notes == ()
    cases = [
        ([replace(good, entries=9)], {"k": key}, Kind.FORGED),
        ([replace(good, signature="####")], {"k": key}, Kind.FORGED),
        ([anchor(path)], {"k": key}, Kind.FORGED),
        ([good], {}, Kind.UNKNOWN_KEY),
        ([good], {"k": replace(key, revoked_at=at("09:00"), reason="lost")}, Kind.REVOKED_KEY),
        ([good], {"k": replace(key, valid_from=at("11:00"))}, Kind.REVOKED_KEY),
        ([good, signed(replace(good, prev=good.hash, at=at("09:59")))], {"k": key}, Kind.BACKWARDS),
        ([good, signed(replace(good, prev="1" * 64, at=at("10:30")))], {"k": key}, Kind.LOST_ANCHOR),
    ]
    for anchors, keys, kind in cases:
        assert kinds(path, anchors=anchors, keys=keys) == {kind}
    later = replace(key, revoked_at=at("11:00"))
    assert [n.kind for n in verify(path, anchors=[good], keys={"k": later}).notes] == [Kind.REVOKED_KEY]


def test_lines_of_anchors(path):
    one = anchor(path)
    two = replace(one, prev=one.hash, at=at("11:00"))
    lines = [one.line + "\n", two.line + "\n"]
    assert read_anchors(lines) == (one, two)
    assert read_anchors([lines[0], lines[1][:40]]) == (one,), "torn by a kill"
    for wrong in ("{}\n", "x\n", lines[0].replace(":", ": ", 1), "[]\n"):
        with pytest.raises(StoreError, match="line 1"):
            read_anchors([wrong, lines[1]])


def test_an_older_store_is_sealed_as_it_is(path):
    sql = sqlite3.connect(path / "tocsin.db")
    sql.execute("DROP TABLE seal")
    sql.execute("UPDATE meta SET value = 4 WHERE name = 'schema'")
    sql.commit()
    sql.close()
    with pytest.raises(StoreError, match="store migrate"):
        verify(path)
    open_store(path).close()
    assert verify(path).faults == ()
    edit(path, "UPDATE record SET known_at = known_at + 1 WHERE revision = 1")
    assert Kind.CHANGED in kinds(path)


def test_a_step_without_its_decision_and_time_that_goes_back(path):
    store = open_store(path)
    last = store.get("alert", "us.air.0")
    store.put(
        "alert", "us.air.0", replace(last, revision=last.revision + 1), known_at=at("12:00"), revision=4
    )
    store.journal(
        Decision(
            id="z", at=at("09:00"), actor="dan", role=Role.DUTY_OFFICER, action="submit",
            subject="us.air.1", content_hash="f" * 64,
        )
    )  # fmt: skip
    store.close()
    assert kinds(path) == {Kind.UNEXPLAINED, Kind.BACKWARDS}


def record(changes=None, *, glass=False):
    return [d for _, d in lived(changes, glass=glass)]


def test_a_lawful_record():
    assert unlawful(record()) == ()
    assert unlawful(record({"event": "Earthquake"}, glass=True)) == ()


def test_an_update_needs_its_own_approval():
    steps = lived()
    first = steps[-1][0]
    second, d = life.update(
        first, {"level": 3}, new_id="us.air.1.2", sender=SENDER, actor="dan", role=DUTY_ROLE, at=at("10:00"),
        chain=[first],
    )  # fmt: skip
    forged = Decision(
        id="x", at=at("10:01"), actor="system", role=Role.SYSTEM, action="issue", subject=second.id,
        content_hash=second.content_hash,
    )  # fmt: skip
    assert unlawful([*record(), d, forged]) == (
        "us.air.1.2: issued at 2001-03-05T10:01:00Z without an approval",
    )


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda r: [r[0], r[1], r[3]], "without an approval"),
        (
            lambda r: [r[0], r[1], replace(r[2], content_hash="0"), r[3]],
            "with other content than was approved",
        ),
        (lambda r: [r[0], r[1], replace(r[2], legal_basis=None), r[3]], "without a legal basis"),
        (
            lambda r: [r[0], r[1], replace(r[2], actor="dan"), r[3]],
            "on the approval of dan, who made or submitted it",
        ),
        (lambda r: [r[0], r[1], replace(r[2], actor="system"), r[3]], "on the approval of system"),
        (
            lambda r: [r[0], r[1], replace(r[2], at=at("09:30")), r[3]],
            "before its approval at 2001-03-05T09:30:00Z",
        ),
        (lambda r: [*r[:3], replace(r[1], action="edit"), r[3]], "without an approval"),
        (lambda r: [*r[:3], replace(r[1], action="reject"), r[3]], "without an approval"),
        (lambda r: [r[3], *r[:3]], "without an approval"),
    ],
)
def test_an_issue_that_the_record_does_not_bear_out(forge, words):
    faults = unlawful(forge(record()))
    assert any(words in fault for fault in faults), faults
