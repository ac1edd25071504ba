"""TLS between services: both sides show a certificate of one authority, and each is known by name.

Files are read once, at the start: a process takes up a new certificate when it is started anew.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509

from services.common.errors import Forbidden, StartupError

log = structlog.get_logger()

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"
_NAMES = "x509_subject_alternative_name"


@dataclass(frozen=True, slots=True)
class Tls:
    """What a process shows to others, and whom it believes."""

    folder: Path
    certificate: bytes
    """PEM: its own, then those up to the authority's."""
    key: bytes
    authority: bytes
    """PEM: whose certificates are believed."""
    peers: frozenset[str]
    """Names of those who may call; none: whoever the authority has certified."""

    @classmethod
    def load(cls, folder: Path, peers: Iterable[str] = ()) -> Tls:
        """Reads a folder. Raises StartupError when its files can't be used now."""
        try:
            certificate, key, authority = (
                (folder / name).read_bytes() for name in (CERTIFICATE, KEY, AUTHORITY)
            )
            tls = cls(folder, certificate, key, authority, frozenset(peers))
            expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
            tls.context()
        except (OSError, ValueError) as error:
            # A key's file says nothing in its errors, which are those of OpenSSL.
            raise StartupError(f"the certificates in {folder} can't be used: {error}") from error
        if expires <= datetime.now(UTC):
            raise StartupError(f"the certificate in {folder} ended at {expires.isoformat()}")
        log.info("tls.certificate", expires=expires.isoformat())
        return tls

    def server(self) -> grpc.ServerCredentials:
        """For a server that hears nobody without a certificate."""
        own = [(self.key, self.certificate)]
        return grpc.ssl_server_credentials(
            own, root_certificates=self.authority, require_client_auth=True
        )

    def client(self) -> grpc.ChannelCredentials:
        """For a client that speaks to nobody but whose name it called."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)

    def context(self) -> ssl.SSLContext:
        """The same for clients that are not gRPC's."""
        context = ssl.create_default_context(cafile=self.folder / AUTHORITY)
        context.load_cert_chain(self.folder / CERTIFICATE, self.folder / KEY)
        return context

    def admit(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Returns when the caller may call. Raises Forbidden."""
        names = context.auth_context().get(_NAMES, ())
        if self.peers and self.peers.isdisjoint(name.decode() for name in names):
            raise Forbidden("this peer may not call this service")
