"""Messages of the Common Alerting Protocol from files: checked, shown, converted; in plain types."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin import cap
from tocsin.cap import CapAlert, Finding
from tocsin.cap.containers import MAX_BYTES, Contents, messages_in
from tocsin.cap.json_forms import looks_like_json
from tocsin.cap.profiles import check_profiles, every_rule, profile_named
from tocsin.cap.sets import check_set
from tocsin.model import ParseError, to_plain

SUFFIXES = (".xml", ".cap", ".atom", ".rss")
"""What is looked for in a folder; a file that is named is read whatever it is called."""
LEVELS = {"error": "errors", "warning": "warnings", "info": "infos"}
_KINDS = {"atom": "feed", "rss": "feed"}
_NO_XML = ("json", "geojson")
_INVALID = ("doc.schema", "doc.namespace")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given, and every message or feed below folders, sorted."""
    for path in paths:
        if path.is_dir():
            found = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            yield from sorted(found)
        else:
            yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One message or document of a file, with all that was found.

    Parameters
    ----------
    file : Path
        Where it came from.
    kind : str
        ``message``, ``feed``, or ``document`` where nothing in it could be read as either.
    alert : CapAlert or None
        The message; None for the others.
    findings : tuple of Finding
        Sorted by level, then place.
    xsd_valid : bool or None
        The verdict of the schema of its version; None where there is nothing to judge.
    """

    file: Path
    kind: str
    alert: CapAlert | None
    findings: tuple[Finding, ...]
    xsd_valid: bool | None

    @property
    def wrong(self) -> bool:
        """Whether something of level error was found."""
        return any(f.level == "error" for f in self.findings)

    def row(self) -> dict[str, Any]:
        """In plain types, with the keys that ``tocsin cap check --json`` promises."""
        book = every_rule()
        lists: dict[str, list[dict[str, str]]] = {key: [] for key in LEVELS.values()}
        for f in self.findings:
            rule = book.get(f.rule)
            told = {"source": rule.source, "advice": rule.advice} if rule else {}
            lists[LEVELS[f.level]].append({"rule": f.rule, "path": f.path, "message": f.message, **told})
        return {
            "file": str(self.file),
            "kind": self.kind,
            "parsed": self.kind != "document",
            "version": None if self.alert is None else self.alert.version,
            "identifier": None if self.alert is None else self.alert.identifier,
            "xsd_valid": self.xsd_valid,
            **lists,
        }


def check(
    paths: Iterable[Path],
    *,
    profiles: Sequence[str] = (),
    together: bool = False,
    tell: Callable[[str, int, int], None] = lambda _text, _done, _all: None,
) -> list[Judged]:
    """Judge every message in some files, and every feed as a feed.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders.
    profiles : sequence of str
        Names of profiles that the messages have to meet, too.
    together : bool
        Judge the messages also as one set: identities used twice, references to nowhere or in a circle.
    tell : callable
        Takes a file, how many are done, and how many there are.

    Returns
    -------
    list of Judged
        In the order of the files. A file that cannot be read is one row that says so.

    Raises
    ------
    ConfigError
        If a profile is not known.
    """
    for name in profiles:
        profile_named(name)  # before hours of reading
    files = list(files_in(paths))
    judged: list[Judged] = []
    for done, path in enumerate(files):
        tell(path.name, done, len(files))
        judged.extend(check_file(path, profiles=profiles))
    return _as_set(judged) if together else judged


def check_file(path: Path, *, profiles: Sequence[str] = ()) -> Iterator[Judged]:
    """Judge every message in one file.

    Yields
    ------
    Judged
        The feed first, where it is one.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ParseError(f"doc.oversize: got {size:,} bytes, allowed: {MAX_BYTES:,}")
        content = path.read_bytes()
        if path.suffix.lower() in SUFFIXES and looks_like_json(content):
            raise ParseError("doc.not-well-formed: got JSON in a file that is named as XML, allowed: XML")
        found = messages_in(content)
    except OSError as error:
        words = f"got {error.strerror or error}, allowed: a file that can be read"
        yield _document(path, (Finding(rule="doc.unreadable", level="error", path="", message=words),), None)
        return
    except ParseError as error:
        rule, _, words = str(error).partition(": ")
        unjudged = None if rule == "doc.oversize" else False
        yield _document(path, (Finding(rule=rule, level="error", path="", message=words),), unjudged)
        return
    if found.kind == "unknown" and not found.messages:
        rules = {f.rule for f in found.findings}
        unread = found.outcome == "refused" or "doc.oversize" in rules
        yield _document(path, _why_unknown(found), None if unread else False)
        return
    if found.kind in _KINDS or not found.messages:
        yield Judged(file=path, kind="feed", alert=None, findings=found.findings, xsd_valid=None)
        own: tuple[Finding, ...] = ()
    else:
        own = found.findings
    if found.kind in ("alerts", "unknown"):  # a habit of some publishers, nowhere in the standard
        words = "got a wrapper around the message, allowed: alert as the root; the message was read"
        own = (*own, Finding(rule="doc.namespace", level="error", path="alerts", message=words))
    for message in found.messages:
        alert = message.alert
        findings = {*message.findings, *own, *check_profiles(alert, profiles)}
        valid = None if found.kind in _NO_XML else not any(f.rule in _INVALID for f in findings)
        yield Judged(file=path, kind="message", alert=alert, findings=_by_level(findings), xsd_valid=valid)


