"""`python -m training.moderation`: the classifiers of the text path, from texts that may be learnt.

python -m training.moderation learn --data folder      services/moderation/model/text.npz
python -m training.moderation keep-out --data folder   kept_out.bin: what must not be learnt
"""

from __future__ import annotations

import argparse
import struct
import sys
from dataclasses import replace
from pathlib import Path

from eval.moderation.sets import evaluation_texts
from services.moderation import folding
from services.moderation.classifier import BUNDLED_MODEL
from services.moderation.lexicon import read_lexicon
from services.moderation.matching import Matcher
from training.moderation.corpora import KEPT_OUT, corpus, digest_of, fingerprint, ordinary

DATA = Path("../shared/data/moderation")
PER_SECTION, SEED = 3500, 1


def main() -> int:
    """Does what is named; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.moderation", description=__doc__)
    parser.add_argument("action", choices=("learn", "keep-out"))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=BUNDLED_MODEL)
    options = parser.parse_args()
    if options.action == "learn":
        _learn(options.data, options.out)
    else:
        _keep_out(options.data)
    return 0


def _learn(data: Path, out: Path) -> None:
    # Only this needs the extra `train`.
    from training.moderation.learning import learn

    folding.warm()
    examples = corpus(data, per_section=PER_SECTION, seed=SEED)
    vocabulary = Matcher(read_lexicon().lines).vocabulary
    weights = learn(examples, ordinary(), vocabulary, _tell)
    replace(weights, learnt=digest_of(examples)).write(out)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _keep_out(data: Path) -> None:
    marks = sorted({fingerprint(text) for text in evaluation_texts(data)})
    KEPT_OUT.write_bytes(b"".join(struct.pack("<Q", mark) for mark in marks))


if __name__ == "__main__":
    sys.exit(main())
