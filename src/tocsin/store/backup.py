"""Backup and restore: a copy of the database, and links to files that never change."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from tocsin.model.errors import StoreError
from tocsin.store.database import in_words
from tocsin.store.segment import sync_folder

DATABASE = "tocsin.db"


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
    copy_database(backup / DATABASE, path / DATABASE)
    sync_folder(path)
