"""Tables of the store, their constraints, and the triggers that keep the past as it was.

Times are microseconds since 1970 in UTC. Rules that must hold even against somebody with a SQL
prompt (append-only, four eyes, no issue without a matching approval) are constraints here, not only
checks in code.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[int]:
    return sa.Column("id", _ID, primary_key=True, autoincrement=True)


def _table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *parts, sqlite_autoincrement=True)


META = _table(
    "meta",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
"""``schema`` (version of this file), ``generation`` (of the manifest), ``bulk`` (parts of archives)."""

INGEST = _table(
    "ingest",
    _key(),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bulk", sa.Boolean, nullable=False, server_default=sa.false()),
)

INBOX = _table(
    "inbox",
    sa.Column("id", _ID, sa.ForeignKey("ingest.id"), primary_key=True, autoincrement=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # of the blob before compression
    sa.Column("blob", sa.LargeBinary, nullable=False),
    sa.Column("flushed", sa.BigInteger),  # generation that moved it to segments
    sa.Column("flushed_at", sa.BigInteger),
    sa.Index("inbox_waiting", "flushed"),
)

SEGMENT = _table(
    "segment",
    _key(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("min_valid", sa.BigInteger, nullable=False),
    sa.Column("max_valid", sa.BigInteger, nullable=False),
    sa.Column("min_known", sa.BigInteger, nullable=False),
    sa.Column("max_known", sa.BigInteger, nullable=False),
    sa.Column("quantities", sa.JSON, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),  # rows by source and day of valid time
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.BigInteger),
    sa.Column("removed_at", sa.BigInteger),
    sa.Column("news", sa.Text),  # name of its news file
    sa.Column("news_sha256", sa.Text),
)

INTENT = _table(
    "intent",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""Segment files being written: what a killed process leaves behind is found here and swept."""

