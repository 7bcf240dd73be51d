"""Single messages: ``PARSED.tsv``, ``EXPECTED.tsv``, ``RESULTS.tsv`` and the counts of ``RULES.tsv``."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from tests.conformance.runner import Report
from tocsin.cap import CapAlert, parse, render
from tocsin.cap.profiles import every_rule
from tocsin.cap.rulebook import Rule
from tocsin.cap.secure import MAX_BYTES
from tocsin.model import ParseError
from tocsin.ops.messages import check_file

Row = dict[str, str]

ELSEWHERE = ("set.", "feed.")
"""Rules of the other sections."""
DIFFERENT = {
    "info.category.differs": "values are compared as they are read: met and Met are one category",
    "info.responsetype.missing": "a blank responseType is reported as blank, and says no type",
    "doc.namespace": "a wrapper is told apart from the message in it, which is read and judged",
}
"""Why our rules fire elsewhere than those of the reference, by rule."""
WRAPPED = "the message inside the wrapper is read, so nothing of it is missing"
SCHEMA_COLUMNS = {"EXPECTED.tsv": "xsd_valid", "RESULTS.tsv": "xsd_valid_lxml"}


def run(folder: Path, report: Report) -> None:
    """Run every case on single messages that the folder has tables for."""
    parsed(folder, report)
    known = {row["id"] for row in rows(folder / "RULES.tsv")}  # ours has more, which are no difference
    judged: dict[tuple[str, str], Verdict] = {}
    for table in SCHEMA_COLUMNS:
        for row in rows(folder / table):
            name, profile = row["file"], "" if row["profile"] == "none" else row["profile"]
            if not (folder / name).is_file():
                report.fail(f"{table} {name}", "got no such file")
                continue
            if (name, profile) not in judged:
                judged[name, profile] = judge(folder / name, profile)
            compare(table, row, judged[name, profile], known, report)
    counts(folder, report, judged)
    oversize(folder, report)


def rows(path: Path) -> Iterator[Row]:
    """Rows of a table; none where it is not there."""
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


# What a reader must find


def parsed(folder: Path, report: Report) -> None:
    """Every column of ``PARSED.tsv``; then that writing and reading again gives the same message."""
    for row in rows(folder / "PARSED.tsv"):
        name = row.pop("file")
        try:
            alert, findings = parse((folder / name).read_bytes())
        except (ParseError, OSError) as error:
            report.fail(f"PARSED.tsv {name}", str(error))
            continue
        mended = {f.path for f in findings if f.rule == "text.enum-form"}
        got = summary(alert)
        for key, path in (("status", "alert/status"), ("msgType", "alert/msgType")):
            if path in mended:  # we read the value of the standard, the table has it as it came
                got[key], row[key] = got[key].lower(), row[key].lower()
        wrong = {key: (value, row[key]) for key, value in got.items() if row.get(key, value) != value}
        report.case(
            f"PARSED.tsv {name}", {k: v for k, (v, _) in wrong.items()}, {k: v for k, (_, v) in wrong.items()}
        )
        report.case(f"written and read again {name}", parse(render(alert))[0] == alert, True)


def summary(alert: CapAlert) -> Row:
    """The columns of ``PARSED.tsv``."""
    areas = [area for info in alert.infos for area in info.areas]
    unread = [pair for area in areas for pair in area.unread]
    shapes = [name for name, _ in unread]
    sent = "" if alert.sent is None else alert.sent.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {
        "version": alert.version,
        "sender": alert.sender,
        "identifier": alert.identifier,
        "sent_text": alert.sent_text,
        "sent": sent,
        "status": alert.status,
        "msgType": alert.msg_type,
        "n_info": str(len(alert.infos)),
        "n_area": str(len(areas)),
        "n_polygon": str(sum(len(a.polygons) for a in areas) + shapes.count("polygon")),
        "n_polygon_empty": str(unread.count(("polygon", ""))),
        "n_circle": str(sum(len(a.circles) for a in areas) + shapes.count("circle")),
        "n_geocode": str(sum(len(a.geocodes) for a in areas)),
        "n_parameter": str(sum(len(i.parameter) for i in alert.infos)),
        "n_references": str(len(alert.references)),
        "languages": " ".join(info.language or "-" for info in alert.infos),
    }
    return {key: " ".join(value.split()) for key, value in found.items()}  # as the table has them


# What fires


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``tocsin cap check`` says of one file."""

    fired: frozenset[str]
    errors: frozenset[str]
    schema: str
    wrapped: bool


