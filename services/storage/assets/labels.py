"""Names of files, as labels for people."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 200
_UNNAMED = "file"


def label_of(file_name: str) -> str:
    """A client's name for a file without folders and without what can't be seen; never empty."""
    last = re.split(r"[/\\]", file_name)[-1]
    visible = "".join(
        character
        for character in unicodedata.normalize("NFC", last)
        if not unicodedata.category(character).startswith("C")
    )
    label = visible.strip(" .")[:MAX_CHARACTERS].strip()
    return label or _UNNAMED
