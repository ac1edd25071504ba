"""The certificate that C2PA manifests are signed with: the operator's, or one made here."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.common.errors import StartupError

_VALID = timedelta(days=3650)
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and the certificates that say whose it is."""

    algorithm: str
    """C2PA's name of it: `es256` or `ed25519`."""
    chain: str
    """PEM, the signer's certificate first."""
    key: str
    """PEM, PKCS #8."""


def open_credentials(certificate: Path, key: Path, *, made_for: str | None) -> Credentials:
    """Reads a chain and its key; with `made_for`, the operator's name, files that are missing are
    made, both in one.

    Raises StartupError when they can't be read or made, don't belong together, have run out, or
    the key is neither P-256 nor Ed25519.
    """
    try:
        if made_for is not None and not key.exists():
            _make(key, made_for)
        secret = load_pem_private_key(key.read_bytes(), password=None)
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise StartupError(f"the certificate of C2PA manifests can't be used: {error}") from error
    if isinstance(secret, Ed25519PrivateKey):
        algorithm = "ed25519"
    elif isinstance(secret, EllipticCurvePrivateKey) and isinstance(secret.curve, SECP256R1):
        algorithm = "es256"
    else:
        raise StartupError("C2PA manifests are signed with a key of P-256 or Ed25519")
    if _public(chain[0].public_key()) != _public(secret.public_key()):
        raise StartupError("the key of C2PA manifests is not that of the first certificate")
    if chain[0].not_valid_after_utc <= datetime.now(UTC):
        raise StartupError("the certificate of C2PA manifests has run out")
    pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    return Credentials(algorithm, pem, _private(secret).decode())


def made_credentials(operator: str) -> bytes:
    """A new key, its certificate and that of the authority which is thrown away: PEM."""
    authority, signer = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _name(operator, "Vultus root")
    own = _certified(root, authority.public_key(), root, authority)
    theirs = _certified(_name(operator, "Vultus"), signer.public_key(), root, authority)
    return _private(signer) + theirs + own


def _make(path: Path, operator: str) -> None:
    """Replicas that start together agree on the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(made_credentials(operator))
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _certified(
    subject: x509.Name,
    key: EllipticCurvePublicKey,
    issuer: x509.Name,
    authority: EllipticCurvePrivateKey,
) -> bytes:
    """A certificate as the C2PA specification wants it (14.5), PEM."""
    root, now = subject == issuer, datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )
    limits = x509.BasicConstraints(ca=root, path_length=0 if root else None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID)
        .add_extension(limits, critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
    )
    if not root:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=False)
    return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)


def _name(operator: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _private(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
