"""``tocsin warnings``: the life of a warning, from draft to issue and cancellation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli import output, reviews, shelving, translations
from tocsin.cli.group import group
from tocsin.cli.options import (
    As,
    At,
    Json,
    Match,
    StorePath,
    actor,
    moment,
    now,
    open_store_office,
)

if TYPE_CHECKING:
    from tocsin.model import Alert
    from tocsin.ops.commands import Actor
    from tocsin.ops.office import Office

app = group("Warnings: drafted, submitted, approved by another officer, issued, updated, cancelled.")
shelving.register(app)
translations.register(app)
reviews.register(app)

_SHOWN = ("airports", "verdict_word", "stands", "mark")
"""Columns of the table only."""

Id = Annotated[str, typer.Argument(metavar="ID", help="As 'tocsin warnings list' shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")]
Text = Annotated[str | None, typer.Option(help="Text of the message.")]
Wrong = Annotated[
    bool,
    typer.Option("--correction", help="It was wrong: say so in public, and list it among the corrections."),
]


@contextlib.contextmanager
def _desk(store: Any, account: str) -> Iterator[tuple[Office, Actor]]:
    office = open_store_office(store)
    with contextlib.closing(office.store):
        yield office, actor(office, account)


def _tell(office: Office, alert: Alert, *, json: bool) -> None:
    output.warning(office, alert.id, now(), json=json)


@app.command("list", epilog="Example: tocsin warnings list --at 2001-03-05T18:05:00Z --state open")
def list_(
    state: Annotated[
        str | None,
        typer.Option("--state", help="open, draft, submitted, approved, issued …; all by default."),
    ] = None,
    domain: Annotated[str | None, typer.Option("--domain", help="Only of this domain.")] = None,
    grouped: Annotated[
        bool, typer.Option("--grouped", help="What stands or waits, as a page of groups.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Groups at most, with --grouped.")] = 20,
    suppressed: Annotated[
        bool, typer.Option("--suppressed", help="What the desk is not asked now, with the reason.")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Beside the warnings all that was ever held back.")
    ] = False,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="What went out and was wrong, with what says so.")
    ] = False,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """List warnings as known at a moment, newest first; or groups, what was held back, corrections."""
    from tocsin.ops import queries

    views = grouped + suppressed + all_ + corrections
    if views > 1 or (state is not None and (grouped or suppressed or corrections)):
        raise typer.BadParameter(
            "got two views, allowed: one of --grouped, --suppressed, --all, --corrections, --state"
        )
    office = open_store_office(store)
    with contextlib.closing(office.store):
        if grouped:
            _groups(queries.groups(office, moment(at), now(), most=most, domain=domain), json=json)
            return
        if suppressed:
            _suppressed(office, at, domain, active=True, json=json)
            return
        if corrections:
            rows = queries.corrections(office, moment(at), now())
            columns = ["id", "corrects", "msg_type", "at", "was_headline", "reason"]
            rows = [r for r in rows if domain in (None, r["domain"])]
            output.emit(rows, columns, as_json=json, title="Corrections")
            return
        try:
            rows = queries.warnings(office, moment(at), now(), state)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        _warnings([r for r in rows if domain in (None, r["domain"])], json=json)
        if all_:
            _suppressed(office, at, domain, active=False, json=json)


def _groups(rows: list[dict[str, Any]], *, json: bool) -> None:
    shown = rows if json else [{**r, "span": f"{r['onset']} to {r['expires']}"} for r in rows]
    output.emit(
        shown,
        ["level", "count", "waiting", "status", "hazards", "places", "titles", "by", ("span", "time")],
        as_json=json,
        title="Groups",
    )


def _suppressed(office: Office, at: str | None, domain: str | None, *, active: bool, json: bool) -> None:
    """What was held back, and below it how full the caps are."""
    from tocsin.ops import queries

    rows = queries.suppressed(office, moment(at), now(), active=active)
    rows = [r for r in rows if domain in (None, r.get("domain"))]
    counters = [r for r in queries.caps(office, moment(at), now()) if domain in (None, r["domain"])]
    if json:
        rows = [{"entry": "suppressed", **r} for r in rows]
        counters = [{"entry": "cap", **r} for r in counters]
    output.emit(
        rows,
        ["stage", "alert", "level", "names", "reason", "since", "last", "until"],
        as_json=json,
        title="Held back",
    )
    if counters or json:
        columns = ["domain", "area", "title", "day", "asked", "withheld", "cap"]
        output.emit(counters, columns, as_json=json, title="Caps of the day")


def _warnings(rows: list[dict[str, Any]], *, json: bool) -> None:
    shown = [
        {
            **r,
            "airports": [m["name"] for m in r["members"]],
            "verdict_word": (r["verdict"] or {}).get("verdict"),
            "mark": "rare but grave" if r["rare_but_grave"] else "",
            "stands": r["state"] + (f" until {r['rejected_until']}" if r["rejected_until"] else ""),
        }
        for r in rows
    ]
    if json:
        shown = [{k: v for k, v in r.items() if k not in _SHOWN} for r in shown]
    output.emit(
        shown,
        [
            "id",
            ("stands", "state"),
            "status",
            "level",
            *(["mark"] if any(r.get("mark") for r in shown) else []),
            "sent",
            "expires",
            ("airports", "members"),
            ("verdict_word", "verdict"),
        ],
        as_json=json,
        title="Warnings",
    )


@app.command(epilog="Example: tocsin warnings show us.air_transport.20010228T2105Z.SEA.1")
def show(id_: Id, at: At = None, store: StorePath = None, json: Json = False) -> None:
    """Show one warning with its history, its tasks and what it rests on."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        row = queries.warning(office, id_, moment(at), now())
    if json:
        output.emit_json(row)
        return
    lists = ("members", "history", "tasks", "why")
    output.fields({k: v for k, v in row.items() if k not in lists}, as_json=False)
    output.emit(
        row["members"],
        ["name", "since", "value", "expected", "window_h", "tail"],
        as_json=False,
        title="Members",
    )
    output.emit(
        row["history"],
        ["at", "action", "actor", "role", "legal_basis", "reason", "simulated"],
        as_json=False,
        title="History",
    )
    output.emit(row["tasks"], ["title", "owner", "due_at", "state"], as_json=False, title="Tasks")


