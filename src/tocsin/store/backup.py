"""Backup and restore: copies of the database and the settings, and links to files that never change."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from tocsin.model.errors import StoreError
from tocsin.store.database import in_words
from tocsin.store.segment import sync_folder

DATABASE = "tocsin.db"

SETTINGS = ("*.toml", "domains/*.toml", "trust/*.toml", "trust/*.pem", "receipts.secret")
"""Texts in the folder of a store that say how it is run and whom it trusts: written, or drawn once."""

_SECRET = b"PRIVATE KEY-----"


def copy_database(source: Path, destination: Path) -> None:
    """A consistent copy of a SQLite database that others may be writing.

    Raises
    ------
    StoreError
        When one of the two disks refuses.
    """
    with in_words("copied"):
        origin, copy = sqlite3.connect(source), sqlite3.connect(destination)
        try:
            origin.execute("PRAGMA busy_timeout = 30000")
            origin.backup(copy)
        finally:
            origin.close()
            copy.close()
    handle = os.open(destination, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link(source: Path, destination: Path) -> None:
    """The same immutable file in another folder: a hard link, or a copy on another disk."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, destination)
    except OSError:
        shutil.copyfile(source, destination)


def copy_settings(source: Path, destination: Path) -> None:
    """Copies of what is set for a store: these files change, so that a link would change the backup too.

    A file keeps its permissions, since it may hold an address with a key; one that goes is left out. So is
    one that holds a private key: no backup carries one away, and among settings there is no place for it.

    Raises
    ------
    StoreError
        When a file cannot be read or written.
    """
    for pattern in SETTINGS:
        for file in sorted(source.glob(pattern)):
            target = destination / file.relative_to(source)
            try:
                content, mode = file.read_bytes(), file.stat().st_mode & 0o777
                if holds_private_key(content):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as out:
                    out.write(content)
                    out.flush()
                    os.fchmod(out.fileno(), mode)
                    os.fsync(out.fileno())
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{file}: got {error}, allowed: a file that can be copied") from error
    for folder in {(destination / pattern).parent for pattern in SETTINGS}:
        if folder.is_dir():
            sync_folder(folder)


def holds_private_key(content: bytes) -> bool:
    """Whether a text holds a private key in PEM.

    Examples
    --------
    >>> holds_private_key(b"-----BEGIN EC PRIVATE KEY-----")
    True
    >>> holds_private_key(b"-----BEGIN CERTIFICATE-----")
    False
    """
    return _SECRET in content


def require_empty(folder: Path) -> None:
    """Make a folder that is to receive a store, or say that something is in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder}: got a folder that is not empty, allowed: a new or empty one")
    folder.mkdir(parents=True, exist_ok=True)


def copy_store(backup: Path, path: Path) -> None:
    """Lay a backup out as a store in a new folder.

    Raises
    ------
    StoreError
        When there is no backup, or something is in ``path``.
    """
    if not (backup / DATABASE).is_file():
        raise StoreError(f"{backup}: got no {DATABASE} in it, allowed: the folder of a backup")
    require_empty(path)
    for folder in ("segments", "raw"):
        for file in sorted((backup / folder).rglob("*")):
            if file.is_file():
                link(file, path / folder / file.relative_to(backup / folder))
    copy_settings(backup, path)
    copy_database(backup / DATABASE, path / DATABASE)
    sync_folder(path)
