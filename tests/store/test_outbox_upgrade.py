"""A store of version 2: its drills move to their own outbox, its warnings go on where they stood."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tocsin.model import StoreError
from tocsin.store import open_store
from tocsin.store.migrations import CURRENT
from tocsin.store.schema import OUTBOXES
from tocsin.testing.channels import AT

V2 = """
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, group_id TEXT NOT NULL, recipient TEXT NOT NULL,
  content_hash TEXT NOT NULL, channel TEXT NOT NULL, payload JSON NOT NULL, at BIGINT NOT NULL,
  status TEXT NOT NULL, attempts INTEGER DEFAULT '0' NOT NULL, next_try BIGINT, settled_at BIGINT,
  detail TEXT DEFAULT '' NOT NULL, CONSTRAINT outbox_once UNIQUE (group_id, recipient, content_hash)
);
CREATE INDEX outbox_next ON outbox (status, next_try);
"""


def test_an_outbox_of_version_2(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "tocsin.db")) as sql:
        for name in (table.name for table in OUTBOXES.values()):
            sql.execute(f"DROP TABLE {name}")
        sql.executescript(V2)
        now = int(AT.timestamp()) * 10**6
        rows = (
            ("a", "Actual", "pending"),
            ("b", "Exercise", "accepted"),
            ("c", "Test", "failed"),
            ("d", "Actual", "dead"),
        )
        for group, status, state in rows:
            payload = json.dumps({"key": f"key-{group}", "status": status, "alert": group})
            sql.execute(
                "INSERT INTO outbox (group_id, recipient, content_hash, channel, payload, at, status,"
                " next_try) VALUES (?, 'r', 'h', 'file', ?, ?, ?, ?)",
                (group, payload, now, state, now if state in ("pending", "failed") else None),
            )
        sql.execute("UPDATE meta SET value = 2 WHERE name = 'schema'")
        sql.commit()
    store = open_store(tmp_path)
    assert CURRENT >= 3
    assert [(r.group, r.status) for r in store.outbox()] == [("a", "pending"), ("d", "dead")]
    assert [(r.group, r.status) for r in store.outbox_of("drill").rows()] == [
        ("b", "accepted"),
        ("c", "failed"),
    ]
    assert store.outbox_of("reach").rows() == []
    (mine,) = store.outbox_of("public").claim(
        AT, recipient="r", owner="o", lease=timedelta(seconds=9), horizon=timedelta(hours=1), limit=9
    )
    assert mine.group == "a"
    assert store.outbox_of("public").confirm("key-a", at=AT)
    with pytest.raises(StoreError, match="may not be here"):
        store.enqueue(
            group="e", recipient="r", content_hash="h", channel="c", payload={"status": "Test"}, at=AT
        )
    assert not [fault for fault in store.check() if "outbox" in fault]
    store.close()
