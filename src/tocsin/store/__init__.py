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
from tocsin.store.opening import open_store, restore_store

__all__ = [
    "Account",
    "Added",
    "Approval",
    "BreakGlass",
    "CycleHead",
    "CycleRow",
    "JournalEntry",
    "OutboxItem",
    "PanelSpec",
    "Quarantined",
    "Session",
    "Store",
    "Stored",
    "open_store",
    "restore_store",
]
