"""Real messages of authorities, and the schema of the standard, where the shared data are there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.cap.messages import WHOLE, alerts
from tocsin.cap import CapAlert, parse, render
from tocsin.model import ParseError

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "cap"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/cap is not there"),
]


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def schema() -> etree.XMLSchema:
    text = (FOLDER / "xsd" / "CAP-v1.2.xsd").read_text(encoding="utf-8")
    return etree.XMLSchema(etree.fromstring(text.encode()))


def summary(alert: CapAlert) -> dict[str, str]:
    areas = [area for info in alert.infos for area in info.areas]
    unread = [name for area in areas for name, _ in area.unread]
    return {
        "version": alert.version,
        "sender": alert.sender,
        "identifier": alert.identifier,
        "sent": "" if alert.sent is None else f"{alert.sent.timestamp():.0f}",
        "status": alert.status,
        "msgType": alert.msg_type,
        "n_info": str(len(alert.infos)),
        "n_area": str(len(areas)),
        "n_polygon": str(sum(len(a.polygons) for a in areas) + unread.count("polygon")),
        "n_circle": str(sum(len(a.circles) for a in areas) + unread.count("circle")),
        "n_geocode": str(sum(len(a.geocodes) for a in areas)),
        "n_parameter": str(sum(len(i.parameter) for i in alert.infos)),
        "n_references": str(len(alert.references)),
        "languages": " ".join(info.language or "-" for info in alert.infos),
    }


def test_every_real_message_is_read_whole_and_written_back() -> None:
    from datetime import datetime

    rows = table("PARSED.tsv")
    assert rows
    wrong = []
    for row in rows:
        alert, _ = parse((FOLDER / row["file"]).read_bytes())
        row["sent"] = row["sent"] and f"{datetime.fromisoformat(row['sent']).timestamp():.0f}"
        got = summary(alert)
        wrong += [
            f"{row['file']}: {k}: got {v!r}, expected {row[k]!r}" for k, v in got.items() if v != row[k]
        ]
        if parse(render(alert))[0] != alert:
            wrong.append(f"{row['file']}: not the same after writing and reading")
    assert wrong == []


def test_no_error_fires_that_the_reference_does_not_know_and_attacks_are_refused() -> None:
    wrong, refused, rows = [], 0, [row for row in table("EXPECTED.tsv") if row["profile"] == "none"]
    assert rows
    for row in rows:
        path = FOLDER / row["file"]
        if not path.exists():
            continue
        known = row["fires"].split()
        try:
            _, findings = parse(path.read_bytes())
        except ParseError as error:
            refused += 1
            if str(error).split(":")[0] not in known:
                wrong.append(f"{row['file']}: {error}")
            continue
        wrong += [f"{row['file']}: {f.rule}" for f in findings if f.level == "error" and f.rule not in known]
        if row["xsd_valid"] == "refused":
            wrong.append(f"{row['file']}: was not refused")
    assert wrong == []
    assert refused > 10


def test_the_whole_message_is_valid_by_the_schema() -> None:
    schema().assertValid(etree.fromstring(render(WHOLE)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_whatever_we_write_is_valid_by_the_schema(alert: CapAlert) -> None:
    VALID.assertValid(etree.fromstring(render(alert)))


VALID = schema() if FOLDER.is_dir() else None
