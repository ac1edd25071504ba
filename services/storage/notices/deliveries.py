"""How notices go out: by webhook and e-mail, tried again for three days.

An outbox: whoever leases a delivery has it alone until the lease ends. What was sent and could not
be noted is sent again, with the same id, so that receivers can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from services.common.errors import InvalidInput
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.accounts import require_account
from services.storage.identity.people import EMAIL
from services.storage.identity.records import Role
from services.storage.identity.tables import accounts, members, people
from services.storage.notices.records import (
    Channel,
    DeliveryStatus,
    LeasedDelivery,
    Notice,
    NoticeText,
)
from services.storage.notices.tables import (
    notice_deliveries,
    notice_webhooks,
    notices,
)
from services.storage.protection.vault import Vault

GIVE_UP_AFTER = timedelta(days=3)
MAX_LEASED = 100
MAX_LEASE = timedelta(minutes=10)
_MAX_URL, _MAX_OUTCOME = 2_048, 200
_NOWHERE = {
    Channel.WEBHOOK: "the account has no webhook",
    Channel.EMAIL: "no owner has an e-mail address",
}


class Deliveries:
    """The outbox of notices. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def set_webhook(self, account_id: str, url: str) -> None:
        """Where the account is told from now on; empty: nowhere.

        Raises AccountNotFound, InvalidInput.
        """
        if len(url) > _MAX_URL:
            raise InvalidInput(f"a URL has at most {_MAX_URL} characters")
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            mine = notice_webhooks.c.account_id == account_id
            await tx.execute(delete(notice_webhooks).where(mine))
            if url:
                sealed = await tx.seal(notice_webhooks.c.url, account_id, url)
                new = {"account_id": account_id, "url": sealed}
                await tx.execute(insert(notice_webhooks).values(new))

    async def webhook(self, account_id: str) -> str:
        """Where the account is told; empty: nowhere. Raises AccountNotFound."""
        async with self._database.read() as tx:
            await require_account(tx, account_id)
            return await _webhook(tx, account_id)

    async def lease(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        """Deliveries that are due, nobody else's until the lease ends. Raises InvalidInput."""
        if not 1 <= limit <= MAX_LEASED or not timedelta(0) < lease <= MAX_LEASE:
            raise InvalidInput("a lease is for 1 to 100 deliveries, and for up to ten minutes")
        async with self._database.write() as tx:
            now = await tx.now()
            due = (
                select(notice_deliveries)
                .where(
                    notice_deliveries.c.status == DeliveryStatus.PENDING,
                    notice_deliveries.c.due_at <= now,
                )
                .order_by(notice_deliveries.c.due_at, notice_deliveries.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            leased = [await self._leased(tx, row, now + lease) for row in await tx.all(due)]
        return [one for one in leased if one is not None]

    async def finish(
        self, delivery_id: str, *, sent: bool, outcome: str, retry_after: timedelta | None
    ) -> None:
        """Notes how an attempt went; one that is over stays as it is."""
        async with self._database.write() as tx:
            query = select(notice_deliveries).where(notice_deliveries.c.id == delivery_id)
            row = await tx.one_or_none(query.with_for_update())
            if row is None or row.status is not DeliveryStatus.PENDING:
                return
            now = await tx.now()
            again = None if sent or retry_after is None else now + retry_after
            if again is not None and again <= row.created_at + GIVE_UP_AFTER:
                values: dict[str, Any] = {"due_at": again}
            else:
                status = DeliveryStatus.SENT if sent else DeliveryStatus.FAILED
                values = {"status": status, "finished_at": now}
            values |= {"attempts": row.attempts + 1, "outcome": outcome[:_MAX_OUTCOME]}
            await tx.execute(_this(delivery_id).values(values))

    async def _leased(
        self, tx: Transaction, row: Row[Any], until: datetime
    ) -> LeasedDelivery | None:
        """The delivery with all that sending it takes; None, and over, when there is nowhere."""
        find = _webhooks if row.channel is Channel.WEBHOOK else self._emails
        addresses = await find(tx, row.account_id)
        if not addresses:
            gone = {"status": DeliveryStatus.FAILED, "outcome": _NOWHERE[row.channel]}
            await tx.execute(_this(row.id).values(**gone, finished_at=await tx.now()))
            return None
        await tx.execute(_this(row.id).values(due_at=until))
        notice = await tx.one(select(notices).where(notices.c.id == row.notice_id))
        account = await tx.one(select(accounts).where(accounts.c.id == row.account_id))
        texts = {language: NoticeText(**text) for language, text in notice.texts.items()}
        return LeasedDelivery(
            row.id,
            row.account_id,
            row.channel,
            addresses,
            Notice(notice.id, notice.kind, texts, notice.sent_by, notice.sent_at),
            row.attempts,
            await tx.unseal(accounts.c.webhook_secret, account.id, account.webhook_secret),
        )

    async def _emails(self, tx: Transaction, account_id: str) -> tuple[str, ...]:
        owners = (
            select(people.c.id, people.c.email)
            .join(members, members.c.person_id == people.c.id)
            .where(
                members.c.account_id == account_id,
                members.c.role == Role.OWNER,
                people.c.email.is_not(None),
            )
            .order_by(people.c.id)
        )
        rows = await tx.all(owners)
        return tuple([await self._vault.unseal(tx, r.id, r.email, field=EMAIL) for r in rows])


async def _webhooks(tx: Transaction, account_id: str) -> tuple[str, ...]:
    url = await _webhook(tx, account_id)
    return (url,) if url else ()


async def _webhook(tx: Transaction, account_id: str) -> str:
    query = select(notice_webhooks.c.url).where(notice_webhooks.c.account_id == account_id)
    row = await tx.one_or_none(query)
    return await tx.unseal(notice_webhooks.c.url, account_id, row.url) if row else ""


async def schedule(tx: Transaction, notice_id: str, account_ids: Sequence[str]) -> None:
    """Has a notice delivered to accounts by every channel."""
    now = await tx.now()
    rows = [
        {
            "id": new_id("dl"),
            "notice_id": notice_id,
            "account_id": account_id,
            "channel": channel,
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "outcome": "",
            "due_at": now,
            "created_at": now,
            "finished_at": None,
        }
        for account_id in account_ids
        for channel in Channel
    ]
    await tx.execute(insert(notice_deliveries).values(rows))


def _this(delivery_id: str) -> Any:
    return update(notice_deliveries).where(notice_deliveries.c.id == delivery_id)
