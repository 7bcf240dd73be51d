"""The common runner: takes cases, compares with tolerances, prints a line a case and a closing line."""

from __future__ import annotations

import csv
import gzip
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a number may be off: passes when within either of the two."""

    relative: float = 0.0
    absolute: float = 0.0

    def __str__(self) -> str:
        parts = [f"relative {self.relative:g}"] if self.relative else []
        parts += [f"absolute {self.absolute:g}"] if self.absolute else []
        return ", ".join(parts) or "exact"


EXACT = Tolerance()


@dataclass(slots=True)
class Report:
    """What a run has found so far; every case is a line."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    differs: int = 0

    def case(self, name: str, got: object, expected: object, tolerance: Tolerance = EXACT) -> bool:
        """Compare one case and print its line."""
        if agrees(got, expected, tolerance):
            self.passed += 1
            print(f"ok {name}", file=self.out)
            return True
        self.failed += 1
        print(f"FAIL {name}: got {got!r}, expected {expected!r}, tolerance {tolerance}", file=self.out)
        return False

    def ok(self, name: str) -> None:
        """Count a case that was compared elsewhere as passed."""
        self.passed += 1
        print(f"ok {name}", file=self.out)

    def fail(self, name: str, why: str) -> None:
        """Count a case that could not be judged at all as failed."""
        self.failed += 1
        print(f"FAIL {name}: {why}", file=self.out)

    def skip(self, name: str, why: str) -> None:
        """Count a case that does not apply."""
        self.skipped += 1
        print(f"skip {name}: {why}", file=self.out)

    def differ(self, name: str, got: object, expected: object, why: str) -> None:
        """Count a case in which we knowingly give another answer than the reference."""
        self.differs += 1
        print(f"differs {name}: got {got!r}, reference {expected!r}: {why}", file=self.out)

    def close(self) -> int:
        """Print the closing line; the exit status is 1 if a case failed or none was found."""
        line = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        print(line + (f", {self.differs} differs" if self.differs else ""), file=self.out)
        return 1 if self.failed or not self.passed else 0


def agrees(got: object, expected: object, tolerance: Tolerance = EXACT) -> bool:
    """Whether two answers are the same: as numbers where both are, else as text.

    >>> agrees("0.0007", "7e-04"), agrees("a", "A"), agrees("", "0")
    (True, False, False)
    >>> agrees(1.0, "1.00001", Tolerance(relative=1e-4))
    True
    """
    a, b = _number(got), _number(expected)
    if a is None or b is None:
        return str(got) == str(expected)
    if a == b:
        return True
    return abs(a - b) <= max(tolerance.relative * abs(b), tolerance.absolute)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV file, packed or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def run(walk: Callable[[Path, Report], None], arguments: Iterable[str], usage: str) -> int:
    """Call a walk on the folder named on the command line; give the exit status."""
    given = list(arguments)
    if len(given) != 1 or given[0].startswith("-"):
        print(f"usage: {usage}", file=sys.stderr)
        return 2
    folder = Path(given[0])
    if not folder.is_dir():
        print(f"{folder}: got no folder", file=sys.stderr)
        return 2
    report = Report()
    walk(folder, report)
    return report.close()
