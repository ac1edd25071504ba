"""`python -m eval.face`: how well faces speak, beside people who were filmed.

python -m eval.face --clips folder              films of people speaking; out/eval/ gets the report
python -m eval.face --held-out folder           likewise, by networks that have not learnt from them
python -m eval.face --portraits a.jpg --speech hello.json talk.wav

Speech is the answer of `POST /v1/speech?timings=true`, or a sound file whose sounds are recognised.
The network of a clip is `<clip>.onnx`, as `python -m training.motion check` writes it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from eval.face.clips import Clip, load_clips
from eval.face.evaluation import Evaluation
from eval.face.figures import ClipFigures
from eval.face.report import (
    PORTRAIT_HEAD,
    as_json,
    goals_table,
    markdown,
    portrait_row,
    table,
)
from eval.face.sheets import mouth_sheet, save_sheet, save_side_by_side
from eval.face.told import read_told
from services.common.errors import DomainError, StartupError
from services.lipsync.motion.voice import MouthNetwork, OnnxMouthNetwork
from services.local.settings import LocalSettings

CLIPS = Path("../shared/data/talking")


def main() -> int:
    """Measures what is named; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.face", description="Judges faces.")
    parser.add_argument("--clips", type=Path, default=CLIPS)
    parser.add_argument("--only", nargs="*", default=[], help="names of clips")
    parser.add_argument("--held-out", type=Path, help="folder of networks, one a clip")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--speech", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("out/eval"))
    options = parser.parse_args()
    console = Console()
    clips = [] if options.portraits else _wanted(options.clips, options.only)
    if not clips and not options.portraits:
        console.print(f"skipped: no films of people speaking with sound in {options.clips}")
        return 0
    try:
        evaluation = Evaluation(LocalSettings().home)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.portraits:
        _speak(evaluation, options.portraits, options.speech, console)
    else:
        _judge(evaluation, clips, options.held_out, options.out, console)
    return 0


def _wanted(folder: Path, only: list[str]) -> list[Clip]:
    clips = [clip for clip in load_clips(folder) if len(clip.sound)]
    return [clip for clip in clips if not only or clip.name in only]


def _speak(
    evaluation: Evaluation, portraits: list[Path], speech: list[Path], console: Console
) -> None:
    told = [read_told(path) for path in speech]
    figures = [
        evaluation.portrait(
            f"{path.stem}, {each.name}", path.read_bytes(), each.sound, each.visemes
        )
        for path in portraits
        for each in told
    ]
    console.print(table(PORTRAIT_HEAD, [portrait_row(each) for each in figures]), soft_wrap=True)


def _judge(
    evaluation: Evaluation, clips: list[Clip], held_out: Path | None, out: Path, console: Console
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    figures: list[ClipFigures] = []
    skipped: dict[str, str] = {}
    for clip in clips:
        try:
            found, take = evaluation.clip(clip, _held_out(held_out, clip))
        except (DomainError, ValueError) as error:
            skipped[clip.name] = str(error)
            continue
        finally:
            console.print(f"{clip.name} …", end=" ")
        figures.append(found)
        save_sheet(mouth_sheet(take), out / f"{clip.name}.png")
        save_side_by_side(take, out / f"{clip.name}.mp4")
        (out / "face.json").write_text(as_json(figures, skipped), "utf-8")
    (out / "face.md").write_text(markdown(figures, skipped), "utf-8")
    console.print()
    console.print(goals_table(figures), soft_wrap=True)
    console.print(f"Tables, figures, sheets and films: {out}")


def _held_out(folder: Path | None, clip: Clip) -> MouthNetwork | None:
    """The network that has not learnt from a clip, where there is one."""
    path = None if folder is None else folder / f"{clip.name}.onnx"
    return None if path is None or not path.is_file() else OnnxMouthNetwork(path)


if __name__ == "__main__":
    sys.exit(main())
