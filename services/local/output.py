"""What the supervisor shows and keeps: each process's lines, in its own file and on the screen."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TextIO

_KEPT_LINES = 20
_MAX_LOG_BYTES = 20_000_000
_COLOURS = ("36", "32", "33", "35", "34", "96", "92", "93")


class Output:
    """Forwards lines; a full disk costs lines in the files, never the stack."""

    def __init__(
        self, folder: Path, *, screen: TextIO | None = None, quiet: frozenset[str] = frozenset()
    ) -> None:
        """`quiet` names processes whose lines go into their files alone."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._screen = screen
        self._quiet = quiet
        self._colour = screen is not None and screen.isatty()
        self._files: dict[str, TextIO] = {}
        self._last: dict[str, deque[str]] = {}

    def line(self, name: str, text: str) -> None:
        """A process printed this."""
        self._last.setdefault(name, deque(maxlen=_KEPT_LINES)).append(text)
        self._keep(name, text)
        if name not in self._quiet:
            self._show(name, text)

    def say(self, text: str) -> None:
        """The supervisor itself has something to tell."""
        self._keep("supervisor", text)
        self._show("vultus", text)

    def last_lines(self, name: str) -> list[str]:
        """The end of what a process printed."""
        return list(self._last.get(name, ()))

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _show(self, name: str, text: str) -> None:
        if self._screen is None:
            return
        prefix = f"{name:<10} | "
        if self._colour:
            colour = _COLOURS[sum(map(ord, name)) % len(_COLOURS)]
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        try:
            self._screen.write(f"{prefix}{text}\n")
            self._screen.flush()
        except (BrokenPipeError, ValueError):
            self._screen = None

    def _keep(self, name: str, text: str) -> None:
        try:
            file = self._files.get(name)
            if file is None or file.tell() > _MAX_LOG_BYTES:
                file = self._open(name)
            file.write(text + "\n")
            file.flush()
        except OSError:
            return

    def _open(self, name: str) -> TextIO:
        """Opens the file of a process, putting a long one aside."""
        if name in self._files:
            self._files.pop(name).close()
        path = self._folder / f"{name}.log"
        if path.is_file() and path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        self._files[name] = path.open("a", encoding="utf-8")
        return self._files[name]
