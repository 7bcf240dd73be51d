"""The reference names whatever there is; what is looked for comes from the folders, not from the pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from docs import reference_pages
from tests.docs.pages import DOCS, GENERATED, ROOT, generated
from tocsin.catalog import detectors
from tocsin.model import errors

SOURCE = ROOT / "src" / "tocsin"


def page(name: str) -> str:
    return generated()[GENERATED / name]


def plugin_files(folder: str, ending: str) -> list[str]:
    found = sorted(p.stem for p in (SOURCE / folder).glob(f"*{ending}") if not p.name.startswith("_"))
    assert found, folder
    return found


@pytest.mark.parametrize(
    ("folder", "ending", "where"),
    [
        ("feeds/sources", ".py", "feeds.md"),
        ("detect/methods", ".py", "detectors.md"),
        ("domains", ".toml", "domains.md"),
        ("warn/channels", ".py", "channels.md"),
        ("respond/playbooks", ".toml", "playbooks.md"),
    ],
)
def test_every_plug_in_is_named(folder: str, ending: str, where: str) -> None:
    assert [name for name in plugin_files(folder, ending) if f"`{name}`" not in page(where)] == []


def test_every_feed_has_its_licence_beside_it() -> None:
    rows = re.findall(r"^\| `\w+` \|.*\| \[.+?\]\(https://.+?\) \|", page("feeds.md"), re.MULTILINE)
    assert len(rows) == len(plugin_files("feeds/sources", ".py"))


def test_every_key_of_every_domain_file_is_shown() -> None:
    import tomllib

    text = page("domains.md")
    for path in sorted((SOURCE / "domains").glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        for key in table.get("criteria", {}):
            assert f"`{key}`" in text, (path.name, key)
        for key in table.get("budget", {}):
            assert f"`{key}`" in text, (path.name, key)
        for test in table["test"]:
            assert f"*{test['name']}*" in text, (path.name, test["name"])


def test_every_setting_is_named() -> None:
    code = ast.parse((SOURCE / "ops" / "config.py").read_text("utf-8"))
    fields = [
        n for c in code.body if isinstance(c, ast.ClassDef) for n in c.body if isinstance(n, ast.AnnAssign)
    ]
    keys = {f.target.id for f in fields if isinstance(f.target, ast.Name)}
    assert {"pack", "domains", "host", "port", "contact", "allow_private", "cap"} <= keys
    text = page("settings.md")
    named = {n for n in keys if re.search(rf"`(\w+\.)*{n}`", text) or re.search(rf"`{n}\.\w+`", text)}
    assert keys - named == set()


def test_every_variable_of_the_environment_is_named() -> None:
    read: set[str] = set()
    browser = ROOT / "tests" / "browser"
    for path in [*SOURCE.rglob("*.py"), *DOCS.glob("*.py"), *browser.rglob("*.py")]:
        read |= set(re.findall(r"environ(?:\.get\(|\[)\"(TOCSIN_\w+)\"", path.read_text("utf-8")))
    assert read
    assert {name for name in read if f"`{name}`" not in page("settings.md")} == set()


def test_every_error_is_named() -> None:
    kinds = [n for n, k in vars(errors).items() if isinstance(k, type) and issubclass(k, errors.TocsinError)]
    text = page("errors.md")
    assert [n for n in kinds if f"| `{n}` |" not in text or not re.search(rf"[├└─ ]*{n}\b", text)] == []
    assert len(kinds) > 10


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    inner = getattr(command, "commands", {})
    if words and not inner:
        yield words
    for name, one in inner.items():
        yield from leaves(one, (*words, name))


def test_every_command_is_named() -> None:
    from tocsin.cli.app import app

    text = (DOCS / "reference" / "cli.md").read_text("utf-8")
    found = [" ".join(("tocsin", *words)) for words in leaves(typer.main.get_command(app))]
    assert len(found) > 30
    assert [name for name in found if name not in text] == []


def test_every_module_is_in_the_python_reference() -> None:
    files = [p.relative_to(SOURCE.parent).with_suffix("") for p in SOURCE.rglob("*.py")]
    names = {".".join(p.parts).removesuffix(".__init__") for p in files} - {"tocsin", "tocsin.__main__"}
    public = {n for n in names if not any(part.startswith("_") for part in n.split("."))}
    pages = "\n".join(generated().values())
    shown = set(re.findall(r"^\.\. automodule:: (\S+)", pages, re.MULTILINE))
    assert public == shown


def test_every_route_is_named_with_its_permission() -> None:
    text = page("http.md")
    for path in (SOURCE / "api" / "routes").glob("*.py"):
        for route in re.findall(r"\"(/(?:cap|text)/[^\"]*)\"", path.read_text("utf-8")):
            assert f"`{route}`" in text, route
    rows = re.findall(r"^\| `[A-Z]+` \| `(/\S*)` \| `([\w.]+)` \|", text, re.MULTILINE)
    assert len(rows) > 20
    assert {"/api/v1/health", "/api/v1/ledger", "/api/v1/warnings/{id}/approve"} <= {path for path, _ in rows}


def test_what_is_left_out_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = detectors()
    monkeypatch.setattr(reference_pages, "detectors", lambda: {"threshold": kept["threshold"]})
    text = reference_pages.detectors_page()
    assert [n for n in plugin_files("detect/methods", ".py") if f"`{n}`" not in text.split("## ")[0]] != []


def test_a_second_writing_changes_nothing(tmp_path: Path) -> None:
    reference_pages.write(tmp_path)
    stale = tmp_path / "api" / "gone.rst"
    stale.write_text("", "utf-8")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file() and p != stale}
    reference_pages.write(tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == before
    assert len(before) == len(generated())
