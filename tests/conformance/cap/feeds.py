"""Feeds, wrappers and JSON forms against ``FEEDS.tsv``."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.cap.sets import rows
from tests.conformance.runner import Report
from tocsin.cap.containers import messages_in


def run(folder: Path, report: Report) -> None:
    """Run every row of ``FEEDS.tsv``: outcome, entries, messages, and the rules on feeds."""
    table = folder / "FEEDS.tsv"
    if not table.is_file():
        report.fail("FEEDS.tsv", "got no such file")
        return
    for row in rows(table):
        path, name = folder / row["file"], row["file"]
        if not path.is_file():
            report.fail(name, "got no such file")
            continue
        found = messages_in(path.read_bytes())
        identifiers = " | ".join(m.alert.identifier for m in found.messages)
        report.case(f"{name} outcome", found.outcome, row["outcome"])
        report.case(f"{name} entries", len(found.entries), row["expected_entries"])
        report.case(f"{name} messages", len(found.messages), row["expected_alerts"])
        report.case(f"{name} identifiers", identifiers, row["alert_identifiers"])
        rules = {f.rule for f in found.findings if f.level == "error" and f.rule.startswith("feed.")}
        want = {rule for rule in row["findings"].split() if rule.startswith("feed.")}
        report.case(f"{name} rules", sorted(rules), sorted(want))
