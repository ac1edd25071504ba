"""The texts that are judged, and what people said of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from eval.moderation.evasions import read_suite
from training.moderation.corpora import DAVIDSON, is_held_out, rows

ORDINARY = Path("tests/unit/moderation/ordinary")
_CHINESEHARM_KINDS = MappingProxyType(
    {
        "博彩": "gambling",
        "低俗色情": "pornography",
        "欺诈": "fraud",
        "谩骂引战": "abuse",
        "黑产广告": "illicit ads",
        "不违规": "harmless",
    }
)
_OPENAI_KINDS = MappingProxyType(
    {
        "S": "sexual",
        "S3": "sexual, minors",
        "H": "hate",
        "H2": "hate, threatening",
        "HR": "harassment",
        "SH": "self-harm",
        "V": "violence",
        "V2": "violence, graphic",
    }
)
_DAVIDSON_KINDS = MappingProxyType({"0": "hate", "1": "offensive", "2": "neither"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and its kinds; none of them is harmful when it is harmless."""

    text: str
    is_harmful: bool
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A set of labelled texts of a language."""

    name: str
    language: str
    texts: tuple[Labelled, ...]


def _chineseharm(folder: Path) -> Iterator[Labelled]:
    for row in json.loads((folder / "chineseharm_dev.json").read_text("utf-8")):
        kind = _CHINESEHARM_KINDS[row["标签"]]
        yield Labelled(row["文本"], kind != "harmless", (kind,))


def _cold(folder: Path) -> Iterator[Labelled]:
    with (folder / "cold_dev.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield Labelled(row["TEXT"], row["label"] == "1", (row["topic"],))


def _openai(folder: Path) -> Iterator[Labelled]:
    for line in (folder / "openai_dev.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        kinds = tuple(name for key, name in _OPENAI_KINDS.items() if row.get(key) == 1)
        yield Labelled(row["prompt"], bool(kinds), kinds or ("harmless",))


def _davidson(folder: Path) -> Iterator[Labelled]:
    for row in rows(folder / DAVIDSON):
        if is_held_out(row["tweet"]):
            kind = _DAVIDSON_KINDS[row["class"]]
            yield Labelled(row["tweet"], kind != "neither", (kind,))


def _ordinary(language: str) -> Callable[[Path], Iterator[Labelled]]:
    def read(_: Path) -> Iterator[Labelled]:
        for line in (ORDINARY / f"{language}.txt").read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                yield Labelled(line, False, ("ordinary",))

    return read


_READERS: tuple[tuple[str, str, Callable[[Path], Iterator[Labelled]]], ...] = (
    ("ChineseHarm dev", "zh", _chineseharm),
    ("COLD dev", "zh", _cold),
    ("OpenAI moderation", "en", _openai),
    ("Davidson, held out", "en", _davidson),
    ("ordinary, English", "en", _ordinary("en")),
    ("ordinary, Chinese", "zh", _ordinary("zh")),
)


def read_sets(folder: Path) -> tuple[list[DataSet], dict[str, str]]:
    """The sets that are present, and why the others are not."""
    sets: list[DataSet] = []
    skipped: dict[str, str] = {}
    for name, language, read in _READERS:
        try:
            sets.append(DataSet(name, language, tuple(read(folder))))
        except FileNotFoundError as error:
            skipped[name] = f"there is no {Path(error.filename).name} in {folder}"
    return sets, skipped


def evaluation_texts(folder: Path) -> Iterator[str]:
    """Every text that is only for evaluation; raises FileNotFoundError when a set is missing."""
    for read in (_chineseharm, _cold, _openai):
        for labelled in read(folder):
            yield labelled.text
    for language in ("en", "zh"):
        for labelled in _ordinary(language)(folder):
            yield labelled.text
    for case in read_suite():
        yield from (case.clean, *case.innocent, *(each.text for each in case.evasions))
