"""Tells what drawn mouths have to look like inside, from films of people.

python -m training.mouth --clips folder more_clips/one.mp4 [--sheets out/mouth]

Prints how bright teeth are from the middle of the mouth to its corners and below the upper lip,
against the palette's: what `teeth.py` and `mouth.py` of the renderer follow. Sheets show the mouths
of each film, and below them what is drawn between the same lips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from eval.face.clips import SUFFIXES
from training.mouth.beside import sheet
from training.mouth.footage import Footage, FootageReader
from training.mouth.light import ASIDE, BELOW, Curve, light_aside, light_below

_COLUMNS = 7


def films(places: Sequence[Path]) -> Iterator[Path]:
    """The films among some files and folders."""
    for place in places:
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        yield from (path for path in inside if path.suffix.lower() in SUFFIXES)


def table(curves: dict[str, Curve], at: Sequence[float]) -> str:
    """A line a film, and the median of all."""
    rows = {**curves, "median": np.nanmedian(np.stack(list(curves.values())), axis=0)}
    head = " ".join(f"{low:6.3f}" for low in at[:-1])
    lines = [f"{name:16s}" + " ".join(f"{v:6.2f}" for v in row) for name, row in rows.items()]
    return "\n".join([f"{'from':16s}{head}", *lines])


def main() -> None:
    """Reads films and prints two tables."""
    parser = argparse.ArgumentParser(prog="training.mouth")
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--home", type=Path, default=Path(".vultus"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    reader = FootageReader(options.home)
    aside, below = {}, {}
    for film in films(options.clips):
        try:
            footage = reader.read(film)
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            continue
        aside[footage.name], below[footage.name] = light_aside(footage), light_below(footage)
        if options.sheets is not None:
            _save(footage, options.sheets)
    if not aside:
        raise SystemExit("no open mouth was seen")
    tables = [table(aside, ASIDE), table(below, BELOW)]
    sys.stdout.write(
        f"light aside of the middle\n{tables[0]}\n\nbelow the upper lip\n{tables[1]}\n"
    )


def _save(footage: Footage, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture = sheet(footage, _COLUMNS, seed=1)
    cv2.imwrite(str(folder / f"{footage.name}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
