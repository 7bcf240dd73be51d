"""Settings of one store: ``tocsin.toml`` in its folder, checked when it is read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.model import ConfigError

FILE = "tocsin.toml"

_TEMPLATE = """\
# Settings of this store. Every key may be left out; what stands here is what holds then.

# The country: a folder of tocsin/packs.
pack = "{pack}"

# Domains that are watched; all of the country when empty.
domains = []

[serve]
host = "127.0.0.1"
port = 8750

[feeds]
# Told to publishers that ask who fetches, for instance "desk@example.org".
contact = ""
# Networks and hosts that may be fetched although they are not public.
allow_private = []

# Further authorities whose CAP feeds are read: name = "https://…"
[feeds.cap]
"""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Serve(_Table):
    """Where the page is served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8750


class Feeds(_Table):
    """How feeds are fetched."""

    contact: str = ""
    allow_private: tuple[str, ...] = ()
    cap: dict[str, str] = {}


class Settings(_Table):
    """Everything that can be set for a store.

    Examples
    --------
    >>> Settings().serve.port
    8750
    """

    pack: str = "us"
    domains: tuple[str, ...] = ()
    serve: Serve = Serve()
    feeds: Feeds = Feeds()


def read_settings(store: Path) -> Settings:
    """Read the settings of a store; what they leave out has its default.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed.

    Examples
    --------
    >>> read_settings(Path("no such folder")).pack
    'us'
    """
    path = store / FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "a text in UTF-8") from error
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "file", str(error), "TOML") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise ConfigError(str(path), key, first["loc"][-1], _keys_beside(first["loc"])) from error
        raise ConfigError(str(path), key, first["input"], first["msg"]) from error


def _keys_beside(where: tuple[int | str, ...]) -> list[str]:
    table: type[BaseModel] = Settings
    for name in where[:-1]:
        field = table.model_fields[str(name)].annotation
        if isinstance(field, type) and issubclass(field, BaseModel):
            table = field
    return sorted(table.model_fields)


def write_settings(store: Path, *, pack: str = "us") -> Path | None:
    """Write the settings with their explanations; an existing file is left alone.

    Returns
    -------
    Path or None
        The file, or None when there was one.
    """
    path = store / FILE
    if path.exists():
        return None
    store.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATE.format(pack=pack), "utf-8")
    return path
