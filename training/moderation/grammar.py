"""Draws sentences from the templates in `phrases/`."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PHRASES = Path(__file__).parent / "phrases"
HARMFUL, PLAIN = "harm", "plain"
_SLOT = re.compile(r"\{(\w+)\}|\[([^\[\]]*)\]")
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Grammar:
    """The templates of a language, with or without harm."""

    language: str
    is_harmful: bool
    words: Mapping[str, Sequence[str]]
    lines: Mapping[str, Sequence[str]]
    """Of each label or kind of harmless text."""
    weights: Mapping[str, float]

    def draw(self, line: str, chance: random.Random) -> str:
        """One sentence of a template."""
        text = line
        for _ in range(_MAX_DEPTH):
            text = _SLOT.sub(lambda found: self._filled(found, chance), text)
        return text

    def _filled(self, found: re.Match[str], chance: random.Random) -> str:
        name, alternatives = found.groups()
        choices: Sequence[str] = self.words[name] if name else alternatives.split("|")
        return chance.choice(choices)


def read_grammars(folder: Path = PHRASES) -> list[Grammar]:
    """Every grammar of a folder: `<language>_harm.toml` and `<language>_plain.toml`."""
    return [_read(path) for path in sorted(folder.glob("*_*.toml"))]


def _read(path: Path) -> Grammar:
    language, _, kind = path.stem.partition("_")
    if kind not in {HARMFUL, PLAIN}:
        raise ValueError(f"{path} must end in _{HARMFUL} or _{PLAIN}")
    data = tomllib.loads(path.read_text("utf-8"))
    sections = data["sentences"]
    return Grammar(
        language,
        kind == HARMFUL,
        data["words"],
        {name: section["lines"] for name, section in sections.items()},
        {name: section["weight"] for name, section in sections.items()},
    )


def sentences(
    grammar: Grammar, per_section: int, chance: random.Random
) -> Iterator[tuple[str, str, str]]:
    """Sections, templates, distinct sentences; `per_section` times a weight at most."""
    for section, weight in grammar.weights.items():
        seen: set[str] = set()
        for _ in range(round(per_section * weight)):
            line = chance.choice(grammar.lines[section])
            text = grammar.draw(line, chance)
            if text not in seen:
                seen.add(text)
                yield section, line, text