RAW = _table(
    "raw",
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("fetched_at", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

EVENT = _table(
    "event",
    sa.Column("seq", _ID, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("onset", sa.BigInteger, nullable=False),
    sa.Column("ends", sa.BigInteger),
    sa.Column("known_at", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("ingest", _ID, sa.ForeignKey("ingest.id"), nullable=False),
    sa.Index("event_version", "id", "known_at", "seq"),
    sa.Index("event_onset", "domain", "onset"),
    sa.Index("event_known", "known_at"),
)

RECORD = _table(
    "record",
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("known_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),  # alerts: when they expire
    sa.Column("content_hash", sa.Text),  # alerts: what an approval is bound to
    sa.Column("body", sa.JSON, nullable=False),
    sa.CheckConstraint("revision >= 0", name="record_revision"),
    sa.Index("record_known", "kind", "known_at"),
    sa.Index("record_until", "kind", "until", "known_at", "id"),
)

JOURNAL = _table(
    "journal",
    sa.Column("seq", _ID, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("prev", sa.Text, nullable=False, unique=True),  # UNIQUE: the chain cannot fork
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Index("journal_subject", "subject", "seq"),
)

APPROVAL = _table(
    "approval",
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.Text, primary_key=True),
    sa.Column("approval_expires", sa.BigInteger, primary_key=True),
    sa.Column("approved_at", sa.BigInteger, nullable=False),
    sa.Column("submitter", sa.Text, nullable=False),
    sa.Column("approver", sa.Text, nullable=False),
    sa.Column("legal_basis", sa.Text, nullable=False),
    sa.Column("breakglass_policy", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("review_due", sa.BigInteger),
    sa.CheckConstraint(
        "approver <> submitter OR (breakglass_policy IS NOT NULL AND reason IS NOT NULL "
        "AND review_due IS NOT NULL)",
        name="approval_four_eyes",
    ),
    sa.CheckConstraint("length(trim(legal_basis)) > 0", name="approval_legal_basis"),
    sa.CheckConstraint("length(approver) > 0 AND length(submitter) > 0", name="approval_named"),
    sa.CheckConstraint("approved_at <= approval_expires", name="approval_window"),
)

ISSUE = _table(
    "issue",
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("approval_expires", sa.BigInteger, nullable=False),
    sa.Column("issued_at", sa.BigInteger, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["alert", "content_hash", "approval_expires"],
        ["approval.alert", "approval.content_hash", "approval.approval_expires"],
        name="issue_approved",
    ),
    sa.CheckConstraint("issued_at <= approval_expires", name="issue_in_time"),
)

OUTBOX = _table(
    "outbox",
    _key(),
    sa.Column("group_id", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try", sa.BigInteger),
    sa.Column("settled_at", sa.BigInteger),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("group_id", "recipient", "content_hash", name="outbox_once"),
    sa.CheckConstraint(
        "status IN ('pending', 'accepted', 'delivered', 'failed', 'dead')", name="outbox_status"
    ),
    sa.Index("outbox_next", "status", "next_try"),
)

CYCLE = _table(
    "cycle",
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("inputs_hash", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("judgement", sa.LargeBinary, nullable=False),
    sa.Column("levels", sa.LargeBinary, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    # judgement and summary wait in cycle_loose, then are in a pack; here is only what is read of many cycles
    # (and all of it in rows that an older Tocsin wrote)
    sa.Column("pack", _ID),
    sa.Column("place", sa.Integer),
    sa.Column("tiled", sa.Boolean, nullable=False, server_default=sa.false()),  # its judgement is in tiles
    sa.UniqueConstraint("plan", "at", "mode", name="cycle_once"),
    sa.Index("cycle_at", "at"),
    sa.Index("cycle_waiting", "plan", "mode", "pack", "at"),
    sa.Index("cycle_tiled", "tiled", "at"),
)

CYCLE_LOOSE = _table(
    "cycle_loose",
    sa.Column("cycle", sa.Text, sa.ForeignKey("cycle.id"), primary_key=True),
    sa.Column("judgement", sa.LargeBinary, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
)
"""What a cycle said, until it is in a pack: apart, so that its room is given back whole."""

CYCLE_PACK = _table(
    "cycle_pack",
    _key(),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # of the blob before compression
    sa.Column("blob", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),  # before compression
)
"""Summaries of some cycles of a plan, together."""

CYCLE_COLUMN = _table(
    "cycle_column",
    sa.Column("pack", _ID, sa.ForeignKey("cycle_pack.id"), primary_key=True),
    sa.Column("quantity", sa.Text, primary_key=True),
    sa.Column("start", sa.Integer, primary_key=True),  # first series of the tile
    sa.Column("n", sa.Integer, nullable=False),  # series of the quantity, over all tiles
    sa.Column("min_valid", sa.BigInteger),
    sa.Column("max_valid", sa.BigInteger),
    sa.Column("min_at", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Index("cycle_column_series", "quantity", "start", "max_valid", "min_valid"),
)
"""What the cycles of a pack judged of some series of a quantity."""

STATE = _table(
    "state",
    sa.Column("plan", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)

FEED = _table("feed", sa.Column("source", sa.Text, primary_key=True))
"""Sources that have ever run: the newest run of each is then one look-up, however many there are."""

FEED_RUN = _table(
    "feed_run",
    _key(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("raw", sa.Text),
    # carried on from run to run, so that the state of a feed at any time is one row
    sa.Column("newest", sa.BigInteger),
    sa.Column("last_ok", sa.BigInteger),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("source", "at", name="feed_run_once"),
    sa.CheckConstraint("outcome IN ('ok', 'failed')", name="feed_run_outcome"),
)

QUARANTINE = _table(
    "quarantine",
    _key(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("raw", sa.Text),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("quarantine_at", "at"),
)

ACCOUNT = _table(
    "account",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
)

SESSION = _table(
    "session",
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("account.name"), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
)

APPEND_ONLY = ("ingest", "event", "record", "journal", "approval", "issue", "quarantine", "raw")
"""Tables whose rows are never changed and never deleted, by trigger."""

_CURRENT = (
    "COALESCE((SELECT r.content_hash FROM record r WHERE r.kind = 'alert' AND r.id = NEW.alert "
    "ORDER BY r.revision DESC LIMIT 1), '')"
)


def trigger_statements(dialect: str) -> list[str]:
    """The triggers in the words of one database; the only dialect-specific part of the schema.

    Parameters
    ----------
    dialect : str
        SQLAlchemy's name of the database; only ``sqlite`` so far.

    Examples
    --------
    >>> len(trigger_statements("sqlite")) > len(APPEND_ONLY)
    True
    """
    if dialect != "sqlite":
        raise NotImplementedError(f"triggers: got {dialect!r}, allowed: sqlite")
    statements = [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, '{table} is append-only: {verb.lower()} refused'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
    statements += [
        f"CREATE TRIGGER {table}_current BEFORE INSERT ON {table} WHEN NEW.content_hash <> {_CURRENT} BEGIN "
        f"SELECT RAISE(ABORT, '{table}: content_hash is not that of the current alert revision'); END"
        for table in ("approval", "issue")
    ]
    statements.append(
        "CREATE TRIGGER record_next BEFORE INSERT ON record WHEN NEW.revision <> "
        "COALESCE((SELECT MAX(r.revision) + 1 FROM record r WHERE r.kind = NEW.kind AND r.id = NEW.id), 0) "
        "BEGIN SELECT RAISE(ABORT, 'record: revision is not the next one'); END"
    )
    return statements
