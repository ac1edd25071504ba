"""`/v1/verify`: whether a file was made here."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from fastapi import Request

from services.common.errors import Overloaded, PayloadTooLarge, StorageFull, UnsupportedMedia
from services.gateway.http.context import AccountId, InGateway
from services.gateway.http.forms import form_body
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, needs
from services.gateway.http.uploads import Form
from services.gateway.http.views import View
from services.gateway.permissions import Scope
from services.gateway.provenance import Fingerprint, Label, Manifest, Verified

router = api_router("provenance")


class LabelEvidence(View):
    """What the metadata claim: no proof, since anybody can write them."""

    kind: Literal["label"] = "label"
    producer: str
    content_id: str
    ours: bool
    """Whether that producer is this service's operator."""

    @classmethod
    def of(cls, label: Label) -> Self:
        """As storage read it."""
        return cls(producer=label.producer, content_id=label.content_id, ours=label.ours)


class ManifestEvidence(View):
    """What the C2PA manifest says: proof where it is whole, of who signed it."""

    kind: Literal["manifest"] = "manifest"
    title: str
    generator: str
    signer: str
    whole: bool
    """The signature is good and the file is as it was signed."""
    ours: bool
    """It is the certificate of this service's operator."""

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """As storage read it."""
        return cls(
            title=manifest.title,
            generator=manifest.generator,
            signer=manifest.signer,
            whole=manifest.whole,
            ours=manifest.ours,
        )


class FingerprintEvidence(View):
    """What a copy that was cut or encoded anew has in common with a video that was made here."""

    kind: Literal["fingerprint"] = "fingerprint"
    landmarks: int
    """How many landmarks of the sound agree, at one offset; 8 suffice."""
    bits_apart: int
    """Of 64 bits, how many differ in the middle one of the pictures; up to 12 count."""

    @classmethod
    def of(cls, fingerprint: Fingerprint) -> Self:
        """As storage found it."""
        return cls(landmarks=fingerprint.landmarks, bits_apart=fingerprint.bits_apart)


_Evidence = LabelEvidence | ManifestEvidence | FingerprintEvidence


class VerifiedView(View):
    """What is known of a file."""

    made_here: bool
    """A good signature says so, a label that names one of your own videos, or a fingerprint. False
    does not prove that it was made elsewhere: all of them can be lost."""
    evidence: list[_Evidence]
    video_id: str | None
    """Your own video that it is."""
    created_at: datetime | None
    """When that was asked for."""

    @classmethod
    def of(cls, verified: Verified) -> Self:
        """As storage weighed it."""
        evidence: list[_Evidence] = []
        if verified.label is not None:
            evidence.append(LabelEvidence.of(verified.label))
        if verified.manifest is not None:
            evidence.append(ManifestEvidence.of(verified.manifest))
        if verified.fingerprint is not None:
            evidence.append(FingerprintEvidence.of(verified.fingerprint))
        return cls(
            made_here=verified.made_here,
            evidence=evidence,
            video_id=verified.video_id or None,
            created_at=verified.created_at,
        )


@router.post(
    "/verify",
    responses=problems(PayloadTooLarge, UnsupportedMedia, StorageFull, Overloaded),
    openapi_extra={
        "requestBody": {"content": form_body("file"), "required": True},
        **needs(Scope.PROVENANCE_READ),
    },
)
async def verify_file(request: Request, gateway: InGateway, account_id: AccountId) -> VerifiedView:
    """Find out whether a film, a recording or a picture was made here.

    It is looked at and forgotten. Label and manifest are read. A copy that was encoded anew has
    lost its manifest, and often its label: its first minute is compared with what was made here.
    """
    form: Form = request.state.form
    file = form.only("file")
    return VerifiedView.of(await gateway.provenance.verify(account_id, file.blocks()))
