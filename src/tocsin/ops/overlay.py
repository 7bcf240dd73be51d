"""What a store sets differently from the shipped domains: ``domains/<id>.toml`` in its folder.

Only the budget can be set here, and only with a reason. A changed setting starts a new state, as any change
of a domain does: its version is part of the plan.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.model import ConfigError, Domain, iso

FOLDER = "domains"
"""In the folder of the store."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Budget(_Strict):
    per_week: Annotated[float, Field(gt=0)] | None = None
    aim: Annotated[float, Field(gt=0)] | None = None
    gain: Annotated[float, Field(gt=0)] | None = None
    start: Annotated[float, Field(gt=0)] | None = None


class _Overlay(_Strict):
    reason: Annotated[str, Field(min_length=10)]
    budget: _Budget


def laid_over(domains: Sequence[Domain], store: Path) -> tuple[Domain, ...]:
    """The domains with what a store sets differently.

    Parameters
    ----------
    domains : sequence of Domain
        As shipped.
    store : Path
        Folder of the store.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed.

    Examples
    --------
    >>> laid_over((), Path("no such folder"))
    ()
    """
    return tuple(_one(domain, store / FOLDER / f"{domain.id}.toml") for domain in domains)


def _one(domain: Domain, path: Path) -> Domain:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return domain
    except OSError as error:
        raise ConfigError(str(path), "file", str(error), "a text in UTF-8") from error
    try:
        read = _Overlay.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "TOML in UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(str(path), key, first.get("input"), first["msg"]) from error
    if domain.budget is None:
        raise ConfigError(str(path), "budget", domain.id, "a domain that has a budget")
    budget = replace(domain.budget, **read.budget.model_dump(exclude_none=True))
    version = hashlib.sha256(domain.version.encode() + content).hexdigest()
    return replace(domain, budget=budget, version=version)


def write(store: Path, domain: str, *, start: float, reason: str, at: datetime) -> Path:
    """Write the start threshold of a domain, with its reason.

    Parameters
    ----------
    store : Path
        Folder of the store.
    domain : str
        Id.
    start : float
        Decades of tail.
    reason : str
        What people read of it later.
    at : datetime
        Wall time.

    Returns
    -------
    Path
        The file; one that is there is replaced.
    """
    path = store / FOLDER / f"{domain}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    words = json.dumps(f"{reason} Calibrated {iso(at)}.", ensure_ascii=False)
    # Whole or not at all: a cycle or a backup may read it at this moment.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(f"reason = {words}\n\n[budget]\nstart = {start}\n", "utf-8")
    part.replace(path)
    return path
