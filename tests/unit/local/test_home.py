"""The files below a VULTUS_HOME: ports, state, logs, atomic writes."""

from __future__ import annotations

import io
import json
import socket
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from services.common.errors import StartupError
from services.local.files import write_atomically
from services.local.infrastructure import s3_credentials
from services.local.log_files import LogFiles
from services.local.output import Output
from services.local.ports import LOOPBACK, choose_ports, is_free, require_free
from services.local.state import HomeFolders, find_running, only_instance

KEPT = timedelta(days=180)


def test_ports_stay_the_same_from_one_start_to_the_next(tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"
    first = choose_ports(["a", "b"], memory)
    assert len(set(first.values())) == 2
    assert choose_ports(["a", "b"], memory) == first


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"
    first = choose_ports(["a", "b"], memory)
    with socket.create_server((LOOPBACK, first["a"])):
        assert not is_free(first["a"])
        second = choose_ports(["a", "b"], memory)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


@pytest.mark.parametrize("content", ["", "[]", '{"a": "no number"}', '{"a": 1'])
def test_a_damaged_memory_of_ports_is_made_anew(tmp_path: Path, content: str) -> None:
    memory = tmp_path / "ports.json"
    memory.write_text(content)
    assert choose_ports(["a"], memory)["a"] == json.loads(memory.read_text())["a"]


def test_a_port_in_use_is_told_with_the_variable_that_helps() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        pytest.raises(StartupError, match="VULTUS_GATEWAY_PORT"),
    ):
        require_free(server.getsockname()[1], "VULTUS_GATEWAY_PORT")


def test_only_one_stack_runs_in_a_home(tmp_path: Path) -> None:
    folders = HomeFolders(tmp_path)
    with (
        only_instance(folders),
        pytest.raises(StartupError, match="already running"),
        only_instance(folders),
    ):
        pass
    with only_instance(folders):
        pass


def test_a_stack_is_found_once_it_is_ready(tmp_path: Path) -> None:
    folders = HomeFolders(tmp_path)
    assert find_running(tmp_path) is None
    with only_instance(folders):
        assert find_running(tmp_path) is None
        folders.state.write_text('{"url": "http://127.0.0.1:1", "ready": false}')
        assert find_running(tmp_path) is None
        folders.state.write_text('{"url": "http://127.0.0.1:1", "ready": true}')
        found = find_running(tmp_path)
    assert found is not None
    assert found.url == "http://127.0.0.1:1"
    assert find_running(tmp_path) is None, "a state that a killed stack left says nothing"


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "s3.json"
    made = s3_credentials(file)
    assert s3_credentials(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    with pytest.raises(StartupError, match="damaged"):
        s3_credentials(file)


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file"
    write_atomically(target, b"old")
    write_atomically(target, b"new", mode=0o644)
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_lines_are_kept_in_a_file_for_each_process_and_shown_with_its_name(tmp_path: Path) -> None:
    screen = io.StringIO()
    output = Output(LogFiles(tmp_path, KEPT), screen=screen, quiet=frozenset({"nats"}))
    output.line("tts", "one")
    output.line("nats", "two")
    output.say("three")
    output.close()
    assert (tmp_path / "tts.log").read_text() == "one\n"
    assert (tmp_path / "nats.log").read_text() == "two\n"
    shown = screen.getvalue()
    assert "tts" in shown
    assert "three" in shown
    assert "two" not in shown
    assert output.last_lines("nats") == ["two"]


def test_a_screen_that_went_away_costs_nothing(tmp_path: Path) -> None:
    screen = io.StringIO()
    output = Output(LogFiles(tmp_path, KEPT), screen=screen)
    screen.close()
    output.line("tts", "one")
    output.line("tts", "two")
    output.close()
    assert (tmp_path / "tts.log").read_text() == "one\ntwo\n"
