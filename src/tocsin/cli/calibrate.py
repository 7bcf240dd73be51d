"""``tocsin detect calibrate``: a threshold for the budget of a domain, and what it costs in delay."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import End, Json, Start, StorePath, moment, now, open_store_office, store_path

if TYPE_CHECKING:
    from tocsin.ops.calibrate import Plan, Row
    from tocsin.ops.dependence import Dependent
    from tocsin.ops.office import Office

METHODS = [
    "method",
    "threshold",
    "budget_per_week",
    "aim_per_week",
    "wrong",
    "true",
    "weeks",
    "rate_per_week",
    "interval",
    "found",
]
POWER = ["method", "shape", "size", "planted", "found", "delay_h"]
DEPENDENT = ["method", "threshold", "courses", "weeks", "wrong", "budget_per_week", "rate_per_week",
             "interval", "dispersion", "holds"]  # fmt: skip
PREVIEW = ["preview", "start", "issued", "verdict", "names"]
LAST = timedelta(days=60)


def calibrate(
    domain: Annotated[
        str | None, typer.Argument(metavar="[DOMAIN]", help="A domain with a budget.", show_default=False)
    ] = None,
    start: Start = None,
    end: End = None,
    also: Annotated[
        list[str] | None, typer.Option("--also", metavar="METHOD", help="Beside its own; may be repeated.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the threshold for this store.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="What would have been warned in the last 60 days.")
    ] = False,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Power curves, as .svg or .png.")
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", help="Check the budget in 5,000 series where nothing happens.")
    ] = False,
    courses: Annotated[
        int,
        typer.Option(
            "--courses",
            help="For the rate under dependence the history is drawn again so often; 0: not.",
            min=0,
        ),
    ] = 8,
    block_days: Annotated[
        int, typer.Option("--block-days", help="Days of the country that are drawn together.", min=1)
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is drawn by chance.")] = 1,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Calibrate a domain on its own history: its budget, false alarms a week, delay to detection, power.

    The stretch of history is the shadow phase of the first run unless --start and --end name another. It must
    not be one that is judged later. --preview looks at what came after: such a look belongs into the log of
    looks. The same history is drawn again in blocks for the rate under dependence; exit 1 if, with the
    controller at work, that is more than a fifth above the budget.
    """
    if domain is None and not null:
        raise typer.BadParameter("name a domain, or ask for --null", param_hint="DOMAIN")
    holds = True
    if null:
        holds = _null(seed, as_json=json)
    if domain is not None:
        office = open_store_office(store)
        with contextlib.closing(office.store):
            holds &= _domain(
                office,
                domain,
                store_path(store),
                times=(start, end),
                also=also or [],
                keep=write,
                shown=preview,
                figure=figure,
                seed=seed,
                drawn=(courses, block_days),
                as_json=json,
            )
    raise typer.Exit(DONE if holds else FOUND_WRONG)


def _domain(
    office: Office,
    name: str,
    folder: Path,
    *,
    times: tuple[str | None, str | None],
    also: list[str],
    keep: bool,
    shown: bool,
    figure: Path | None,
    seed: int,
    drawn: tuple[int, int],
    as_json: bool,
) -> bool:
    from tocsin.ops import calibrate as calibration
    from tocsin.ops import overlay

    plan = calibration.plan_of(office, name, start=moment(times[0], "--start"), end=moment(times[1], "--end"))
    rows = calibration.calibrate(
        office,
        plan,
        also=also,
        seed=seed,
        courses=drawn[0],
        block_days=drawn[1],
        progress=lambda words: typer.echo(words, err=True),
    )
    output.emit([_method(plan, row) for row in rows], METHODS, as_json=as_json, title=f"Methods: {name}")
    power = [{"row": "power", "method": row.method, **found} for row in rows for found in row.power]
    output.emit(power, POWER, as_json=as_json, title="Planted hazards")
    own = rows[0]
    if own.dependent is not None:
        output.emit(_dependent(own, own.dependent), DEPENDENT, as_json=as_json, title="Rate under dependence")
    if figure is not None:
        calibration.draw(figure, rows)
        typer.echo(f"figure: {figure}", err=True)
    if shown:
        last = _newest(office, name, plan)
        told = calibration.preview(office, plan, own.threshold, start=max(plan.end, last - LAST), end=last)
        lines = [
            {"row": "preview", "preview": p.name, "start": p.start, **w} for p in told for w in p.warnings
        ]
        output.emit(lines, PREVIEW, as_json=as_json, title="Preview")
        typer.echo("this looked at history after the calibration: write it into the log of looks", err=True)
    if keep:
        path = overlay.write(
            folder, name, start=own.threshold, reason=calibration.reason_of(plan, own), at=now()
        )
        typer.echo(f"written: {path}; the next cycle begins a new state with its own shadow phase", err=True)
    return own.dependent is None or own.dependent.holds


def _newest(office: Office, name: str, plan: Plan) -> Any:
    from tocsin.ops.queries import moments

    return max((r.last for r in moments.runs(office) if name in r.domains), default=plan.end + LAST)


def _method(plan: Plan, row: Row) -> dict[str, Any]:
    budget = plan.domain.budget
    found = [p["found"] for p in row.power]
    return {
        "row": "method",
        "domain": plan.domain.id,
        "method": row.method,
        "settings": row.settings,
        "threshold": row.threshold,
        "budget_per_week": None if budget is None else budget.per_week,
        "aim_per_week": None if budget is None else budget.aim,
        "wrong": row.wrong,
        "true": row.true,
        "open": row.open,
        "weeks": row.weeks,
        "rate_per_week": row.rate,
        "interval": [row.low, row.high],
        "found": sum(found) / len(found),
        "from": plan.counted,
        "to": plan.end,
        "curve": [list(point) for point in row.curve],
    }


def _dependent(row: Row, found: Dependent) -> list[dict[str, Any]]:
    """Two rows: with the calibrated threshold as it is, and with the controller, which the budget is for."""
    return [
        {
            "row": "dependent",
            "method": row.method,
            "threshold": words,
            "start": found.start,
            "lowest": low,
            "highest": high,
            "courses": found.courses,
            "block_days": found.block_days,
            "weeks": rate.weeks,
            "wrong": rate.wrong,
            "budget_per_week": found.per_week,
            "rate_per_week": rate.rate,
            "interval": [rate.low, rate.high],
            "dispersion": rate.dispersion,
            "holds": holds,
        }
        for words, rate, low, high, holds in (
            ("stands still", found.still, found.start, found.start, None),
            ("controlled", found.steered, found.lowest, found.highest, found.holds),
        )
    ]


def _null(seed: int, *, as_json: bool) -> bool:
    from tocsin.ops.null_world import null_world

    rows: list[dict[str, Any]] = []
    for shared in (0.0, 0.15):
        typer.echo(f"nothing happens: neighbours {'together' if shared else 'independent'}", err=True)
        found = null_world(seed=seed, shared=shared)
        rows.append(
            {
                "row": "null",
                "neighbours": "together" if shared else "independent",
                "series": found.series,
                "weeks": found.weeks,
                "alarms": found.alarms,
                "budget_per_week": found.per_week,
                "rate_per_week": found.rate,
                "interval": [found.low, found.high],
                "fixed_per_week": found.fixed_rate,
                "holds": found.holds,
            }
        )
    columns = ["neighbours", "series", "weeks", "alarms", "budget_per_week", "rate_per_week", "interval",
               "fixed_per_week", "holds"]  # fmt: skip
    output.emit(rows, columns, as_json=as_json, title="Budget where nothing happens")
    return all(row["holds"] for row in rows)