def _document(path: Path, findings: Iterable[Finding], valid: bool | None) -> Judged:
    return Judged(file=path, kind="document", alert=None, findings=_by_level(findings), xsd_valid=valid)


def _why_unknown(found: Contents) -> tuple[Finding, ...]:
    """The rule that a document breaks which holds no message at all: as a document it must be an alert."""
    words = next((f.message for f in found.findings if f.rule == "doc.container"), None)
    if words is None:
        return found.findings
    rule = "doc.not-well-formed" if words.startswith("got a JSON") else "doc.namespace"
    own = Finding(rule=rule, level="error", path="", message=words)
    return (*(f for f in found.findings if f.rule != "doc.container"), own)


def _as_set(judged: list[Judged]) -> list[Judged]:
    alerts = [one.alert for one in judged if one.alert is not None]
    rows = iter(check_set(alerts))
    return [
        one
        if one.alert is None
        else Judged(
            file=one.file,
            kind=one.kind,
            alert=one.alert,
            findings=_by_level({*one.findings, *next(rows)}),
            xsd_valid=one.xsd_valid,
        )
        for one in judged
    ]


def _by_level(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    order = list(LEVELS)
    return tuple(sorted(set(findings), key=lambda f: (order.index(f.level), f.rule, f.path, f.message)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A message as canonical CAP 1.2, and what that changed or could not take along.

    Parameters
    ----------
    alert : CapAlert
        As read.
    content : bytes
        As written.
    lost : tuple of Finding
        What stood in the original and does not stand here: signatures, foreign elements, passwords.
    findings : tuple of Finding
        What is wrong with the message as written.
    """

    alert: CapAlert
    content: bytes
    lost: tuple[Finding, ...]
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """A name for a file: the identifier as far as it may stand there, and a few digits of the content."""
        safe = _NAME.sub("-", self.alert.identifier).strip("-.")[:80] or "message"
        return f"{safe}.{hashlib.sha256(self.content).hexdigest()[:8]}.xml"


_LOST = frozenset(
    {
        "signature.present",
        "doc.foreign-element",
        "doc.unknown-element",
        "doc.repeated-element",
        "alert.password",
    }
)


def convert(content: bytes) -> list[Converted]:
    """Every message of a document, whatever its form and version, as canonical CAP 1.2.

    Raises
    ------
    ParseError
        When there is none.
    """
    converted = []
    for message in _some(content).messages:
        lost = tuple(f for f in message.findings if f.rule in _LOST)
        written = cap.render(message.alert)
        _, findings = cap.parse(written)
        converted.append(
            Converted(alert=message.alert, content=written, lost=lost, findings=_by_level(findings))
        )
    return converted


def read(content: bytes) -> list[CapAlert]:
    """Every message in some bytes.

    Raises
    ------
    ParseError
        When there is none.
    """
    return [message.alert for message in _some(content).messages]


def _some(content: bytes) -> Contents:
    found = messages_in(content)
    if not found.messages:
        why = found.reason or f"got a document of kind {found.kind} without a message ({found.outcome})"
        raise ParseError(why)
    return found


def plain(content: bytes) -> list[dict[str, Any]]:
    """Every message in some bytes, in plain types, without what it leaves empty.

    Raises
    ------
    ParseError
        When there is none.
    """
    return [{k: v for k, v in to_plain(a).items() if v not in (None, "", [])} for a in read(content)]


def entries(path: Path) -> list[dict[str, Any]]:
    """Entries of a feed in a file."""
    return entries_of(path.read_bytes())


def entries_of(content: bytes) -> list[dict[str, Any]]:
    """Entries of a feed of any known form, in plain types.

    Raises
    ------
    ParseError
        When it is no feed.
    """
    found = messages_in(content)
    if found.kind not in _KINDS and not found.entries:
        raise ParseError(found.reason or f"got a document of kind {found.kind}, allowed: a feed")
    return [
        {
            "id": e.id,
            "title": e.title,
            "updated": to_plain(e.updated),
            "link": e.links[0] if e.links else None,
            "summary": e.summary,
            "messages": [m.alert.identifier for m in found.messages if m.entry == i],
        }
        for i, e in enumerate(found.entries)
    ]
