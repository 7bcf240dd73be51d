"""Anchors of the record: made once a day by live operation or by hand, signed, copied to other places.

The file of anchors lies outside the database and is only ever added to. What makes it worth something is that
a copy is where nobody who can write to the store can write too.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tocsin.govern import audit
from tocsin.govern.audit import Anchor, AnchorKey, Report
from tocsin.model import ConfigError, Decision, PastError, StoreError, iso
from tocsin.model.record import decision_id
from tocsin.ops import keys
from tocsin.ops.commands import SYSTEM
from tocsin.ops.config import read_settings
from tocsin.ops.office import Office
from tocsin.store.backup import SETTINGS
from tocsin.warn.filing import alone

FILE = "anchors.jsonl"
"""Name of the file in the folder of the store, if the settings name no other."""

SUBJECT = "journal"
"""Subject of the decisions that say that an anchor was made."""

LOOK = timedelta(minutes=10)
"""From one look whether an anchor is due to the next."""

DUE = timedelta(days=1)
"""From one anchor to the next."""

LATE = timedelta(days=2)
"""Age of the newest anchor at which ``tocsin doctor`` says so."""


def anchors_file(store: Path) -> Path:
    """Where the anchors of a store are kept."""
    said = read_settings(store).audit.anchors
    return store / Path(said).expanduser() if said else store / FILE


def read(file: Path) -> tuple[Anchor, ...] | None:
    """Read a file of anchors; None when there is none.

    Raises
    ------
    StoreError
        When a line of it is no anchor, or it cannot be read.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return audit.read_anchors(lines, name=str(file))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file}: got {error}, allowed: a file of anchors") from error


def anchor_keys(store: Path) -> dict[str, AnchorKey]:
    """Keys of the ring that may have signed anchors, by id; none when no ring is set."""
    folder = keys.ring_folder(store)
    if folder is None:
        return {}
    ring = keys.read_ring(folder)
    found = {}
    for key in ring.keys:
        if key.published_at is not None:
            found[key.id] = AnchorKey(
                id=key.id,
                public_key=_public(ring, key.id),
                valid_from=max(key.valid_from, key.published_at),
                valid_until=key.valid_until,
                revoked_at=key.revoked_at,
                reason=key.revoked_because,
            )
    return found


