"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from services.common.error_classes import error_classes
from services.common.models import read_manifest
from services.common.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "tts", "lipsync", "moderation", "storage")
SOURCES = sorted((ROOT / "services").rglob("*.py"))
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 50
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "manager.py", "base.py", "misc.py"}
BROAD_EXCEPT_BOUNDARIES = {
    "services/common/grpc_server.py",
    "services/common/jetstream.py",
    "services/gateway/http/problem.py",
    "services/gateway/live/drives.py",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_modules_and_functions_stay_small(path: Path) -> None:
    assert path.name not in FORBIDDEN_NAMES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES
    long = [
        f"{node.name} has {lines} lines"
        for node in functions(path)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_broad_excepts_stand_only_at_the_boundaries(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    broad = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
    ]
    assert not broad or relative(path) in BROAD_EXCEPT_BOUNDARIES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_work_is_left_in_comments(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8"))


def test_services_do_not_know_where_they_run() -> None:
    knowing = [
        relative(path)
        for path in SOURCES
        if "local" not in path.relative_to(ROOT / "services").parts
        and re.search(r"\bif\s+\S*(is_local|\.local|local_mode)\b", path.read_text("utf-8"))
    ]
    assert not knowing


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_anatomy(service: str) -> None:
    folder = ROOT / "services" / service
    missing = [
        name
        for name in ("__init__.py", "__main__.py", "app.py", "settings.py", "README.md")
        if not (folder / name).is_file()
    ]
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_described_and_stands_in_the_readme(service: str) -> None:
    module = import_module(f"services.{service}.settings")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceSettings)
        and value.__module__ == module.__name__
    ]
    assert classes
    readme = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    for settings in classes:
        for variable, _, meaning in settings.fields_help():
            assert meaning, f"{variable} has no docstring"
            assert variable in readme, f"{variable} is not in the README"


def test_every_error_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    missing = {cls.code for cls in error_classes() if f"`{cls.code}`" not in page}
    assert not missing


def test_reasons_are_unique_and_follow_their_form() -> None:
    reasons = [cls.reason for cls in error_classes()]
    assert len(reasons) == len(set(reasons))
    assert all(re.fullmatch(r"[A-Z][A-Z_]+", reason) for reason in reasons)


def test_tests_never_sleep() -> None:
    sleeping = [
        relative(path)
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "sleep"
        and isinstance(node.value, ast.Name)
        and node.value.id in {"time", "asyncio"}
    ]
    assert not sleeping


def test_everyone_whose_model_is_used_is_named() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    missing = {
        model.attribution
        for model in read_manifest(ROOT / "models.toml").values()
        if model.attribution not in notice
    }
    assert not missing
