"""Files of homes over the API: YAML and CSV, all or nothing."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from carebell.clock import Clock
from carebell.errors import BadInput
from notifier.desk.auth import Tokens
from notifier.desk.library import Library
from notifier.desk.problem import Problem, described
from notifier.desk.shape import Json

MAX_FILE = 4 * 1024 * 1024
_SUFFIXES = {
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "text/yaml": ".yaml",
    "text/x-yaml": ".yaml",
    "text/csv": ".csv",
}
_MEDIA_TYPES = {"yaml": "application/yaml", "csv": "text/csv"}
_SCHEMAS = {"yaml": {"type": "object", "required": ["homes"]}, "csv": {"type": "string"}}
_CONTENT = {_MEDIA_TYPES[format]: {"schema": schema} for format, schema in _SCHEMAS.items()}
_FILE = {"requestBody": {"required": True, "content": _CONTENT}}


def file_routes(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    """They go before `/homes/{home_id}`."""
    exported: dict[int | str, dict[str, Any]] = {200: {"description": "The file.", "content": _CONTENT}}

    @routes.post(
        "/homes/import",
        summary="Put the homes of a YAML or CSV file: all of them, or none and every bad line",
        openapi_extra=_FILE,
        responses=described(413, 415),
    )
    async def take(
        desk: Annotated[str, Depends(tokens)],
        request: Request,
        dry_run: Annotated[bool, Query(description="Only say what it would do.")] = False,
    ) -> dict[str, Any]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if media_type not in _SUFFIXES:
            raise Problem(415, "Not a file of homes", "Send YAML as application/yaml, or CSV as text/csv.")
        data, name = await _body(request), f"homes{_SUFFIXES[media_type]}"
        try:
            return await library.homes.take(data, name, by=desk, at=clock.now(), is_trial=dry_run)
        except BadInput as refusal:
            raise _bad_lines(refusal) from refusal

    @routes.get("/homes/export", summary="Every home as a file", response_class=Response, responses=exported)
    async def give(_desk: Annotated[str, Depends(tokens)], format: Literal["yaml", "csv"] = "yaml") -> Response:
        text = await library.homes.give(f".{format}")
        return Response(
            text,
            media_type=_MEDIA_TYPES[format],
            headers={"Content-Disposition": f'attachment; filename="homes.{format}"'},
        )


async def _body(request: Request) -> bytes:
    """Refused as soon as it is too large, before all of it was taken."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_FILE:
            larger = "split the file, or use `carebell admin homes import`"
            raise Problem(413, "Too large", f"At most {MAX_FILE >> 20} MiB are taken at once; {larger}.")
    return bytes(data)


def _bad_lines(refusal: BadInput) -> Problem:
    """`name:LINE: sentence` as lines and sentences; what has no line is told alone."""
    errors: list[Json] = []
    for problem in refusal.problems:
        found = re.fullmatch(r"homes\.\w+:([0-9]+): (.*)", problem, re.DOTALL)
        errors.append({"line": int(found[1]), "detail": found[2]} if found else {"line": None, "detail": problem})
    title = "Nothing was imported: the file has mistakes"
    return Problem(422, title, "; ".join(refusal.problems[:5]), errors=errors)
