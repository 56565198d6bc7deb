"""Errors over HTTP: application/problem+json (RFC 9457), each with a sentence that says what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from carebell.errors import BadInput, Refused, TryLater

MEDIA_TYPE = "application/problem+json"


_MEANS = {
    400: "The body cannot be read.",
    401: "Not signed in, or with a wrong token.",
    404: "There is no such thing.",
    409: "Not possible as things stand.",
    412: "Somebody has changed it meanwhile.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read here.",
    422: "The request cannot be used.",
    503: "A server that the desk needs does not answer now; ask again.",
}
_SCHEMA = {
    "type": "object",
    "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "detail": {"type": "string"}}
    | {"status": {"type": "integer"}},
    "required": ["type", "title", "status", "detail"],
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems, and the one that may always be, as the description of the API names them."""
    return {
        status: {"description": _MEANS[status], "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
        for status in (*statuses, 503)
    }


class Problem(Exception):
    """An answer that says what is wrong; `errors` are its parts, where a machine may want them one by one."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        super().__init__(detail)


def answer(
    status: int,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: Sequence[dict[str, Any]] = (),
) -> JSONResponse:
    """A problem as a response."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    content |= {"errors": list(errors)} if errors else {}
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def _message(error: Mapping[str, Any]) -> str:
    """What is wrong with a field; words of the library that a person need not read are left out."""
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    return str(error["msg"]).removeprefix("Value error, ")


def install(app: FastAPI) -> None:
    """Every error of the app leaves it in this form."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return answer(error.status, error.title, error.detail, headers, error.errors)

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> JSONResponse:
        return answer(409, "Not possible now", error.reason)

    @app.exception_handler(TryLater)
    async def later(_request: Request, error: TryLater) -> JSONResponse:
        return answer(503, "Not possible now", f"{error.reason}; ask again.", {"Retry-After": "1"})

    @app.exception_handler(OSError)
    async def away(_request: Request, error: OSError) -> JSONResponse:
        return answer(503, "Not possible now", f"The log does not answer: {error}; ask again.", {"Retry-After": "1"})

    @app.exception_handler(BadInput)
    async def bad_input(_request: Request, error: BadInput) -> JSONResponse:
        return answer(422, "The request cannot be used", "; ".join(error.problems))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {_message(one)}" for one in error.errors())
        return answer(422, "The request cannot be used", said)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{request.method} {request.url.path}: {error.detail}. The API is described at /docs."
        return answer(error.status_code, str(error.detail), detail, dict(error.headers or {}))
