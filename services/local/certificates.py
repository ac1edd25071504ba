"""An authority of this machine's own, and a certificate for each process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.common.tls import AUTHORITY, CERTIFICATE, KEY
from services.local.ports import LOOPBACK

_VALID_FOR = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(minutes=5)


class Authority:
    """Certifies names; its key is kept in no file, so that nobody else is ever certified."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vultus local")])
        builder = self._builder(self._name, self._key)
        self._certificate = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).sign(self._key, SHA256())

    def certify(self, name: str, folder: Path) -> None:
        """Writes `tls.crt`, `tls.key` and `ca.crt` for a process of that name on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [
            x509.DNSName(name),
            x509.DNSName("localhost"),
            x509.IPAddress(IPv4Address(LOOPBACK)),
        ]
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._key, SHA256())
        )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / KEY).touch(mode=0o600)
        (folder / KEY).write_bytes(pem)
        (folder / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / AUTHORITY).write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(now + _VALID_FOR)
        )


def certify_all(names: Iterable[str], folder: Path) -> None:
    """A new authority, and a folder below `folder` for each process."""
    authority = Authority()
    for name in names:
        authority.certify(name, folder / name)
