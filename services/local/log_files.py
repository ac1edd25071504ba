"""The logs of the processes: a file for each, put aside once a day, gone after so many days."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TextIO

MAX_BYTES = 20_000_000
_STAMP = "%Y%m%dT%H%M%S%fZ"
_KEPT = "*.*.log.gz"
_WRITTEN = ("*.log", "*.log.1")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LogFiles:
    """`<name>.log` for what is written today, `<name>.<time>.log.gz` for what was before.

    The time is that of the last line (UTC). What is older than `kept` is deleted when the first
    line of a day is written, by whichever process.
    """

    def __init__(
        self, folder: Path, kept: timedelta, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kept = kept
        self._now = now
        self._day: date | None = None
        self._files: dict[str, TextIO] = {}
        self._written_at: dict[str, datetime] = {}

    def write(self, name: str, line: str) -> None:
        """Adds a line. Raises OSError, as when the disk is full."""
        now = self._now()
        if now.date() != self._day:
            self._begin_day(now)
        file = self._files.get(name) or self._open(name)
        if file.tell() > MAX_BYTES:
            self.close()
            self._put_aside(self._path(name), self._written_at.get(name, now))
            file = self._open(name)
        self._written_at[name] = now
        file.write(line + "\n")
        file.flush()

    def close(self) -> None:
        """Closes the files; what is written afterwards opens them again."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _open(self, name: str) -> TextIO:
        self._files[name] = self._path(name).open("a", encoding="utf-8")
        return self._files[name]

    def _begin_day(self, now: datetime) -> None:
        """Puts the days before aside, and deletes what was kept long enough."""
        self._day = now.date()
        self.close()
        for pattern in _WRITTEN:
            for path in self._folder.glob(pattern):
                name = path.name.partition(".")[0]
                written = self._written_at.pop(name, None) or _changed_at(path)
                if written.date() != self._day:
                    self._put_aside(path, written)
        for path in self._folder.glob(_KEPT):
            last = _last_line_of(path)
            if last is not None and last <= now - self._kept:
                path.unlink(missing_ok=True)

    def _put_aside(self, path: Path, written_at: datetime) -> None:
        name = path.name.partition(".")[0]
        target = self._folder / f"{name}.{written_at.strftime(_STAMP)}.log.gz"
        unfinished = target.with_suffix(".part")
        try:
            with path.open("rb") as lines, gzip.open(unfinished, "wb") as packed:
                shutil.copyfileobj(lines, packed)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        path.unlink()


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _last_line_of(path: Path) -> datetime | None:
    """As its name says; None for a file that is not of ours."""
    try:
        return datetime.strptime(path.name.split(".")[-3], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
