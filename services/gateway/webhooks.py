"""Tells owners that their videos ended: signed after Standard Webhooks, tried for 24 hours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from structlog.contextvars import bound_contextvars
from vultus.events.v1 import events_pb2 as events

from services.common.errors import AccountNotFound, VideoNotFound
from services.common.jetstream import Delivery, Discard, RetryLater
from services.gateway.addresses import PrivateAddress, resolve
from services.gateway.identity import Accounts
from services.gateway.jobs import parse_job
from services.gateway.ports import Videos
from services.gateway.records import Video
from services.gateway.signatures import sign
from services.gateway.standing import NOBODY, Gate

log = structlog.get_logger()

GIVE_UP_S = 24 * 3600
RETRY_DELAYS_S = (5, 30, 120, 300, 900, 1800, 3600, 7200, 10800, 14400)
"""Pauses between tries; the last one repeats until a day has passed."""
_GONE = 410


class Sender:
    """Posts to endpoints: to public addresses, unless others are allowed; follows no redirect."""

    def __init__(self, client: httpx.AsyncClient, *, allow_private: bool) -> None:
        self._client = client
        self._allow_private = allow_private

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer.

        The connection goes to the very address that was checked, so that a name can't change its
        mind in between. Raises PrivateAddress, httpx.HTTPError, OSError.
        """
        target = httpx.URL(url)
        address = await self._address(target)
        request = self._client.build_request(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers={**headers, "Host": target.netloc.decode()},
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        await response.aclose()
        return response.status_code

    async def _address(self, target: httpx.URL) -> str:
        port = target.port or (443 if target.scheme == "https" else 80)
        return await resolve(target.host, port, allow_private=self._allow_private)


class WebhookJobs:
    """Handles the deliveries of the queue `webhooks`."""

    def __init__(
        self,
        videos: Videos,
        accounts: Accounts,
        sender: Sender,
        present: Callable[[Video], dict[str, Any]],
        gate: Gate,
    ) -> None:
        self._videos = videos
        self._accounts = accounts
        self._sender = sender
        self._present = present
        """A video as the HTTP API shows it."""
        self._gate = gate

    async def handle(self, delivery: Delivery) -> None:
        """Returns when the endpoint has accepted; raises RetryLater, after a day Discard."""
        job = parse_job(delivery, events.WebhookJob())
        with bound_contextvars(video_id=job.video_id, webhook_id=job.message_id):
            try:
                video = await self._videos.get(job.account_id, job.video_id)
                account = await self._accounts.account(job.account_id)
            except (VideoNotFound, AccountNotFound):
                return
            if not video.webhook_url:
                return
            if (await self._gate.standing(NOBODY)).closed:
                raise Discard("the service has stopped: it tells nobody any more")
            body = self._body(video)
            headers = signed_headers(account.webhook_secret, job.message_id, body)
            await self._deliver(video.webhook_url, body, headers, job, delivery.attempt)

    def _body(self, video: Video) -> bytes:
        event = {
            "type": f"video.{video.status.value}",
            "timestamp": (video.finished_at or datetime.now(UTC)).isoformat(),
            "data": self._present(video),
        }
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()

    async def _deliver(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        job: events.WebhookJob,
        attempt: int,
    ) -> None:
        try:
            status = await self._sender.post(url, body, headers)
        except PrivateAddress as error:
            raise Discard("the endpoint's address is not public") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            outcome = type(error).__name__
        else:
            if httpx.codes.is_success(status):
                log.info("webhook.delivered", attempt=attempt)
                return
            if status == _GONE:
                raise Discard("the endpoint says that it is gone")
            outcome = f"status {status}"
        delay_s = RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S)) - 1]
        if time.time() + delay_s > job.first_try_at_s + GIVE_UP_S:
            raise Discard(f"the endpoint did not accept it for a day; last: {outcome}")
        raise RetryLater(delay_s, outcome)


def signed_headers(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of a webhook, signed after Standard Webhooks."""
    now_s = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": "vultus-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign(secret, message_id, now_s, body),
    }
