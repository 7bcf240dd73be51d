"""Time is an argument below ``ops``, and chance comes from a generator that is passed in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tocsin"
ABOVE = {"ops", "api", "cli", "__main__.py"}
"""Shelves where a clock may be read."""

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {
        "time", "time_ns", "localtime", "gmtime", "ctime", "strftime",
    },
}  # fmt: skip
GENERATORS = {"default_rng", "Generator", "Random", "PCG64", "SeedSequence", "Philox"}
"""Ways to make or name a generator from a seed; everything else of these modules draws from a hidden one."""


def files() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("*.py") if p.relative_to(SOURCE).parts[0] not in ABOVE)


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each clock that is read and each draw from a hidden generator."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}  # local name -> dotted origin
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        dotted = origin(node, modules)
        if dotted is None:
            continue
        head, _, last = dotted.rpartition(".")
        owner = head.rpartition(".")[2]
        if last in CLOCKS.get(owner, ()):
            yield node.lineno, dotted
        random = head in ("random", "numpy.random", "secrets") or (
            head == "uuid" and last in ("uuid1", "uuid4")
        )
        if random and last not in GENERATORS:
            yield node.lineno, dotted
        if isinstance(node, ast.Attribute) and dotted == "os.urandom":
            yield node.lineno, dotted
    for node in ast.walk(tree):  # a generator without a seed is a hidden one
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            dotted = origin(node.func, modules) or ""
            if dotted in ("numpy.random.default_rng", "random.Random"):
                yield node.lineno, f"{dotted} without a seed"


def origin(node: ast.AST, modules: dict[str, str]) -> str | None:
    """The dotted name that an expression stands for, by the imports of its file."""
    if isinstance(node, ast.Name):
        return modules.get(node.id)
    if isinstance(node, ast.Attribute):
        inside = origin(node.value, modules)
        return None if inside is None else f"{inside}.{node.attr}"
    return None


def test_the_files_were_found():
    names = {p.relative_to(SOURCE).as_posix() for p in files()}
    assert {"cycle.py", "detect/monitors.py", "store/embedded.py", "warn/propose.py"} <= names
    assert not any(name.startswith("ops/") for name in names)


def test_no_file_below_ops_reads_a_clock_or_a_hidden_generator():
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for path in files()
        for line, name in faults(path.read_text())
    ]
    assert not found, "time is an argument, and so is chance: " + "; ".join(found)


PLANTED = {
    "from datetime import datetime, UTC\nat = datetime.now(UTC)": "datetime.datetime.now",
    "import datetime as dt\nat = dt.datetime.utcnow()": "datetime.datetime.utcnow",
    "from datetime import date\nday = date.today()": "datetime.date.today",
    "import time\nat = time.time()": "time.time",
    "from time import time\nat = time()": "time.time",
    "from time import time as clock\nat = clock()": "time.time",
    "clock = print\nfrom datetime import datetime as D\nclock(D.today)": "datetime.datetime.today",
    "import random\nx = random.random()": "random.random",
    "from random import choice\nx = choice([1])": "random.choice",
    "import numpy as np\nx = np.random.normal()": "numpy.random.normal",
    "import numpy as np\nr = np.random.default_rng()": "numpy.random.default_rng without a seed",
    "import uuid\nx = uuid.uuid4()": "uuid.uuid4",
    "import secrets\nx = secrets.token_hex()": "secrets.token_hex",
    "import os\nx = os.urandom(4)": "os.urandom",
}


@pytest.mark.parametrize("source", PLANTED, ids=list(PLANTED.values()))
def test_a_planted_clock_is_found(source):
    assert PLANTED[source] in [name for _, name in faults(source)]


@pytest.mark.parametrize(
    "source",
    [
        "import time\nt = time.monotonic()\ntime.sleep(1)",
        "import numpy as np\ndef f(rng: np.random.Generator): return rng.normal()",
        "import numpy as np\nr = np.random.default_rng(1)",
        "from datetime import datetime\ndef f(at: datetime): return at.date()",
        "class Seen:\n    now = 1\nx = Seen.now",
    ],
)
def test_what_is_allowed_is_not_reported(source):
    assert not list(faults(source))
