"""Commands that move time on: init, ingest, cycle, replay."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli import output
from tocsin.cli.accounts import ask, read_role
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import At, Json, StorePath, moment, now, open_store_office, store_path
from tocsin.cli.serve import fetcher

if TYPE_CHECKING:
    from tocsin.model import Role


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: tocsin init --store .tocsin --account desk:duty_officer")(init)
    app.command(epilog="Example: tocsin ingest usgs_earthquakes")(ingest)
    app.command(
        epilog="Example: tocsin cycle --at 2001-02-28T21:05:00Z --domain air_transport --domain economy"
    )(cycle)
    app.command(
        epilog="Example: tocsin replay --start 2018-01-31T03:05:00Z --end 2018-02-07T01:05:00Z "
        "--domain seismic"
    )(replay)


def init(
    store: StorePath = None,
    pack: Annotated[str, typer.Option("--pack", help="The country.")] = "us",
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="NAME:ROLE",
            help="Make an account; password from TOCSIN_PASSWORD, or asked for.",
        ),
    ] = None,
    change: Annotated[
        bool,
        typer.Option("--change", help="Give accounts that are there already the role and a new password."),
    ] = False,
    json: Json = False,
) -> None:
    """Make a store with its settings, and the accounts of the desk; what is there already is kept.

    An account that exists is refused (exit 2) before anything is changed, unless with --change.
    """
    from tocsin.ops import accounts
    from tocsin.ops.commands import SYSTEM
    from tocsin.ops.config import FILE, read_settings, write_settings
    from tocsin.ops.office import open_office

    folder = store_path(store)
    wanted = [_account(text) for text in account or []]
    made = write_settings(folder, pack=pack) is not None
    settings = read_settings(folder)
    office = open_office(folder, pack=settings.pack, domains=settings.domains or None)
    with contextlib.closing(office.store):
        there = [name for name, _ in wanted if office.store.account(name) is not None]
        if there and not change:
            raise typer.BadParameter(
                f"--account: got {', '.join(there)}, there already; allowed: a new name, or --change as well"
            )
        for name, role in wanted:
            password = ask(name, "TOCSIN_PASSWORD")
            try:
                # Whoever stands at the console of the store owns it: the way in while nobody, or nobody
                # any more, can log in as administrator. The record says that it was taken.
                accounts.put_account(
                    office, name, role, password, at=now(), actor=SYSTEM, reason="tocsin init at the console"
                )
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
    output.fields(
        {
            "store": str(folder),
            "country": office.pack.title,
            "domains": list(office.domains),
            "settings": str(folder / FILE) + (" (made)" if made else " (kept)"),
            "accounts": [f"{name} ({role})" for name, role in wanted],
        },
        as_json=json,
    )


def _account(text: str) -> tuple[str, Role]:
    name, _, role = text.partition(":")
    if not name:
        raise typer.BadParameter(f"--account: got {text!r}, allowed: NAME:ROLE")
    return name, read_role(role, "--account")


def ingest(
    feeds: Annotated[list[str] | None, typer.Argument(metavar="[FEED]…", help="All live ones.")] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", help="Take documents of one feed from files instead of its address."),
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Read live feeds once, and keep what they say; a feed that cannot be reached is shown as failed."""
    from tocsin.ops import ingest as reading
    from tocsin.ops.config import read_settings
    from tocsin.ops.intake import CAP, poll_authorities, take_file

    if file and len(feeds or []) != 1:
        raise typer.BadParameter("--file: got several feeds or none, allowed: one feed that reads the files")
    office = open_store_office(store)
    with contextlib.closing(office.store), output.progress() as tell:
        if file and feeds:
            done = [take_file(office, feeds[0], path, at=now()) for path in file]
        else:
            settings = read_settings(store_path(store))
            client = fetcher(settings)
            names = feeds or [*sorted(reading.live_feeds()), *([CAP] if settings.feeds.cap else [])]
            done = []
            for number, name in enumerate(names):
                tell(name, number, len(names))
                if name == CAP:
                    done += poll_authorities(office, settings.feeds.cap, client, at=now())
                else:
                    done.append(reading.poll(office, name, client, at=now())[0])
    from tocsin.model import to_plain

    output.emit(
        [to_plain(one) for one in done],
        ["source", "outcome", "observations", "events", "unchanged", "rejected", "message"],
        as_json=json,
    )
    return FOUND_WRONG if any(one.outcome == "failed" or one.rejected for one in done) else DONE


Domains = Annotated[list[str] | None, typer.Option("--domain", help="Domain to watch; may be repeated.")]


def cycle(store: StorePath = None, domain: Domains = None, at: At = None, json: Json = False) -> None:
    """Run one live cycle and keep it; with --at, show the one on record, or what it would find."""
    from tocsin.ops import runs

    office = open_store_office(store)
    with contextlib.closing(office.store):
        past = moment(at)
        found = (
            runs.live(office, at=now())
            if past is None
            else runs.look(office, at=past, domains=tuple(domain or office.domains))
        )
    if not found["carried"]:
        typer.echo(
            "no state from before: the detectors have learnt nothing, their silence is not calm", err=True
        )
    if json:
        output.emit_json(found)
        return
    output.fields({k: v for k, v in found.items() if k != "assessments"}, as_json=False)
    output.emit(
        found["assessments"],
        ["domain", "region", "level", "likelihood", "since", "why"],
        as_json=False,
        title="Assessments above normal",
    )


def replay(
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="First cycle.")],
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="Last cycle.")],
    domain: Domains = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Run the hourly cycles of a stretch of the past by the code that also runs live, and keep them."""
    from tocsin.ops import runs

    office = open_store_office(store)
    with contextlib.closing(office.store), output.progress() as tell:

        def told(done: int, all_: int, at: datetime) -> None:
            tell(f"{at:%Y-%m-%d}", done, all_)

        first, last = moment(start, "--start"), moment(end, "--end")
        if first is None or last is None or last < first:
            raise typer.BadParameter("--end: allowed: not before --start")
        found = runs.replay(
            office, start=first, end=last, domains=tuple(domain or office.domains), progress=told
        )
    output.fields(found, as_json=json)
