"""The reference of the command line, made from the commands: ``python -m tocsin.cli.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

HEAD = """\
# The command line

Made from the commands by `python -m tocsin.cli.reference docs/reference/cli.md`; a test holds it to them.

`tocsin COMMAND --help` tells the same. Exit status of every command: 0 done · 1 done, and something was
found wrong · 2 wrong use · 3 data or store fault · 4 not allowed. Tables are for people; `--json` gives
JSON Lines with stable keys. Times are ISO 8601 with a zone. The store is the folder of `--store`, else of
`TOCSIN_STORE`, else `.tocsin`. Who acts on a warning logs in with `--as ACCOUNT`; the password is asked
for, or read from `TOCSIN_PASSWORD`. Commands that read feeds, run cycles or keep the store need the
rights on its files and no account.
"""


def markdown() -> str:
    """The whole reference."""
    return HEAD + "".join(_section(path, command) for path, command in commands())


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it, groups before what is in them."""
    from tocsin.cli.app import app

    def walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        if path:
            yield path, command
        for name in sorted(getattr(command, "commands", {})):
            yield from walk((*path, name), command.commands[name])

    return walk((), typer.main.get_command(app))


def _section(path: tuple[str, ...], command: Any) -> str:
    depth = "#" * (len(path) + 1)
    text = [f"\n{depth} `tocsin {' '.join(path)}`\n"]
    text.append(f"\n{' '.join((command.help or '').split())}\n")
    context = typer.Context(command)
    rows = [_row(*p.get_help_record(context)) for p in command.get_params(context) if p.name != "help"]
    if rows:
        text.append("\n| | |\n|---|---|\n" + "".join(rows))
    if command.epilog:
        example = command.epilog.removeprefix("Example: ")
        text.append(f"\n```console\n$ {example}\n```\n")
    return "".join(text)


def _row(words: str, help_: str) -> str:
    bar = "\\|"
    return f"| `{words.replace('|', bar)}` | {help_.replace('|', bar)} |\n"


if __name__ == "__main__":
    out = markdown()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(out, "utf-8")
    else:
        sys.stdout.write(out)
