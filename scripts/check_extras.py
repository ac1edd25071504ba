"""Checks that each service runs with its own extra alone: `check_extras.py [service …]`.

For each it makes a clean environment, installs the product as an image does, not as a checkout,
and starts the service with `--check`, or imports it where it would need others that run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = Path(os.environ.get("VULTUS_HOME", ROOT / ".vultus")).resolve()


@dataclass(frozen=True, slots=True)
class Check:
    """What is installed, and what must then run."""

    extras: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def imports(*modules: str) -> tuple[str, ...]:
    """A command that imports modules."""
    return ("-c", f"import {', '.join(modules)}")


CHECKS = {
    "gateway": Check(
        "gateway",
        imports("services.gateway.app", "services.gateway.worker", "services.gateway.accounts"),
    ),
    "tts": Check("tts", ("-m", "services.tts", "--check")),
    "lipsync": Check(
        "lipsync",
        ("-m", "services.lipsync", "--check"),
        {"VULTUS_LIPSYNC_STORAGE_ADDRESS": "127.0.0.1:1"},
    ),
    "moderation": Check(
        "moderation",
        ("-m", "services.moderation", "--check"),
        {"VULTUS_MODERATION_STORAGE_ADDRESS": "127.0.0.1:1"},
    ),
    "storage": Check("storage", imports("services.storage.app")),
    "models": Check("cli,models", ("-m", "services.local.models", "verify", "face-detector")),
}


def passes(check: Check, folder: Path) -> bool:
    """Installs into `folder` and runs the command there; what goes wrong is printed."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    product = f"{ROOT}[{check.extras}]"
    installed = subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), product])  # noqa: S603
    if installed.returncode:
        return False
    started = subprocess.run(  # noqa: S603
        [python, *check.command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "VULTUS_HOME": str(HOME), **check.environment},
    )
    return started.returncode == 0


def main() -> int:
    """Runs the checks; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="service", help=f"of {', '.join(CHECKS)}")
    names = parser.parse_args().names or list(CHECKS)
    if unknown := set(names) - set(CHECKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    failed = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"extra-{name}-") as folder:
            good = passes(CHECKS[name], Path(folder))
        sys.stdout.write(f"{name}: {'good' if good else 'FAILED'}\n")
        sys.stdout.flush()
        failed += [] if good else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
