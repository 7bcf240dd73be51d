"""The key ring: which key signs when. It lies outside the store; the store knows certificates only.

A key is made, published so that receivers can register its certificate, used from a stated moment on,
replaced by one that was published before, and revoked when it is lost. Every step is an entry of the journal
with the fingerprint of the certificate. The journal, backups and logs never hold a private key.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.cap.certificate import Certificate
from tocsin.cap.signing import Signer, certificate_of
from tocsin.cap.trust import Authority, Kind, TrustedKey
from tocsin.model import ConfigError, NotFoundError, iso, parse_time
from tocsin.ops.config import read_settings
from tocsin.ops.office import Office
from tocsin.ops.signers import open_signer

RING = "keyring.toml"
"""Name of the list of keys in the folder of the ring."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Ids of keys, which are also names of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the ring.

    Parameters
    ----------
    id : str
        Unique for ever; also the name of its files.
    signer : str
        Who has it: ``file``, or a plug-in.
    options : mapping of str to str
        In the signer's own words.
    valid_from, valid_until : datetime
        When it is to sign.
    created_at : datetime
        When it was made.
    published_at : datetime or None
        When its certificate was given to receivers; before that it signs nothing.
    revoked_at : datetime or None
        From then on it signs nothing.
    revoked_because : str
        Why.
    """

    id: str
    signer: str
    valid_from: datetime
    valid_until: datetime
    created_at: datetime
    options: Mapping[str, str] = field(default_factory=dict)
    published_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_because: str = ""

    def state(self, at: datetime) -> str:
        """``revoked``, ``past``, ``unpublished``, ``coming`` or ``usable``."""
        if self.revoked_at is not None:
            return "revoked"  # also by a clock that went back
        if at >= self.valid_until:
            return "past"
        if self.published_at is None:
            return "unpublished"
        return "usable" if max(self.valid_from, self.published_at) <= at else "coming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """The keys of a desk.

    Parameters
    ----------
    folder : Path
        Where they lie.
    keys : tuple of Key
        In the order in which they were made.
    """

    folder: Path
    keys: tuple[Key, ...] = ()

    def current(self, at: datetime) -> Key | None:
        """The key that signs at a moment: of the usable ones, the one that came into use last."""
        usable = [k for k in self.keys if k.state(at) == "usable"]
        return max(usable, key=lambda k: (k.valid_from, k.created_at), default=None)

    def key(self, name: str) -> Key:
        """One key by its id; NotFoundError when there is none."""
        for one in self.keys:
            if one.id == name:
                return one
        raise NotFoundError(f"key: got {name!r}, allowed: {', '.join(k.id for k in self.keys) or 'none yet'}")

    def chain(self, name: str) -> bytes:
        """Certificate of a key, and those of its issuers, in PEM."""
        path = self.folder / f"{name}.crt.pem"
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(str(path), "file", str(error.strerror), "a certificate in PEM") from error

    def certificate(self, name: str) -> Certificate:
        """Certificate of a key."""
        try:
            return certificate_of(self.chain(name))
        except ValueError as error:
            raise ConfigError(str(self.folder / name), "certificate", str(error), "a certificate") from error

    def signer(self, key: Key) -> Signer:
        """Who signs with a key."""
        return open_signer(key.signer, key.options, self.folder)


def ring_folder(store: Path) -> Path | None:
    """Folder of the key ring of a store; None when none is set.

    Raises
    ------
    ConfigError
        When it lies in the store: backups of the store would carry the keys away.
    """
    said = read_settings(store).signing.keyring
    if not said:
        return None
    folder = (store / Path(said).expanduser()).resolve()
    if folder.is_relative_to(store.resolve()):
        raise ConfigError("tocsin.toml", "signing.keyring", said, "a folder outside of the store")
    return folder


def ring_of(office: Office) -> Ring | None:
    """The key ring of a store; None when none is set."""
    folder = ring_folder(office.path)
    return None if folder is None else read_ring(folder)


def read_ring(folder: Path) -> Ring:
    """Read a key ring; one that is not there yet is empty.

    Raises
    ------
    ConfigError
        When it cannot be read, or others may write to its folder.
    """
    path = folder / RING
    try:
        about = folder.stat()
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Ring(folder=folder)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "a key ring") from error
    if stat.S_IMODE(about.st_mode) & 0o022 or about.st_uid != os.geteuid():
        raise ConfigError(str(folder), "permissions", f"{stat.S_IMODE(about.st_mode):04o}", "0700, ours")
    try:
        return Ring(folder=folder, keys=tuple(_key(row) for row in tomllib.loads(text).get("key", ())))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(str(path), "key", f"{type(error).__name__}: {error}", "keys of a ring") from error


def _key(row: Mapping[str, Any]) -> Key:
    times = {n: parse_time(row[n], n) for n in ("valid_from", "valid_until", "created_at")}
    later = {n: parse_time(row[n], n) for n in ("published_at", "revoked_at") if n in row}
    if not NAME.fullmatch(row["id"]):
        raise ValueError(f"id: got {row['id']!r}")
    return Key(
        id=row["id"],
        signer=row["signer"],
        options={k: str(v) for k, v in row.get("options", {}).items()},
        revoked_because=row.get("revoked_because", ""),
        **times,
        **later,
    )


def written(ring: Ring) -> bytes:
    """The list of keys as its file."""
    lines = ["# The key ring, written by 'tocsin govern keys'. No private key stands in it."]
    for key in ring.keys:
        lines += ["", "[[key]]", f"id = {text_of(key.id)}", f"signer = {text_of(key.signer)}"]
        for name in ("valid_from", "valid_until", "created_at", "published_at", "revoked_at"):
            moment = getattr(key, name)
            if moment is not None:
                lines.append(f"{name} = {text_of(iso(moment))}")
        if key.revoked_because:
            lines.append(f"revoked_because = {text_of(key.revoked_because)}")
        lines.append("[key.options]")
        lines += [f"{name} = {text_of(value)}" for name, value in sorted(key.options.items())]
    return ("\n".join(lines) + "\n").encode()


def text_of(value: str) -> str:
    """A basic string of TOML."""
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def rows(office: Office, *, at: datetime) -> list[dict[str, Any]]:
    """The keys of the ring with state and certificate, for people and programs; no secret is in it."""
    ring = ring_of(office)
    if ring is None:
        return []
    current = ring.current(at)
    out = []
    for key in ring.keys:
        found = ring.certificate(key.id)
        out.append(
            {
                "id": key.id,
                "state": "signs" if current is not None and key.id == current.id else key.state(at),
                "signer": key.signer,
                "valid_from": iso(key.valid_from),
                "valid_until": iso(key.valid_until),
                "published_at": None if key.published_at is None else iso(key.published_at),
                "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
                "subject": found.subject,
                "sha256": found.fingerprint,
                "not_after": iso(found.not_after),
            }
        )
    return out


STEPS = {"key.create": "created_at", "key.publish": "published_at", "key.revoke": "revoked_at"}
"""Entries of the journal on a key, and what each leaves in the ring."""


def on_record(office: Office, name: str) -> frozenset[str]:
    """Steps that the journal has of a key."""
    return frozenset(e.decision.action for e in office.store.audit(subject=f"key:{name}"))


def revoked_on_record(office: Office, name: str) -> bool:
    """Whether the journal says that a key is revoked, whatever stands in the ring."""
    return "key.revoke" in on_record(office, name)


def unrecorded(office: Office, key: Key) -> tuple[str, ...]:
    """Steps that the ring has of a key and the journal has not: a kill came between the two."""
    known = on_record(office, key.id)
    return tuple(s for s, name in STEPS.items() if getattr(key, name) is not None and s not in known)


def differences(office: Office, ring: Ring) -> list[str]:
    """Where ring, journal and files do not agree, in words; the next step puts on record what is not."""
    said: list[str] = []
    for key in ring.keys:
        kept = [s for s in on_record(office, key.id) & STEPS.keys() if getattr(key, STEPS[s]) is None]
        said += [f"{s} of {key.id} is in the ring and not on record" for s in unrecorded(office, key)]
        said += [f"{s} of {key.id} is on record and not in the ring" for s in sorted(kept)]
    held = {k.id for k in ring.keys}
    named = {k.options.get("file") for k in ring.keys}
    made = {file.name.removesuffix(".crt.pem") for file in ring.folder.glob("*.crt.pem")} - held
    said += [f"{s} is on record and not in the ring" for s in sorted(made) if on_record(office, s)]
    said += [
        f"{file.name} holds a private key that no entry of the ring names"
        for file in sorted(ring.folder.glob("*.key.pem*"))
        if file.name not in named
    ]
    return said


def ourselves(office: Office) -> Authority | None:
    """This desk as an authority: its published keys, present and past."""
    ring = ring_of(office)
    if ring is None:
        return None
    keys = tuple(
        TrustedKey(
            kind=Kind.CERTIFICATE,
            certificate=ring.certificate(k.id),
            revoked_at=k.revoked_at,
            revoked_because=k.revoked_because,
        )
        for k in ring.keys
        if k.published_at is not None
    )
    return Authority(id="this-desk", name=office.pack.sender_name, senders=(office.pack.sender,), keys=keys)


def entry(office: Office, name: str) -> str:
    """What a receiver puts into its registry for one of our keys, in TOML."""
    ring = ring_of(office)
    if ring is None:
        raise ConfigError("tocsin.toml", "signing.keyring", "", "a folder outside of the store")
    found = ring.certificate(ring.key(name).id)
    return "\n".join(
        [
            "[[authority]]",
            f"id = {text_of(re.sub('[^a-z0-9._-]', '-', office.pack.sender.lower()))}",
            f"name = {text_of(office.pack.sender_name)}",
            f"senders = [{text_of(office.pack.sender)}]",
            "",
            "[[authority.key]]",
            f"file = {text_of(name + '.crt.pem')}",
            f"sha256 = {text_of(found.fingerprint)}",
            "",
        ]
    )
