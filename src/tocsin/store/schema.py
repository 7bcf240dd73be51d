"""Tables of the store, their constraints, and the triggers that keep the past as it was.

Times are microseconds since 1970 in UTC. Rules that must hold even against somebody with a SQL
prompt (append-only, four eyes, no issue without a matching approval) are constraints here, not only
checks in code.
"""

from __future__ import annotations

from dataclasses import dataclass

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

SEAL = _table(
    "seal",
    sa.Column("n", _ID, primary_key=True, autoincrement=True),
    sa.Column("entries", sa.BigInteger, nullable=False),  # of the journal at the commit
    sa.Column("head", sa.Text, nullable=False),  # hash of the last of them
    sa.Column("rows", sa.Text, nullable=False),  # JSON: [name, key …, digest] of each row written
    sa.Column("prev", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
"""What each transaction that decides something wrote, bound to the seal before and to the journal."""

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


def _outbox(name: str) -> sa.Table:
    """One table of decisions to send: what is under way, and what became of what was."""
    return _table(
        name,
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
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),  # the higher the sooner
        sa.Column("owner", sa.Text),  # who is sending it now
        sa.Column("lease_until", sa.BigInteger),  # from when on another one may
        sa.Column("cap_status", sa.Text),  # of the message: what may be in which table
        sa.Column("message_key", sa.Text),  # idempotency key
        sa.Column("confirmed_at", sa.BigInteger),  # when the receiver itself said that it has it
        sa.UniqueConstraint("group_id", "recipient", "content_hash", name=f"{name}_once"),
        sa.CheckConstraint(
            "status IN ('pending', 'accepted', 'delivered', 'failed', 'dead')", name=f"{name}_status"
        ),
        sa.Index(f"{name}_next", "status", "next_try"),
        sa.Index(f"{name}_key", "message_key"),
        sa.Index(f"{name}_lane", "recipient", "status", "group_id", "id"),
    )


OUTBOX = _outbox("outbox")
OUTBOX_DRILL = _outbox("outbox_drill")
OUTBOX_REACH = _outbox("outbox_reach")
"""Real warnings; exercises and tests; routine tests of the channels. A trigger keeps them apart."""

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

APPEND_ONLY = ("ingest", "event", "record", "journal", "seal", "approval", "issue", "quarantine", "raw")
"""Tables whose rows are never changed and never deleted, by trigger."""

OUTBOXES = {"public": OUTBOX, "drill": OUTBOX_DRILL, "reach": OUTBOX_REACH}
"""Tables of decisions to send, by who may be reached from them."""

FINAL = ("accepted", "delivered", "dead")
"""States of a message of an outbox that is not sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Rows that seals vouch for.

    Parameters
    ----------
    table : str
        Name of the table.
    key : tuple of str
        Columns by which a seal names a row.
    columns : tuple of str
        What its digest is over, in this order: SHA-256 of them as a JSON array without blanks, JSON columns
        as the text that is kept. Never changed: what is sealed must be found again by a later version, so
        new columns come under a new name.
    states : tuple of str
        Only rows whose ``status`` is one of these; all rows if empty.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    states: tuple[str, ...] = ()


def _sealed_outbox(table: str) -> dict[str, Sealed]:
    """What was decided to be sent, once; and what became of it, when that is final."""
    decided = (
        "id", "group_id", "recipient", "content_hash", "channel", "payload", "at", "priority", "cap_status",
        "message_key",
    )  # fmt: skip
    answered = ("id", "status", "attempts", "settled_at", "detail", "confirmed_at")
    return {
        table: Sealed(table=table, key=("id",), columns=decided),
        f"{table}.answer": Sealed(table=table, key=("id",), columns=answered, states=FINAL),
    }


SEALED: dict[str, Sealed] = {
    "record": Sealed(
        table="record",
        key=("kind", "id", "revision"),
        columns=("kind", "id", "revision", "known_at", "until", "content_hash", "body"),
    ),
    "approval": Sealed(
        table="approval",
        key=("alert", "content_hash", "approval_expires"),
        columns=(
            "alert", "content_hash", "approval_expires", "approved_at", "submitter", "approver",
            "legal_basis", "breakglass_policy", "reason", "review_due",
        ),
    ),
    "issue": Sealed(
        table="issue",
        key=("alert",),
        columns=("alert", "content_hash", "approval_expires", "issued_at", "issuer"),
    ),
    "account": Sealed(
        table="account", key=("name",), columns=("name", "role", "password_hash", "disabled")
    ),
    **_sealed_outbox("outbox"),
    **_sealed_outbox("outbox_drill"),
    **_sealed_outbox("outbox_reach"),
}  # fmt: skip
"""Every kind of row that seals vouch for, by the name that they use."""

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
    statements = [text for table in APPEND_ONLY for text in append_only(table)]
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
    return [*statements, *outbox_triggers(), *approval_triggers()]


def append_only(table: str) -> list[str]:
    """Triggers by which rows of a table are neither changed nor deleted."""
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, '{table} is append-only: {verb.lower()} refused'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def approval_triggers() -> list[str]:
    """Triggers that hold an approval to the warning that it is for: who wrote and submitted it, the glass.

    The constraint of the table compares what a row says of itself; here the row is compared with the warning.
    A policy, a reason or a review that is blank or past is none.
    """
    alone = "(NEW.breakglass_policy IS NOT NULL AND NEW.reason IS NOT NULL AND NEW.review_due IS NOT NULL)"
    newest = (
        "(SELECT r.body FROM record r WHERE r.kind = 'alert' AND r.id = NEW.alert "
        "ORDER BY r.revision DESC LIMIT 1)"
    )

    # Functions of JSON may not be called here (trusted_schema is off), and need not be: we write the text
    # without blanks, and within a value every quotation mark has a backslash before it.
    def has(field: str, value: str = "") -> str:
        whole = f"|| {value} || '\"'" if value else ""
        return f'instr({newest}, \'"{field}":"\' {whole}) > 0'

    rules = {
        "submitter": (
            f"{has('submitter')} AND NOT {has('submitter', 'NEW.submitter')}",
            "the submitter is not the one of the warning",
        ),
        "author": (
            f"{has('author', 'NEW.approver')} AND NOT {alone}",
            "four eyes: the approver wrote the warning or a translation of it",
        ),
        "glass": (
            (
                f"{alone} AND (length(trim(NEW.breakglass_policy)) = 0 OR length(trim(NEW.reason)) = 0 "
                "OR NEW.review_due <= NEW.approved_at)"
            ),
            "break-glass needs a policy, a reason and a review that is due later",
        ),
    }
    return [
        f"CREATE TRIGGER IF NOT EXISTS approval_{name} BEFORE INSERT ON approval WHEN {wrong} BEGIN "
        f"SELECT RAISE(ABORT, 'approval: {words}'); END"
        for name, (wrong, words) in rules.items()
    ]


def outbox_triggers() -> list[str]:
    """Triggers that keep real warnings and drills in tables of their own, whoever writes."""
    apart = {
        "outbox": "COALESCE(NEW.cap_status, 'Actual') <> 'Actual'",
        "outbox_drill": "COALESCE(NEW.cap_status, '') NOT IN ('Exercise', 'Test')",
        "outbox_reach": "COALESCE(NEW.cap_status, '') <> 'Test'",
    }
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_apart_{verb.split()[0].lower()} BEFORE {verb} ON {table} "
        f"WHEN {wrong} BEGIN SELECT RAISE(ABORT, '{table}: a message of this status may not be here'); END"
        for table, wrong in apart.items()
        for verb in ("INSERT", "UPDATE OF cap_status, payload")
    ]
