"""What the gateway relies on of people's requests holds for the fake and the real record."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from services.common.errors import (
    ConsentNotFound,
    InvalidInput,
    PrivacyRequestNotFound,
    StateConflict,
)
from services.gateway.consents import Consents, NewConsent
from services.gateway.operator import requests as operators
from services.gateway.rights import (
    Decision,
    NewRequest,
    OperatorsRequests,
    RequestKind,
    RequestState,
    Rights,
    Target,
)
from tests.contract.storage.catalog.conftest import open_house
from tests.fakes.stage import Stage

WHOLE = NewRequest(RequestKind.ACCESS, Target(), "key_1", details="Everything, please.")
HERS = NewRequest(
    RequestKind.EXPORT, Target(subject="Ada"), "key_1", attested_identity="Her passport."
)


@dataclass
class Record:
    """One record of requests, and two accounts in it; nothing is carried out."""

    rights: Rights
    operators: OperatorsRequests
    consents: Consents
    account: str
    other: str


@pytest.fixture(params=["fake", "real"])
async def record(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Record]:
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            stage = Stage()
            other, _ = stage.stranger()
            rights = stage.rights
            yield Record(rights, rights, stage.consents, stage.account.id, other.id)
            return
        url = URL.create("sqlite+aiosqlite", database=str(tmp_path / "catalog.sqlite"))
        house = await stack.enter_async_context(open_house(url))
        account, other = await house.account(), await house.account()
        yield Record(house.rights, house.rights, house.consents, account.id, other.id)


async def test_an_account_proves_itself_and_answers_for_others(record: Record) -> None:
    consent = await record.consents.create(
        record.account, NewConsent("Ada", ("avatar",), "Signed.", "key_1")
    )
    whole = await record.rights.create(record.account, WHOLE)
    assert (whole.state, whole.identity, whole.due_at) == (RequestState.IDENTITY_PENDING, "", None)
    assert (whole.consent_id, whole.details) == ("", "Everything, please.")
    hers = await record.rights.create(record.account, HERS)
    assert (hers.state, hers.identity) == (RequestState.OPEN, "attested")
    assert (hers.consent_id, hers.whole_subject) == (consent.id, True)
    assert hers.due_at is not None
    assert [step.state for step in hers.steps] == [
        RequestState.IDENTITY_PENDING,
        RequestState.OPEN,
    ]
    for wrong in (replace(WHOLE, attested_identity="Me."), replace(HERS, attested_identity="")):
        with pytest.raises(InvalidInput):
            await record.rights.create(record.account, wrong)
    with pytest.raises(ConsentNotFound):
        await record.rights.create(record.other, HERS)


async def test_requests_are_listed_without_their_histories(record: Record) -> None:
    made = [await record.rights.create(record.account, WHOLE) for _ in range(3)]
    page = await record.rights.list(record.account, limit=2, cursor="")
    assert [one.id for one in page.items] == [made[2].id, made[1].id]
    rest = await record.rights.list(record.account, limit=2, cursor=page.next_cursor)
    assert rest.items == (replace(made[0], details="", steps=()),)
    assert await record.rights.get(record.account, made[0].id) == made[0]
    with pytest.raises(PrivacyRequestNotFound):
        await record.rights.get(record.other, made[0].id)
    with pytest.raises(PrivacyRequestNotFound):
        await record.rights.cancel(record.other, made[0].id, actor="key_2")


async def test_operators_decide(record: Record) -> None:
    first, second = [await record.rights.create(record.account, WHOLE) for _ in range(2)]
    with pytest.raises(StateConflict):
        await record.operators.decide(first.id, Decision.FULFIL, note="done")
    with pytest.raises(StateConflict):
        await record.operators.decide(first.id, Decision.ACCEPT, note="go on")
    opened = await record.operators.decide(second.id, Decision.CONFIRM, note="called back")
    assert (opened.identity, opened.state) == ("operator", RequestState.OPEN)
    assert [one.id for one in await record.operators.pending(limit=10)] == [second.id, first.id]
    refused = await record.operators.decide(first.id, Decision.REFUSE, note="not theirs")
    assert (refused.state, refused.reason) == (RequestState.REFUSED, "not theirs")
    done = await record.operators.decide(second.id, Decision.FULFIL, note="by letter")
    assert (done.state, done.steps[-1].note) == (RequestState.FULFILLED, "by letter")
    with pytest.raises(StateConflict):
        await record.operators.decide(second.id, Decision.REFUSE, note="late")
    with pytest.raises(PrivacyRequestNotFound):
        await record.operators.decide("pr_nobody", Decision.REFUSE, note="none")
    with pytest.raises(InvalidInput):
        await record.operators.decide(second.id, Decision.REFUSE, note=" ")
    assert list(await record.operators.pending(limit=10)) == []


async def test_a_request_is_taken_back_once(record: Record) -> None:
    made = await record.rights.create(record.account, WHOLE)
    ended = await record.rights.cancel(record.account, made.id, actor="key_1")
    assert (ended.state, ended.steps[-1].actor) == (RequestState.CANCELLED, "key_1")
    assert await record.rights.cancel(record.account, made.id, actor="key_1") == ended


async def test_nothing_is_restricted_at_first(record: Record) -> None:
    assert list(await record.rights.restrictions(record.account)) == []
    await record.rights.check_use(record.account)


async def test_the_operator_s_command_lists_and_decides(record: Record) -> None:
    made = await record.rights.create(record.account, WHOLE)
    parser = argparse.ArgumentParser()
    operators.describe(parser)

    async def said(*words: str) -> list[str]:
        return await operators.lines(parser.parse_args(words), record.operators)

    assert await said("list") == [
        f"{made.id}  {record.account}  access  identity_pending  no time yet"
    ]
    [line] = await said("confirm", made.id, "--reason", "called back")
    assert "  open  due 20" in line
    await said("refuse", made.id, "--reason", "the fourth this week")
    assert await said("list") == []
    told = await record.rights.get(record.account, made.id)
    assert told.reason == "the fourth this week"
