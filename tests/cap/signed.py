"""Keys, certificates and signatures of any form for tests, made by hand and not by what is tested."""

from __future__ import annotations

import base64
import functools
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from lxml import etree

from tocsin.cap import CapAlert, CapArea, CapInfo, render
from tocsin.cap.certificate import read_certificate
from tocsin.cap.trust import Authority, Kind, Registry, TrustedKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SENDER = "desk@example.org"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = f"{DSIG}enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
HASHES = {
    "sha1": hashes.SHA1(),  # noqa: S303 - what is to be refused
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "md5": hashes.MD5(),  # noqa: S303
}


@functools.cache
def key(kind="rsa", name="desk"):
    """A private key; the same for the same name."""
    del name
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "dsa":
        return dsa.generate_private_key(1024)  # noqa: S505 - what is to be refused
    return rsa.generate_private_key(65537, {"rsa": 2048, "short": 1024}[kind])


def certificate(
    private,
    cn="desk.example.org",
    *,
    start=NOW - timedelta(days=30),
    end=NOW + timedelta(days=60),
    issuer=None,
    issuer_key=None,
    ca=False,
    usage=True,
    serial=None,
):
    """A certificate, of itself or of an issuer."""
    name = x509.Name([
        x509.NameAttribute(x509.NameOID.COMMON_NAME, cn),
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example Weather Service"),
    ])  # fmt: skip
    build = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer is not None else name)
        .public_key(private.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(digital=usage, ca=ca), critical=True)
    )
    return build.sign(issuer_key or private, hashes.SHA256())


def _usage(*, digital, ca):
    return x509.KeyUsage(
        digital_signature=digital,
        content_commitment=False,
        key_encipherment=not digital,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def der(one):
    return one.public_bytes(serialization.Encoding.DER)


def pem(one):
    return one.public_bytes(serialization.Encoding.PEM)


def message(**changes):
    """A message of an authority, as bytes."""
    said = {
        "identifier": "example-1",
        "sender": SENDER,
        "sent": NOW,
        "infos": (
            CapInfo(
                language="en-US",
                category=("Met",),
                event="Flood",
                urgency="Expected",
                severity="Severe",
                certainty="Likely",
                expires=NOW + timedelta(hours=6),
                headline="Flood of the river",
                description="The river rises.",
                areas=(CapArea(area_desc="The valley", geocodes=(("SAME", "053033"),)),),
            ),
        ),
    }
    return render(CapAlert(**{**said, **changes}))


def alert(**changes):
    return etree.fromstring(message(**changes))


@dataclass(frozen=True)
class Plan:
    """What a signature is made of; the default is the form that is admitted."""

    method: str = f"{MORE}rsa-sha256"
    digest: str = SHA256
    c14n: str = EXCLUSIVE
    transforms: tuple = (ENVELOPED, EXCLUSIVE)
    uri: str | None = ""
    key_info: str = "X509"


def sign(root, private, cert, plan=None, *, covers=None, place=None):
    """Append a Signature to ``root`` (or ``place``) that truly covers ``covers`` (the root if None)."""
    plan = plan or Plan()
    covered = _c14n(
        deepcopy(root if covers is None else covers), plan.transforms[-1] if plan.transforms else ""
    )
    signature = etree.SubElement(root if place is None else place, f"{{{DSIG}}}Signature", nsmap={"ds": DSIG})
    info = _sub(signature, "SignedInfo")
    _sub(info, "CanonicalizationMethod").set("Algorithm", plan.c14n)
    _sub(info, "SignatureMethod").set("Algorithm", plan.method)
    reference(info, plan, covered)
    value = _sub(signature, "SignatureValue")
    value.text = base64.b64encode(signed_bytes(private, plan.method, _c14n(info, plan.c14n))).decode()
    _key_info(signature, private, cert, plan.key_info)
    return signature


def again(signature, private, plan=None):
    """Sign anew what a SignedInfo says now."""
    plan = plan or Plan()
    info, value = signature[0], signature[1]
    value.text = base64.b64encode(signed_bytes(private, plan.method, _c14n(info, plan.c14n))).decode()


def reference(info, plan, covered):
    node = _sub(info, "Reference")
    if plan.uri is not None:
        node.set("URI", plan.uri)
    transforms = _sub(node, "Transforms")
    for name in plan.transforms:
        _sub(transforms, "Transform").set("Algorithm", name)
    _sub(node, "DigestMethod").set("Algorithm", plan.digest)
    kind = plan.digest.rsplit("#", 1)[-1]
    hasher = hashes.Hash(HASHES.get(kind, hashes.SHA256()))
    hasher.update(covered)
    _sub(node, "DigestValue").text = base64.b64encode(hasher.finalize()).decode()
    return node


def signed_bytes(private, method, data):
    short = method.rsplit("#", 1)[-1]
    algorithm = HASHES.get(short.rsplit("-", 1)[-1], hashes.SHA256())
    if isinstance(private, bytes):
        from cryptography.hazmat.primitives import hmac

        maker = hmac.HMAC(private, hashes.SHA256())
        maker.update(data)
        return maker.finalize()
    if isinstance(private, rsa.RSAPrivateKey):
        if "MGF1" in short:
            return private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return private.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(private.sign(data, ec.ECDSA(algorithm)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    r, s = utils.decode_dss_signature(private.sign(data, algorithm))
    return r.to_bytes(20, "big") + s.to_bytes(20, "big")


def _key_info(signature, private, cert, kind):
    if kind == "none":
        return
    info = _sub(signature, "KeyInfo")
    if kind in ("KeyValue", "both"):
        numbers = (private if kind == "KeyValue" else key("rsa", "another")).public_key().public_numbers()
        value = _sub(_sub(info, "KeyValue"), "RSAKeyValue")
        for name, number in (("Modulus", numbers.n), ("Exponent", numbers.e)):
            raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
            _sub(value, name).text = base64.b64encode(raw).decode()
    if kind in ("X509", "both"):
        _sub(_sub(info, "X509Data"), "X509Certificate").text = base64.b64encode(der(cert)).decode()


def _sub(parent, name):
    return etree.SubElement(parent, f"{{{DSIG}}}{name}")


def _c14n(node, algorithm):
    alone = etree.fromstring(etree.tostring(node, with_tail=False))
    # As it stands in its document: a namespace that a parent declares counts in the inclusive form.
    return etree.tostring(
        alone,
        method="c14n",
        exclusive=algorithm.startswith(EXCLUSIVE),
        with_comments=algorithm.endswith("WithComments"),
    )


def registry(*certs, senders=(SENDER,), **more):
    """A registry that knows these certificates as one authority's."""
    settings = {k: more.pop(k) for k in ("require_signature", "sources") if k in more}
    keys = tuple(
        TrustedKey(kind=more.get("kind", Kind.CERTIFICATE), certificate=read_certificate(der(c)),
                   **{k: v for k, v in more.items() if k != "kind"})
        for c in certs
    )  # fmt: skip
    one = Authority(id="example", name="Example Weather Service", senders=senders, keys=keys, **settings)
    return Registry(authorities=(one,))


class InMemory:
    """A signer that has its key in memory."""

    def __init__(self, private):
        self._private = private
        self.method = "ecdsa-sha256" if isinstance(private, ec.EllipticCurvePrivateKey) else "rsa-sha256"
        self.public_key = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data):
        if self.method == "ecdsa-sha256":
            return self._private.sign(data, ec.ECDSA(hashes.SHA256()))
        return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
