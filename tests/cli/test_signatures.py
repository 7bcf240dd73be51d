"""The desk's keys and signatures by the commands: a ceremony, a signed warning, and what a receiver sees."""

from __future__ import annotations

import hashlib
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from tests.cap.signed import NOW, certificate, der, key, message, pem, sign
from tests.cli.conftest import password, run
from tocsin.cap.trust import FILE as REGISTRY
from tocsin.ops.config import FILE

DRAFT = (
    "warnings", "draft", "--domain", "seismic", "--region", "US-53033", "--level", "3", "--hours", "6",
    "--headline", "Strong shaking reported in King County", "--description", "Callers report shaking.",
    "--instruction", "Check gas and water before use.", "--json",
)  # fmt: skip


@pytest.fixture(autouse=True)
def root(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PASSWORD", password("root"))
    assert run("init", "--store", own, "--account", "root:administrator").status == 0
    monkeypatch.delenv("TOCSIN_PASSWORD")


@pytest.fixture
def ring(own: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "ring"
    (own / FILE).write_text(f'[signing]\nkeyring = "{folder}"\n')
    return folder


def issued() -> str:
    name = str(run(*DRAFT, account="duty").row["id"])
    run("warnings", "submit", name, account="duty")
    assert run("warnings", "approve", name, "--basis", "ipaws", account="chief").status == 0
    done = run("warnings", "issue", name, account="duty")
    assert done.status == 0, done.err
    return name


def ceremony(name: str = "desk-1") -> dict[str, object]:
    made = run("govern", "keys", "create", name, "--reason", "a first key", "--json", account="root")
    assert made.status == 0, made.err
    published = run("govern", "keys", "publish", name, "--json", account="root")
    assert published.status == 0, published.err
    return published.row


def test_a_warning_is_signed_once_and_served_unchanged(own: Path, ring: Path, tmp_path: Path) -> None:
    published = ceremony()
    name = issued()
    served = run("cap", "show", name, "--xml").out
    assert "<ds:Signature" in served
    assert run("cap", "show", name, "--xml").out == served
    (sent,) = (own / "public").glob(f"*{name}*")
    assert sent.read_text() == served  # what the channel took is what the page gives
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "desk-1.crt.pem").write_bytes((ring / "desk-1.crt.pem").read_bytes())
    (trust / REGISTRY).write_text(str(published["entry"]))
    done = run("cap", "verify", sent, "--registry", trust, "--json")
    assert (done.status, done.row["status"]) == (0, "valid-trusted")
    sent.write_text(served.replace("King County", "Kong County"))
    done = run("cap", "verify", sent, "--registry", trust, "--json")
    assert (done.status, done.row["reason"]) == (1, "signature.content-changed")
    entries = run("govern", "audit", "--json").rows
    signed = next(e for e in entries if e["action"] == "sign")
    assert hashlib.sha256(served.encode()).hexdigest() in signed["reason"]
    assert published["sha256"] in signed["reason"]
    assert run("govern", "audit").status == 0


def test_no_key_material_is_in_the_store(own: Path, ring: Path) -> None:
    ceremony()
    issued()
    secret = (ring / "desk-1.key.pem").read_bytes().splitlines()[3]
    assert stat.S_IMODE((ring / "desk-1.key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.stat().st_mode) & 0o022 == 0
    for path in own.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content, path
            assert b"PRIVATE KEY" not in content, path
    shown = run("govern", "keys", "list", "--json").out + run("govern", "audit", "--json").out
    assert "PRIVATE" not in shown


def test_without_a_key_a_warning_goes_out_unsigned_and_that_is_said(own: Path) -> None:
    name = issued()
    assert "Signature" not in run("cap", "show", name, "--xml").out
    check = {r["check"]: r for r in run("doctor", "--json").rows}
    assert check["signing"]["ok"] is None
    assert "unsigned" in check["signing"]["detail"]
    assert check["trust"]["ok"] is None
    found = run("status", "--json").row["signatures"]
    assert (found["signs"], found["unsigned"] > 0) == (False, True)


def test_a_key_that_others_can_read_signs_nothing_and_the_doctor_says_so(own: Path, ring: Path) -> None:
    ceremony()
    (ring / "desk-1.key.pem").chmod(0o644)
    name = issued()  # the warning goes out all the same
    assert "Signature" not in run("cap", "show", name, "--xml").out
    entry = next(e for e in run("govern", "audit", "--json").rows if e["action"] == "sign.failed")
    assert "0644" in entry["reason"]
    check = next(r for r in run("doctor", "--json").rows if r["check"] == "signing")
    assert check["ok"] is False
    assert "0600" in check["detail"]


def test_where_signatures_are_required_nothing_leaves_without_one(own: Path, ring: Path) -> None:
    (own / FILE).write_text((own / FILE).read_text() + "required = true\n")
    name = str(run(*DRAFT, account="duty").row["id"])
    run("warnings", "submit", name, account="duty")
    run("warnings", "approve", name, "--basis", "ipaws", account="chief")
    done = run("warnings", "issue", name, account="duty")
    assert done.status == 3
    assert "signing.required" in done.err
    assert run("warnings", "show", name, "--json").row["state"] == "approved"
    assert not list((own / "public").glob(f"*{name}*"))


def test_keys_follow_each_other_without_a_gap(own: Path, ring: Path) -> None:
    assert run("govern", "keys", "rotate", "desk-2", account="root").status == 2  # nothing to follow
    ceremony()
    late = run("govern", "keys", "rotate", "desk-2", "--lead-days", "400", account="root")
    assert late.status == 2
    assert "desk-1 ends" in late.err
    assert run("govern", "keys", "rotate", "desk-2", "--lead-days", "0", account="root").status == 0
    states = {r["id"]: r["state"] for r in run("govern", "keys", "list", "--json").rows}
    assert states == {"desk-1": "signs", "desk-2": "unpublished"}  # receivers do not know it yet
    assert run("govern", "keys", "publish", "desk-2", account="root").status == 0
    states = {r["id"]: r["state"] for r in run("govern", "keys", "list", "--json").rows}
    assert states == {"desk-1": "usable", "desk-2": "signs"}
    gone = run("govern", "keys", "revoke", "desk-2", "--reason", "the disk was stolen", account="root")
    assert gone.status == 0
    states = {r["id"]: r["state"] for r in run("govern", "keys", "list", "--json").rows}
    assert states == {"desk-1": "signs", "desk-2": "revoked"}
    assert run("govern", "keys", "create", "desk-2", account="root").status == 3  # an id is used once
    actions = [e["action"] for e in run("govern", "audit", "--json").rows if e["subject"] == "key:desk-2"]
    assert actions == ["key.create", "key.publish", "key.revoke"]


def test_only_an_administrator_has_a_hand_in_keys(own: Path, ring: Path) -> None:
    assert run("govern", "keys", "create", "desk-1", account="chief").status == 4
    assert not ring.exists()


def test_a_ring_in_the_store_is_refused(own: Path) -> None:
    (own / FILE).write_text('[signing]\nkeyring = "keys"\n')
    done = run("govern", "keys", "create", "desk-1", account="root")
    assert done.status == 2
    assert "outside of the store" in done.err


def test_a_test_message_is_signed_by_hand_and_a_warning_never(own: Path, ring: Path, tmp_path: Path) -> None:
    ceremony()
    path = tmp_path / "test.xml"
    path.write_bytes(message(status="Test", note="A test.", sent=datetime.now(UTC).replace(microsecond=0)))
    done = run("cap", "sign", path)
    assert done.status == 0, done.err
    path.write_text(done.out)
    assert run("cap", "verify", path, "--json").row["status"] == "valid-unknown-key"
    path.write_bytes(message())
    refused = run("cap", "sign", path)
    assert refused.status == 4
    assert "second officer" in refused.err


def test_verify_judges_folders_and_past_receipts(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    cert = certificate(key("rsa", "desk"))
    root = etree.fromstring(message())
    sign(root, key("rsa", "desk"), cert)
    (folder / "a.xml").write_bytes(etree.tostring(root))
    (folder / "b.xml").write_bytes(message())
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "c.pem").write_bytes(pem(cert))
    digest = hashlib.sha256(der(cert)).hexdigest()
    (trust / REGISTRY).write_text(
        '[[authority]]\nid = "x"\nname = "X"\nsenders = ["desk@example.org"]\n'
        f'[[authority.key]]\nfile = "c.pem"\nsha256 = "{digest}"\n'
    )
    when = NOW.isoformat()
    done = run("cap", "verify", folder, "--registry", trust, "--received", when, "--json")
    assert done.status == 1
    assert [r["status"] for r in done.rows] == ["valid-trusted", "unsigned"]
    one = run("cap", "verify", folder / "a.xml", "--registry", trust, "--received", when)
    assert one.status == 0
    assert one.out.startswith("ok ")
    later = ("--received", "2030-01-01T00:00:00Z", "--json")
    late = run("cap", "verify", folder / "a.xml", "--registry", trust, *later)
    assert (late.status, late.row["reason"]) == (1, "trust.certificate-expired")
