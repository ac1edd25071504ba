"""`python -m eval.moderation`: how much harm the text path finds, and how often it is wrong.

python -m eval.moderation --data folder         out/eval/moderation.{md,json}
python -m eval.moderation --docs docs/moderation.md   the tables there are replaced, too
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from eval.moderation.evasions import read_suite
from eval.moderation.judging import judge_set, judge_suite, measure_times
from eval.moderation.pages import with_tables
from eval.moderation.report import Report, as_json, goals_table, markdown
from eval.moderation.sets import DataSet, read_sets
from services.common.errors import StartupError
from services.moderation import folding
from services.moderation.text import TextJudge, open_text_judge

DATA = Path("../shared/data/moderation")
_LONG = 20_000
_MOST_CLAUSES = 600


def main() -> int:
    """Measures what is present; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.moderation", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--docs", type=Path, help="a page whose tables are to be replaced")
    parser.add_argument("--out", type=Path, default=Path("out/eval"))
    options = parser.parse_args()
    console = Console()
    try:
        folding.warm()
        judge = open_text_judge()
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report = measure(judge, options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "moderation.md").write_text(markdown(report), "utf-8")
    (options.out / "moderation.json").write_text(as_json(report), "utf-8")
    if options.docs:
        page = options.docs.read_text("utf-8")
        options.docs.write_text(with_tables(page, markdown(report), "texts"), "utf-8")
    for name, reason in report.skipped.items():
        console.print(f"{name} was skipped: {reason}")
    console.print(goals_table(report), soft_wrap=True)
    console.print(f"Tables and figures: {options.out}")
    return 0


def measure(judge: TextJudge, data: Path) -> Report:
    """Judges everything that is present."""
    sets, skipped = read_sets(data)
    return Report(
        judge.policy_version,
        tuple(judge_set(judge, each) for each in sets),
        judge_suite(judge, read_suite()),
        measure_times(judge, _clauses(sets), _long_texts(sets)),
        skipped,
    )


def _clauses(sets: list[DataSet]) -> list[str]:
    every = [text.text[:200] for each in sets for text in each.texts]
    return every[:: max(1, len(every) // _MOST_CLAUSES)]


def _long_texts(sets: list[DataSet]) -> list[str]:
    """20 000 characters of ordinary text of each language."""
    ordinary = ["\n".join(t.text for t in each.texts) for each in sets if "ordinary" in each.name]
    return [(text * (_LONG // len(text) + 1))[:_LONG] for text in ordinary]


if __name__ == "__main__":
    sys.exit(main())
