"""The Common Alerting Protocol (OASIS CAP 1.2): read anybody's, check, write our own; Atom feeds of messages.

:func:`read` is lenient and quick, :func:`parse` reads and judges, :func:`check` judges what we write, and
:func:`render` writes canonical bytes. Every rule is told in :data:`RULES`; profiles bring their own.
:func:`messages_in` finds messages in feeds and wrappers of any form; :class:`Chains` tells how each stands.
Feeds read with it, the desk writes with it; it knows nothing of either.
"""

from tocsin.cap.atom import AtomEntry, AtomFeed, entry_of, parse_atom, render_atom
from tocsin.cap.chains import Arrival, Chains
from tocsin.cap.containers import Contents, messages_in
from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Circle, Pair, Point, Polygon
from tocsin.cap.profiles import check_profiles, profiles
from tocsin.cap.reading import parse, parse_all, read
from tocsin.cap.rulebook import RULES, Rule
from tocsin.cap.rules import check
from tocsin.cap.sets import check_set
from tocsin.cap.structure import Fault, structural_faults
from tocsin.cap.writing import render

__all__ = [
    "RULES",
    "Arrival",
    "AtomEntry",
    "AtomFeed",
    "CapAlert",
    "CapArea",
    "CapInfo",
    "CapResource",
    "Chains",
    "Circle",
    "Contents",
    "Fault",
    "Finding",
    "Pair",
    "Point",
    "Polygon",
    "Rule",
    "check",
    "check_profiles",
    "check_set",
    "entry_of",
    "messages_in",
    "parse",
    "parse_all",
    "parse_atom",
    "profiles",
    "read",
    "render",
    "render_atom",
    "structural_faults",
]
