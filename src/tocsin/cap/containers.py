"""Whatever messages come in: bare, in feeds, in wrappers, as JSON; brought to the same nouns.

Known are Atom (RFC 4287), RSS, EDXL-DE 1.0, an ``alerts`` wrapper, a bare message, GeoJSON in the form of
api.weather.gov, and JSON under CAP's own names. Messages may stand in a feed as elements or as text.
Nothing is fetched and no entity is expanded: a link is given, not followed.
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from tocsin.cap.atom import check_feed, is_atom, read_entries
from tocsin.cap.edxl import is_edxl, read_edxl
from tocsin.cap.entry import Entry
from tocsin.cap.finding import Finding
from tocsin.cap.json_forms import items_of, looks_like_json, read_json
from tocsin.cap.message import CapAlert
from tocsin.cap.reading import VERSIONS, alert_nodes, read_alert
from tocsin.cap.rss import is_rss, read_rss
from tocsin.cap.secure import local, namespace, read_xml, rules_of
from tocsin.model.errors import ParseError

MAX_BYTES = 50_000_000
"""A container holds many messages; each of them is bounded by what it holds."""

OUTCOMES = ("alerts", "links", "empty", "rejected", "refused")
_TEXT_FORM = re.compile(r"<((?:[A-Za-z_][\w.-]*:)?)alert[\s>]")


_HEADLESS = Entry(id="", title="", updated=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One message in a document.

    Parameters
    ----------
    alert : CapAlert
        As read.
    findings : tuple of Finding
        Of this message.
    path : str
        Where it stands: ``feed/entry[2]``, ``features[0]``.
    entry : int or None
        Index of the entry that holds it; None where it stands in none.
    """

    alert: CapAlert
    findings: tuple[Finding, ...]
    path: str
    entry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one document holds.

    Parameters
    ----------
    kind : str
        ``atom``, ``rss``, ``edxl``, ``alerts``, ``alert``, ``geojson``, ``json``, or ``unknown``.
    outcome : str
        ``alerts`` (holds messages), ``links`` (only addresses of them), ``empty`` (neither), ``rejected``
        (not well-formed or too large) or ``refused`` (a document type: nothing was read).
    messages : tuple of Found
        In document order; those escaped in a text last.
    head : Entry
        The document itself: id, title, time.
    entries : tuple of Entry
        Entries, items, features or objects, each with its links and its number of messages.
    links : tuple of str
        Addresses of messages that are not in the document, each once.
    findings : tuple of Finding
        On the document: ``feed.*``, ``doc.*``.
    """

    kind: str
    outcome: str
    messages: tuple[Found, ...] = ()
    head: Entry = field(default_factory=lambda: _HEADLESS)
    entries: tuple[Entry, ...] = ()
    links: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def reason(self) -> str:
        """Why nothing could be read, in words; empty where something could."""
        if self.outcome not in ("rejected", "refused") and self.kind != "unknown":
            return ""
        return "; ".join(f"{f.rule}: {f.message}" for f in self.findings)


def messages_in(content: bytes, *, base: str = "", max_bytes: int = MAX_BYTES) -> Contents:
    """Read a document of any known form; it never raises, a document that cannot be read says why.

    Parameters
    ----------
    content : bytes
        As received.
    base : str
        Address of the document, against which relative links are resolved.
    max_bytes : int
        A larger document is rejected unread.

    Returns
    -------
    Contents

    Examples
    --------
    >>> messages_in(b'<rss version="2.0"><channel><title>No warnings</title></channel></rss>').outcome
    'empty'
    >>> messages_in(b"<feed><feeds></feed>").outcome
    'rejected'
    >>> messages_in(b'[{"identifier": "a-1", "sender": "x"}]').messages[0].alert.identifier
    'a-1'
    """
    try:
        if looks_like_json(content):
            return _json(read_json(content, max_bytes=max_bytes))
        return _xml(read_xml(content, max_bytes=max_bytes), base)
    except ParseError as error:
        rules = rules_of(error)
        words = str(error).partition(": ")[2] or str(error)
        return Contents(
            kind="unknown",
            outcome="refused" if "doc.doctype" in rules else "rejected",
            findings=tuple(
                Finding(rule=rule, level="error", path="", message=words) for rule in dict.fromkeys(rules)
            ),
        )


def _json(document: object) -> Contents:
    found = items_of(document)
    if found is None:
        return _unknown("a JSON document without messages")
    kind, head, items = found
    messages, entries, findings = [], [], []
    for i, item in enumerate(items):
        entries.append(item.entry)
        if item.node is None:
            words = "got an object that is no message; not read"
            findings.append(Finding(rule="feed.link", level="error", path=item.path, message=words))
            continue
        alert, defects = read_alert(item.node)
        both = tuple(sorted({*defects, *item.findings}))
        messages.append(Found(alert=alert, findings=both, path=item.path, entry=i))
    return Contents(
        kind=kind,
        outcome="alerts" if messages else "empty",
        messages=tuple(messages),
        head=head,
        entries=tuple(entries),
        findings=tuple(findings),
    )


def _xml(root: etree._Element, base: str) -> Contents:
    kind, form = "unknown", ""
    head = _HEADLESS
    items: list[tuple[etree._Element, Entry]] = []
    packed: list[tuple[etree._Element, bytes]] = []
    findings: list[Finding] = []
    if is_atom(root):
        kind, form = "atom", "feed/entry"
        head, items = read_entries(root, base)
    elif is_rss(root):
        kind, form = "rss", "rss/channel/item"
        head, items = read_rss(root, base)
    elif is_edxl(root):
        kind, form = "edxl", "EDXLDistribution/contentObject"
        head, items, packed, findings = read_edxl(root)
    elif local(root) == "alerts":
        kind = "alerts"
    elif local(root) == "alert":
        kind = "alert"
        items = [(root, head)]
    index = {node: i for i, (node, _) in enumerate(items)}
    messages: list[Found] = []
    for node in alert_nodes(root):
        if node is not root and not _is_cap(node):
            continue
        alert, defects = read_alert(node)
        messages.append(_found(node, alert, defects, index, form))
    for holder, inner in _texts(root, packed, findings):
        for node in alert_nodes(inner):
            if _is_cap(node):
                alert, defects = read_alert(node)
                messages.append(_found(holder, alert, defects, index, form))
    held = Counter(m.entry for m in messages)
    entries = [dataclasses.replace(entry, messages=held[i]) for i, (_, entry) in enumerate(items)]
    if kind in ("atom", "rss") and local(root) != "entry":
        findings = [*check_feed(head, entries, form=form), *findings]
    links = dict.fromkeys(entry.links[0] for entry in entries if entry.links and not entry.messages)
    if kind == "unknown" and not messages:
        return _unknown(f"the root {local(root)!r} and no message under it", findings)
    return Contents(
        kind=kind,
        outcome="alerts" if messages else "links" if links else "empty",
        messages=tuple(messages),
        head=head,
        entries=() if kind == "edxl" else tuple(entries),
        links=tuple(links),
        findings=tuple(findings),
    )


def alert_elements(root: etree._Element) -> Iterator[etree._Element]:
    """Every ``alert`` in a document, also in texts and unpacked from base64: at least all that are read.

    Who judges signatures asks here, so that no message can be read which was not judged.

    Examples
    --------
    >>> [local(n) for n in alert_elements(read_xml(b"<x><y>see &lt;alert&gt;&lt;/alert&gt;</y></x>"))]
    ['alert']
    """
    yield from alert_nodes(root)
    packed = read_edxl(root)[2] if is_edxl(root) else []
    for _, inner in _texts(root, packed, []):
        yield from alert_nodes(inner)


def _unknown(what: str, findings: list[Finding] | None = None) -> Contents:
    words = f"got {what}, allowed: Atom, RSS, EDXL-DE, alerts, alert, GeoJSON or JSON of messages"
    report = Finding(rule="doc.container", level="error", path="", message=words)
    return Contents(kind="unknown", outcome="empty", findings=(*(findings or ()), report))


def _found(
    node: etree._Element,
    alert: CapAlert,
    defects: tuple[Finding, ...],
    index: dict[etree._Element, int],
    form: str,
) -> Found:
    above: etree._Element | None = node
    while above is not None and above not in index:
        above = above.getparent()
    entry = None if above is None else index[above]
    path = "alert" if entry is None or not form else f"{form}[{entry + 1}]"
    return Found(alert=alert, findings=defects, path=path, entry=entry)


def _is_cap(node: etree._Element) -> bool:
    """Whether an element called ``alert`` is a message: by its namespace, or by what it holds.

    A wrapper that forgets the namespace gives the message its own.
    """
    space = namespace(node)
    return (bool(space) and space in VERSIONS) or any(local(child) == "identifier" for child in node)


def _texts(
    root: etree._Element, packed: list[tuple[etree._Element, bytes]], findings: list[Finding]
) -> Iterator[tuple[etree._Element, etree._Element]]:
    """Documents inside of texts: escaped or in CDATA, and unpacked from base64."""
    for node in _outside(root):
        # Comments split a text: the pieces are joined, as everywhere.
        text = (node.text or "") + "".join(c.tail or "" for c in node if not local(c))
        if "alert" not in text:
            continue
        if "&lt;" in text and not _TEXT_FORM.search(text):
            text = html.unescape(text)  # HTML that was escaped once more
        piece = _piece(text)
        if piece is not None:
            inner = _read_inner(piece.encode(), node, findings, doctype="<!DOCTYPE" in text)
            if inner is not None:
                yield node, inner
    for node, content in packed:
        inner = _read_inner(content, node, findings)
        if inner is not None:
            yield node, inner


def _piece(text: str) -> str | None:
    """The messages in a text, in a wrapper of their own; None when there are none."""
    first = _TEXT_FORM.search(text)
    if first is None:
        return None
    closing = f"</{first[1]}alert>"
    end = text.rfind(closing)
    if end < first.start():
        return None
    return f"<alerts>{text[first.start() : end + len(closing)]}</alerts>"


def _read_inner(
    content: bytes, node: etree._Element, findings: list[Finding], *, doctype: bool = False
) -> etree._Element | None:
    try:
        if doctype:
            raise ParseError("doc.doctype: a document type declaration, allowed: none")
        return read_xml(content, max_bytes=MAX_BYTES)
    except ParseError as error:
        rule, _, words = str(error).partition(": ")
        path = local(node)
        findings.append(Finding(rule=rule, level="error", path=path, message=f"in the text: {words}"))
        return None


def _outside(node: etree._Element) -> Iterator[etree._Element]:
    """Every element that is not part of a message."""
    if not local(node) or (local(node) == "alert" and _is_cap(node)):
        return
    yield node
    for child in node:
        yield from _outside(child)
