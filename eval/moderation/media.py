"""`python -m eval.moderation.media`: how pictures and recordings are judged, with all models.

python -m eval.moderation.media --data folder    out/eval/moderation_media.md
python -m eval.moderation.media --docs docs/moderation.md   the tables there are replaced, too
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from bench.figures import machine
from eval.moderation.evasions import Case, read_suite
from eval.moderation.pages import with_tables
from eval.moderation.pictures import (
    ages_table,
    judge_writing,
    look_at,
    portraits_table,
    read_pictures,
    times_table,
    writing_table,
)
from eval.moderation.recordings import (
    Sentence,
    files_table,
    judge_files,
    judge_sentences,
    sentences_table,
)
from eval.moderation.sets import ORDINARY
from services.common.errors import StartupError
from services.moderation.app import open_judges
from services.moderation.audio import AudioJudge
from services.moderation.image import ImageJudge
from services.moderation.settings import ModerationSettings

DATA = Path("../shared/data")
_HOME = Path(".vultus")
_HARMLESS = 12
"""Ordinary texts of each language that are written and spoken."""
_LONGEST = {"en": 80, "zh": 30}
"""Characters of those."""
_PICTURES_WRITTEN_ON = 4


def main() -> int:
    """Measures what is present; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.moderation.media", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--docs", type=Path, help="a page whose tables are to be replaced")
    parser.add_argument("--out", type=Path, default=Path("out/eval"))
    options = parser.parse_args()
    files = sorted((options.data / "speech").glob("*.wav"))
    settings = ModerationSettings(home=_HOME, storage_address="unused")
    try:
        with ThreadPoolExecutor(1, "listen") as listening:
            judges = open_judges(settings, listening)
            text = "\n".join(
                [
                    _heading(judges.images, judges.recordings),
                    *pictures_report(judges.images, options.data),
                    *asyncio.run(recordings_report(judges.recordings, files)),
                ]
            )
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "moderation_media.md").write_text(text, "utf-8")
    if options.docs:
        page = options.docs.read_text("utf-8")
        options.docs.write_text(with_tables(page, text, "pictures and recordings"), "utf-8")
    Console().print(text, markup=False)
    return 0


def _heading(images: ImageJudge, recordings: AudioJudge) -> str:
    about = machine()
    return (
        f"Pictures `{images.policy_version}`, recordings `{recordings.policy_version}`; "
        f"{about['cpu']}, {about['cores']} cores.\n"
    )


def pictures_report(judge: ImageJudge, data: Path) -> Iterator[str]:
    """The tables about pictures that are present."""
    seen = look_at(judge, read_pictures(data))
    if not seen:
        yield f"* Pictures were skipped: there are none in {data.name}.\n"
        return
    yield f"### Harmless pictures, judged as portraits\n\n{portraits_table(seen)}"
    yield times_table(seen)
    yield f"### Ages\n\n{ages_table(seen)}"
    on = [each.of.picture for each in seen if each.of.kind == "portraits"][:_PICTURES_WRITTEN_ON]
    harmless = [(each.language, each.text) for each in ordinary_sentences()]
    figures = judge_writing(judge, read_suite(), harmless, on)
    yield f"### Text in pictures\n\n{writing_table(figures)}"


async def recordings_report(judge: AudioJudge, files: Sequence[Path]) -> list[str]:
    """The tables about recordings."""
    sentences = [*harmful_sentences(read_suite()), *ordinary_sentences()]
    spoken = await judge_sentences(judge, sentences, _HOME)
    tables = [f"### Spoken sentences\n\n{sentences_table(spoken)}"]
    if people := await judge_files(judge, files):
        tables.append(f"### Recordings of people\n\n{files_table(people)}")
    return tables


def harmful_sentences(cases: tuple[Case, ...]) -> list[Sentence]:
    """Every other clean sentence of the evasion suite: to be spoken and heard takes seconds."""
    return [Sentence(case.language, case.clean, is_harmful=True) for case in cases[::2]]


def ordinary_sentences() -> list[Sentence]:
    """Short ordinary texts, spread over all subjects."""
    found = []
    for language, longest in _LONGEST.items():
        lines = (ORDINARY / f"{language}.txt").read_text("utf-8").splitlines()
        short = [line for line in lines if line and line[0] != "#" and len(line) <= longest]
        chosen = short[:: max(1, len(short) // _HARMLESS)][:_HARMLESS]
        found += [Sentence(language, line, is_harmful=False) for line in chosen]
    return found


if __name__ == "__main__":
    sys.exit(main())
