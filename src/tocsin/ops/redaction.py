"""Texts without passwords, keys and tokens: what is logged, kept as a reason, or shown goes through here.

A secret is told by its place: in the address of a feed, under the name of a key, in a header. One that
stands in the path of an address, as in that of a web hook, cannot be told from any other path.
"""

from __future__ import annotations

import re

_NAME = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[ _.-]?key|access[_.-]?key|private[_.-]?key|app[_.-]?id"
    r"|credential|tocsin-session|session[_.-]?id|sessid)"
)
# After a colon "token" alone is a word of many parsers ("invalid token: line 1"), not the name of a secret.
_BEFORE_COLON = _NAME.replace("|token|", "|[_-]token|")
_HEADER = r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-csrf-token|x-[\w-]{0,20}(?:key|token))"

_GAP = r"[ \t]{0,9}"

# Each repetition that can fail has an upper bound: the text may be that of a stranger, of any length.
_SECRETS = (
    # The address of a feed: all before its last "@" is the log-in, also where the password has one.
    (re.compile(r"(?<=://)[^/\s'\"<>]{1,2000}(?=@)"), "…"),
    # Before the names: in "api_token: Bearer abc" the secret is the second word.
    (re.compile(r"(?i)(\bbearer[ \t]{1,9})[^\s'\"<>,]+"), r"\1…"),
    (re.compile(r"(\bBasic[ \t]{1,9})(?=[a-z]{0,200}[A-Z0-9=])[\w+/=-]{4,}"), r"\1…"),
    # A header with its value, plain, in a dictionary or as a pair of bytes: to the end of the line.
    (
        re.compile(rf"(?i)(\b{_HEADER}\b(?:['\"]?{_GAP}[:=]|['\"]{_GAP},){_GAP})(?!{_GAP}got\b).+"),
        r"\1…",
    ),
    # name='value': to the closing quote.
    (
        re.compile(
            rf"(?i)({_NAME}[\w.-]{{0,40}}['\"]?{_GAP}[:=,]{_GAP}[bruf]{{0,2}}(['\"]))(?:\\.|(?!\2).)+"
        ),
        r"\1…",
    ),
    # name=value; what follows without a space belongs to it.
    (re.compile(rf"(?i)({_NAME}[\w.-]{{0,40}}{_GAP}(?:=|%3d){_GAP})[^&\s'\"<>]+"), r"\1…"),
    # name: value; not our own "password: got 5 characters".
    (
        re.compile(rf"(?i)({_BEFORE_COLON}[\w.-]{{0,40}}['\"]?{_GAP}:{_GAP})(?!got\b)[^&\s'\"<>]+"),
        r"\1…",
    ),
    # Parameters of an address that are a secret only there.
    (
        re.compile(
            r"(?i)((?:[?&;#]|%3f|%26)(?:[\w.-]{0,40}(?:key|auth|sig|signature|pass)|code)(?:=|%3d))[^&\s'\"<>]+"
        ),
        r"\1…",
    ),
    (re.compile(r"\$argon2\S+"), "…"),
)


def without_secrets(text: str) -> str:
    """A text without passwords, keys and tokens, as far as they can be told from their place.

    Parameters
    ----------
    text : str
        Of any length, of anybody.

    Returns
    -------
    str
        The same with ``…`` in the place of each secret.

    Examples
    --------
    >>> without_secrets("GET https://me:word@example.org/f?api_key=abc&day=1: refused")
    'GET https://…@example.org/f?api_key=…&day=1: refused'
    >>> without_secrets("(b'authorization', b'Bearer abc')")
    "(b'authorization', …"
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
