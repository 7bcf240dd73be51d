"""XML from strangers: no document types, no entities, no network, bounded size and depth."""

from __future__ import annotations

import codecs
import contextlib
import re
from typing import Any
from xml.parsers import expat

from lxml import etree

from tocsin.model.errors import ParseError

MAX_BYTES = 5_000_000
"""Largest message that is read; national aggregators set the same limit."""


def read_xml(content: bytes, *, max_bytes: int = MAX_BYTES) -> etree._Element:
    """Read a well-formed document without a document type declaration and give its root.

    Parameters
    ----------
    content : bytes
        As received; never a decoded string, for the document names its own encoding.
    max_bytes : int
        Size limit of a container; a bare message is held to ``MAX_BYTES`` in any case.

    Raises
    ------
    ParseError
        The message begins with the rule that was broken: ``doc.oversize``, ``doc.doctype`` (found before
        any entity is read) or ``doc.not-well-formed``, with ``doc.encoding`` where that is why.

    Examples
    --------
    >>> read_xml(b"<a>1</a>").text
    '1'
    >>> read_xml(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    Traceback (most recent call last):
    tocsin.model.errors.ParseError: doc.doctype: a document type declaration, allowed: none
    """
    if len(content) > max_bytes:
        raise ParseError(f"doc.oversize: got {len(content)} bytes, allowed: {max_bytes}")
    if _refuse_doctype(content) == "alert" and len(content) > MAX_BYTES:  # a container may be larger
        raise ParseError(f"doc.oversize: got a message of {len(content)} bytes, allowed: {MAX_BYTES}")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        again = _transcoded(content) if "encoding" in str(error.msg) else None
        if again is not None:
            return read_xml(again, max_bytes=3 * max_bytes)  # signs of one byte become up to three
        claimed = _misdecodes(content)
        also = f"{_MISDECODED} {claimed})" if claimed else ""
        raise ParseError(f"doc.not-well-formed: {_words(error)}{also}, allowed: well-formed XML") from None
    except (ValueError, LookupError) as error:
        raise ParseError(f"doc.not-well-formed: {error}, allowed: well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:  # in an encoding that only this reader knows
        raise ParseError("doc.doctype: a document type declaration, allowed: none")
    return root


_WIDE = ("utf-16", "utf-32", "iso-10646-ucs-")
_MISDECODED = " (doc.encoding: the bytes do not decode as"
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


_EBCDIC = b"\x4c\x6f\xa7\x94\x93"  # <?xml
_LEGACY = re.compile(r"(cp|mac)[a-z0-9_-]+|(shift_jis|euc_|big5|gb|johab|hz|iso|koi8)[a-z0-9_-]*")
"""Character sets of Python that are that, and no transformation of a text."""
_CALLED = {"x-sjis": "cp932", "windows-31j": "cp932", "ks_c_5601-1987": "cp949", "windows-949": "cp949",
           "windows-874": "cp874", "x-mac-roman": "mac-roman", "x-gbk": "gbk"}  # fmt: skip


def _transcoded(content: bytes) -> bytes | None:
    """The document in UTF-8, where Python knows a declared character set that the XML library does not.

    A document in EBCDIC says in EBCDIC which one it is. The declaration is taken out: this is done once.
    """
    ebcdic = content.startswith(_EBCDIC)
    head = content[:256].decode("cp037").encode("ascii", "replace") if ebcdic else content[:256]
    declared = _DECLARED.match(head)
    if declared is None:
        return None
    name = declared[1].decode("ascii").lower()
    try:
        codec = codecs.lookup(_CALLED.get(name, name)).name
        text = content.decode(codec) if _LEGACY.fullmatch(codec) else ""
    except (UnicodeError, LookupError):
        return None
    start = text.find("?>")
    if not text.startswith("<?xml") or start < 0:
        return None
    return text[start + 2 :].lstrip("\r\n\x85").encode()


class _RootReached(Exception):  # noqa: N818 - a signal, no error
    pass


def _refuse_doctype(content: bytes) -> str:
    """Look at the prolog alone, so that the work does not grow with what a declaration would expand to.

    Gives the local name of the root; empty where there is none, which the real reader reports.
    """
    root = ""

    def doctype(*_: Any) -> None:
        raise ParseError("doc.doctype: a document type declaration, allowed: none")

    def start(name: str, _: Any) -> None:
        nonlocal root
        root = name.rsplit(":", 1)[-1]
        raise _RootReached

    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = doctype
    reader.StartElementHandler = start
    # What is not well-formed is reported by the real reader, which has its own check.
    # A declared encoding may be any codec of Python, which may warn of what it is given.
    with contextlib.suppress(_RootReached, expat.ExpatError, ValueError, LookupError, Warning):
        reader.Parse(content, True)
    return root


def _misdecodes(content: bytes) -> str:
    """The encoding that the document claims, when its bytes do not decode with it; else empty."""
    marks = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
    name = next((encoding for mark, encoding in marks if content.startswith(mark)), "")
    if not name:
        declared = _DECLARED.match(content[:256])
        name = declared[1].decode("ascii") if declared else "utf-8"
        if declared and name.lower().startswith(_WIDE):  # which a declaration in ASCII letters is not
            return name
    try:
        content.decode(name)
    except (UnicodeError, LookupError):
        return name
    return ""


def _words(error: etree.XMLSyntaxError) -> str:
    return " ".join(str(error.msg or "empty document").split())


def rules_of(error: ParseError) -> tuple[str, ...]:
    """Ids of the rules for which a document was refused; what the document says is not among them.

    Examples
    --------
    >>> rules_of(ParseError("doc.not-well-formed: doc.x (doc.encoding: the bytes do not decode as utf-8)"))
    ('doc.not-well-formed', 'doc.encoding')
    """
    words = str(error)
    first = words.partition(": ")[0]
    rules = [first if first.startswith("doc.") else "doc.not-well-formed"]
    return (*rules, "doc.encoding") if _MISDECODED in words else tuple(rules)


def local(node: etree._Element) -> str:
    """Name without its namespace; empty for comments and processing instructions.

    Examples
    --------
    >>> local(read_xml(b'<a xmlns="urn:x"/>'))
    'a'
    """
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def namespace(node: etree._Element) -> str:
    """Namespace of an element; empty when it has none.

    Examples
    --------
    >>> namespace(read_xml(b'<a xmlns="urn:x"/>'))
    'urn:x'
    """
    tag = node.tag
    return tag[1:].split("}", 1)[0] if isinstance(tag, str) and tag.startswith("{") else ""


def text_of(node: etree._Element) -> str:
    """All text of an element: comments and CDATA split it, so the pieces are joined.

    Examples
    --------
    >>> text_of(read_xml(b"<a>one <!-- x -->two</a>"))
    'one two'
    """
    pieces: list[str] = []
    _gather(node, pieces)
    return "".join(pieces)


def _gather(node: etree._Element, pieces: list[str]) -> None:
    """Linear in the number of comments, which lxml's own walk is not; the parser bounds the depth."""
    pieces.append(node.text or "")
    for child in node:
        if isinstance(child.tag, str):
            _gather(child, pieces)
        pieces.append(child.tail or "")
