"""Messages as files in a folder, one for each, for another program to pick up.

The address is the folder. The file is whole or absent, and safe on disk before the receipt; sending again
writes the same bytes under the same name.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Message, Recipient, admit, receipt
from tocsin.warn.filing import file_name, put

NAME = "file"
MAX_BYTES = 5_000_000


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
