"""Messages of the Common Alerting Protocol from files: checked, and in plain types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tocsin import cap
from tocsin.cap import CapAlert, Finding
from tocsin.model import ParseError, to_plain

MAX_BYTES = 50_000_000
"""A larger file is refused unread."""


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given, and every ``.xml`` below folders, sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*.xml") if p.is_file())
        else:
            yield path


def check(path: Path) -> Iterator[dict[str, Any]]:
    """Judge every message in a file.

    Returns
    -------
    iterator of dict
        ``file, parsed, version, identifier, xsd_valid, errors, warnings``; ``xsd_valid`` is None: rules are
        checked, not the schema file of the standard. A file that cannot be read gives one row that says so.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ParseError(f"got {size:,} bytes, allowed: {MAX_BYTES:,}")
        found = cap.parse_all(path.read_bytes())
    except ParseError as error:
        row = _row(path, None, [])
        row["errors"].append({"rule": "cap.unreadable", "path": "", "message": str(error)})
        yield row
        return
    for alert, read in found:
        yield _row(path, alert, [*read, *cap.check(alert)])


def _row(path: Path, alert: CapAlert | None, findings: Iterable[Finding]) -> dict[str, Any]:
    plain = [
        (f.level, {"rule": f.rule, "path": f.path, "message": f.message}) for f in dict.fromkeys(findings)
    ]
    return {
        "file": str(path),
        "parsed": alert is not None,
        "version": None if alert is None else alert.version,
        "identifier": None if alert is None else alert.identifier,
        "xsd_valid": None,
        "errors": [row for level, row in plain if level == "error"],
        "warnings": [row for level, row in plain if level == "warning"],
    }


def plain(content: bytes) -> list[dict[str, Any]]:
    """Every message in some bytes, in plain types, without what it leaves empty.

    Raises
    ------
    ParseError
        When there is none.
    """
    return [
        {k: v for k, v in to_plain(alert).items() if v not in (None, "", [])}
        for alert, _ in cap.parse_all(content)
    ]


def entries(path: Path) -> list[dict[str, Any]]:
    """Entries of an Atom feed in a file."""
    return entries_of(path.read_bytes())


def entries_of(content: bytes) -> list[dict[str, Any]]:
    """Entries of an Atom feed, in plain types.

    Raises
    ------
    ParseError
        When it is no feed.
    """
    found, _ = cap.parse_atom(content)
    return [
        {
            "id": e.id,
            "title": e.title,
            "updated": to_plain(e.updated),
            "link": e.link,
            "summary": e.summary,
            "messages": [a.identifier for a in e.alerts],
        }
        for e in found.entries
    ]
