"""The Common Alerting Protocol (OASIS CAP 1.2): read anybody's, check, write our own; Atom feeds of messages.

:func:`parse` is lenient and reports, :func:`check` judges, :func:`render` writes canonical bytes.
Feeds read with it, the desk writes with it; it knows nothing of either.
"""

from tocsin.cap.atom import AtomEntry, AtomFeed, entry_of, parse_atom, render_atom
from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Circle, Pair, Point, Polygon
from tocsin.cap.reading import parse, parse_all
from tocsin.cap.rules import check
from tocsin.cap.writing import render

__all__ = [
    "AtomEntry",
    "AtomFeed",
    "CapAlert",
    "CapArea",
    "CapInfo",
    "CapResource",
    "Circle",
    "Finding",
    "Pair",
    "Point",
    "Polygon",
    "check",
    "entry_of",
    "parse",
    "parse_all",
    "parse_atom",
    "render",
    "render_atom",
]
