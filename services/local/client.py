"""The HTTP API as the command line uses it."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from services.common.ids import new_id

Json = dict[str, Any]

END_STATUSES = frozenset({"succeeded", "failed", "cancelled", "rejected"})
_TIMEOUT = httpx.Timeout(30.0, read=300.0)
_QUIET_S = 30.0
"""Events say at least this often that the server is still there."""
_POLL_S = 1.0
_PATIENCE_S = 60.0
"""How long a server that does not answer is waited for."""


class ApiError(Exception):
    """The API refused, or can't be reached; the message is for people."""

    def __init__(self, message: str, *, code: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class ApiClient:
    """Calls the API; every method raises ApiError."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            trust_env=False,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def get(self, path: str, **query: str | int) -> Json:
        """One thing, or a page."""
        return _json(self._send(self._http.build_request("GET", path, params=query)))

    def all(self, path: str, **query: str | int) -> Iterator[Json]:
        """The items of all pages."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, limit=100, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next_cursor")

    def create(self, path: str, body: Json) -> Json:
        """Makes something of JSON; trying again never makes it twice."""
        headers = {"Idempotency-Key": new_id("ik")}
        return self._create(
            lambda: self._http.build_request("POST", path, json=body, headers=headers)
        )

    def upload(self, path: str, field: str, file: Path, **fields: str) -> Json:
        """Makes something of a file; trying again never makes it twice."""
        headers = {"Idempotency-Key": new_id("ik")}
        content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        with file.open("rb") as content:

            def request() -> httpx.Request:
                content.seek(0)
                return self._http.build_request(
                    "POST",
                    path,
                    files={field: (file.name, content, content_type)},
                    data=fields,
                    headers=headers,
                )

            return self._create(request)

    def act(self, path: str) -> Json:
        """Asks for something to happen."""
        return _json(self._send(self._http.build_request("POST", path)))

    def delete(self, path: str) -> None:
        """Erases something."""
        self._send(self._http.build_request("DELETE", path))

    def follow(self, video_id: str) -> Iterator[Json]:
        """A video each time it changes, until it ended; survives a gateway that restarts."""
        path = f"/v1/videos/{video_id}"
        silent_since = time.monotonic()
        while True:
            try:
                for video in self._events(f"{path}/events"):
                    silent_since = time.monotonic()
                    yield video
                    if video["status"] in END_STATUSES:
                        return
            except ApiError as error:
                if not error.retryable or time.monotonic() - silent_since > _PATIENCE_S:
                    raise
            time.sleep(_POLL_S)

    def download(self, path: str, target: Path) -> None:
        """Saves a file; the target appears whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with self._http.stream("GET", path) as response, partial.open("wb") as file:
                _check(response)
                for block in response.iter_bytes():
                    file.write(block)
            partial.replace(target)
        except httpx.TransportError as error:
            raise self._unreachable() from error
        finally:
            partial.unlink(missing_ok=True)

    def _events(self, path: str) -> Iterator[Json]:
        timeout = httpx.Timeout(30.0, read=_QUIET_S)
        try:
            with self._http.stream("GET", path, timeout=timeout) as response:
                _check(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError as error:
            raise self._unreachable() from error

    def _create(self, request: Any) -> Json:
        """Tries again for a while when the API says that it may work later."""
        started = time.monotonic()
        while True:
            try:
                return _json(self._send(request()))
            except ApiError as error:
                if not error.retryable or time.monotonic() - started > _PATIENCE_S:
                    raise
            time.sleep(_POLL_S)

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            raise self._unreachable() from error
        _check(response)
        return response

    def _unreachable(self) -> ApiError:
        return ApiError(f"{self._url} does not answer: is the stack up?", retryable=True)


def _json(response: httpx.Response) -> Json:
    body: Json = response.json() if response.content else {}
    return body


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    problem: Mapping[str, Any]
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or f"the server answered {response.status_code}"
    code = str(problem.get("code", ""))
    request_id = problem.get("request_id")
    where = f" (request {request_id})" if request_id else ""
    raise ApiError(
        f"{code}: {detail}{where}" if code else f"{detail}{where}",
        code=code,
        retryable=bool(problem.get("retryable")),
    )
