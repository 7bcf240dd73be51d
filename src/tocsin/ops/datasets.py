"""The packaged data of the demo: which file of which release of which package, read by which feed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from tocsin.feeds import admit, all_feeds
from tocsin.geo import Pack
from tocsin.model import ConfigError, Raw, StoreError, iso
from tocsin.store import Store

Report = Callable[[str], None]
"""Takes a line for the person who waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One file of a package of a public registry.

    Parameters
    ----------
    id : str
        Name of the record in the store.
    source : str
        Feed that parses it.
    package, release, file : str
        npm package, its release, path inside it.
    sha256 : str
        Of the file; another content is refused.
    """

    id: str
    source: str
    package: str
    release: str
    file: str
    sha256: str


DATASETS = (
    Dataset(
        id="flights-2001",
        source="bts_flights",
        package="vega-datasets",
        release="3.2.1",
        file="data/flights-3m.parquet",
        sha256="dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0",
    ),
    Dataset(
        id="unemployment-2000-2010",
        source="bls_unemployment",
        package="vega-datasets",
        release="3.2.1",
        file="data/unemployment-across-industries.json",
        sha256="c12e32b5b8bf66d5ce40081a22b5557b2a8649dbdcbe03028b3df65cd66257a1",
    ),
    Dataset(
        id="earthquakes-2018-02",
        source="usgs_earthquakes",
        package="vega-datasets",
        release="3.2.1",
        file="data/earthquakes.json",
        sha256="a42702a83ffbae679f95d1fa53e2cae0bae13b21e599a68cdd50a44fc52129f7",
    ),
)


def load_datasets(
    store: Store, packages: Path, pack: Pack, *, at: datetime, report: Report = lambda _: None
) -> list[dict[str, Any]]:
    """Read every packaged data set into the store; what is there already is left alone.

    Parameters
    ----------
    store : Store
        Where to.
    packages : Path
        ``node_modules``.
    pack : Pack
        The country pack.
    at : datetime
        Wall time of the ingest.
    report : callable
        Told what goes on.

    Returns
    -------
    list of dict
        The record of each data set: source, licence, release, hash, rows, span, findings.

    Raises
    ------
    ConfigError
        When a package is absent or of another release, or a file is not the one expected.
    """
    return [_load(store, packages, pack, dataset, at, report) for dataset in DATASETS]


def _load(
    store: Store, packages: Path, pack: Pack, dataset: Dataset, at: datetime, report: Report
) -> dict[str, Any]:
    done: dict[str, Any] | None = store.get("dataset", dataset.id)
    if done is not None and done["sha256"] == dataset.sha256:
        return done
    content = _read(packages, dataset)
    feed = all_feeds()[dataset.source]
    report(f"reading {dataset.file} of {dataset.package} {dataset.release}")
    raw = Raw(
        source=dataset.source,
        url=f"{dataset.package}@{dataset.release}/{dataset.file}",
        fetched_at=at,
        media_type=feed.SOURCE.media_type,
        content=content,
    )
    sha = store.keep_raw(raw)
    gated = admit(feed, raw, now=at, locate=pack, regions=pack.regions)
    if gated.failed:
        raise StoreError(f"{raw.url}: " + "; ".join(r.error for r in gated.rejected))
    table = gated.observations
    report(f"storing {table.num_rows:,} observations and {len(gated.events):,} events")
    if table.num_rows:
        store.load([table], ingest=f"dataset:{sha}", at=at)
    if gated.events:
        store.add(gated.events, ingest=f"dataset:{sha}:events", at=at)
    for rejected in gated.rejected:
        store.quarantine(raw.source, at, sha, rejected.where, rejected.error)
    record = {
        "id": dataset.id,
        "source": dataset.source,
        "publisher": feed.SOURCE.publisher,
        "package": dataset.package,
        "release": dataset.release,
        "file": dataset.file,
        "sha256": sha,
        "licence": feed.SOURCE.licence,
        "licence_url": feed.SOURCE.licence_url,
        "observations": table.num_rows,
        "events": len(gated.events),
        "findings": [f.message for f in gated.findings if f.level != "info"],
        "rejected": len(gated.rejected),
        "span": _span(table, gated.events),
    }
    store.put("dataset", dataset.id, record, known_at=at, revision=0)
    return record


def _read(packages: Path, dataset: Dataset) -> bytes:
    folder = packages / dataset.package
    want = f"{dataset.package} {dataset.release}: run 'make setup', or npm install {dataset.package}"
    try:
        release = json.loads((folder / "package.json").read_text())["version"]
        content = (folder / dataset.file).read_bytes()
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ConfigError(str(folder), dataset.file, str(error), want) from error
    if release != dataset.release:
        raise ConfigError(str(folder), "version", release, want)
    sha = hashlib.sha256(content).hexdigest()
    if sha != dataset.sha256:
        raise StoreError(f"{folder / dataset.file}: got SHA-256 {sha}, allowed: {dataset.sha256}")
    return content


def _span(table: Any, events: Any) -> list[str]:
    """First and last moment at which something of the data set became known."""
    if table.num_rows:
        low, high = pc.min_max(table.column("known_at")).as_py().values()
    else:
        known = [e.known_at for e in events]
        low, high = min(known), max(known)
    return [iso(low), iso(high)]
