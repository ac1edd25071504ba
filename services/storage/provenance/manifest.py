"""The C2PA manifest of a file: what it is, signed by the operator, broken by any change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2pa import Builder, C2paError, C2paSignerInfo, Context, Reader, Settings, Signer
from cryptography.x509 import load_pem_x509_certificates

from services.common.errors import StorageFull, Unavailable
from services.storage.provenance.credentials import Credentials

MP4, WEBM = "video/mp4", "video/webm"
"""Manifests are put into the one; C2PA has no place for them in the other."""
_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_FULL = "No space left"
_UNTRUSTED = "signingCredential.untrusted"
_QUIET = {
    # Nothing is asked of the network.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file's manifest says, and whether it can be believed."""

    title: str
    generator: str
    """The software that claims it."""
    signer: str
    """As its certificate calls it."""
    whole: bool
    """The signature is good and the file is as it was signed."""
    ours: bool
    """It was signed with this operator's certificate."""


class ManifestSigner:
    """Signs files with one certificate; safe to call from several threads."""

    def __init__(self, credentials: Credentials, version: str, *, timestamps: str | None) -> None:
        """`version`: this software's. `timestamps`: the URL of an RFC 3161 authority to ask."""
        self._credentials = credentials
        self._version = version
        self._timestamps = timestamps

    @property
    def chain(self) -> str:
        """The certificates, PEM."""
        return self._credentials.chain

    def sign(self, source: Path, target: Path, title: str) -> None:
        """Writes the MP4 with a manifest in it; slow, by blocks.

        Raises StorageFull, and Unavailable when it can't be signed now.
        """
        self._sign(source, target, title, MP4, beside=False)

    def sign_beside(self, source: Path, title: str) -> bytes:
        """A manifest for a WebM, which can't hold it; slow, by blocks. Raises as `sign`."""
        # What is read is written again, as it is.
        copy = source.with_name("copied")
        try:
            return self._sign(source, copy, title, WEBM, beside=True)
        finally:
            copy.unlink(missing_ok=True)

    def _sign(
        self, source: Path, target: Path, title: str, media_type: str, *, beside: bool
    ) -> bytes:
        name = {"name": "Vultus", "version": self._version}
        action = {"action": "c2pa.created", "digitalSourceType": _GENERATED, "softwareAgent": name}
        claim = {
            "claim_generator_info": [name],
            "title": title,
            "format": media_type,
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
        }
        try:
            with (
                Context(Settings.from_dict(_QUIET)) as context,
                Builder.from_json(claim, context) as builder,
                Signer.from_info(self._signing()) as signer,
                source.open("rb") as read,
                target.open("w+b") as written,
            ):
                if beside:
                    builder.set_no_embed()
                return bytes(builder.sign(signer, media_type, read, written))
        except C2paError as error:
            if _FULL in str(error):
                raise StorageFull("the disk is full") from error
            raise Unavailable(f"the manifest can't be signed: {error}") from error

    def _signing(self) -> C2paSignerInfo:
        mine = self._credentials
        return C2paSignerInfo(
            mine.algorithm, mine.chain.encode(), mine.key.encode(), self._timestamps
        )


def read_manifest(path: Path, media_type: str, *, chain: str) -> Manifest | None:
    """The manifest in a file, if it has one that can be read; `chain`: our certificates, PEM."""
    trusting = {**_QUIET, "trust": {"user_anchors": chain}}
    try:
        with (
            path.open("rb") as file,
            Context(Settings.from_dict(trusting)) as context,
            Reader(media_type, file, context=context) as reader,
        ):
            told = json.loads(reader.json())
    except C2paError:
        return None
    certificate, *_ = load_pem_x509_certificates(chain.encode())
    return _manifest(told, certificate.serial_number)


def _manifest(told: dict[str, Any], serial: int) -> Manifest:
    active = told["manifests"][told["active_manifest"]]
    faults = {fault["code"] for fault in told.get("validation_status", ())}
    names = active.get("claim_generator_info") or [{}]
    signature = active.get("signature_info", {})
    # Others may have certificates of the same authority: ours has a number of its own.
    ours = signature.get("cert_serial_number") == str(serial)
    return Manifest(
        title=active.get("title") or "",
        generator=names[0].get("name", ""),
        signer=signature.get("issuer") or "",
        whole=not faults - {_UNTRUSTED},
        ours=ours and _UNTRUSTED not in faults,
    )