def judge(path: Path, profile: str) -> Verdict:
    """Check one file with at most one profile."""
    found = list(check_file(path, profiles=[profile] if profile else []))
    findings = [f for one in found for f in one.findings if not f.rule.startswith(ELSEWHERE)]
    verdicts = [one.xsd_valid for one in found if one.kind != "feed"]
    schema = "yes" if all(verdicts) else "refused" if None in verdicts else "no"
    return Verdict(
        fired=frozenset(f.rule for f in findings),
        errors=frozenset(f.rule for f in findings if f.level == "error"),
        schema=schema,
        wrapped=any(f.path == "alerts" for f in findings),
    )


def compare(table: str, row: Row, got: Verdict, known: set[str], report: Report) -> None:
    """One case for the schema, one for what fires; other findings that differ are named with the reason."""
    name = f"{table} {row['file']}"
    report.case(f"{name} schema", got.schema, row[SCHEMA_COLUMNS[table]])
    if table == "EXPECTED.tsv":
        fires, must = _rules(row["fires"]), _rules(row["must_fire"])
    else:
        fires, must = _rules(row["errors"]) | _rules(row["other_findings"]), _rules(row["errors"])
    if got.wrapped:
        must &= got.fired | {"doc.namespace"}
    missing, beyond = sorted(must - got.fired), sorted(got.errors - fires)
    if missing or beyond:
        report.fail(
            name, f"must fire and does not: {missing}; error that the reference does not know: {beyond}"
        )
        return
    report.ok(name)
    book = every_rule()
    ours = {rule for rule in got.fired - fires if rule in known}
    for rule in sorted(ours | (fires - got.fired)):
        why = WRAPPED if got.wrapped else _why(rule, book)
        report.differ(f"{name} {rule}", rule in got.fired, rule in fires, why)


def _why(rule: str, book: Mapping[str, Rule]) -> str:
    """The reason where it is known; of others our condition, for recommendations may differ in detail."""
    condition = book[rule].condition if rule in book else "no such rule"
    return DIFFERENT.get(rule, f"a recommendation; here it fires when {condition}")


def _rules(text: str) -> set[str]:
    return {rule for rule in text.split() if not rule.startswith(ELSEWHERE)}


def counts(folder: Path, report: Report, judged: dict[tuple[str, str], Verdict]) -> None:
    """Every rule with its level, and how many real alerts of the folder fire it."""
    fired: Counter[str] = Counter()
    table: Counter[str] = Counter()
    for row in rows(folder / "RESULTS.tsv"):
        if row["class"] == "real":
            table.update(_rules(row["errors"]) | _rules(row["other_findings"]))
            verdict = judged.get((row["file"], "" if row["profile"] == "none" else row["profile"]))
            fired.update(verdict.fired if verdict else ())
    book = every_rule()
    for row in rows(folder / "RULES.tsv"):
        rule = row["id"]
        report.case(
            f"RULES.tsv {rule} level", book[rule].level if rule in book else "no such rule", row["level"]
        )
        if rule.startswith(ELSEWHERE) or not table:
            continue
        expected = int(row["real_alerts_that_fire"])
        if table[rule] != expected:
            report.skip(f"RULES.tsv {rule} count", "it counts other messages than RESULTS.tsv of this folder")
        elif fired[rule] != expected and row["level"] != "error":
            report.differ(f"RULES.tsv {rule} count", fired[rule], expected, _why(rule, book))
        else:
            report.case(f"RULES.tsv {rule} count", fired[rule], expected)


def oversize(folder: Path, report: Report) -> None:
    """The one rule without a file: its message is made from the clean one."""
    base = folder / "synthetic" / "base-12.xml"
    if not base.is_file():
        return
    with tempfile.TemporaryDirectory() as place:
        large = Path(place) / "large.xml"
        opened, rest = base.read_bytes().split(b"<description>", 1)
        large.write_bytes(opened + b"<description>" + b"a" * 6_000_000 + rest)
        assert large.stat().st_size > MAX_BYTES
        report.case("doc.oversize", sorted(judge(large, "").fired), ["doc.oversize"])
