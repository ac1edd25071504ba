"""How pictures are judged: harmless portraits and people, and text that is written in them.

Children in the portraits are known by looking at them; nobody's age is known otherwise.
"""

from __future__ import annotations

import difflib
import io
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

from eval.face.report import table
from eval.moderation.arithmetic import Share
from eval.moderation.evasions import Case
from services.common.image import decode_image
from services.moderation.age import likelihood_of_minor
from services.moderation.image import ImageEvidence, ImageJudge, Purpose
from services.moderation.image_model import Picture
from services.moderation.verdict import Label, Suggestion

CHILDREN = frozenset({"lp_s5", "lp_s7"})
"""Portraits that plainly show a child: a painted girl, a drawn boy."""
_FRAMES = (5, 40, 75)
_THRESHOLDS = (0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
_TEXT_HEIGHTS = (0.025, 0.04, 0.08)
"""Of the picture's height."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture and what it is."""

    kind: str
    name: str
    picture: Picture

    @property
    def is_child(self) -> bool:
        """Whether a child is plainly seen."""
        return self.name in CHILDREN

    def file(self) -> bytes:
        """As it would be uploaded."""
        file = io.BytesIO()
        Image.fromarray(self.picture).save(file, "PNG")
        return file.getvalue()


def read_pictures(folder: Path) -> Iterator[Shown]:
    """The portraits, animals and three frames of each film that are present."""
    for kind, place in (("portraits", "portraits"), ("animals", "not_a_face")):
        for path in sorted((folder / place).glob("*")):
            yield Shown(kind, path.stem, decode_image(path.read_bytes()))
    for place in ("presenters", "talking"):
        for path in sorted((folder / place).glob("*")):
            with av.open(str(path)) as film:
                for number, frame in enumerate(film.decode(video=0)):
                    if number in _FRAMES:
                        rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                        yield Shown("frames of films", path.stem, rgb)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of a picture."""

    of: Shown
    evidence: ImageEvidence
    found: tuple[tuple[Label, str], ...]
    suggestion: Suggestion
    cpu_ms: float

    @property
    def is_flagged_for_harm(self) -> bool:
        """For nudity or text: what the goal is about."""
        faces = {Label.MINOR, Label.PORTRAIT}
        only_faces = bool(self.found) and all(label in faces for label, _ in self.found)
        return self.suggestion is not Suggestion.PASS and not only_faces


def look_at(judge: ImageJudge, pictures: Iterable[Shown]) -> list[Seen]:
    """Judges pictures as portraits."""
    seen = []
    for each in pictures:
        file = each.file()
        start = time.process_time()
        evidence = judge.examine(file, Purpose.PORTRAIT)
        verdict = judge.judge(evidence)
        cpu_ms = 1000 * (time.process_time() - start)
        found = tuple((finding.label, finding.sub_label) for finding in verdict.findings)
        seen.append(Seen(each, evidence, found, verdict.suggestion, cpu_ms))
    return seen


def portraits_table(seen: Sequence[Seen]) -> str:
    """What is flagged, by what."""
    rows = []
    for kind in dict.fromkeys(each.of.kind for each in seen):
        of_kind = [each for each in seen if each.of.kind == kind]
        reasons = Counter(
            f"{label}: {sub_label}" for each in of_kind for label, sub_label in each.found
        )
        harm = Share(sum(each.is_flagged_for_harm for each in of_kind), len(of_kind))
        nudity = max(score.value for each in of_kind for score in each.evidence.scores)
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        rows.append([kind, str(len(of_kind)), str(harm), f"{nudity:.3f}", told or "–"])
    head = ["pictures", "", "flagged for nudity or text", "highest nudity score", "findings"]
    return table(head, rows)


def ages_table(seen: Sequence[Seen]) -> str:
    """Estimated ages of adults, how many would be held at other thresholds, and the children."""
    adults = [_youngest(each) for each in seen if _has_age(each) and not each.of.is_child]
    children = {each.of.name: _youngest(each) for each in seen if each.of.is_child}
    low, quarter, middle, three, high = np.quantile(adults, (0, 0.25, 0.5, 0.75, 1))
    ages = table(
        ["adult faces", "youngest", "quarter", "median", "three quarters", "oldest"],
        [[str(len(adults)), *(f"{age:.0f}" for age in (low, quarter, middle, three, high))]],
    )
    rows = []
    for threshold in _THRESHOLDS:
        held = Share(sum(likelihood_of_minor(age) >= threshold for age in adults), len(adults))
        caught = sum(likelihood_of_minor(age) >= threshold for age in children.values())
        rows.append([f"{threshold:.2f}", str(held), f"{caught} of {len(children)}"])
    told = ", ".join(f"{name} {age:.0f}" for name, age in sorted(children.items()))
    head = ["`minor_review_score`", "adults held", "children held"]
    return f"{ages}\nChildren, estimated years: {told or 'none'}.\n\n{table(head, rows)}"


def _has_age(each: Seen) -> bool:
    return each.evidence.faces is not None and bool(each.evidence.faces.ages)


def _youngest(each: Seen) -> float:
    return min(each.evidence.faces.ages if each.evidence.faces else (), default=float("nan"))


@dataclass(frozen=True, slots=True)
class Writing:
    """A way to write on a picture."""

    name: str
    height: float
    """Of the letters, in heights of the picture."""
    serif: bool = False
    turned: int = 0
    """Degrees."""
    downwards: bool = False
    faint: bool = False


WAYS = (
    *(Writing(f"{height:.1%} of the height", height) for height in _TEXT_HEIGHTS),
    Writing("serif", 0.04, serif=True),
    Writing("slanted by 15 degrees", 0.04, turned=15),
    Writing("upside down", 0.04, turned=180),
    Writing("faint, half transparent", 0.04, faint=True),
    Writing("written downwards (Chinese)", 0.04, downwards=True),
)


def written(text: str, on: Picture, way: Writing) -> Picture:
    """A picture with a text over it, broken into lines that fit."""
    picture = Image.fromarray(on).convert("RGBA")
    size = max(8, round(way.height * picture.height))
    font = ImageFont.truetype(str(serif_path() if way.serif else sans_path()), size)
    lines = list(text) if way.downwards else list(_broken(text, font, 0.9 * picture.width))
    drawn = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    opacity = 128 if way.faint else 255
    ImageDraw.Draw(drawn).multiline_text(
        (0.05 * picture.width, 0.05 * picture.height),
        "\n".join(lines),
        (255, 255, 255, opacity),
        font,
        spacing=0 if way.downwards else 0.3 * size,
        stroke_width=max(1, size // 16),
        stroke_fill=(0, 0, 0, opacity),
    )
    done = Image.alpha_composite(picture, drawn).convert("RGB")
    return np.asarray(done.rotate(way.turned, expand=True), np.uint8)


def _broken(text: str, font: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    line = ""
    for piece in text.split(" ") if " " in text else text:
        longer = f"{line} {piece}".strip() if " " in text else line + piece
        if line and font.getlength(longer) > width:
            yield line
            line = piece
        else:
            line = longer
    yield line


@dataclass(frozen=True, slots=True)
class WritingFigures:
    """How well a way of writing is read, and what is made of it."""

    similarity: float
    """Mean share of the characters that are read right."""
    caught: Share
    """Of harmful texts: not passed."""
    blocked: Share
    """Of harmful texts."""
    wronged: Share
    """Of harmless texts: not passed."""


def judge_writing(
    judge: ImageJudge,
    cases: Sequence[Case],
    harmless: Sequence[tuple[str, str]],
    on: Sequence[Picture],
) -> Mapping[tuple[str, str], WritingFigures]:
    """By way and language; the harmful texts are the clean sentences of the evasion suite."""
    figures = {}
    harmful = [(case.language, case.clean) for case in cases]
    for way in WAYS:
        for language in ("zh",) if way.downwards else ("en", "zh"):
            bad = [text for spoken, text in harmful if spoken == language]
            good = [text for spoken, text in harmless if spoken == language]
            pages = [written(text, on[i % len(on)], way) for i, text in enumerate(bad + good)]
            evidence = [
                judge.examine(Shown("", "", page).file(), Purpose.BACKGROUND) for page in pages
            ]
            similar = [
                _similarity(text, each.text.lines)
                for text, each in zip(bad + good, evidence, strict=True)
            ]
            said = [judge.judge(each).suggestion for each in evidence]
            of_bad, of_good = said[: len(bad)], said[len(bad) :]
            figures[way.name, language] = WritingFigures(
                float(np.mean(similar)),
                Share(sum(each is not Suggestion.PASS for each in of_bad), len(bad)),
                Share(sum(each is Suggestion.BLOCK for each in of_bad), len(bad)),
                Share(sum(each is not Suggestion.PASS for each in of_good), len(good)),
            )
    return figures


def _similarity(text: str, lines: Sequence[str]) -> float:
    wanted, read = ("".join("".join(each).split()) for each in (text, lines))
    return difflib.SequenceMatcher(None, wanted, read, autojunk=False).ratio()


def writing_table(figures: Mapping[tuple[str, str], WritingFigures]) -> str:
    """One row for each way and language."""
    rows = [
        [
            way,
            language,
            f"{each.similarity:.3f}",
            str(each.caught),
            str(each.blocked),
            str(each.wronged),
        ]
        for (way, language), each in figures.items()
    ]
    head = ["written", "", "read right", "harmful flagged", "harmful blocked", "harmless flagged"]
    return table(head, rows)


def times_table(seen: Sequence[Seen]) -> str:
    """CPU milliseconds of a picture, all models together."""
    times = [each.cpu_ms for each in seen]
    row = [f"{median(times):.0f}", f"{np.quantile(times, 0.95):.0f}", f"{max(times):.0f}"]
    return table(["CPU ms a picture: median", "95 %", "longest"], [row])
