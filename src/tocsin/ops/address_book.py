"""Recipients of warnings: what every store has, and what ``recipients.toml`` in its folder adds.

It is read when the desk is opened, before anything is issued: a bad address is found at the start and not in
the first emergency.
"""

from __future__ import annotations

import os
import secrets
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tocsin.model import ConfigError
from tocsin.warn.addresses import AddressBook, read_book
from tocsin.warn.contract import Audience, Channel, Recipient

FILE = "recipients.toml"
"""In the folder of the store; without it the feed and the folders of the store are served."""

RECEIPTS = "receipts.secret"
"""In the folder of the store: makes idempotency keys that nobody can guess who did not get the message."""

FOLDERS = ("atom", "file", "cell_broadcast")
"""Channels whose address is a folder; a relative one is below that of the store."""


def public_recipients(path: Path) -> AddressBook:
    """Recipients that every store has: its feed, a folder for partners, a folder for drills.

    Parameters
    ----------
    path : Path
        Folder of the store.
    """
    return AddressBook(
        public=(
            _folder(path, "public-feed", "atom", "public", Audience.PUBLIC),
            _folder(path, "partners-folder", "file", "partners", Audience.PUBLIC),
        ),
        drill=(_folder(path, "drill-folder", "file", "drill", Audience.DRILL),),
    )


def replay_recipients(path: Path) -> AddressBook:
    """Recipients of a replay: folders of its own, nothing that anybody else reads."""
    return AddressBook(
        public=(_folder(path, "replay-feed", "atom", "replay/public", Audience.PUBLIC),),
        drill=(_folder(path, "replay-drill", "file", "replay/drill", Audience.DRILL),),
    )


def read_recipients(path: Path, channels: Mapping[str, Channel]) -> AddressBook:
    """All recipients of a store.

    Parameters
    ----------
    path : Path
        Folder of the store.
    channels : mapping of str to Channel
        By name.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed.
    """
    ours, file = public_recipients(path), path / FILE
    try:
        plain = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return ours
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "file", str(error), "a text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), "file", str(error), "TOML") from error
    read = read_book(plain, channels=channels, reveal=reveal, file=str(file))
    public = (*ours.public, *(_placed(to, path) for to in read.public))
    drill = (*ours.drill, *(_placed(to, path) for to in read.drill))
    try:
        return AddressBook(public=public, drill=drill)
    except ConfigError as error:
        raise ConfigError(str(file), error.key, error.got, "an id and an address that stand once") from error


def reveal(kind: str, where: str) -> str:
    """A secret from the environment or from a file, without the line's end.

    Parameters
    ----------
    kind : str
        ``env`` or ``file``.
    where : str
        Name of the variable, path of the file.

    Raises
    ------
    OSError
        When the file cannot be read, or others than its owner and group may read it.
    KeyError
        When the variable is not set.
    """
    if kind == "env":
        return os.environ[where].strip()
    path = Path(where)
    if path.stat().st_mode & 0o007:
        raise PermissionError(1, "everybody may read it: chmod o= it")
    return path.read_text("utf-8").strip()


def receipt_secret(path: Path) -> bytes:
    """What the idempotency keys of a store are made with; it is drawn once, when the first is needed.

    Parameters
    ----------
    path : Path
        Folder of the store.

    Raises
    ------
    ConfigError
        When it can be neither read nor made: nothing is decided under a key that anybody could guess.
    """
    file = path / RECEIPTS
    try:
        if not file.exists():
            part = path / f".{RECEIPTS}.{os.getpid()}.{threading.get_ident()}.part"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as made:
                made.write(secrets.token_hex(32))
                made.flush()
                os.fsync(made.fileno())
            try:
                os.link(part, file)  # of two processes the first wins, and the other reads what it wrote
            except FileExistsError:
                pass
            finally:
                part.unlink()
        secret = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(str(file), "file", str(error), "a file of 64 hexadecimal digits") from error
    if len(secret) < 32:
        raise ConfigError(str(file), "file", f"{len(secret)} bytes", "64 hexadecimal digits")
    return secret


def _folder(path: Path, name: str, channel: str, folder: str, audience: Audience) -> Recipient:
    return Recipient(id=name, channel=channel, address=str(path / folder), audience=audience)


def _placed(to: Recipient, path: Path) -> Recipient:
    return replace(to, address=str(path / to.address)) if to.channel in FOLDERS else to
