"""The texts that are learnt from; those that are only for evaluation are kept out."""

from __future__ import annotations

import csv
import hashlib
import random
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics
from types import MappingProxyType

from pypinyin.phrases_dict import phrases_dict

from services.moderation.classifier import MAX_PASSAGE
from services.moderation.lexicon import BUNDLED_LISTS, Kind, Language, expand
from services.moderation.verdict import HARMS, Label
from training.moderation.grammar import Grammar, read_grammars, sentences

COLD_TRAIN, DAVIDSON = "cold_train.csv", "davidson.csv"
LEARNT_FROM = frozenset({COLD_TRAIN, DAVIDSON})
KEPT_OUT = Path(__file__).with_name("kept_out.bin")
"""Fingerprints of the texts that are only for evaluation, 8 bytes each, sorted."""
ORDINARY = Path(__file__).parent / "ordinary"
_HELD_OUT_OF = 5
_LIST_SAMPLES = 40
_NEUTRAL = 6000
_PHRASES_IN_A_SENTENCE = (1, 4)
_TOGETHER = (2, 5)
"""How many harmless sentences are in a passage."""
_JOINTS = MappingProxyType({"zh": ("，", "。", "\n", " ", "！"), "en": (". ", "\n", " ", ", ")})
_SENTENCE = re.compile(r"[A-Z][A-Za-z ,'\-]{30,150}[.!?]")
_SPACES = re.compile(r"\s+")
_ALL = frozenset(HARMS)


@dataclass(frozen=True, slots=True)
class Example:
    """A text; of labels that are neither in `labels` nor `known` nobody knows."""

    text: str
    language: str
    source: str
    labels: frozenset[Label]
    known: frozenset[Label] = _ALL
    kin: str = ""
    """What the text was made from: texts of the same are held out together."""


def ordinary() -> dict[Language, list[str]]:
    """Ordinary texts of ours, of each language, by which thresholds are set; none is learnt."""
    return {
        language: [
            line
            for line in (ORDINARY / f"{language}.txt").read_text("utf-8").splitlines()
            if line and not line.startswith("#")
        ]
        for language in Language
    }


def fingerprint(text: str) -> int:
    """64 bits of a text, whatever its case and spaces."""
    plain = _SPACES.sub(" ", text).strip().casefold()
    return int.from_bytes(hashlib.sha256(plain.encode()).digest()[:8], "little")


def is_held_out(text: str) -> bool:
    """Whether a tweet is in the fifth of Davidson's that is only for evaluation."""
    return fingerprint(text) % _HELD_OUT_OF == 0


def kept_out(path: Path = KEPT_OUT) -> frozenset[int]:
    """The fingerprints of what must not be learnt."""
    data = path.read_bytes()
    return frozenset(value for (value,) in struct.iter_unpack("<Q", data))


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a data set that may be learnt from; raises ValueError for any other."""
    if path.name not in LEARNT_FROM:
        raise ValueError(f"{path.name} is not for training: only {', '.join(sorted(LEARNT_FROM))}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def cold(folder: Path) -> Iterator[Example]:
    """COLD's training part: offences by region, race and gender."""
    harassing = frozenset({Label.HARASSMENT})
    for row in rows(folder / COLD_TRAIN):
        offends = row["label"] == "1"
        yield Example(
            row["TEXT"],
            "zh",
            "cold",
            frozenset({Label.HATE}) if offends else frozenset(),
            _ALL - harassing if offends else _ALL,
        )


def davidson(folder: Path) -> Iterator[Example]:
    """Davidson's tweets, less the fifth that is held out."""
    by_class = {"0": Label.HATE, "1": Label.HARASSMENT}
    both = frozenset({Label.HATE, Label.HARASSMENT})
    for row in rows(folder / DAVIDSON):
        label = by_class.get(row["class"])
        if not is_held_out(row["tweet"]):
            labels = frozenset({label}) if label else frozenset()
            known = _ALL - (both - labels) if label else _ALL
            yield Example(row["tweet"], "en", "davidson", labels, known)


def written(per_section: int, seed: int) -> Iterator[Example]:
    """Sentences of our own."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for grammar in read_grammars():
        for section, line, text in sentences(grammar, per_section, chance):
            labels = frozenset({Label(section)}) if grammar.is_harmful else frozenset()
            yield Example(text, grammar.language, "ours", labels, kin=line)


def composed(per_section: int, seed: int) -> Iterator[Example]:
    """Passages of several sentences of ours without harm."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for grammar in read_grammars():
        if not grammar.is_harmful:
            for _ in range(per_section * len(grammar.lines)):
                texts = _drawn(grammar, chance.randint(*_TOGETHER), chance)
                passage = chance.choice(_JOINTS[grammar.language]).join(texts)[:MAX_PASSAGE]
                yield Example(passage, grammar.language, "composed", frozenset())


def _drawn(grammar: Grammar, number: int, chance: random.Random) -> list[str]:
    lines = [line for section in grammar.lines.values() for line in section]
    return [grammar.draw(line, chance) for line in chance.choices(lines, k=number)]


def neutral(number: int, seed: int) -> Iterator[Example]:
    """Words and sentences about nothing in particular, from packages that are installed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    phrases = sorted(phrases_dict)
    for _ in range(number):
        mark = chance.choice(("", "，"))
        text = mark.join(chance.choices(phrases, k=chance.randint(*_PHRASES_IN_A_SENTENCE)))
        yield Example(text, "zh", "neutral", frozenset())
    told = " ".join(topics.values()).replace("\n", " ")
    for text in _SENTENCE.findall(told):
        yield Example(text, "en", "neutral", frozenset())


def listed(seed: int, folder: Path = BUNDLED_LISTS) -> Iterator[Example]:
    """Phrases of our own word lists."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for language in Language:
        for path in sorted((folder / language).glob("*.txt")):
            if path.stem in HARMS:
                for text in _phrases(path.read_text("utf-8"), chance):
                    labels = frozenset({Label(path.stem)})
                    yield Example(text, language, "lists", labels, kin=text[:4])


def _phrases(text: str, chance: random.Random) -> Iterator[str]:
    kind = ""
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            kind = line.strip("[]").split()[0]
        elif line and kind == Kind.BLOCK:
            for _ in range(_LIST_SAMPLES):
                parts = [chance.choice(expand(part)) for part in re.split("[~&]", line)]
                yield " ".join(part.strip() for part in parts)


def corpus(folder: Path, *, per_section: int, seed: int) -> list[Example]:
    """Everything that is learnt from, each text once, without what is kept out."""
    found: Iterable[Iterable[Example]] = (
        cold(folder),
        davidson(folder),
        written(per_section, seed),
        composed(per_section, seed),
        listed(seed),
        neutral(_NEUTRAL, seed),
    )
    seen = set(kept_out())
    examples: list[Example] = []
    for example in (example for part in found for example in part):
        mark = fingerprint(example.text)
        if mark not in seen:
            seen.add(mark)
            examples.append(example)
    return examples


def digest_of(examples: Iterable[Example]) -> str:
    """A digest of the texts that are learnt from, but for the lists, which may change."""
    digest = hashlib.sha256()
    texts = (example.text for example in examples if example.source != "lists")
    for mark in sorted(map(fingerprint, texts)):
        digest.update(struct.pack("<Q", mark))
    return digest.hexdigest()
