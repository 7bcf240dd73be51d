"""Signatures of messages in files, judged without a store or with its registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.cap.signature import verify
from tocsin.cap.trust import Registry, read_registry
from tocsin.ops.config import read_settings
from tocsin.ops.signatures import plain

MAX_BYTES = 50_000_000
"""A larger file is not read."""


def registry(store: Path, path: Path | None) -> Registry:
    """The registry that is named, else that of the store's settings, else an empty one.

    Raises
    ------
    ConfigError
        When it cannot be read.
    """
    if path is not None:
        return read_registry(path)
    said = read_settings(store).trust.registry
    return read_registry(store / Path(said).expanduser()) if said else Registry()


def judge(path: Path, known: Registry, received: datetime) -> Iterator[dict[str, Any]]:
    """A row for each signature of each message in a file, or one that says why there is none."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    for number, one in enumerate(verify(content, received=received, registry=known, max_bytes=MAX_BYTES)):
        for verdict in one.verdicts:
            yield {
                "file": str(path),
                "message": number,
                "identifier": one.identifier,
                "sender": one.sender,
                "signatures": len([v for v in one.verdicts if v.place]),
                "best": verdict == one.best,
                **plain(verdict),
            }


def all_trusted(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether every message has a signature that is trusted."""
    best: dict[tuple[str, int], bool] = {}
    for row in rows:
        key = (row["file"], row["message"])
        best[key] = best.get(key, False) or row["status"] == "valid-trusted"
    return all(best.values())
