"""``python -m tests.conformance.detection [--only NAME,...] FOLDER``: every case of a folder of that layout.

``--only`` takes beginnings of names as the lines show them: ``bayes,simulation/bayes``.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conformance import detection, runner
from tests.conformance.detection import simulation
from tests.conformance.detection.cases import Case, Result, entries, faults, read
from tests.conformance.runner import Report

USAGE = "python -m tests.conformance.detection [--only NAME,...] FOLDER"
Adapter = Callable[[Case], Result]


def adapters() -> dict[str, Adapter]:
    """Adapters by method: ``METHODS`` of every module of this package, two of one name refused."""
    found: dict[str, Adapter] = {}
    for module in _modules():
        methods = getattr(module, "METHODS", {})
        for name, adapter in methods.items() if isinstance(methods, dict) else ():
            if name in found:
                raise ValueError(f"{module.__name__}: METHODS: got {name} a second time")
            found[name] = adapter
    return found


def run_length() -> Callable[[Mapping[str, Any]], float] | None:
    """The function ``ARL`` of the adapter that has one: a row of ``arl.csv`` to its result."""
    return next((module.ARL for module in _modules() if hasattr(module, "ARL")), None)


def _modules() -> list[ModuleType]:
    names = sorted(m.name for m in pkgutil.iter_modules(detection.__path__) if m.name != "__main__")
    return [importlib.import_module(f"{detection.__name__}.{name}") for name in names]


def walk(folder: Path, report: Report, only: Sequence[str] = ("",)) -> None:
    """All cases, run lengths and the simulation of a folder, as far as it has them and they are asked for."""
    known, only = adapters(), tuple(only)
    for entry in entries(folder):
        if f"{entry['method']}/{entry['id']}".startswith(only):
            judge(folder, entry, report, known)
    lengths(folder, report, run_length(), only)
    simulation.walk(folder, report, known, only)


def judge(folder: Path, entry: Mapping[str, Any], report: Report, known: Mapping[str, Adapter]) -> None:
    """Run one case and print its line; whatever goes wrong in it is a failure of this case alone."""
    name = f"{entry['method']}/{entry['id']}"
    adapter = known.get(entry["method"])
    if adapter is None:
        report.fail(name, f"no adapter for the method {entry['method']}")
        return
    try:
        case, reference = read(folder, entry)
        found = faults(adapter(case), reference)
    except Exception as error:  # noqa: BLE001 - one broken case must not hide the others
        report.fail(name, f"{type(error).__name__}: {error}")
        return
    if found:
        report.fail(name, "; ".join(found))
    else:
        report.ok(name)


def lengths(
    folder: Path,
    report: Report,
    function: Callable[[Mapping[str, Any]], float] | None,
    only: tuple[str, ...] = ("",),
) -> None:
    """Every row of ``arl.csv``."""
    path = folder / "arl.csv"
    if not path.exists():
        return
    for row in runner.table(path):
        name = f"arl/{row['id']}"
        if not name.startswith(only):
            continue
        if function is None:
            report.fail(name, "no adapter has a function ARL")
            continue
        try:
            got = float(function({key: _typed(text) for key, text in row.items()}))
        except Exception as error:  # noqa: BLE001 - as above
            report.fail(name, f"{type(error).__name__}: {error}")
            continue
        tolerance = runner.Tolerance(relative=float(row["arl_tolerance"]))
        report.case(name, got, float(row[row["result"]]), tolerance)


def _typed(text: str) -> float | str | None:
    if text == "":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def main(arguments: Sequence[str]) -> int:
    """The command; its exit status."""
    given = list(arguments)
    only: tuple[str, ...] = ("",)
    if given[:1] == ["--only"] and len(given) > 1:
        only = tuple(given[1].split(","))
        del given[:2]
    return runner.run(lambda folder, report: walk(folder, report, only), given, USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
