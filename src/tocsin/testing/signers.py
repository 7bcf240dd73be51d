"""Checks that every signer must pass; shipped, so that who writes one (PKCS #11, a key service) can run them.

Call every function of :func:`checks` with an open signer. A check raises AssertionError with what was got.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tocsin.cap.signing import METHODS, Signer


def check_method(signer: Signer) -> None:
    """It says one of the methods that receivers verify."""
    _hold(signer.method in METHODS, f"method: got {signer.method!r}, allowed: {', '.join(METHODS)}")


def check_public_key(signer: Signer) -> None:
    """Its public key is one of its method, strong enough, and always the same."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(signer.public_key)
    if signer.method == "rsa-sha256":
        good = isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048
    else:
        good = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    _hold(good, f"public_key: got {type(key).__name__}, allowed for {signer.method}: RSA 2048 up, or P-256")
    first, second = signer.public_key, signer.public_key
    _hold(first == second, "public_key: got another one at the second call")


def check_signs(signer: Signer) -> None:
    """What it signs verifies under its public key, whatever the length, and under no other content."""
    for data in (b"", b"a", b"warning" * 10_000):
        signature = signer.sign(data)
        _hold(_fits(signer, signature, data), f"sign: {len(data)} bytes: the signature does not fit")
        _hold(not _fits(signer, signature, data + b"!"), "sign: got a signature that fits other bytes too")


def check_no_private_key_shown(signer: Signer) -> None:
    """It does not show a private key where logs would print it."""
    shown = repr(signer) + str(signer)
    _hold("PRIVATE" not in shown, "repr: got a private key")


def _fits(signer: Signer, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(signer.public_key)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _hold(fact: bool, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)


def checks() -> Sequence[Callable[[Signer], None]]:
    """Every check of a signer."""
    return (check_method, check_public_key, check_signs, check_no_private_key_shown)
