"""Whether two messages say the same: a hash over what was said, not over how it was written.

Indentation, prefixes, comments, encoding, the version of the standard and signatures do not count; every
value that a reader keeps does.
"""

from __future__ import annotations

import dataclasses
import hashlib

from lxml import etree

from tocsin.cap.message import CapAlert
from tocsin.cap.writing import element


def fingerprint(alert: CapAlert) -> str:
    """Hash of everything that a message says, its identity included.

    Parameters
    ----------
    alert : CapAlert
        As read.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits; equal for two messages exactly when one may stand for the other.

    Examples
    --------
    >>> a = CapAlert(identifier="a-1", sender="x", sent=None, note="two  words")
    >>> fingerprint(a) == fingerprint(dataclasses.replace(a, note="two words"))
    True
    """
    text: str = etree.tostring(element(alert), encoding="unicode")
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def content_fingerprint(alert: CapAlert) -> str:
    """Hash of what a message says apart from its identity: equal for a message that was sent again.

    Examples
    --------
    >>> a = CapAlert(identifier="a-1", sender="x", sent=None)
    >>> content_fingerprint(a) == content_fingerprint(dataclasses.replace(a, identifier="a-2"))
    True
    """
    return fingerprint(dataclasses.replace(alert, identifier="", sent=None, references=(), unread=()))
