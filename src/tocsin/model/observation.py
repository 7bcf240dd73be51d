"""What comes in: raw bytes, observations, events; each knows two kinds of time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from tocsin.model.time import require_utc


class Basis(StrEnum):
    """Where ``known_at`` comes from."""

    INGEST = "ingest"  # we received it then
    RELEASE = "release"  # the publisher states that it was released then
    ESTIMATED = "estimated"  # a stated bound; the archive gives no release time


class Missing(StrEnum):
    """Why there is no value; a missing value is a value."""

    WITHDRAWN = "withdrawn"  # the publisher took it back
    NOT_REPORTED = "not_reported"  # the period is due, the reporter said nothing
    NOT_YET = "not_yet"  # the period is not complete
    OUT_OF_BOUNDS = "out_of_bounds"  # it broke the quantity's bounds; raw bytes kept
    SUPPRESSED = "suppressed"  # withheld by the publisher (small counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes as received, with their hash.

    Parameters
    ----------
    source : str
        Id of the source.
    url : str
        Where they came from (a file's name for an archive).
    fetched_at : datetime
        When they came, aware.
    media_type : str
        As declared by the server, else by the source.
    content : bytes
        The bytes.
    headers : mapping
        Response headers that matter later (etag, last-modified, content-type).
    """

    source: str
    url: str
    fetched_at: datetime
    media_type: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fetched_at", require_utc(self.fetched_at, "fetched_at"))

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes: their name in the store."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One value of one quantity in one region, as known from one moment on.

    Parameters
    ----------
    quantity, region : str
        Ids.
    valid_time : datetime
        First instant of the period that it stands for, aware.
    known_at : datetime
        When it could be known, aware.
    value : float, str or None
        The value (text for quantities that are words or dates); None when missing.
    missing : Missing or None
        The reason, required exactly when ``value`` is None.
    source : str
        Id of the source.
    raw : str
        SHA-256 of the raw bytes that it was read from.
    basis : Basis
        Where ``known_at`` comes from.

    Raises
    ------
    ValueError
        On a naive time, on NaN or infinity, on a value with a reason, on neither.
    """

    quantity: str
    region: str
    valid_time: datetime
    known_at: datetime
    value: float | str | None
    missing: Missing | None = None
    source: str
    raw: str
    basis: Basis = Basis.INGEST

    def __post_init__(self) -> None:
        object.__setattr__(self, "valid_time", require_utc(self.valid_time, "valid_time"))
        object.__setattr__(self, "known_at", require_utc(self.known_at, "known_at"))
        if (self.value is None) == (self.missing is None):
            raise ValueError(
                f"value: got {self.value!r} with missing={self.missing!r}, "
                "allowed: a value, or None with a reason"
            )
        if isinstance(self.value, int | float) and not math.isfinite(self.value):
            raise ValueError(
                f"value: got {self.value!r}, allowed: a finite number; NaN is missing with a reason"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, is happening or is announced: a finding of somebody else.

    Parameters
    ----------
    id : str
        ``source:external_id``; the same over all revisions.
    source : str
        Id of the source.
    external_id : str
        The publisher's id.
    revision : int
        Counts the publisher's versions from 0; assigned by the store in the order of ``known_at``.
    domain : str
        Domain that it enters at *assess*.
    hazard : str
        Hazard code (``earthquake``, or the CAP event text in a weather alert).
    title : str
        What people read.
    onset, ends : datetime or None
        When it acts; ``ends`` None while open.
    known_at : datetime
        When this version could be known.
    magnitude : float or None
        In ``unit``.
    unit : str
        Unit of the magnitude (``Mw``, ``level`` …); empty when there is none.
    lat, lon : float or None
        A point, WGS 84.
    regions : tuple of str
        Ids of the regions that it touches (filled at ingest from point or geocodes).
    status : str
        ``actual``, ``withdrawn``, ``exercise`` or ``test``; only ``actual`` reaches a live view.
    details : mapping
        Further fields of the publisher under its own names.
    raw : str
        SHA-256 of the raw bytes.
    basis : Basis
        Where ``known_at`` comes from.
    """

    id: str
    source: str
    external_id: str
    revision: int = 0
    domain: str
    hazard: str
    title: str
    onset: datetime
    ends: datetime | None = None
    known_at: datetime
    magnitude: float | None = None
    unit: str = ""
    lat: float | None = None
    lon: float | None = None
    regions: tuple[str, ...] = ()
    status: str = "actual"
    details: Mapping[str, Any] = field(default_factory=dict)
    raw: str
    basis: Basis = Basis.INGEST

    def __post_init__(self) -> None:
        object.__setattr__(self, "onset", require_utc(self.onset, "onset"))
        object.__setattr__(self, "known_at", require_utc(self.known_at, "known_at"))
        if self.ends is not None:
            object.__setattr__(self, "ends", require_utc(self.ends, "ends"))
        if self.magnitude is not None and not math.isfinite(self.magnitude):
            raise ValueError(f"magnitude: got {self.magnitude!r}, allowed: a finite number or None")


_TIME = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())

OBSERVATION_SCHEMA = pa.schema(
    [
        pa.field("quantity", _WORD, nullable=False),
        pa.field("region", _WORD, nullable=False),
        pa.field("valid_time", _TIME, nullable=False),
        pa.field("known_at", _TIME, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("missing", _WORD),
        pa.field("source", _WORD, nullable=False),
        pa.field("raw", _WORD, nullable=False),
        pa.field("basis", _WORD, nullable=False),
    ]
)
"""Columns of observations in bulk: exactly one of value, text and missing is set in a row."""


def to_table(observations: Iterable[Observation]) -> pa.Table:
    """Observations as one Arrow table of :data:`OBSERVATION_SCHEMA`.

    Examples
    --------
    >>> to_table([]).num_rows
    0
    """
    rows = list(observations)
    columns: dict[str, list[Any]] = {name: [] for name in OBSERVATION_SCHEMA.names}
    for o in rows:
        text = isinstance(o.value, str)
        columns["quantity"].append(o.quantity)
        columns["region"].append(o.region)
        columns["valid_time"].append(o.valid_time)
        columns["known_at"].append(o.known_at)
        columns["value"].append(None if text or o.value is None else float(o.value))
        columns["text"].append(o.value if text else None)
        columns["missing"].append(None if o.missing is None else str(o.missing))
        columns["source"].append(o.source)
        columns["raw"].append(o.raw)
        columns["basis"].append(str(o.basis))
    return pa.table(
        {f.name: pa.array(columns[f.name], type=f.type) for f in OBSERVATION_SCHEMA},
        schema=OBSERVATION_SCHEMA,
    )
