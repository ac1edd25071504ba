"""`/studio`: its files, and what they may do in a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.stage import Stage

FOLDER = Path(__file__).parents[3] / "services" / "gateway" / "studio"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".md")
SCRIPTS = [name for name in NAMES if name.endswith(".js")]
LANGUAGES = ("en", "zh")
MAX_LINES = 300


@pytest.fixture
async def visitor() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key."""
    async with Stage().client("") as client:
        yield client


def source(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def directives(response: httpx.Response) -> dict[str, str]:
    policy = response.headers["content-security-policy"]
    pairs = (each.strip().partition(" ") for each in policy.split(";"))
    return {name: value for name, _, value in pairs}


def tables() -> Iterator[dict[str, str]]:
    """The texts of each language."""
    for language in LANGUAGES:
        entries = []
        for name in (f"words-{language}.js", f"words-account-{language}.js"):
            found = re.search(rf"const {language} = {{(.*?)\n}};", source(name), re.DOTALL)
            assert found
            entries += re.findall(r'^ {2}"?([\w.-]+)"?:\s+"(.*)",$', found[1], re.MULTILINE)
        assert len(dict(entries)) == len(entries)
        yield dict(entries)


@pytest.mark.parametrize("path", ["/studio", "/studio/", "/studio/index.html"])
async def test_the_page_is_there_without_a_key(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.text == source("index.html")


async def test_every_file_is_served_as_what_it_is(visitor: httpx.AsyncClient) -> None:
    types = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg"}
    for name in NAMES:
        response = await visitor.get(f"/studio/{name}")
        assert response.status_code == 200, name
        assert response.headers["content-type"].startswith(types[name.rpartition(".")[2]])
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_the_browser_has_is_not_sent_again(visitor: httpx.AsyncClient) -> None:
    first = await visitor.get("/studio/app.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    again = await visitor.get("/studio/app.js", headers={"If-None-Match": f'W/"old", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    other = await visitor.get("/studio/app.js", headers={"If-None-Match": '"old"'})
    assert other.content == first.content


async def test_a_head_tells_of_a_file_without_sending_it(visitor: httpx.AsyncClient) -> None:
    response = await visitor.head("/studio/studio.css")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) == len(source("studio.css").encode())


@pytest.mark.parametrize(
    "path", ["/studio/none.js", "/studio/../app.py", "/studio/%2e%2e%2fapp.py", "/studio/a/b.js"]
)
async def test_nothing_else_is_told(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


async def test_the_page_may_use_only_this_server(visitor: httpx.AsyncClient) -> None:
    rules = directives(await visitor.get("/studio"))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert not any("unsafe" in value or "*" in value for value in rules.values())


async def test_all_that_the_page_names_is_there(visitor: httpx.AsyncClient) -> None:
    links = re.findall(r'(?:src|href)="([^"#]+)"', source("index.html"))
    imports = [name for each in SCRIPTS for name in re.findall(r'from "\./(.+?)"', source(each))]
    modules = [found for each in SCRIPTS for found in re.findall(r'"(/studio/.+?)"', source(each))]
    assert len(links) >= 3
    assert imports
    assert modules
    for path in {*links, *modules, *(f"/studio/{name}" for name in imports)}:
        assert path.startswith("/studio/")
        assert (await visitor.get(path)).status_code == 200, path


def test_what_the_server_tells_never_becomes_markup() -> None:
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(")
    assert [name for name in SCRIPTS if sinks.search(source(name))] == []
    page = source("index.html")
    assert not re.search(r"\son\w+=|\sstyle=|<script(?![^>]*src=)|<style", page)


def test_every_text_is_there_in_every_language() -> None:
    english, chinese = tables()
    named = set(re.findall(r'data-say(?:-[a-z-]+)?="([\w.-]+)"', source("index.html")))
    called = re.compile(
        r'(?:\bsay: \[?|\bsay\(.+?, |\btext\(|\binform\(|data-say-[a-z-]+": )"([\w.]+)"'
    )
    spoken = {name for each in SCRIPTS for name in called.findall(source(each))}
    assert min(len(named), len(spoken)) > 40
    assert named | spoken <= set(english)
    titles = {
        name for name in chinese if name.startswith("problem.")
    }  # the server's own in English
    assert set(chinese) - titles == {name for name in english if not name.startswith("problem.")}
    for name in set(english) & set(chinese):
        values = [set(re.findall(r"\{(\w+)\}", table[name])) for table in (english, chinese)]
        assert values[0] == values[1], name


def test_scripts_stay_short() -> None:
    assert [name for name in SCRIPTS if source(name).count("\n") > MAX_LINES] == []
