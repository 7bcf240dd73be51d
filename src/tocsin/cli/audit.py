"""``tocsin govern audit``: the record of decisions, shown, verified, anchored."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, StorePath, moment, now, open_store_office, store_path

app = group(
    "The record of decisions: shown, verified, anchored; without a verb shown and verified.", bare=True
)

Subject = Annotated[
    str | None, typer.Option("--subject", help="Id of a warning or task, account:NAME, key:ID.")
]
Account = Annotated[str | None, typer.Option("--account", help="Who acted.")]
Action = Annotated[str | None, typer.Option("--action", help="What was done, such as approve.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to then.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the newest so many.")]
COLUMNS = ["seq", "at", "actor", "role", "action", "subject", "legal_basis", "reason", "simulated"]


@app.callback(epilog="Example: tocsin govern audit --subject account:chief")
def bare(
    context: typer.Context,
    subject: Subject = None,
    account: Account = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Show the record of decisions, and verify the whole of it; exit 1 when it was tampered with."""
    if context.invoked_subcommand is not None:
        return DONE
    from tocsin.ops import anchoring

    _show_rows(store, json, subject=subject, account=account, since=since, until=until, limit=limit)
    report = anchoring.verify(store_path(store))
    for fault in report.faults:
        typer.echo(str(fault), err=True)
    return DONE if report.whole else FOUND_WRONG


@app.command("list", epilog="Example: tocsin govern audit list --action approve --account chief")
def list_(
    subject: Subject = None,
    account: Account = None,
    action: Action = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """List who did what, when, on what, on which legal basis; --until is the record as it was then."""
    _show_rows(
        store, json, subject=subject, account=account, action=action, since=since, until=until, limit=limit
    )


@app.command(epilog="Example: tocsin govern audit show 1")
def show(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="Its number, or its id.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Show one entry: the decision, its law in words, the content decided on, and its place in the chain."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        row = queries.audit_entry(office, entry)
    output.fields(row, as_json=json, title=f"Entry {row['seq']} of the journal")


@app.command(epilog="Example: tocsin govern audit verify --anchors /mnt/elsewhere/anchors.jsonl")
def verify(
    anchors: Annotated[
        Path | None, typer.Option("--anchors", metavar="FILE", help="A copy of the anchors kept elsewhere.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Go on from the last good anchor at or before then; what is older is not looked at again.",
        ),
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Verify the record: chain, seals, tables, law, anchors; exit 1 when anything was changed."""
    from tocsin.ops import anchoring

    with output.progress() as tell:
        report = anchoring.verify(
            store_path(store), anchors=anchors, since=moment(since, "--since"), tell=tell
        )
    rows = [
        {
            "weight": weight,
            "kind": str(f.kind),
            "place": f.place,
            "found": f.found,
            "expected": f.expected,
            "do": f.advice,
        }
        for weight, found in (("fault", report.faults), ("note", report.notes))
        for f in found
    ]
    summary: dict[str, Any] = {
        "verdict": "whole" if report.whole else "not whole",
        "entries": report.entries,
        "seals": report.seals,
        "rows": report.rows,
        "anchors": report.anchors,
        "since": report.since or None,
        "head": report.head,
        "seal_head": report.seal_head,
        "faults": len(report.faults) + report.more,
        "notes": len(report.notes),
    }
    if json:
        for row in [*rows, {"weight": "summary"} | summary]:
            output.emit_json(row)
    else:
        for row in rows:
            print(f"{row['weight']}: {row['place']}: {row['kind']}")
            print(f"  found     {row['found']}\n  expected  {row['expected']}\n  do        {row['do']}")
        output.fields(summary, as_json=False, title="Verification of the record")
    return DONE if report.whole else FOUND_WRONG


@app.command(epilog="Example: tocsin govern audit anchor --print")
def anchor(
    print_: Annotated[
        bool, typer.Option("--print", help="In words, to be printed and locked away, or compared by eye.")
    ] = False,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Make an anchor of the record now: its head, signed, into the file of anchors and its copies."""
    from tocsin.model import to_plain
    from tocsin.ops import anchoring

    office = open_store_office(store)
    with contextlib.closing(office.store):
        made = anchoring.take(office, at=now())
        file = anchoring.anchors_file(office.path)
    if print_ and not json:
        print(anchoring.printed(made))
        return
    output.fields(to_plain(made) | {"file": str(file)}, as_json=json, title="Anchor")


def _show_rows(store: Path | None, json: bool, *, account: str | None, **chosen: Any) -> None:
    from tocsin.ops import queries

    chosen["since"], chosen["until"] = moment(chosen["since"], "--since"), moment(chosen["until"], "--until")
    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = queries.audit(office, actor=account, **chosen)
    output.emit(rows, COLUMNS, as_json=json, title="Decisions")
