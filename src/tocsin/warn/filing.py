"""Putting a file in its place whole: a reader sees the old bytes or the new ones, after a power cut too."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tocsin.model import ChannelError

_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


def file_name(identifier: str) -> str:
    """Give a file name for a CAP identifier; what a path could abuse is replaced, and the name stays its own.

    Examples
    --------
    >>> file_name("us-2001-02-28-a"), file_name("../x")
    ('us-2001-02-28-a.xml', '_x-d6b96a97.xml')
    """
    plain = _PLAIN.sub("_", identifier).lstrip(".")[:120]
    if plain != identifier:
        plain += "-" + hashlib.sha256(identifier.encode()).hexdigest()[:8]
    return plain + ".xml"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out while a file is made from the others in the folder.

    Raises
    ------
    ChannelError
        ``retry`` is true: the folder cannot be made or locked now.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    except OSError as error:
        raise ChannelError(f"{folder.name}: {error.strerror or error}", retry=True) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file, by a kill too
        yield


def reachable(folder: Path, name: str) -> str:
    """Say whether files can be put into a folder, without putting one there.

    Parameters
    ----------
    name : str
        Of the recipient, for the error.

    Raises
    ------
    ChannelError
        When they cannot.
    """
    place = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise ChannelError(f"{name}: {place.name}: no folder that we may write to", retry=True)
    return "the folder is there" if place == folder else "the folder can be made"


def put(path: Path, content: bytes, *, durable: bool = True) -> bool:
    """Write a file atomically and durably.

    Parameters
    ----------
    durable : bool
        False for what can be made again from other files: it may be gone or empty after a power cut.

    Returns
    -------
    bool
        False when it was there already with the same bytes.

    Raises
    ------
    ChannelError
        ``retry`` is true: a full disk or a missing mount may come back.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        if path.exists() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)
        if not durable:
            return True
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the new name itself may be lost
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise ChannelError(f"{path.name}: {error.strerror or error}", retry=True) from error
    return True
