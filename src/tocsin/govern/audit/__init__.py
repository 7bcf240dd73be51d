"""The record of decisions, verified from outside: nothing here trusts the code that wrote it.

``verify``
    the whole way: chain, seals, tables, law, anchors; gives a ``Report`` of faults in words.
``chain``
    the journal: entry n is SHA-256 over the hash of entry n - 1, a line feed, and the decision as JSON.
``seals``
    what each transaction wrote, and whether the tables still say it.
``lawful``
    whether the decisions bear out every warning, approval, issue and account that is kept.
``anchors``
    heads of the record that were taken earlier, signed, and kept outside the database.

All hashes are computed here a second time, from the written format, over the bytes as the database has them.
"""

from tocsin.govern.audit.anchors import Anchor, AnchorKey, Heads, read_anchors
from tocsin.govern.audit.finding import Fault, Kind, Report
from tocsin.govern.audit.lawful import unlawful
from tocsin.govern.audit.verify import heads, verify

__all__ = [
    "Anchor",
    "AnchorKey",
    "Fault",
    "Heads",
    "Kind",
    "Report",
    "heads",
    "read_anchors",
    "unlawful",
    "verify",
]
