"""What the supervisor shows and keeps: each process's lines, in its own file and on the screen."""

from __future__ import annotations

from collections import deque
from typing import TextIO

from services.local.log_files import LogFiles

_KEPT_LINES = 20
_COLOURS = ("36", "32", "33", "35", "34", "96", "92", "93")


class Output:
    """Forwards lines; a full disk costs lines in the files, never the stack."""

    def __init__(
        self,
        files: LogFiles,
        *,
        screen: TextIO | None = None,
        quiet: frozenset[str] = frozenset(),
    ) -> None:
        """`quiet` names processes whose lines go into their files alone."""
        self._files = files
        self._screen = screen
        self._quiet = quiet
        self._colour = screen is not None and screen.isatty()
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
        self._files.close()

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
            self._files.write(name, text)
        except OSError:
            return
