"""The rules, what they say, and who holds to them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pydantic import SecretStr

from services.storage.retention.rules import DAY, Periods, Rule, rules_of
from services.storage.retention.shelves import shelves_of
from services.storage.settings import StorageSettings

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "retention.md"
NOBODY: Any = cast("Any", SimpleNamespace())


def line(rule: Rule) -> str:
    """As the page has it."""
    if rule.kept is None:
        kept = "until then"
    elif rule.kept >= DAY:
        kept = f"{rule.kept // DAY} days" if rule.kept != DAY else "1 day"
    else:
        kept = f"{int(rule.kept.total_seconds() // 60)} minutes"
    if rule.setting:
        kept += f" (`{rule.setting}`)"
    cells = (f"`{rule.name}`", rule.what, rule.where, kept, rule.since, rule.by, rule.why)
    return f"| {' | '.join(cells)} |"


def test_the_page_tells_every_rule_as_it_is() -> None:
    table = [one for one in PAGE.read_text("utf-8").splitlines() if one.startswith("| `")]
    assert table == [line(rule) for rule in rules_of(Periods())]


def test_whatever_the_sweeper_takes_away_it_knows_where_to_find() -> None:
    swept = {rule.name for rule in rules_of(Periods()) if rule.is_swept}
    assert swept == set(shelves_of(NOBODY, NOBODY, NOBODY))


def test_whatever_is_swept_has_a_time_and_names_are_unique() -> None:
    rules = rules_of(Periods())
    assert all(rule.kept is not None for rule in rules if rule.is_swept)
    assert len({rule.name for rule in rules}) == len(rules)


def test_the_settings_are_what_the_rules_say() -> None:
    settings = StorageSettings(
        s3_endpoint="x:1",
        s3_access_key="x",
        s3_secret_key=SecretStr("x"),
        records_kept_days=90,
        strays_kept_h=48,
    )
    kept = {rule.name: rule.kept for rule in rules_of(settings.periods)}
    assert kept["audit_entries"] == 90 * DAY
    assert kept["stray_objects"] == timedelta(hours=48)
