"""Becomes another program that dies with its parent: `python bound.py PARENT_PID PROGRAM ARGS…`.

Run as a file of its own rather than between fork and exec, which is not safe in a process with
threads. It imports nothing of the product and so costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Binds this process's life to its parent's, then runs the program in its place."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.exit(f"{program[0]} can't be run: {error}")


if __name__ == "__main__":
    main()
