"""The watch over the logs of all tests does find what is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.log_watch import WRITTEN, leaks

ROOT = Path(__file__).parents[3]
KEY = "vk_" + "k3Y-" * 11
TELLING = {
    "key": f"Bearer {KEY}",
    "session": "vs_" + "a" * 43,
    "secret": "whsec_" + "A" * 43 + "=",
    "pem": "-----BEGIN PRIVATE KEY-----",
    "phone": "sent to +8613800138000",
    "spaced": "sent to +86 13912345678",
    "bare": "phone=13800138123",
    "text": f"text={WRITTEN[0]}!",
}


@pytest.mark.parametrize("text", TELLING.values(), ids=TELLING)
def test_what_no_log_may_tell_is_found_and_not_told_again(text: str) -> None:
    (found,) = leaks(text)
    assert found not in text
    assert text not in found


@pytest.mark.parametrize(
    "text",
    ["key_01M8CV3BRGR5M79SPA42MQ7A6B", "prefix=vk_k3Y-k3Y", "whsec_…", "ms=1380013800", ""],
)
def test_ids_and_prefixes_may_be_told(text: str) -> None:
    assert not leaks(text)


@pytest.mark.parametrize("how", ["print({!r})", "structlog.get_logger().info('told', value={!r})"])
def test_a_test_that_tells_a_key_fails_though_it_passes(tmp_path: Path, how: str) -> None:
    planted = tmp_path / "test_planted.py"
    told = f"    {how.format(KEY)}\n"
    body = f"import structlog\n\ndef test_it():\n{told}\ndef test_other():\n    pass\n"
    planted.write_text(body, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.log_watch", "-q", str(planted)]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, "--rootdir", str(tmp_path), "-c", "/dev/null"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "the output tells an API key" in done.stdout
