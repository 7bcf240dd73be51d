"""``python -m tests.conformance.cap FOLDER``: every case of a folder of that layout.

Each module of this package with a function ``run(folder, report)`` is a section.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from tests.conformance import cap, runner
from tests.conformance.runner import Report

USAGE = "python -m tests.conformance.cap FOLDER"


def walk(folder: Path, report: Report) -> None:
    """All sections, one after the other; whatever goes wrong in one is a failure of this one alone."""
    for found in sorted(pkgutil.iter_modules(cap.__path__), key=lambda m: m.name):
        if found.name == "__main__":
            continue
        module = importlib.import_module(f"{cap.__name__}.{found.name}")
        if not hasattr(module, "run"):
            continue
        try:
            module.run(folder, report)
        except Exception as error:  # noqa: BLE001 - one broken section must not hide the others
            report.fail(found.name, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(runner.run(walk, sys.argv[1:], USAGE))
