"""No data on persons: Tocsin watches regions. Names of fields, columns and keys are held to that.

A name cannot prove what stands below it, but a field that is named after a person never belongs here. The
accounts of staff in the record of decisions are the one exception.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STAFF = frozenset({"actor", "author", "submitter", "approver", "issuer", "account"})
"""Fields that hold an account of staff."""

_PERSONAL = (
    "person", "personal", "patient", "victim", "casualty name", "passenger name", "citizen", "resident id",
    "first name", "last name", "given name", "family name", "middle name", "full name", "surname", "forename",
    "maiden name", "nickname", "birth", "birthday", "birthdate", "dob", "age of", "gender", "sex",
    "ethnicity", "race", "religion", "nationality", "marital", "email", "e mail", "mail address",
    "phone", "telephone", "mobile number", "msisdn", "imei", "imsi", "mac address", "ip address", "device id",
    "home address", "street address", "ssn", "social security", "passport", "national id", "identity card",
    "driving licence", "driver license", "tax id", "iban", "credit card", "licence plate", "license plate",
    "biometric", "fingerprints", "face image", "diagnosis of", "medical record", "health record",
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MARKS = tuple((phrase, tuple(phrase.split())) for phrase in _PERSONAL)


def personal(name: str) -> str | None:
    """Give the phrase that makes a name one of a person's data, or None.

    Examples
    --------
    >>> personal("dateOfBirth"), personal("patient_id"), personal("departures")
    ('birth', 'patient', None)
    """
    if name in STAFF:
        return None
    words = tuple(w.lower() for w in _WORDS.findall(name))
    for phrase, mark in _MARKS:
        if any(words[i : i + len(mark)] == mark for i in range(len(words) - len(mark) + 1)):
            return phrase
    return None


def in_names(where: str, names: Iterable[str]) -> tuple[str, ...]:
    """Say which names of a table, file or noun are those of a person's data.

    Examples
    --------
    >>> in_names("hospital.csv", ["region", "patient_id"])
    ("hospital.csv: patient_id: got a field on persons ('patient'), allowed: counts by region",)
    """
    return tuple(
        f"{where}: {name}: got a field on persons ({phrase!r}), allowed: counts by region"
        for name in names
        if (phrase := personal(name)) is not None
    )


def in_nouns(nouns: Iterable[type]) -> tuple[str, ...]:
    """Say the same of dataclasses; what is no dataclass is passed over."""
    return tuple(
        line
        for noun in nouns
        if dataclasses.is_dataclass(noun)
        for line in in_names(noun.__name__, (f.name for f in dataclasses.fields(noun)))
    )


def in_document(where: str, document: Any) -> tuple[str, ...]:
    """Say the same of every key in a document of mappings and lists.

    Parameters
    ----------
    where : str
        Name of the document, for the message.
    document : mapping, sequence or scalar
        As JSON or TOML gives it.
    """
    found: list[str] = []
    todo: list[tuple[str, Any]] = [(where, document)]
    while todo:
        place, item = todo.pop()
        if isinstance(item, Mapping):
            found += in_names(place, map(str, item))
            todo += [(f"{place}.{key}", value) for key, value in item.items()]
        elif isinstance(item, Sequence) and not isinstance(item, str | bytes):
            todo += [(f"{place}[{n}]", value) for n, value in enumerate(item)]
    return tuple(sorted(found))
