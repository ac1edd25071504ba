"""A small life of an avatar, read in the audit and verified by the command, in the whole stack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import PORTRAIT, ROOT, Stack, eventually


def command(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m services.storage.audit`, with the settings that storage has."""
    nothing = {f"VULTUS_STORAGE_S3_{name}": "none" for name in ("ACCESS_KEY", "SECRET_KEY")}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "services.storage.audit", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            **nothing,
            "VULTUS_STORAGE_S3_ENDPOINT": "127.0.0.1:1",
            "VULTUS_HOME": str(stack.home),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_small_life_is_in_the_chain_and_the_chain_is_whole(stack: Stack, tmp_path: Path) -> None:
    with stack.api(stack.account("audited")) as api:
        made = api.upload("/v1/avatars", "image", PORTRAIT, name="Ada", subject_authorised="true")
        face = made["id"]
        eventually("the avatar", lambda: api.get(f"/v1/avatars/{face}")["status"] == "ready")
        assert api.http.get(f"/v1/avatars/{face}/preview").is_success
        assert api.http.delete(f"/v1/avatars/{face}").is_success

        def life() -> list[tuple[str, str]]:
            page = api.get("/v1/audit", target=face)
            return [(entry["action"], entry["outcome"]) for entry in reversed(page["items"])]

        whole = [("create_avatar", "201"), ("get_avatar_preview", "200"), ("delete_avatar", "204")]
        eventually("the entries", lambda: life()[2:], within_s=30)
        assert life() == whole
        account = api.get("/v1/account")["id"]
        assert api.get("/v1/audit/verification")["whole"] is True
        file = tmp_path / "audit.jsonl"
        file.write_text(api.http.get("/v1/audit/export").text, "utf-8")

    found = command(stack, "verify", "--account", account)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{account}: whole, entries 1 to ")
    key = command(stack, "key").stdout.strip()
    outside = "verify", "--export", str(file), "--public-key", key
    assert command(stack, *outside).returncode == 0
    file.write_text(file.read_text("utf-8").replace("delete_avatar", "get_avatar"), "utf-8")
    broken = command(stack, *outside)
    assert (broken.returncode, "the entry was changed" in broken.stdout) == (1, True)
