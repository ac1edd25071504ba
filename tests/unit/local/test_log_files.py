"""Logs are kept for as long as is said: not a day less, and no more than one longer."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.local import log_files
from services.local.log_files import LogFiles

KEPT = timedelta(days=180)


@dataclass
class Calendar:
    now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def lines(folder: Path) -> list[str]:
    """All that is kept, whichever file it is in."""
    packed = [gzip.decompress(path.read_bytes()).decode() for path in folder.glob("*.gz")]
    plain = [path.read_text("utf-8") for path in folder.glob("*.log")]
    return sorted(line for text in (*packed, *plain) for line in text.splitlines())


def test_every_line_is_kept_its_days_and_then_gone(tmp_path: Path) -> None:
    calendar = Calendar()
    files = LogFiles(tmp_path, KEPT, now=calendar)
    for hour in range(220 * 4):
        calendar.now = Calendar.now + timedelta(hours=6 * hour)
        files.write("tts", calendar.now.isoformat())
        kept = [datetime.fromisoformat(line) for line in lines(tmp_path)] if hour % 97 == 0 else []
        if kept:
            assert calendar.now - kept[0] <= KEPT + timedelta(days=1)
            wanted = min(hour, int(KEPT / timedelta(hours=6)) - 1)
            assert len(kept) > wanted
    files.close()


def test_what_is_put_aside_is_packed_and_named_by_its_last_line(tmp_path: Path) -> None:
    calendar = Calendar()
    files = LogFiles(tmp_path, KEPT, now=calendar)
    files.write("tts", "one")
    files.write("nats", "two")
    calendar.now += timedelta(days=1)
    files.write("tts", "three")
    files.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    stamp = "20260101T120000000000Z"
    assert names == [f"nats.{stamp}.log.gz", f"tts.{stamp}.log.gz", "tts.log"]
    assert lines(tmp_path) == ["one", "three", "two"]


def test_a_silent_process_keeps_no_old_lines(tmp_path: Path) -> None:
    calendar = Calendar()
    files = LogFiles(tmp_path, KEPT, now=calendar)
    files.write("nats", "of old")
    calendar.now += timedelta(days=90)
    files.write("tts", "between")
    calendar.now += timedelta(days=91)
    files.write("tts", "now")
    files.close()
    assert lines(tmp_path) == ["between", "now"]


def test_what_an_earlier_run_left_is_put_aside_and_deleted_alike(tmp_path: Path) -> None:
    for name, days in (("tts.log", 10), ("tts.log.1", 181), ("nats.log", 0)):
        path = tmp_path / name
        path.write_text(f"{name}\n")
        at = (Calendar.now - timedelta(days=days)).timestamp()
        os.utime(path, (at, at))
    (tmp_path / "mine.txt.log.gz").write_bytes(b"not of ours")
    files = LogFiles(tmp_path, KEPT, now=Calendar())
    files.write("gateway", "now")
    files.close()
    (tmp_path / "mine.txt.log.gz").unlink()
    assert lines(tmp_path) == ["nats.log", "now", "tts.log"]
    assert (tmp_path / "nats.log").is_file()


def test_a_long_file_is_put_aside_before_the_day_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "MAX_BYTES", 5)
    calendar = Calendar()
    files = LogFiles(tmp_path, KEPT, now=calendar)
    for word in ("first", "second", "third"):
        files.write("tts", word)
        calendar.now += timedelta(seconds=1)
    files.close()
    assert lines(tmp_path) == ["first", "second", "third"]
    assert (tmp_path / "tts.log").read_text() == "third\n"
