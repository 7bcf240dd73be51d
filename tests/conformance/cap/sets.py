"""Sets of messages against ``sets/ACTIVE.tsv`` and ``EXPECTED.tsv``, real chains against ``CHAINS.tsv``."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.conformance.runner import Report
from tocsin.cap import parse
from tocsin.cap.chains import Arrival, Chains, Message, Standing, Verdict
from tocsin.cap.sets import findings_of

Row = dict[str, str]


def run(folder: Path, report: Report) -> None:
    """Run every case of the folder's sets and chains."""
    fired = states(folder, report)
    rules(folder, report, fired)
    chains(folder, report)


def states(folder: Path, report: Report) -> dict[str, set[str]]:
    """States at each instant, in every order of arrival; gives the rules that fired by file."""
    table = folder / "sets" / "ACTIVE.tsv"
    if not table.is_file():
        report.fail("sets/ACTIVE.tsv", "got no such file")
        return {}
    by_set: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(table):
        by_set[row["set"]][row["instant"]].append(row)
    fired: dict[str, set[str]] = {}
    for name, instants in by_set.items():
        arrivals = read(sorted((folder / "sets" / name).glob("*.xml")))
        forward, backward = Chains(arrivals), Chains(reversed(arrivals))
        for instant, expected in instants.items():
            at = datetime.fromisoformat(instant)
            for order, found in (("forward", forward), ("reverse", backward)):
                got = sorted(map(_shown, found.states(at)))
                want = sorted(_expected(row) for row in expected)
                report.case(f"sets/{name} {instant} {order}", got, want)
            received = Chains(replace(a, known_at=a.alert.sent) for a in arrivals)
            got = sorted(map(_shown, received.states(at, at)))
            want = sorted(_expected(row) for row in expected if row["state"] != "not_yet")
            report.case(f"sets/{name} {instant} as known then", got, want)
        for arrival in arrivals:
            fired[f"sets/{name}/{arrival.name}"] = set()
        for message, finding in findings_of(forward):
            for arrival in message.arrivals:
                fired[f"sets/{name}/{arrival.name}"].add(finding.rule)
    return fired


def rules(folder: Path, report: Report, fired: dict[str, set[str]]) -> None:
    """The rules on sets: all that must fire do, and none besides that the reference did not fire."""
    known = {row["id"] for row in rows(folder / "RULES.tsv")}  # ours has rules of its own besides
    for row in rows(folder / "EXPECTED.tsv"):
        if row["file"] not in fired:
            if row["file"].startswith("sets/"):
                report.fail(row["file"], "got a set that sets/ACTIVE.tsv does not name")
            continue
        want = {rule for rule in row["fires"].split() if rule.startswith("set.")}
        report.case(f"{row['file']} rules", sorted(fired[row["file"]] & known), sorted(want))


def chains(folder: Path, report: Report) -> None:
    """Real chains: who belongs together, and how many references name a message that is not there."""
    manifest = {row["file"]: row["chain"] for row in rows(folder / "MANIFEST.tsv") if row["chain"]}
    files = [folder / name for name in manifest if name.startswith("chains/")]
    if missing := [path for path in files if not path.is_file()]:
        report.fail("chains", f"got no file {missing[0]}")
        return
    found = Chains(read(files))
    groups = {}
    for group in found.chains():
        names = {manifest[f"chains/{a.name}"] for m in group for a in m.arrivals}
        for name in names:
            groups[name] = (group, names)
    for row in rows(folder / "CHAINS.tsv"):
        name = row["chain"]
        if name not in groups:
            report.fail(f"chains/{name}", "got no such chain")
            continue
        group, names = groups[name]
        report.case(f"chains/{name} is one chain", sorted(names), [name])
        for column, value in _figures(group, found).items():
            report.case(f"chains/{name} {column}", value, row[column])


def _figures(group: Sequence[Message], chains_: Chains) -> dict[str, object]:
    copies = [(m, a) for m in group for a in m.arrivals]
    links = [link for m, _ in copies for link in chains_.links(m)]
    times = [m.alert.sent.isoformat() for m in group if m.alert.sent is not None]
    return {
        "messages": len(copies),
        "alerts": sum(m.alert.msg_type == "Alert" for m, _ in copies),
        "updates": sum(m.alert.msg_type == "Update" for m, _ in copies),
        "first_sent": times[0],
        "last_sent": times[-1],
        "references": len(links),
        "unresolved": sum(link.verdict is Verdict.DANGLING for link in links),
    }


def read(files: Sequence[Path]) -> list[Arrival]:
    """Copies of messages from files, named after them."""
    return [Arrival(alert=parse(path.read_bytes())[0], name=path.name) for path in files]


def rows(path: Path) -> Iterator[Row]:
    """Rows of a table of the corpus: tabs, no quotes."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _shown(standing: Standing) -> str:
    message = standing.message
    names = " ".join(sorted(a.name for a in message.arrivals))
    by = " ".join(m.identity.identifier for m in standing.by)
    shown = "yes" if standing.state.shown else "no"
    identity = message.identity
    sent = "" if identity.sent is None else str(identity.sent.timestamp())
    told = (message.alert.msg_type, standing.state.value, shown, by)
    return "|".join((names, identity.sender, identity.identifier, sent, *told))


def _expected(row: Row) -> str:
    sent = str(datetime.fromisoformat(row["sent"]).timestamp())
    names = " ".join(sorted(row["files"].split()))
    identity = (row["sender"], row["identifier"], sent)
    told = (row["msgType"], row["state"], row["shown"], row["by"])
    return "|".join((names, *identity, *told))
