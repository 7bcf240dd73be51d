"""Settings of one store: ``tocsin.toml`` in its folder, checked when it is read."""

from __future__ import annotations

import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tocsin.feeds.authorities import AuthorityTable
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
# Proxies whose word is taken on where a request came from and whether it was https: addresses or networks.
forwarded_allow_ips = ["127.0.0.1", "::1"]

[memory]
# MiB of small batches and, once more, of cycles that stay decoded at hand; more makes reading faster.
keep_mb = 64

[reach]
# Hours from one test message to the next, to every recipient of drills; 0 sends none. Who gets warnings and
# drills stands in recipients.toml beside this file.
every_hours = 24

[signing]
# Folder of the key ring, outside of the store; without one messages go out unsigned.
keyring = ""
# Whether a warning that cannot be signed is held back; otherwise it goes out unsigned, with an alarm.
required = false

[trust]
# Registry of authorities and their certificates; without one no signature is trusted.
registry = ""

[audit]
# File of the daily anchors of the record of decisions; anchors.jsonl beside this file when empty. Copies of
# it, best where nobody who can write to this folder can write: files on another machine's disk.
anchors = ""
copies = []

[feeds]
# Told to publishers that ask who fetches, for instance "desk@example.org".
contact = ""
# Networks and hosts that may be fetched although they are not public.
allow_private = []

# Further authorities whose CAP feeds are read: name = "https://…"
[feeds.cap]

# Who they are, for those that 'tocsin feeds show cap_atom' does not know: a table for each, for instance
# [feeds.authorities.met]
# name = "Example Met Service"
# country = "XX"
# senders = ["*@met.example"]
# licence = "CC-BY-4.0"
# licence_url = "https://met.example/terms"
# stale_after_hours = 24
"""


def _network(text: str) -> str:
    """An address or a network; never all of them: everybody could then say whose address is theirs."""
    network = ip_network(text, strict=False)
    if network.prefixlen == 0:
        raise ValueError("the address or network of a proxy, not all of them")
    address = text.partition("/")[0]
    if "/" in text and ip_address(address) != network.network_address:
        # The server would take it for a name, and trust nobody.
        raise ValueError(f"the address {address} or the network {network}")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Serve(_Table):
    """Where the page is served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8750
    forwarded_allow_ips: tuple[Annotated[str, AfterValidator(_network)], ...] = ("127.0.0.1", "::1")


class Memory(_Table):
    """How much memory the store may use to answer faster."""

    keep_mb: Annotated[int, Field(ge=0)] = 64


class Reach(_Table):
    """How often the channels are tested."""

    every_hours: Annotated[float, Field(ge=0, le=8784)] = 24


class Signing(_Table):
    """With which keys messages are signed: a folder outside the store."""

    keyring: str = ""
    required: bool = False


class Trust(_Table):
    """Whose signatures are trusted: the registry of authorities, beside the settings or elsewhere."""

    registry: str = ""


class Audit(_Table):
    """Where the heads of the record of decisions are kept."""

    anchors: str = ""
    copies: tuple[str, ...] = ()


class Feeds(_Table):
    """How feeds are fetched."""

    contact: str = ""
    allow_private: tuple[str, ...] = ()
    cap: dict[str, str] = {}
    authorities: dict[str, AuthorityTable] = {}


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
    memory: Memory = Memory()
    reach: Reach = Reach()
    signing: Signing = Signing()
    trust: Trust = Trust()
    audit: Audit = Audit()
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
