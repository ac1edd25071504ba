"""Fails a test whose output, the logs of what ran in it among it, tells what no log may tell.

`python -m pytest -p tests.log_watch` watches elsewhere, too.
"""

from __future__ import annotations

import re
from collections.abc import Generator

import pytest

WRITTEN = (
    "Marzipan for the harbour master",
    "Turnips for the postman",
    "peppermint dromedary",
    "Ottoline",
    "Timbuktu",
    "Signed at the kitchen table",
)
"""What people write in tests, in words that nothing else says."""
_SECRETS = {
    "an API key": re.compile(r"\bvk_[A-Za-z0-9_-]{30,}"),
    "a session's token": re.compile(r"\bvs_[A-Za-z0-9_-]{30,}"),
    "a stream's token": re.compile(r"\bvt_[A-Za-z0-9_-]{30,}"),
    "a webhook's secret": re.compile(r"\bwhsec_[A-Za-z0-9+/]{30,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a phone number": re.compile(r"\+86 ?1[3-9]\d{9}\b|\b13800138\d{3}\b"),
}


def leaks(text: str) -> list[str]:
    """What the text tells that no log may tell, in words that do not tell it again."""
    found = [name for name, pattern in _SECRETS.items() if pattern.search(text)]
    return found + [f"what was written ({each[:8]}…)" for each in WRITTEN if each in text]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Looks at what each phase of a test has printed and logged."""
    report = yield
    found = leaks("\n".join(text for _, text in report.sections))
    if found and report.passed:
        report.outcome = "failed"
        report.longrepr = f"the output tells {', '.join(found)}"
    return report
