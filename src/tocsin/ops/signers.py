"""Who has the private keys: a file, or what a plug-in of the group ``tocsin.signers`` reaches.

A plug-in is a function ``open(options, folder) -> Signer``: a smart card behind PKCS #11, a key service. It
gives the public key and signs, and never gives the private key away; :mod:`tocsin.testing.signers` checks it.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from tocsin.cap.signing import Signer
from tocsin.model import ConfigError

GROUP = "tocsin.signers"
"""Entry points of further signers."""

SIGN_WITHIN = 5.0
"""Seconds after which a signer is given up: a warning does not wait for a key service."""

Open = Callable[[Mapping[str, str], Path], Signer]


def open_signer(kind: str, options: Mapping[str, str], folder: Path) -> Signer:
    """Open a signer by its kind.

    Parameters
    ----------
    kind : str
        ``file``, or the name of an entry point of :data:`GROUP`.
    options : mapping of str to str
        In the signer's own words; never a secret.
    folder : Path
        Of the key ring.

    Raises
    ------
    ConfigError
        When there is no such kind, or it cannot be opened.
    """
    if kind == "file":
        return file_signer(options, folder)
    found = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in found:
        raise ConfigError("key ring", "signer", kind, ["file", *sorted(found)])
    try:
        signer: Signer = found[kind].load()(options, folder)
    except ConfigError:
        raise
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise ConfigError("key ring", f"signer {kind}", got, "a signer that opens") from error
    return signer


def file_signer(options: Mapping[str, str], folder: Path) -> Signer:
    """Open a key in a file that only its owner, who runs this process, can read.

    Raises
    ------
    ConfigError
        When the file is missing, somebody else's, readable by others, or holds no key that fits.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = folder / options.get("file", "")
    content = _private(path)
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        # Never the library's own words: they may quote what stands in the file.
        raise ConfigError(str(path), "file", "no readable key", "a private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return _FileSigner(key, "rsa-sha256")
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _FileSigner(key, "ecdsa-sha256")
    raise ConfigError(str(path), "file", type(key).__name__, "RSA, or an elliptic curve P-256")


def _private(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(str(path), "file", str(error.strerror), "a file that can be read") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        mode = stat.S_IMODE(about.st_mode)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(str(path), "file", "no regular file", "a file")
        if about.st_uid != os.geteuid():
            raise ConfigError(
                str(path), "owner", about.st_uid, f"the account that runs this ({os.geteuid()})"
            )
        if mode & 0o077:
            raise ConfigError(str(path), "permissions", f"{mode:04o}", "0600 (chmod 600): nobody else's eyes")
        return file.read()


class _FileSigner:
    def __init__(self, key: Any, method: str) -> None:
        self._key = key
        self.method = method

    def __repr__(self) -> str:
        return f"<file signer, {self.method}>"

    @property
    def public_key(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        found: bytes = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return found

    def sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding

        if self.method == "ecdsa-sha256":
            return bytes(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return bytes(self._key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def within(call: Callable[[], bytes], seconds: float = SIGN_WITHIN) -> bytes:
    """Give what a call gives, unless it takes too long.

    Raises
    ------
    TimeoutError
        After so many seconds; the call is left behind, and what it gives later is thrown away.
    """
    given: list[bytes] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            given.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            failed.append(error)

    # A daemon: a key service that hangs must not keep the process from ending.
    worker = threading.Thread(target=run, name="tocsin-signer", daemon=True)
    worker.start()
    worker.join(seconds)
    if failed:
        raise failed[0]
    if not given:
        raise TimeoutError(f"signer: got no answer within {seconds:g} s")
    return given[0]
