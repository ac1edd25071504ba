"""`python -m bench [drawing] [graph] [speaking] [live]`: speed and memory against the budgets.

Measures all, or what is named; writes out/bench.json and shows a table.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Collection
from pathlib import Path

import structlog
from rich.console import Console

from bench.drawing import drawing
from bench.figures import Figure, save, show
from bench.graph import graph
from bench.live import live
from bench.speaking import speaking
from bench.stack import measured_stack
from services.common.errors import StartupError
from services.local.settings import LocalSettings

_REPORT = Path("out/bench.json")
_PARTS = ("drawing", "graph", "speaking", "live")


def main() -> int:
    """Runs the measurements; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(_PARTS))
    wanted = parser.parse_args().parts or _PARTS
    if unknown := sorted({*wanted} - {*_PARTS}):
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(_PARTS)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = LocalSettings().home
    try:
        alone = [part for name, part in (("drawing", drawing), ("graph", graph)) if name in wanted]
        figures = [figure for part in alone for figure in part(home)]
        figures += asyncio.run(_through_the_stack(home, wanted))
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(figures, Console())
    save(figures, _REPORT)
    return 0


async def _through_the_stack(home: Path, wanted: Collection[str]) -> list[Figure]:
    parts = [part for name, part in (("speaking", speaking), ("live", live)) if name in wanted]
    if not parts:
        return []
    async with measured_stack(home) as stack:
        return [figure for part in parts for figure in await part(stack)]


if __name__ == "__main__":
    sys.exit(main())
