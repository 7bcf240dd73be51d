"""The tree of commands."""

from __future__ import annotations

import typer

from tocsin.cli import (
    accounts,
    audit,
    cap,
    cap_signing,
    delivery,
    demo,
    detect,
    feeds,
    forecast,
    govern,
    keys,
    looks,
    loops,
    regions,
    respond,
    series,
    serve,
    store,
    verify,
    warnings,
)

app = typer.Typer(
    name="tocsin",
    help="Open all-hazards national risk monitoring and early warning.",
    epilog="Example: tocsin demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        from tocsin import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _top(
    _version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say it, stop."),
) -> None:
    """Open all-hazards national risk monitoring and early warning."""


for module in (looks, loops, serve):
    module.register(app)

delivery.register(warnings.app)
cap_signing.register(cap.app)
govern.app.add_typer(keys.app, name="keys")
govern.app.add_typer(audit.app, name="audit")

for name, module in {
    "demo": demo,
    "feeds": feeds,
    "regions": regions,
    "series": series,
    "detect": detect,
    "forecast": forecast,
    "warnings": warnings,
    "cap": cap,
    "verify": verify,
    "respond": respond,
    "govern": govern,
    "accounts": accounts,
    "store": store,
}.items():
    app.add_typer(module.app, name=name)