@app.command(
    epilog="Example: tocsin warnings draft --as duty --domain seismic --region US-53033 --level 2 "
    "--hours 6 --headline 'Strong shaking reported' --description 'Callers report …' "
    "--instruction 'Check gas and water.' --status Exercise"
)
def draft(
    as_: As,
    domain: Annotated[str, typer.Option("--domain", help="Id of the domain.")],
    region: Annotated[list[str], typer.Option("--region", "-r", help="Id; may be repeated.")],
    level: Annotated[int, typer.Option("--level", min=1, max=4, help="Rank.")],
    headline: Annotated[str, typer.Option("--headline", help="At most 160 characters.")],
    description: Annotated[str, typer.Option("--description", help="What is known.")],
    instruction: Annotated[str, typer.Option("--instruction", help="What to do.")],
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=720, help="How long it stands.")] = 12,
    event: Annotated[str, typer.Option("--event", help="Type of the event. [that of the domain]")] = "",
    status: Annotated[str, typer.Option("--status", help="Actual or Exercise.")] = "Actual",
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Draft a warning by hand; it goes through submission and approval like any other."""
    from datetime import timedelta

    from tocsin.ops.drafting import Manual, manual_draft

    with _desk(store, as_) as (office, who):
        at = now()
        manual = Manual(
            domain=domain,
            event=event or next((d.event for d in office.plan.domains if d.id == domain), domain),
            headline=headline,
            description=description,
            instruction=instruction,
            level=level,
            impact=level,
            regions=tuple(region),
            onset=at,
            expires=at + timedelta(hours=hours),
            status=status,
        )
        try:
            alert = manual_draft(office, manual, who, at=at)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        _tell(office, alert, json=json)


def _step(
    store: Any, as_: str, json: bool, take: Callable[[Office, Actor, dict[str, Any]], Alert], **more: Any
) -> None:
    """Log in, take one step at this moment, tell what came of it."""
    with _desk(store, as_) as (office, who):
        _tell(office, take(office, who, {"at": now(), **more}), json=json)


@app.command(epilog="Example: tocsin warnings submit us.exercise.20261123T210000Z.SEA.1 --as duty")
def submit(id_: Id, as_: As, match: Match = None, store: StorePath = None, json: Json = False) -> None:
    """Ask another officer for approval."""
    from tocsin.ops import commands

    _step(store, as_, json, lambda o, w, k: commands.submit(o, id_, w, **k), match=match)


@app.command(
    epilog="Example: tocsin warnings approve us.exercise.20261123T210000Z.SEA.1 --as chief --basis ipaws"
)
def approve(
    id_: Id,
    as_: As,
    basis: Annotated[str, typer.Option("--basis", help="Key of a law, as 'tocsin govern laws' shows it.")],
    reason: Reason = "",
    break_glass: Annotated[
        bool,
        typer.Option(
            "--break-glass",
            help="Approve one's own, as the country's policy allows for hazards that leave seconds; it needs "
            "a reason, and is reviewed.",
        ),
    ] = False,
    match: Match = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Approve exactly this content, on a legal basis; one's own is not allowed (exit 4)."""
    from tocsin.ops import commands

    def take(office: Office, who: Actor, words: dict[str, Any]) -> Alert:
        policy = commands.policy_of(office) if break_glass else None
        return commands.approve(office, id_, who, break_glass=policy, **words)

    _step(
        store,
        as_,
        json,
        take,
        legal_basis=basis,
        reason=reason,
        match=match,
    )


