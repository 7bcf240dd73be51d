"""The store: bitemporal observations and events, records, journal; what was known at any moment."""

from tocsin.store.contract import (
    Account,
    Added,
    Approval,
    BreakGlass,
    CycleHead,
    CycleRow,
    JournalEntry,
    OutboxItem,
    PanelSpec,
    Quarantined,
    Session,
    Store,
    Stored,
)
from tocsin.store.judged import JUDGED, Judged, decode_judged, encode_judged
from tocsin.store.kept import KEEP, Kept
from tocsin.store.opening import open_store, restore_store

__all__ = [
    "JUDGED",
    "KEEP",
    "Account",
    "Added",
    "Approval",
    "BreakGlass",
    "CycleHead",
    "CycleRow",
    "JournalEntry",
    "Judged",
    "Kept",
    "OutboxItem",
    "PanelSpec",
    "Quarantined",
    "Session",
    "Store",
    "Stored",
    "decode_judged",
    "encode_judged",
    "open_store",
    "restore_store",
]
