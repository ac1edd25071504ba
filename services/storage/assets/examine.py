"""Reads one untrusted file in a process of its own: `python -m services.storage.assets.examine`.

    picture READER SOURCE TARGET MAX_PIXELS
    sound READER SOURCE MAX_DURATION_S
    evidence READER SOURCE CONTENT_TYPE CHAIN
    fingerprint READER SOURCE

It writes what it found, or the error, as JSON to its standard output. A process that ends in
another way has met a file that breaks its reader.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from services.common.errors import DomainError

# A picture of 50 megapixels takes a quarter of it.
_MAX_MEMORY_BYTES = 2 * 1024**3


def main(arguments: Sequence[str]) -> None:
    """Reads the file that the arguments name."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = {"found": _examine(arguments)}
    except DomainError as error:
        found = {"reason": error.reason, "message": error.message}
    json.dump(found, sys.stdout)


def _examine(arguments: Sequence[str]) -> object:
    # Either reader takes longer to import than to read most files.
    match arguments:
        case "picture", reader, source, target, max_pixels:
            from services.storage.assets.picture import convert

            return asdict(convert(Path(source), reader, Path(target), max_pixels=int(max_pixels)))
        case "sound", reader, source, max_duration_s:
            from services.storage.assets.sound import measure

            return asdict(measure(Path(source), reader, max_duration_s=float(max_duration_s)))
        case "evidence", reader, source, content_type, chain:
            from services.storage.provenance.evidence import gather

            trusted = Path(chain).read_text("ascii")
            return asdict(gather(Path(source), reader, content_type, chain=trusted))
        case "fingerprint", reader, source:
            from services.storage.provenance.fingerprint import seen_in

            return asdict(seen_in(Path(source), reader))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
