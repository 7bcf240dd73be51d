"""Messages as files in a folder, one for each, for another program to pick up.

The address is the folder. The file is whole or absent, and safe on disk before the receipt; sending again
writes the same bytes under the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Fault, Message, Recipient, admit, receipt
from tocsin.warn.filing import file_name, put, reachable

NAME = "file"
MAX_BYTES = 5_000_000
SETTINGS: dict[str, str] = {}
SECRETS: dict[str, str] = {}


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse a folder that is a file."""
    if Path(to.address).is_file():
        return [Fault(key="address", got=to.address, allowed="a folder")]
    return []


def probe(to: Recipient) -> str:
    """Look whether the folder is there, or could be made."""
    return reachable(Path(to.address), to.id)


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Write the message into the recipient's folder.

    Raises
    ------
    ChannelError
        For good if it may not go there, or another message has its name; with ``retry`` if the disk refuses.
    """
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    path = Path(to.address) / file_name(message.alert)
    body = message.body.encode()
    if path.is_file() and path.read_bytes() != body:
        # An identifier names one content for ever; overwriting would change what was said.
        raise ChannelError(f"{to.id}: {path.name}: got other content under the same identifier", retry=False)
    if dry_run:
        return receipt(message, to, at=at, status="dry", detail=f"would be written as {path.name}")
    new = put(path, body)
    return receipt(
        message, to, at=at, status="accepted", detail=path.name if new else f"{path.name} was there"
    )
