"""What operators say on the command line."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from services.common.errors import InvalidInput
from services.gateway.notices import NewNotice, Notice, NoticeKind, SentNotice
from services.gateway.operator import notice, privacy_policy, shutdown, subject
from services.gateway.standing import ChangeKind, Shutdown, ShutdownPhase, Standing
from services.gateway.subjects import Details, Subject
from tests.fakes.notices import FakeStandings

NOW = datetime(2026, 12, 1, tzinfo=UTC)


class Sent:
    """Notices that are only kept."""

    def __init__(self) -> None:
        self.new: list[NewNotice] = []

    async def send(self, new: NewNotice) -> tuple[Notice, int]:
        self.new.append(new)
        return Notice("no_1", new.kind, new.texts, new.sent_by, NOW), 7

    async def get(self, notice_id: str) -> SentNotice:
        one = self.new[-1]
        told = Notice(notice_id, one.kind, one.texts, one.sent_by, NOW)
        return SentNotice(told, {"ac_1": None}, ())


class Standings(FakeStandings):
    """With what only the operator may."""

    async def publish(self, new: Any) -> Any:  # type: ignore[override]  # the port's is async
        return FakeStandings.publish(self, new)

    async def plan_shutdown(
        self, *, stop_at: datetime, erase_at: datetime, planned_by: str
    ) -> Shutdown:
        self.shutdown = Shutdown(ShutdownPhase.ANNOUNCED, stop_at, erase_at, planned_by)
        return self.shutdown

    async def cancel_shutdown(self, *, cancelled_by: str) -> None:
        self.shutdown = None


def parsed(module: ModuleType, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.describe(parser)
    return parser.parse_args(words)


async def test_an_incident_is_told_and_reported(tmp_path: Path) -> None:
    notices, file = Sent(), tmp_path / "incident.json"
    file.write_text('{"en": {"title": "Keys leaked", "remedies": "Rotate."}}')
    words = ("send", "--operator", "ada", "--file", str(file), "--to", "ac_1")
    told = await notice.lines(parsed(notice, *words), notices)
    assert told == ["no_1  told 7 accounts"]
    (new,) = notices.new
    assert (new.kind, new.sent_by) == (NoticeKind.INCIDENT, "operator:ada")
    assert (new.audience.account_ids, new.texts["en"].remedies) == (("ac_1",), "Rotate.")
    (report,) = await notice.lines(parsed(notice, "show", "no_1"), notices)
    assert json.loads(report)["accounts"] == {"ac_1": {"read_at": None}}


async def test_the_template_of_a_privacy_policy_can_be_published() -> None:
    folder = Path(__file__).parents[3] / "docs" / "privacy-policy"
    files = ("--zh", str(folder / "template.zh.md"), "--en", str(folder / "template.en.md"))
    date = ("--effective", "2027-01-01T00:00:00+08:00")
    words = ("publish", "--operator", "ada", "--version", "2027-01", *files, *date)
    (told,) = await privacy_policy.lines(parsed(privacy_policy, *words), Standings(lambda: NOW))
    assert told.startswith("2027-01  from 2027-01-01")


@pytest.mark.parametrize("content", ["{}x", '{"en": {"titel": "Keys"}}', '{"fr": {"title": "x"}}'])
async def test_a_file_that_says_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "incident.json"
    file.write_text(content)
    words = ("send", "--operator", "ada", "--file", str(file))
    with pytest.raises(InvalidInput, match=r"incident\.json"):
        await notice.lines(parsed(notice, *words), Sent())


async def test_a_policy_is_published_with_what_it_changes(tmp_path: Path) -> None:
    standings = Standings(lambda: NOW)
    text, changes = tmp_path / "policy.md", tmp_path / "changes.json"
    text.write_text("# Privacy")
    changes.write_text('[{"kind": "purpose", "en": "Voices are cloned."}]')
    words = ["publish", "--operator", "ada", "--version", "2026-12", "--en", str(text)]
    words += ["--changes", str(changes), "--effective", "2026-12-01T00:00:00+00:00"]
    (line,) = await privacy_policy.lines(parsed(privacy_policy, *words), standings)
    assert line.startswith("2026-12  from 2026-12-01")
    (policy,) = standings.policies
    assert (policy.texts, policy.changes[0].kind) == ({"en": "# Privacy"}, ChangeKind.PURPOSE)
    assert await privacy_policy.lines(parsed(privacy_policy, "list"), standings) == [line]
    words[-1] = "2026-12-01T00:00:00"
    with pytest.raises(InvalidInput, match="zone"):
        await privacy_policy.lines(parsed(privacy_policy, *words), standings)


class Found:
    """Subjects of whom it is only kept who was found to be a minor."""

    def __init__(self, erased_at: datetime | None) -> None:
        self.erased_at = erased_at
        self.found: list[tuple[str, str, str]] = []

    async def report_minor(
        self, account_id: str, subject_id: str, *, found_by: str, reason: str
    ) -> Subject:
        self.found.append((account_id, subject_id, reason))
        details = Details("", minor=True)
        return Subject(subject_id, account_id, details, found_by, reason, NOW, self.erased_at)


@pytest.mark.parametrize(
    ("erased_at", "outcome"),
    [(NOW, f"erased {NOW.isoformat()}"), (None, "a guardian has consented: all stays")],
)
async def test_an_operator_finds_a_minor(erased_at: datetime | None, outcome: str) -> None:
    found = Found(erased_at)
    words = ("minor-found", "ac_1", "su_1", "--operator", "ada", "--reason", "She is fifteen.")
    told = await subject.lines(parsed(subject, *words), found)
    assert told == [f"su_1  minor, found by operator:ada  {outcome}"]
    assert found.found == [("ac_1", "su_1", "She is fifteen.")]


async def test_the_end_is_planned_and_taken_back() -> None:
    standings = Standings(lambda: NOW)
    stop, erase = "2027-01-01T00:00:00+08:00", "2027-03-01T00:00:00+08:00"
    words = ("plan", "--operator", "ada", "--stop", stop, "--erase", erase)
    (planned,) = await shutdown.lines(parsed(shutdown, *words), standings)
    assert planned.startswith("announced")
    assert await shutdown.lines(parsed(shutdown, "show"), standings) == [planned]
    await shutdown.lines(parsed(shutdown, "cancel", "--operator", "ada"), standings)
    assert await standings.standing("") == Standing("", None)