@app.command(
    epilog="Example: tocsin warnings reject us.exercise.20261123T210000Z.SEA.1 --as chief "
    "--reason 'out of date'"
)
def reject(
    id_: Id, as_: As, reason: Reason, match: Match = None, store: StorePath = None, json: Json = False
) -> None:
    """Turn a warning down, with a reason."""
    from tocsin.ops import commands

    _step(store, as_, json, lambda o, w, k: commands.reject(o, id_, w, **k), reason=reason, match=match)


@app.command(epilog="Example: tocsin warnings issue us.exercise.20261123T210000Z.SEA.1 --as chief")
def issue(id_: Id, as_: As, match: Match = None, store: StorePath = None, json: Json = False) -> None:
    """Issue what was approved, and take it to the channels."""
    from tocsin.ops import commands

    with _desk(store, as_) as (office, who):
        at = now()
        alert = commands.issue(office, id_, who, at=at, match=match)
        commands.send_pending(office, at=at, clock=now)
        _tell(office, alert, json=json)


@app.command(
    epilog="Example: tocsin warnings update us.exercise.20261123T210000Z.SEA.1 --as duty "
    "--reason 'new figures' --headline 'Departures are picking up'"
)
def update(
    id_: Id,
    as_: As,
    reason: Reason,
    headline: Text = None,
    description: Text = None,
    instruction: Text = None,
    level: Annotated[int | None, typer.Option("--level", min=1, max=4, help="Another rank.")] = None,
    correction: Wrong = False,
    match: Match = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Draft the message that is to replace an issued warning; a draft is changed where it stands."""
    from tocsin.ops import commands

    fields = {"headline": headline, "description": description, "instruction": instruction, "level": level}
    changes: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if not changes:
        raise typer.BadParameter(
            "got no change, allowed: --headline, --description, --instruction or --level"
        )
    with _desk(store, as_) as (office, who):
        if commands.get_alert(office, id_).state == "issued":
            new = commands.update(
                office, id_, changes, who, reason=reason, at=now(), match=match, correction=correction
            )
        elif correction:
            raise typer.BadParameter("got --correction for what was not issued, allowed: without it")
        else:
            new = commands.edit(office, id_, changes, who, at=now(), match=match)
        _tell(office, new, json=json)


@app.command(
    epilog="Example: tocsin warnings cancel us.exercise.20261123T210000Z.SEA.1 --as duty "
    "--reason 'it is over'"
)
def cancel(
    id_: Id,
    as_: As,
    reason: Reason,
    correction: Wrong = False,
    match: Match = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Draft the public cancellation of an issued warning; it needs approval like any other."""
    from tocsin.ops import commands

    _step(
        store,
        as_,
        json,
        lambda o, w, k: commands.cancel(o, id_, w, **k),
        reason=reason,
        match=match,
        correction=correction,
    )


@app.command(epilog="Example: tocsin warnings ack us.exercise.20261123T210000Z.SEA.1 --as duty")
def ack(id_: Id, as_: As, store: StorePath = None, json: Json = False) -> None:
    """Note that an officer has seen a warning; it changes nothing else."""
    from tocsin.ops import commands

    with _desk(store, as_) as (office, who):
        commands.acknowledge(office, id_, who, at=now())
        _tell(office, commands.get_alert(office, id_), json=json)
