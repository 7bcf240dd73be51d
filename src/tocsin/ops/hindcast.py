"""A hindcast: the past replayed from nothing in a store of its own, scored, and held against the record."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.model import HOUR, ConfigError
from tocsin.ops import queries, runs
from tocsin.ops.datasets import load_datasets
from tocsin.ops.office import Office, open_office


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindcast:
    """What a hindcast gave.

    Parameters
    ----------
    entries, summaries : list of dict
        Its ledger.
    run : dict
        Cycles, speed, and how many cycles equal those on record (``same``, ``differ``; ``differ`` lists
        moments).
    """

    entries: list[dict[str, Any]]
    summaries: list[dict[str, Any]]
    run: dict[str, Any]


def is_store(path: Path) -> bool:
    """Whether there is a store to compare with."""
    return path.is_dir()


def hindcast(
    packages: Path,
    *,
    start: datetime,
    end: datetime,
    domains: Sequence[str],
    beside: Office | None,
    folder: Path | None,
    now: datetime,
    progress: Callable[[int, int, datetime], None] = lambda _done, _all, _at: None,
) -> Hindcast:
    """Replay a stretch of the packaged past in a new store.

    Parameters
    ----------
    packages : Path
        Folder of the npm packages.
    start, end : datetime
        First and last cycle.
    domains : sequence of str
        What is watched; every domain of the country when empty.
    beside : Office or None
        A store whose cycles are compared.
    folder : Path or None
        New folder that keeps the store of the hindcast; a temporary one if not given.
    now : datetime
        Wall time.
    progress : callable
        Told the number of cycles done, of all, and the moment.

    Raises
    ------
    ConfigError
        When the folder is not new, or the packaged data cover none of the time.
    """
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ConfigError("hindcast", "--scratch", str(folder), "a new or empty folder")
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-hindcast-")))
        pack = "us" if beside is None else beside.pack.id
        office = open_office(place, pack=pack)
        stack.enter_context(closing(office.store))
        load_datasets(office.store, packages, office.pack, at=now)
        chosen = tuple(domains) or office.domains
        run = runs.replay(office, start=start, end=end, domains=chosen, progress=progress)
        entries, summaries = queries.ledger(office, end, now)
        same, differ = (0, []) if beside is None else _compare(office, beside, chosen, start, end)
        return Hindcast(entries=entries, summaries=summaries, run={**run, "same": same, "differ": differ})


def _compare(
    office: Office, beside: Office, domains: Sequence[str], start: datetime, end: datetime
) -> tuple[int, list[str]]:
    """Cycles that say the same as those on record, and the moments of those that do not."""
    plan = office.plan_of(domains).id
    kept = {row.at: row for row in beside.store.cycles(start, end + HOUR, plan)}
    same, differ = 0, []
    for row in office.store.cycles(start, end + HOUR, plan):
        other = kept.get(row.at)
        if other is None:
            continue
        if (row.inputs_hash, row.judgement, row.levels) == (other.inputs_hash, other.judgement, other.levels):
            same += 1
        else:
            differ.append(row.at.isoformat())
    return same, differ
