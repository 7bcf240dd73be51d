"""XML from strangers: no document types, no entities, no network, bounded size and depth."""

from __future__ import annotations

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
        Size limit.

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
    _refuse_doctype(content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        claimed = _misdecodes(content)
        also = f" (doc.encoding: the bytes do not decode as {claimed})" if claimed else ""
        raise ParseError(f"doc.not-well-formed: {_words(error)}{also}, allowed: well-formed XML") from None
    except (ValueError, LookupError) as error:
        raise ParseError(f"doc.not-well-formed: {error}, allowed: well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("doc.doctype: a document type declaration, allowed: none")
    return root


_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


class _RootReached(Exception):  # noqa: N818 - a signal, no error
    pass


def _refuse_doctype(content: bytes) -> None:
    """Look at the prolog alone, so that the work does not grow with what a declaration would expand to."""

    def doctype(*_: Any) -> None:
        raise ParseError("doc.doctype: a document type declaration, allowed: none")

    def start(*_: Any) -> None:
        raise _RootReached

    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = doctype
    reader.StartElementHandler = start
    try:
        reader.Parse(content, True)
    except (_RootReached, expat.ExpatError, ValueError, LookupError):
        return  # what is not well-formed is reported by the real reader, which has its own check


def _misdecodes(content: bytes) -> str:
    """The encoding that the document claims, when its bytes do not decode with it; else empty."""
    marks = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
    name = next((encoding for mark, encoding in marks if content.startswith(mark)), "")
    if not name:
        declared = _DECLARED.match(content[:256])
        name = declared[1].decode("ascii") if declared else "utf-8"
    try:
        content.decode(name)
    except (UnicodeError, LookupError):
        return name
    return ""


def _words(error: etree.XMLSyntaxError) -> str:
    return " ".join(str(error.msg or "empty document").split())


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
    return "".join(node.itertext(tag=etree.Element))
