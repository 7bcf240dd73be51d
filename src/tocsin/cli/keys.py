"""``tocsin govern keys``: the desk's signing keys, from the ceremony at which they are made to their end."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import As, Json, StorePath, actor, moment, now, open_store_office

app = group("Keys with which the desk signs: made, published, replaced, revoked.")

Name = Annotated[str, typer.Argument(metavar="KEY", help="Id of a key.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")]
Days = Annotated[int, typer.Option("--days", min=1, max=3660, help="For how long it signs.")]
Method = Annotated[str, typer.Option("--method", help="rsa-sha256 or ecdsa-sha256.")]
COLUMNS = ["id", "state", "signer", "valid_from", "valid_until", "published_at", "revoked_at", "sha256"]


@app.command("list", epilog="Example: tocsin govern keys list")
def list_(store: StorePath = None, json: Json = False) -> None:
    """List the keys with their states and certificates; never a private key."""
    from tocsin.ops import keys

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = keys.rows(office, at=now())
    output.emit(rows, COLUMNS, as_json=json, title="Keys", empty="none: messages go out unsigned")


@app.command(epilog="Example: tocsin govern keys create desk-2026 --as root --reason 'first key'")
def create(
    key: Name,
    as_: As,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Signs from then. [now]")
    ] = None,
    days: Days = 365,
    method: Method = "rsa-sha256",
    reason: Reason = "",
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Make a key with its certificate; it signs nothing before it is published."""
    begins = moment(start, "--from")
    _do("create", key, as_, store, json=json, reason=reason, start=begins, days=days, method=method)


@app.command(epilog="Example: tocsin govern keys rotate desk-2027 --as root --lead-days 14")
def rotate(
    key: Name,
    as_: As,
    lead_days: Annotated[float, typer.Option("--lead-days", min=0, help="Until it signs.")] = 7,
    days: Days = 365,
    method: Method = "rsa-sha256",
    reason: Reason = "",
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Make the key that follows the present one, without a gap between them."""
    lead = timedelta(days=lead_days)
    _do("rotate", key, as_, store, json=json, reason=reason, lead=lead, days=days, method=method)


@app.command(epilog="Example: tocsin govern keys publish desk-2026 --as root --certificate desk-2026.crt.pem")
def publish(
    key: Name,
    as_: As,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", exists=True, help="Of an authority, in PEM.")
    ] = None,
    reason: Reason = "",
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Note that receivers have the certificate, and print what they put into their registries."""
    chain = None if certificate is None else certificate.read_bytes()
    _do("publish", key, as_, store, json=json, reason=reason, chain=chain)


@app.command(epilog="Example: tocsin govern keys revoke desk-2026 --as root --reason 'the disk was stolen'")
def revoke(
    key: Name,
    as_: As,
    reason: Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Let a key sign nothing any more, at once."""
    _do("revoke", key, as_, store, json=json, reason=reason)


def _do(verb: str, name: str, account: str, store: Path | None, *, json: bool, **more: Any) -> None:
    from tocsin.ops import key_ceremony, keys

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who, at = actor(office, account), now()
        getattr(key_ceremony, verb)(office, name, who, at=at, **more)
        row = next(r for r in keys.rows(office, at=at) if r["id"] == name)
        entry = keys.entry(office, name) if verb == "publish" else ""
    output.fields({**row, **({"entry": entry} if entry and json else {})}, as_json=json)
    if entry and not json:
        print(f"\n{entry}")
