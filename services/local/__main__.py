"""`python -m services.local up` keeps the stack up; `… demo` makes a video with it."""

from __future__ import annotations

import sys

from services.local import demo
from services.local.settings import LocalSettings
from services.local.up import up

_USAGE = "usage: python -m services.local up | demo [--help]\n"
_EXIT_USAGE = 2


def main() -> int:
    """Runs the command; returns the exit status."""
    match sys.argv[1:]:
        case ["up"]:
            return up(LocalSettings())
        case ["demo", *arguments]:
            return demo.main(arguments)
        case _:
            sys.stderr.write(_USAGE)
            return _EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
