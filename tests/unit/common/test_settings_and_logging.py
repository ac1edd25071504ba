from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import ValidationError

from services.common.ids import is_id, new_id
from services.common.logging import configure_logging, current_request_id, request_scope
from services.common.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    model_config = service_config("probe")

    threads: int = 2
    """How many threads work."""


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    line: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return line


def test_settings_come_from_the_services_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_PROBE_THREADS", "7")
    monkeypatch.setenv("VULTUS_OTHER_THREADS", "9")
    monkeypatch.setenv("VULTUS_HOME", "/somewhere")
    settings = Settings.load()
    assert settings.threads == 7
    assert str(settings.home) == "/somewhere"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_PROBE_THREADS", "many")
    with pytest.raises(ValidationError, match="threads"):
        Settings.load()


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(ValidationError, match="thread"):
        Settings.model_validate({"thread": 1})


def test_the_help_names_variable_default_and_meaning() -> None:
    rows = Settings.fields_help()
    assert ("VULTUS_PROBE_THREADS", "2", "How many threads work.") in rows
    assert all(meaning for _, _, meaning in rows)


@pytest.mark.usefixtures("restored_logging")
def test_a_line_is_json_with_the_request_and_without_personal_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("probe", Settings())
    with request_scope("rq_1", video_id="vd_1"):
        structlog.get_logger("here").info("video.queued", count=3, text_pii="secret")
    line = last_line(capsys)
    assert line["event"] == "video.queued"
    assert (line["request_id"], line["video_id"], line["service"]) == ("rq_1", "vd_1", "probe")
    assert (line["count"], line["level"]) == (3, "info")
    assert "secret" not in json.dumps(line)


@pytest.mark.usefixtures("restored_logging")
def test_lines_of_libraries_take_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("probe", Settings())
    with request_scope("rq_2"):
        logging.getLogger("library").warning("it %s", "broke")
    line = last_line(capsys)
    assert (line["event"], line["request_id"], line["level"]) == ("it broke", "rq_2", "warning")


def test_the_request_ends_with_its_scope() -> None:
    with request_scope(None) as request_id:
        assert current_request_id() == request_id
        assert is_id(request_id, "rq")
    assert current_request_id() is None


def test_ids_are_told_by_their_prefix_and_form() -> None:
    ids = [new_id("vd") for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(is_id(value, "vd") for value in ids)
    for wrong in ("vd_", "vd_1", "av_" + ids[0][3:], ids[0] + "/..", ids[0].lower(), ""):
        assert not is_id(wrong, "vd")
