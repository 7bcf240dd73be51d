"""``tocsin demo``: real data, replayed by the code that also runs live, then the page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.logs import Format, Level, LogFormat, LogLevel, told
from tocsin.cli.options import Json, Packages, StorePath, now, open_store_office, store_path
from tocsin.cli.serve import Live, Port, run

if TYPE_CHECKING:
    from tocsin.model import Alert
    from tocsin.ops.demo import Ran, Report
    from tocsin.ops.office import Office

app = group("Watch a real country: packaged data replayed by the live code, then the page.", bare=True)

NODE_MODULES = Path("node_modules")


@app.callback(epilog="Example: tocsin demo --store .tocsin --no-serve")
def demo(
    context: typer.Context,
    store: StorePath = None,
    packages: Packages = NODE_MODULES,
    port: Port = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page at the end.")] = True,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as the page can be opened.")] = False,
    live: Live = True,
    log_level: LogLevel = Level.INFO,
    log_format: LogFormat = Format.PLAIN,
) -> None:
    """Load the packaged data, replay them, make two officers and two exercises, and serve the page."""
    if context.invoked_subcommand is not None:
        context.obj = (store, packages)
        return
    from tocsin.ops import demo as shown
    from tocsin.ops.config import read_settings, write_settings

    folder = store_path(store)
    office = open_store_office(folder, create=True)
    try:
        write_settings(folder)
        _build(office, packages)
        ran = _replay(office)
        passwords = shown.renew_accounts(office, at=now())
        exercises = shown.renew_exercises(office, at=now())
        _tell(ran, shown.report(office, now=now()))
        _tell_accounts(passwords, exercises)
        if serve or once:
            with told(log_level, log_format):
                run(office, read_settings(folder), port=port, live=live, open_at=shown.OPEN_AT, once=once)
    finally:
        office.store.close()


@app.command(epilog="Example: tocsin demo build --store .tocsin --packages node_modules")
def build(
    context: typer.Context,
    store: StorePath = None,
    packages: Annotated[
        Path | None, typer.Option("--packages", metavar="PATH", help="Folder with the npm packages.")
    ] = None,
    json: Json = False,
) -> None:
    """Read the packaged data sets into the store, with source, licence, release and hash on record."""
    above: tuple[Path | None, Path] = context.obj
    office = open_store_office(store or above[0], create=True)
    try:
        records = _build(office, packages or above[1], say=not json)
    finally:
        office.store.close()
    if json:
        for record in records:
            output.emit_json(record)


def _build(office: Office, packages: Path, *, say: bool = True) -> Sequence[dict[str, Any]]:
    from tocsin.ops import demo as shown

    lines: Callable[[str], None] = (lambda text: print(f"  {text}", flush=True)) if say else _silent
    records = shown.build(office, packages, at=now(), report=lines)
    if say:
        output.emit(
            records,
            ["id", "package", "release", "observations", "events", ("sha256", "SHA-256"), "licence"],
            as_json=False,
            title="Data sets",
        )
    return records


def _silent(_text: str) -> None:
    """Say nothing."""


def _replay(office: Office) -> list[Ran]:
    from tocsin.ops import demo as shown

    ran = []
    with output.progress() as tell:

        def told(title: str, done: int, all_: int, moment: datetime) -> None:
            tell(f"{title}: {moment:%Y-%m-%d}", done, all_)

        for wanted in shown.REPLAYS:
            if not sys.stderr.isatty():
                print(f"  replay of {wanted.cycles:,} cycles: {wanted.title}", flush=True)
            ran.append(shown.run_replay(office, wanted, at=now(), progress=told))
    return ran


def _tell(ran: Sequence[Ran], report: Report) -> None:
    output.emit(
        [
            {
                "replay": one.replay.title,
                "cycles": one.replay.cycles,
                "now": one.run,
                "seconds": round(one.seconds, 1),
                "cycles_a_second": round(one.per_second, 1),
            }
            for one in ran
        ],
        ["replay", "cycles", ("now", "run now"), "seconds", "cycles_a_second"],
        as_json=False,
        title="Replays",
    )
    output.emit(
        [
            {
                **row,
                **{v: row["counts"][v] for v in ("TRUE", "SHORT_STOP", "FALSE", "OPEN")},
                "interval": _span(row["interval"]),
                "worst_week": None
                if row["worst_week"] is None
                else f"{row['worst_week']['count']} from {row['worst_week']['start'][:10]}",
            }
            for row in report.summaries
        ],
        [
            "domain",
            "TRUE",
            ("SHORT_STOP", "SHORT STOP"),
            "FALSE",
            "OPEN",
            "misses",
            ("rate_per_week", "not TRUE a week"),
            ("interval", "95 % interval"),
            ("budget_per_week", "budget a week"),
            "worst_week",
        ],
        as_json=False,
        title="Warnings, scored against what then happened",
    )
    output.emit(
        [
            {
                **row,
                "lag": "not warned" if not row["warned"] else _lag(row),
                "airports": row.get("airports"),
            }
            for row in report.named
        ],
        ["title", ("issued", "first warning"), "lag", "level", "verdict", "airports"],
        as_json=False,
        title="Events that happened",
    )


def _lag(row: dict[str, Any] | Any) -> str:
    if row["lag_s"] is not None:
        return f"{output.duration(row['lag_s'])} after the shock"
    return f"{output.duration(row['after_onset_s'])} after the first hour below normal"


def _span(interval: Sequence[float] | None) -> str | None:
    return None if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _tell_accounts(passwords: dict[str, str], exercises: Sequence[Alert]) -> None:
    from tocsin.ops import demo as shown

    output.emit(
        [{"account": n, "role": str(shown.ACCOUNTS[n]), "password": p} for n, p in passwords.items()],
        ["account", "role", "password"],
        as_json=False,
        title="Accounts of this run (only hashes are kept; each run makes new passwords)",
    )
    output.emit(
        [
            {
                "exercise": a.id,
                "state": str(a.state),
                "waits_for": "duty: submit, then chief: approve and issue"
                if a.state == "draft"
                else "chief: approve and issue",
                "expires": a.expires,
                "headline": a.headline,
            }
            for a in exercises
        ],
        ["exercise", "state", "waits_for", "expires", "headline"],
        as_json=False,
        title="Exercises that wait (they can never reach the public)",
    )
