"""Marks every test by its folder; a test outside the known folders fails the collection."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CATEGORIES = frozenset({"unit", "contract", "integration", "e2e", "conventions"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        category = item.path.relative_to(TESTS).parts[0]
        if category not in CATEGORIES:
            raise pytest.UsageError(f"{item.path}: put tests into one of {sorted(CATEGORIES)}")
        item.add_marker(getattr(pytest.mark, category))
        # Where several processes run the tests, one runs all that start servers and share a stack.
        alone = category in {"integration", "e2e"}
        item.add_marker(pytest.mark.xdist_group("servers" if alone else str(item.path)))
