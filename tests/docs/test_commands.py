"""Whatever the documents tell people to type exists, with these options."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import pytest
import typer

from tests.docs.pages import ROOT, Command, blocks, commands, written

COMMANDS = list(commands())


def tree() -> Any:
    from tocsin.cli.app import app

    return typer.main.get_command(app)


def of(program: str) -> list[Command]:
    return [c for c in COMMANDS if c.words[0] == program]


def wrong_with(words: tuple[str, ...], root: Any) -> str | None:
    """What is wrong with a line of the command line; None when it can be typed like that."""
    command, rest = root, list(words[1:])
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if hasattr(command, "commands") and rest and not rest[0].startswith("-") and not rest[0].isupper():
        return f"no command {rest[0]!r} in {command.name or 'tocsin'}"
    places = [p for p in command.params if p.param_type_name == "argument"]
    options = {n: p for p in command.params if p not in places for n in (*p.opts, *p.secondary_opts)}
    values, given = 0, set()
    while rest:
        word = rest.pop(0)
        if word in ("--help", "-h"):
            return None
        if not word.startswith("-"):
            values += 1
            continue
        option = options.get(word)
        if option is None:
            return f"no option {word} of {command.name}, there are {', '.join(sorted(options))}"
        given.add(option.name)
        if not option.is_flag and not rest:
            return f"{word} wants a value"
        if not option.is_flag:
            rest.pop(0)
    if values > sum(p.nargs for p in places) and all(p.nargs > 0 for p in places):
        return f"{command.name} takes no such argument"
    lacking = [p.opts[0] for p in command.params if p.required and p.name not in given and p not in places]
    if lacking and (given or values):  # a bare name in running text is no whole line
        return f"{command.name} needs {', '.join(lacking)}"
    return None


def test_there_are_commands_to_check() -> None:
    assert len(of("tocsin")) > 40
    assert len(of("make")) > 5
    assert {"README.md", "docs/tutorial/first-hour.md"} <= {c.page for c in of("tocsin")}


def test_a_tocsin_command_can_be_typed_like_that() -> None:
    root = tree()
    assert {str(c): wrong for c in of("tocsin") if (wrong := wrong_with(c.words, root))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "tocsin exercise play",
        "tocsin warnings list --until 3",
        "tocsin replay --start 2001-01-01T00:05:00Z",
        "tocsin status now please",
        "tocsin serve --port",
    ],
)
def test_a_line_that_cannot_be_typed_is_found(line: str) -> None:
    assert wrong_with(tuple(line.split()), tree()) is not None


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    missing = [str(c) for c in of("make") if not set(c.words[1:]) <= targets]
    assert missing == []


def test_modules_that_are_run_exist() -> None:
    named = [c for c in of("python") if c.words[1] == "-m"]
    assert named
    missing = [str(c) for c in named if importlib.util.find_spec(c.words[2]) is None]
    assert missing == []


def test_files_that_pytest_is_given_exist() -> None:
    given = [(c, w) for c in of("python") for w in c.words if w.startswith("tests/")]
    assert given
    assert [str(c) for c, word in given if not (ROOT / word).exists()] == []


def test_the_readme_names_the_two_commands_alone_first() -> None:
    first = blocks(written()[ROOT / "README.md"], "console")[0]
    assert first.split("\n") == ["$ make demo", "$ make test", ""]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make test"]