def _public(ring: keys.Ring, name: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = ring.certificate(name).loaded().public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def take(office: Office, *, at: datetime) -> Anchor:
    """Make an anchor of the record as it is, keep it, say so in the journal, and copy it.

    It is on disk before the journal tells of it: a journal that tells of an anchor which is not in the file
    is one whose anchors were taken away.

    Raises
    ------
    PastError
        When the clock is behind the last anchor.
    StoreError
        When the last anchor names more than there is, or a place cannot be written.
    """
    return _take(office, at=at, after=timedelta(0))[0]


def take_when_due(office: Office, at: datetime) -> None:
    """Put changes of the settings on record, and make an anchor when the last one is a day old."""
    note_settings(office, at=at)
    _take(office, at=at, after=DUE)


def _take(office: Office, *, at: datetime, after: timedelta) -> tuple[Anchor, bool]:
    file = anchors_file(office.path)
    with alone(file.parent):
        before = read(file) or ()
        last = before[-1] if before else None
        if last is not None and at < last.at:
            raise PastError(f"anchor: at: got {iso(at)}, allowed: not before the last one at {iso(last.at)}")
        if last is not None and after and at - last.at < after:
            return last, False
        heads = audit.heads(office.path)
        if last is not None and (heads.entries < last.entries or heads.seals < last.seals):
            raise StoreError(
                f"{file}: got an anchor of {last.entries} entries, but the journal has {heads.entries}: it "
                "was cut off, or a backup was restored: see 'The journal does not verify' in the runbook"
            )
        anchor = _signed(
            office,
            Anchor(
                at=at,
                entries=heads.entries,
                head=heads.head,
                seals=heads.seals,
                seal_head=heads.seal_head,
                prev=audit.anchors.BEGIN if last is None else last.hash,
            ),
            at,
        )
        _append(file, [anchor])
        office.store.journal(_decision(anchor))
        _copy(office, file, (*before, anchor))
    return anchor, True


def _signed(office: Office, anchor: Anchor, at: datetime) -> Anchor:
    ring = keys.ring_of(office)
    key = None if ring is None else ring.current(at)
    if ring is None or key is None:
        return anchor
    signer = ring.signer(key)
    named = replace(anchor, key=key.id, method=signer.method)
    return replace(named, signature=base64.b64encode(signer.sign(named.signed_bytes)).decode())


def _decision(anchor: Anchor) -> Decision:
    by = f"signed by the key {anchor.key}" if anchor.key else "unsigned: no key is set up"
    return Decision(
        id=decision_id(f"{SUBJECT}:{anchor.hash}", "anchor", anchor.at, SYSTEM.account),
        at=anchor.at,
        actor=SYSTEM.account,
        role=SYSTEM.role,
        action="anchor",
        subject=SUBJECT,
        content_hash=anchor.hash,
        reason=f"{anchor.entries} entries, {anchor.seals} seals, {by}",
    )


def _append(file: Path, anchors: list[Anchor]) -> None:
    """Add lines durably; what a kill left of a line, which nobody was told of, goes first."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(handle, "r+b") as out:
            content = out.read()
            out.truncate(content.rfind(b"\n") + 1)
            out.seek(0, os.SEEK_END)
            out.write("".join(a.line + "\n" for a in anchors).encode())
            out.flush()
            os.fsync(out.fileno())
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{file}: got {error}, allowed: a file that can be written") from error


def _copy(office: Office, file: Path, anchors: tuple[Anchor, ...]) -> None:
    """Bring every copy up to date; one that says other than we do is not touched, and told."""
    wrong = []
    for said in read_settings(office.path).audit.copies:
        copy = office.path / Path(said).expanduser()
        try:
            has = read(copy) or ()
            if has != anchors[: len(has)]:
                wrong.append(f"{copy}: it has anchors that {file} has not: one of the two was changed")
            elif len(has) < len(anchors):
                _append(copy, list(anchors[len(has) :]))
        except StoreError as error:
            wrong.append(str(error))
    if wrong:
        raise StoreError("anchor: it was made, but not every copy: " + "; ".join(wrong))


def keep_with(store: Path, copy: Path) -> None:
    """Lay the anchors of a store beside a backup of it: as many as the backup has entries for."""
    file = anchors_file(store)
    if file.parent.resolve() != store.resolve():
        return  # they are kept elsewhere: that is where they are worth something
    most = audit.heads(copy).entries
    kept = [a for a in read(file) or () if a.entries <= most]
    if kept:
        _append(copy / FILE, kept)


def note_settings(office: Office, *, at: datetime) -> list[str]:
    """Put on record that a settings file is another than at the last look; give their names.

    Who changed a file nobody here knows: it is changed with an editor. The journal has its hash, since when.
    """
    changed = []
    for pattern in SETTINGS:
        for file in sorted(office.path.glob(pattern)):
            name = file.relative_to(office.path).as_posix()
            subject, content = f"settings:{name}", hashlib.sha256(file.read_bytes()).hexdigest()
            with office.store.transaction():
                told = office.store.audit(subject=subject, limit=1)
                if told and told[-1].decision.content_hash == content:
                    continue
                office.store.journal(
                    Decision(
                        id=decision_id(f"{subject}:{content}", "settings", at, SYSTEM.account),
                        at=at,
                        actor=SYSTEM.account,
                        role=SYSTEM.role,
                        action="settings",
                        subject=subject,
                        content_hash=content,
                        reason="changed" if told else "seen for the first time",
                    )
                )
            changed.append(name)
    return changed


def verify(
    store: Path,
    *,
    anchors: Path | None = None,
    since: datetime | None = None,
    tell: Callable[[str, int, int], None] = lambda _text, _done, _all: None,
) -> Report:
    """Verify the record of a store with the anchors of its file, or of another one.

    Parameters
    ----------
    store : Path
        Folder of the store; it is only read.
    anchors : Path, optional
        A copy of the anchors that is kept elsewhere.
    since : datetime, optional
        Go on from the last good anchor at or before this time.
    tell : callable
        Hears how far it is.

    Raises
    ------
    StoreError
        When store or anchors cannot be read.
    """
    found = read(anchors or anchors_file(store))
    if anchors is not None and found is None:
        raise ConfigError("--anchors", "file", str(anchors), "a file of anchors")
    # a file that is gone is told by the journal, which names every anchor
    return audit.verify(store, anchors=found or (), keys=anchor_keys(store), since=since, tell=tell)


def printed(anchor: Anchor) -> str:
    """An anchor to be printed, signed by hand and locked away; the hashes in groups to compare by eye.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2001, 3, 1, tzinfo=UTC)
    >>> one = Anchor(at=at, entries=7, head="ab" * 32, seals=9, seal_head="", prev="")
    >>> print(printed(one).splitlines()[3])
    Entries        7
    """
    groups = functools.partial(_groups, width=8)
    rows = {
        "Time": iso(anchor.at),
        "Entries": str(anchor.entries),
        "Last entry": groups(anchor.head),
        "Seals": str(anchor.seals),
        "Last seal": groups(anchor.seal_head),
        "Anchor before": groups(anchor.prev),
        "This anchor": groups(anchor.hash),
        "Key": anchor.key or "none: not signed",
    }
    lines = [f"{name:<15}{value}" for name, value in rows.items()]
    return "\n".join(["Anchor of the record of decisions", "", *lines, "", "Seen by:", ""])


def _groups(text: str, *, width: int) -> str:
    return " ".join(text[n : n + width] for n in range(0, len(text), width)) or "–"
