"""The same creating request, said twice, creates once and is answered twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.requests import Request
from starlette.responses import Response

from services.common.errors import DomainError, IdempotencyInProgress
from services.gateway.http.uploads import Form
from services.gateway.ports import Idempotency
from services.gateway.records import Answer

log = structlog.get_logger()

_WAITS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2)
"""Pauses of a second request while the first is being answered: about ten seconds in all."""
_REPLAYED = {"Idempotent-Replayed": "true"}
_FIRST_ERROR_STATUS = 400


async def digest_of(request: Request, form: Form | None) -> str:
    """SHA-256 over method, path, query and body; a form counts by its parts, not its boundaries."""
    digest = hashlib.sha256()
    head = [request.method, request.url.path, request.url.query]
    digest.update(json.dumps(head).encode())
    if form is None:
        digest.update(await request.body())
        return digest.hexdigest()
    for name, value in sorted(form.fields.items()):
        digest.update(json.dumps([name, value]).encode())
    if form.file is not None:
        digest.update(json.dumps([form.file.field, form.file.name]).encode())
        async for block in form.file.blocks():
            digest.update(block)
    return digest.hexdigest()


async def answer_once(
    store: Idempotency,
    account_id: str,
    key: str,
    request_sha256: str,
    answer: Callable[[], Awaitable[Response]],
    *,
    secrets: Sequence[str] = (),
) -> Response:
    """The answer, made now or kept from the first time; a failed request leaves the key free.

    Fields named in `secrets` are told only the first time: they are not kept.
    Raises IdempotencyConflict, IdempotencyInProgress.
    """
    kept = await _begin(store, account_id, key, request_sha256)
    if kept is not None:
        return Response(kept.body, kept.status, dict(_REPLAYED), "application/json")
    try:
        response = await answer()
    except BaseException:
        await asyncio.shield(_abandon(store, account_id, key))
        raise
    if response.status_code >= _FIRST_ERROR_STATUS:
        await _abandon(store, account_id, key)
        return response
    try:
        await store.complete(account_id, key, _kept(response, secrets))
    except DomainError as error:
        log.warning("idempotency.not_kept", reason=error.reason)
    return response


async def _begin(store: Idempotency, account_id: str, key: str, digest: str) -> Answer | None:
    for wait_s in _WAITS_S:
        try:
            return await store.begin(account_id, key, digest)
        except IdempotencyInProgress:
            await asyncio.sleep(wait_s)
    return await store.begin(account_id, key, digest)


async def _abandon(store: Idempotency, account_id: str, key: str) -> None:
    try:
        await store.abandon(account_id, key)
    except DomainError as error:
        log.warning("idempotency.not_freed", reason=error.reason)


def _kept(response: Response, secrets: Sequence[str]) -> Answer:
    body = bytes(response.body).decode()
    if secrets:
        body = json.dumps({**json.loads(body), **dict.fromkeys(secrets)})
    return Answer(response.status_code, body)
