"""`python -m bench`: measures speed and memory against the budgets; out/bench.json and a table."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from bench.drawing import drawing
from bench.figures import save, show
from bench.speaking import speaking
from services.common.errors import StartupError
from services.local.settings import LocalSettings

_REPORT = Path("out/bench.json")


def main() -> int:
    """Runs the measurements; returns the exit status."""
    home = LocalSettings().home
    try:
        figures = [*drawing(home), *speaking(home)]
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(figures, Console())
    save(figures, _REPORT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
