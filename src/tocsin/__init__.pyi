from pathlib import Path

from tocsin.model import parse_time as parse_time
from tocsin.store import Store

__version__: str

def open(path: Path | str, *, create: bool = False) -> Store: ...  # noqa: A001
