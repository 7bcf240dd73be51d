"""What a verification finds, in words: where, what was found, what was expected, what to do next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """Sorts of faults; each has its own advice."""

    CHANGED = "changed"
    REORDERED = "reordered"
    REMOVED = "removed"
    INSERTED = "inserted"
    CUT_OFF = "cut off"
    REWRITTEN = "rewritten"
    UNEXPLAINED = "unexplained"
    UNLAWFUL = "unlawful"
    BACKWARDS = "time goes backwards"
    UNGUARDED = "unguarded"
    FORGED = "forged anchor"
    UNKNOWN_KEY = "unknown key"
    REVOKED_KEY = "revoked key"
    LOST_ANCHOR = "lost anchor"
    UNSIGNED = "unsigned"
    NO_ANCHOR = "no anchor"


_EVIDENCE = (
    "copy the store's folder away as evidence, restore a backup from before, tell whoever oversees the desk"
)
_LOOK = "compare it with the backup of the day before, and ask who had the file system"
ADVICE = MappingProxyType(
    {
        Kind.CHANGED: _EVIDENCE,
        Kind.REORDERED: _EVIDENCE,
        Kind.REMOVED: _EVIDENCE,
        Kind.INSERTED: _EVIDENCE,
        Kind.CUT_OFF: "if a backup was restored, this is what came after it: write it down again by hand; "
        "else " + _EVIDENCE,
        Kind.REWRITTEN: _EVIDENCE,
        Kind.UNEXPLAINED: _LOOK,
        Kind.UNLAWFUL: "have two other officers look at the warning, and cancel in public what is wrong",
        Kind.BACKWARDS: "look whether the clock of the machine was set; if not, " + _LOOK,
        Kind.UNGUARDED: "somebody took it away with SQL: " + _LOOK,
        Kind.FORGED: "take the copy of the anchors that is kept elsewhere, and verify against that one",
        Kind.UNKNOWN_KEY: "if the key is yours, set the key ring that has its certificate; else take "
        "the copy of the anchors that is kept elsewhere",
        Kind.REVOKED_KEY: "rely on anchors of other keys, and on the copies that are kept elsewhere",
        Kind.LOST_ANCHOR: "take the copy of the anchors that is kept elsewhere, and verify against that one",
        Kind.UNSIGNED: "set up a signing key, so that the next ones are signed",
        Kind.NO_ANCHOR: "make one with 'tocsin govern audit anchor', and keep copies elsewhere",
    }
)
"""What to do about each sort of fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it was written.

    Parameters
    ----------
    kind : Kind
        What sort.
    place : str
        Which entry, seal, row or anchor.
    found, expected : str
        What is there, and what should be.

    Examples
    --------
    >>> print(Fault(kind=Kind.CUT_OFF, place="journal", found="3 entries", expected="4 or more"))
    journal: cut off: found 3 entries, expected 4 or more
    """

    kind: Kind
    place: str
    found: str
    expected: str

    @property
    def advice(self) -> str:
        """What to do next."""
        return ADVICE[self.kind]

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification found.

    Parameters
    ----------
    entries, seals, rows, anchors : int
        How many were looked at.
    head, seal_head : str
        Hash of the last entry of the journal and of the last seal.
    since : str
        Time of the anchor from which it went on; empty when it began at the first entry.
    faults : tuple of Fault
        What is wrong; the first ones, at most :data:`MOST`.
    notes : tuple of Fault
        What proves nothing, and should be known: it alone is no reason for alarm.
    more : int
        Faults beyond those.
    """

    entries: int
    seals: int
    rows: int
    anchors: int
    head: str
    seal_head: str
    since: str
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    more: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


MOST = 1_000
"""Faults that are kept: a record that is wrong throughout must not fill the memory."""


@dataclass(slots=True)
class Findings:
    """Faults as they are found."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    more: int = 0
    seen: Counter[Kind] = field(default_factory=Counter)

    def add(self, kind: Kind, place: str, *, found: str, expected: str) -> None:
        """Keep a fault, or count it when there are too many."""
        self.seen[kind] += 1
        if len(self.faults) < MOST:
            self.faults.append(Fault(kind=kind, place=place, found=found, expected=expected))
        else:
            self.more += 1

    def note(self, kind: Kind, place: str, *, found: str, expected: str) -> None:
        """Keep what should be known."""
        if len(self.notes) < MOST:
            self.notes.append(Fault(kind=kind, place=place, found=found, expected=expected))
