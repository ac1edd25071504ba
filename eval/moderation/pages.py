"""Pages whose tables are measured: the parts between marks are replaced."""

from __future__ import annotations

import re


def with_tables(page: str, tables: str, part: str) -> str:
    """A page whose part is replaced; raises ValueError when it has none of that name."""
    begin, end = f"<!-- measured: {part} -->", f"<!-- /measured: {part} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no {begin} … {end}")
    return pattern.sub(lambda _: f"{begin}\n{tables}{end}", page)
