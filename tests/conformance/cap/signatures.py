"""``SIGNATURES.tsv``: whether the bytes agree with each signature, in which shape, by which key.

The table measures integrity with the key that the message brings. What may be trusted is another matter.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from tests.conformance.runner import Report
from tocsin.cap.signature import Status, Verdict, verify

RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
UNTESTABLE = {"signature.certificate-unreadable", "signature.empty", "signature.key-missing"}


def run(folder: Path, report: Report) -> None:
    """Compare every row; a missing file is a failure."""
    path = folder / "SIGNATURES.tsv"
    if not path.is_file():
        report.fail("SIGNATURES.tsv", "no such file")
        return
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        name = f"signature {row['file']} {row['signature']}"
        file_path = folder / row["file"]
        if not file_path.is_file():
            report.fail(name, "no such file")
            continue
        _case(name, row, file_path.read_bytes(), report)


def _case(name: str, row: dict[str, str], content: bytes, report: Report) -> None:
    verdicts = [v for one in verify(content, received=RECEIVED) for v in one.verdicts]
    found = next((v for v in verdicts if v.place == int(row["signature"])), None)
    if found is None:
        report.fail(name, f"got no such signature, but {[v.reason for v in verdicts]}")
        return
    got, expected = _said(found), _expected(row)
    if got != expected and found.status is Status.REFUSED and found.whole is None:
        report.differ(name, got, expected, f"refused before it is computed: {found.reason}")
        return
    report.case(name, got, expected)
    if found.trusted:
        report.fail(f"{name} trust", "trusted without a registry")


def _said(found: Verdict) -> tuple[str, ...]:
    shape = str(found.whole) if found.whole else "no"
    if UNTESTABLE & {found.reason, *found.also}:
        shape = "not testable"
    return shape, found.method, found.digest, found.key, found.fingerprint[:16]


def _expected(row: dict[str, str]) -> tuple[str, ...]:
    plain = (row["method"], row["digest"], row["key"])
    return row["signxml_5.2.0"], *(p.replace("?", "none") for p in plain), row["sha256_16"]
