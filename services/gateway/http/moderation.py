"""`/v1/moderation`: what moderation says of texts, pictures and recordings."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from services.common.errors import (
    AssetNotFound,
    AudioTooLong,
    AudioUndecodable,
    PayloadTooLarge,
    UnsupportedMedia,
)
from services.gateway import audio_file
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, Gateway, InGateway
from services.gateway.http.fields import CheckedText, Id
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, needs
from services.gateway.http.stream_bodies import Language
from services.gateway.http.views import View
from services.gateway.moderation.policy import Policy
from services.gateway.permissions import Scope
from services.gateway.pipeline import RECORDING_RATE_HZ
from services.gateway.records import Asset, Finding, Verdict

router = api_router("moderation")

MAX_TEXTS = 100


class CheckRequest(Request):
    """What is to be judged: texts, or a picture or a recording that was uploaded before."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["texts"]}, {"required": ["asset_id"]}]}
    )

    texts: list[CheckedText] | None = Field(
        default=None, min_length=1, max_length=MAX_TEXTS, examples=[["Hello from Vultus."]]
    )
    """Each is judged by itself."""
    asset_id: Id | None = Field(default=None, examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    language: Language | None = Field(default=None, examples=["en"])
    """Of the texts or of what is said; left out, it is found out."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.texts is None) == (self.asset_id is None):
            raise ValueError("send either texts or asset_id")
        return self


class SpanView(View):
    """A range of a text, in Unicode code points."""

    start: int
    end: int
    """One past the last."""


class CategoryView(View):
    """One kind of harm that was found."""

    label: str = Field(examples=["fraud"])
    sub_label: str
    """A finer name, or empty."""
    score: float
    """0 to 1."""
    source: Literal["LEXICON", "MODEL"]
    """What found it: a word list or a trained model."""
    spans: list[SpanView]
    """Where in the text as it was sent; empty for pictures and recordings."""

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """As moderation tells it."""
        return cls(
            label=finding.label,
            sub_label=finding.sub_label,
            score=round(finding.score, 4),
            source="LEXICON" if finding.source == "LEXICON" else "MODEL",
            spans=[SpanView(start=start, end=end) for start, end in finding.spans],
        )


class VerdictView(View):
    """A judgement."""

    suggestion: Literal["PASS", "REVIEW", "BLOCK"]
    """Use it, let a person decide, or do not use it."""
    categories: list[CategoryView]
    """What was found, worst first."""
    evaluated: list[str]
    """Labels that something looked for."""
    not_evaluated: list[str]
    """Labels that nothing here can judge in this kind of content: never a pass."""
    policy_version: str
    """Names the lists, thresholds and models that judged."""

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """As moderation tells it."""
        return cls.model_validate(
            {
                "suggestion": verdict.suggestion.name,
                "categories": [CategoryView.of(finding) for finding in verdict.findings],
                "evaluated": verdict.evaluated,
                "not_evaluated": verdict.not_evaluated,
                "policy_version": verdict.policy_version,
            }
        )


class CheckView(View):
    """The judgements."""

    results: list[VerdictView]
    """One a text, in their order; one for an asset."""


@router.post(
    "/moderation/check",
    responses=problems(
        AssetNotFound, AudioUndecodable, AudioTooLong, PayloadTooLarge, UnsupportedMedia
    ),
    openapi_extra=needs(Scope.MODERATION_READ),
)
async def check_content(body: CheckRequest, gateway: InGateway, account_id: AccountId) -> CheckView:
    """Judge texts, a picture or a recording.

    Nothing is kept of it and nothing is refused: what everything that is spoken or shown is judged
    by, told as data. A recording is listened to before the answer comes.
    """
    policy = await gateway.approvals.policies.of(account_id)
    if body.asset_id is None:
        moderator = gateway.approvals.moderator
        verdicts = [
            await moderator.check_text(text, language=body.language, policy=policy)
            for text in body.texts or ()
        ]
    else:
        asset = await gateway.assets.get(account_id, body.asset_id)
        verdicts = [await _on_asset(gateway, asset, body.language, policy)]
    return CheckView(results=[VerdictView.of(verdict) for verdict in verdicts])


async def _on_asset(
    gateway: Gateway, asset: Asset, language: str | None, policy: Policy
) -> Verdict:
    moderator = gateway.approvals.moderator
    if asset.kind == "image":
        return await moderator.check_image(asset.picture or asset.object, policy=policy)
    _, data = await gateway.objects.open(asset.object)
    with tempfile.TemporaryDirectory(prefix="vultus-") as folder:
        path = Path(folder) / "recording"
        await audio_file.save(data, path)
        sound = audio_file.read(path, rate_hz=RECORDING_RATE_HZ)
        return await moderator.check_audio(sound, language=language, policy=policy)
