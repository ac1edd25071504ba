"""An operator sets an account's limits by the command line."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from services.gateway.operator import quota
from services.gateway.usage import Quota


@dataclass
class Record:
    told: list[tuple[str, dict[str, int | None], list[str]]] = field(default_factory=list)

    async def quotas(self, account_id: str) -> Sequence[Quota]:
        return [Quota("streams_at_once", 50, 2, None, is_own=False)]

    async def set_quotas(
        self, account_id: str, limits: Mapping[str, int | None], *, unset: Collection[str]
    ) -> Sequence[Quota]:
        self.told.append((account_id, dict(limits), list(unset)))
        return [Quota("streams_at_once", None, 2, None, is_own=True)]


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    quota.describe(parser)
    return parser.parse_args(words)


async def test_limits_are_shown_with_what_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = await quota.lines(parsed("show", "ac_1"), Record())
    assert line.split() == ["streams_at_once", "2", "of", "50", "(default)"]


async def test_numbers_none_and_defaults_are_set_and_the_rest_is_left() -> None:
    record = Record()
    words = ("--videos-at-once", "2", "--video-minutes-a-month", "10")
    more = ("--streams-at-once", "none", "--stored-bytes", "default")
    (line,) = await quota.lines(parsed("set", "ac_1", *words, *more), record)
    limits = {"videos_at_once": 2, "streams_at_once": None, "video_s_a_month": 600}
    assert record.told == [("ac_1", limits, ["stored_bytes"])]
    assert line.split() == ["streams_at_once", "2", "of", "none"]


@pytest.mark.parametrize("limit", ["many", "1.5", ""])
def test_what_is_no_number_is_refused(limit: str) -> None:
    with pytest.raises(SystemExit):
        parsed("set", "ac_1", "--videos-at-once", limit)
