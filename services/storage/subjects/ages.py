"""Who may be a minor, and what is told of the guardian who consents."""

from __future__ import annotations

from services.common.errors import InvalidInput
from services.storage.subjects.records import Guardian

MAX_NAME, MAX_STATEMENT = 200, 2_000
_ADULT = 18
_OLDEST = 1900


def may_be_minor(born: int, year: int) -> bool:
    """Whether somebody born in one year may be under 18 in another.

    Until the birthday in the year that they come of age nobody knows.
    """
    return year - born <= _ADULT


def check_birth_year(born: int, year: int) -> None:
    """Raises InvalidInput for a year in which nobody was born who lives in the other."""
    if not _OLDEST <= born <= year:
        raise InvalidInput(f"a birth year is {_OLDEST} to the present one")


def check_guardian(guardian: Guardian) -> None:
    """Raises InvalidInput for one of whom something is missing, or too long."""
    for text, most in (
        (guardian.name, MAX_NAME),
        (guardian.relation, MAX_NAME),
        (guardian.statement, MAX_STATEMENT),
    ):
        if not text.strip() or len(text) > most:
            raise InvalidInput("a guardian has a name, a relation and a statement")
