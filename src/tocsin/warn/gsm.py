"""Text as telephones get it by cell broadcast: the GSM 7-bit alphabet (3GPP TS 23.038), in pages."""

from __future__ import annotations

import unicodedata

from tocsin.warn.wording import shorten

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each."""

EXTENDED = frozenset("^{}\\[~]|€")
"""Two septets each."""

MOST_SEPTETS = 1390
MOST_UCS2 = 615
"""Fifteen pages: 1395 septets, of which receivers take 1390; 615 characters of two octets."""

_PLAIN = str.maketrans(
    {
        "…": "...", "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"',
        "„": '"', "«": '"', "»": '"', "≥": ">=", "≤": "<=", "×": "x", "·": "-", "•": "-", "°": " deg",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\t": " ",
    }
)  # fmt: skip


def septets(text: str) -> int | None:
    """Length in the GSM alphabet; None when a character is not in it.

    Examples
    --------
    >>> septets("5 € more"), septets("飓风")
    (9, None)
    """
    total = 0
    for character in text:
        if character in BASIC:
            total += 1
        elif character in EXTENDED:
            total += 2
        else:
            return None
    return total


def plain(text: str) -> str:
    """The text in the GSM alphabet where that changes only dashes, quotes and accents; else as it is.

    Examples
    --------
    >>> plain("Flood – stay “in”…"), plain("Šumava")
    ('Flood - stay "in"...', 'Sumava')
    """
    text = text.translate(_PLAIN)
    made = "".join(c if c in BASIC or c in EXTENDED else _bare(c) for c in text)
    return made if septets(made) is not None else text


def fit(text: str, limit: int = MOST_SEPTETS) -> tuple[str, str]:
    """Shorten at a word's end so that it fits, and name the alphabet.

    Parameters
    ----------
    limit : int
        Septets. A text that needs the other alphabet gets as many characters as fit in the same octets.

    Returns
    -------
    tuple of (str, str)
        The text and ``GSM-7`` or ``UCS-2``.

    Examples
    --------
    >>> fit("Take shelter now", 12)
    ('Take...', 'GSM-7')
    """
    text = plain(" ".join(text.split()))
    if septets(text) is None:
        return shorten(text, min(limit * 7 // 16, MOST_UCS2)), "UCS-2"
    room = limit
    while True:
        short = shorten(text, room).replace("…", "...")
        length = septets(short)
        if length is not None and length <= limit:
            return short, "GSM-7"
        room -= max(1, (length or limit) - limit)


def _bare(character: str) -> str:
    bare = unicodedata.normalize("NFKD", character)[0]
    return bare if bare in BASIC else character
