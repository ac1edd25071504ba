"""The wire of NoticeService and StandingService: messages in, records out."""

from __future__ import annotations

from typing import Any

import grpc
from vultus.storage.v1 import notice_service_pb2 as wire
from vultus.storage.v1 import standing_service_pb2 as standing_wire
from vultus.storage.v1.notice_service_pb2_grpc import NoticeServiceServicer
from vultus.storage.v1.standing_service_pb2_grpc import StandingServiceServicer

from services.storage.notices import messages
from services.storage.notices.deliveries import Deliveries
from services.storage.notices.notices import Notices
from services.storage.notices.privacy_policies import PrivacyPolicies
from services.storage.notices.records import NewNotice, NewPrivacyPolicy
from services.storage.notices.shutdown import Shutdowns

Context = grpc.aio.ServicerContext[Any, Any]


class NoticeServicer(NoticeServiceServicer):
    """Serves NoticeService; every method is described in the proto."""

    def __init__(self, notices: Notices, deliveries: Deliveries) -> None:
        self._notices = notices
        self._deliveries = deliveries

    async def SendNotice(
        self, request: wire.SendNoticeRequest, context: Context
    ) -> wire.SendNoticeResponse:
        """See the proto."""
        new = NewNotice(
            messages.notice_kind(request.kind),
            messages.notice_texts(request.texts),
            request.sent_by,
            messages.audience(request.audience),
        )
        notice, recipients = await self._notices.send(new)
        return wire.SendNoticeResponse(
            notice=messages.notice_to_wire(notice), recipients=recipients
        )

    async def GetNotice(
        self, request: wire.GetNoticeRequest, context: Context
    ) -> wire.GetNoticeResponse:
        """See the proto."""
        notice, recipients, deliveries = await self._notices.get(request.notice_id)
        return wire.GetNoticeResponse(
            notice=messages.notice_to_wire(notice),
            recipients=map(messages.recipient_to_wire, recipients),
            deliveries=map(messages.delivery_to_wire, deliveries),
        )

    async def ListReceivedNotices(
        self, request: wire.ListReceivedNoticesRequest, context: Context
    ) -> wire.ListReceivedNoticesResponse:
        """See the proto."""
        page = await self._notices.list(
            request.account_id,
            limit=request.limit,
            cursor=request.cursor,
            unread_only=request.unread_only,
        )
        return wire.ListReceivedNoticesResponse(
            notices=map(messages.received_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def MarkNoticeRead(
        self, request: wire.MarkNoticeReadRequest, context: Context
    ) -> wire.MarkNoticeReadResponse:
        """See the proto."""
        received = await self._notices.mark_read(
            request.account_id, request.notice_id, read_by=request.read_by
        )
        return wire.MarkNoticeReadResponse(notice=messages.received_to_wire(received))

    async def SetNoticeWebhook(
        self, request: wire.SetNoticeWebhookRequest, context: Context
    ) -> wire.SetNoticeWebhookResponse:
        """See the proto."""
        await self._deliveries.set_webhook(request.account_id, request.url)
        return wire.SetNoticeWebhookResponse()

    async def GetNoticeWebhook(
        self, request: wire.GetNoticeWebhookRequest, context: Context
    ) -> wire.GetNoticeWebhookResponse:
        """See the proto."""
        url = await self._deliveries.webhook(request.account_id)
        return wire.GetNoticeWebhookResponse(url=url)

    async def LeaseDeliveries(
        self, request: wire.LeaseDeliveriesRequest, context: Context
    ) -> wire.LeaseDeliveriesResponse:
        """See the proto."""
        leased = await self._deliveries.lease(
            limit=request.limit, lease=request.lease.ToTimedelta()
        )
        return wire.LeaseDeliveriesResponse(deliveries=map(messages.leased_to_wire, leased))

    async def FinishDelivery(
        self, request: wire.FinishDeliveryRequest, context: Context
    ) -> wire.FinishDeliveryResponse:
        """See the proto."""
        again = request.retry_after.ToTimedelta() if request.HasField("retry_after") else None
        await self._deliveries.finish(
            request.delivery_id, sent=request.sent, outcome=request.outcome, retry_after=again
        )
        return wire.FinishDeliveryResponse()


class StandingServicer(StandingServiceServicer):
    """Serves StandingService; every method is described in the proto."""

    def __init__(self, policies: PrivacyPolicies, shutdowns: Shutdowns) -> None:
        self._policies = policies
        self._shutdowns = shutdowns

    async def GetStanding(
        self, request: standing_wire.GetStandingRequest, context: Context
    ) -> standing_wire.GetStandingResponse:
        """See the proto."""
        version, shutdown, lacks_guardian = await self._shutdowns.standing(request.account_id)
        return standing_wire.GetStandingResponse(
            policy_to_accept=version,
            shutdown=messages.shutdown_to_wire(shutdown) if shutdown else None,
            lacks_guardian=lacks_guardian,
        )

    async def PublishPrivacyPolicy(
        self, request: standing_wire.PublishPrivacyPolicyRequest, context: Context
    ) -> standing_wire.PublishPrivacyPolicyResponse:
        """See the proto."""
        new = NewPrivacyPolicy(
            request.version,
            dict(request.texts),
            tuple(map(messages.policy_change, request.changes)),
            request.material,
            messages.moment(request.effective_at),
            request.published_by,
        )
        policy = await self._policies.publish(new)
        return standing_wire.PublishPrivacyPolicyResponse(policy=messages.policy_to_wire(policy))

    async def GetPrivacyPolicy(
        self, request: standing_wire.GetPrivacyPolicyRequest, context: Context
    ) -> standing_wire.GetPrivacyPolicyResponse:
        """See the proto."""
        policy = await self._policies.get(request.version)
        return standing_wire.GetPrivacyPolicyResponse(policy=messages.policy_to_wire(policy))

    async def ListPrivacyPolicies(
        self, request: standing_wire.ListPrivacyPoliciesRequest, context: Context
    ) -> standing_wire.ListPrivacyPoliciesResponse:
        """See the proto."""
        policies = [messages.policy_to_wire(policy) for policy in await self._policies.list()]
        for policy in policies:
            policy.ClearField("texts")
        return standing_wire.ListPrivacyPoliciesResponse(policies=policies)

    async def AcceptPrivacyPolicy(
        self, request: standing_wire.AcceptPrivacyPolicyRequest, context: Context
    ) -> standing_wire.AcceptPrivacyPolicyResponse:
        """See the proto."""
        acceptance = await self._policies.accept(
            request.account_id, request.version, accepted_by=request.accepted_by
        )
        return standing_wire.AcceptPrivacyPolicyResponse(
            acceptance=messages.acceptance_to_wire(acceptance)
        )

    async def ListAcceptances(
        self, request: standing_wire.ListAcceptancesRequest, context: Context
    ) -> standing_wire.ListAcceptancesResponse:
        """See the proto."""
        acceptances = await self._policies.acceptances(request.account_id)
        return standing_wire.ListAcceptancesResponse(
            acceptances=map(messages.acceptance_to_wire, acceptances)
        )

    async def PlanShutdown(
        self, request: standing_wire.PlanShutdownRequest, context: Context
    ) -> standing_wire.PlanShutdownResponse:
        """See the proto."""
        shutdown = await self._shutdowns.plan(
            stop_at=messages.moment(request.stop_at),
            erase_at=messages.moment(request.erase_at),
            planned_by=request.planned_by,
        )
        return standing_wire.PlanShutdownResponse(shutdown=messages.shutdown_to_wire(shutdown))

    async def CancelShutdown(
        self, request: standing_wire.CancelShutdownRequest, context: Context
    ) -> standing_wire.CancelShutdownResponse:
        """See the proto."""
        await self._shutdowns.cancel(cancelled_by=request.cancelled_by)
        return standing_wire.CancelShutdownResponse()
