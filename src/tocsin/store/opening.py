"""Opening a store, and laying a backup out as one."""

from __future__ import annotations

from pathlib import Path

from tocsin.model.errors import StoreError
from tocsin.store.backup import DATABASE, copy_store
from tocsin.store.contract import Store
from tocsin.store.embedded import EmbeddedStore
from tocsin.store.kept import KEEP


def open_store(path: Path | str, *, create: bool = True, keep: int = KEEP) -> Store:
    """Open the store in a folder.

    Parameters
    ----------
    path : Path
        The folder.
    create : bool
        Make an empty store when there is none.
    keep : int
        Bytes of batches and of cycles, each, that are kept decoded in memory.

    Raises
    ------
    StoreError
        When there is none and none is to be made, or it was written by a newer Tocsin.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = open_store(folder)
    ...     store.as_of(datetime(2001, 2, 28, tzinfo=UTC)).cells().num_rows
    0
    """
    path = Path(path)
    if not (path / DATABASE).is_file():
        if not create:
            raise StoreError(
                f"{path}: got no store, allowed: a folder with {DATABASE}; make one with tocsin init"
            )
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path}: got a file, allowed: a folder")
        path.mkdir(parents=True, exist_ok=True)
    return EmbeddedStore(path, keep=keep)


def restore_store(backup: Path | str, path: Path | str) -> Store:
    """Lay a backup out as a store in a new folder, and open it.

    Parameters
    ----------
    backup : Path
        The folder of a backup.
    path : Path
        A new or empty folder.

    Raises
    ------
    StoreError
        When there is no backup, something is in ``path``, or the backup is damaged: something in it is lost
        or untrue. What costs nothing, such as cycles of which no pack can be made, ``check`` still tells.
    """
    copy_store(Path(backup), Path(path))
    store = EmbeddedStore(Path(path))
    faults = store.damage()
    if faults:
        store.close()
        raise StoreError(f"{backup}: the backup is damaged: " + "; ".join(faults))
    return store
