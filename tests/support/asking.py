"""Asking a process of ours over HTTP, as a client would. Whatever breaks on the way is an OSError."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from tests.support.patience import PATIENCE_S


def ask(
    url: str, body: object = None, *, method: str | None = None, token: str = "", within: float = PATIENCE_S
) -> tuple[int, Any]:
    """Status and content (parsed where it is JSON); a body makes it a POST unless a method is given."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        return _answer(request, within)
    except http.client.HTTPException as error:  # killed in the middle of its answer
        raise ConnectionError(f"the answer broke off: {error!r}") from error


def _answer(request: urllib.request.Request, within: float) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:
            return answer.status, _content(answer.read(), answer.headers.get_content_type())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _content(error.read(), error.headers.get_content_type())


def _content(content: bytes, media_type: str) -> Any:
    return json.loads(content) if media_type.endswith("json") else content.decode("utf-8", "replace")
