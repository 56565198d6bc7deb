"""The API of homes: read and change them and their devices, and who has changed what.

A home's ETag is its revision. Whoever sends it back as If-Match changes only what they have seen.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, JsonValue

from carebell.clock import Clock
from devices.registry import AddressTaken, ChangedMeanwhile, Device, Home, Revised
from devices.registry_edit import device_of
from devices.registry_json import DeviceBody, HomeBody, device_document, home_document
from devices.registry_patch import BadFields
from notifier.desk.auth import Tokens
from notifier.desk.homes_files_api import file_routes
from notifier.desk.library import Library
from notifier.desk.problem import Problem, described
from notifier.desk.shape import Json

# They are paths of their own below /homes.
_RESERVED = ("import", "export")
Described = dict[int | str, dict[str, Any]]
_HOME: Described = {200: {"model": Home}}
_DEVICE: Described = {200: {"model": Device}}
MERGE_PATCH = "application/merge-patch+json"
_PATCH_SCHEMA = {"type": "object", "examples": [{"label": "Lane 3, 101", "notes": None}]}
_PATCH = {"requestBody": {"required": True, "content": {MERGE_PATCH: {"schema": _PATCH_SCHEMA}}}}
HomeId = Annotated[str, Path(max_length=64)]
DeviceId = Annotated[str, Path(max_length=64)]
IfMatch = Annotated[str | None, Header(description="The ETag of the home as you read it.")]
IfNoneMatch = Annotated[str | None, Header(description="`*`: only if there is no such home yet.")]


class HomesPage(BaseModel):
    """A page of homes."""

    homes: list[Home]
    next: str | None


def home_routes(library: Library, tokens: Tokens, clock: Clock) -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/v1", tags=["homes"], responses=described(401, 422))
    # A path of its own below /homes is looked for before the home of that name.
    file_routes(routes, library, tokens, clock)
    _reading(routes, library, tokens)
    _writing(routes, library, tokens, clock)
    _patching(routes, library, tokens, clock)
    _devices(routes, library, tokens, clock)
    return routes


def _reading(routes: APIRouter, library: Library, tokens: Tokens) -> None:
    @routes.get("/homes", summary="Homes in the order of their ids", responses={200: {"model": HomesPage}})
    async def homes(
        _desk: Annotated[str, Depends(tokens)],
        limit: Annotated[int, Query(ge=1, le=500, description="How many at the most.")] = 50,
        cursor: Annotated[str, Query(max_length=64)] = "",
    ) -> dict[str, Any]:
        return await library.homes.page(cursor, limit)

    @routes.get("/homes/{home_id}", summary="A home with its people and devices", responses=_HOME | described(404))
    async def home(_desk: Annotated[str, Depends(tokens)], home_id: HomeId, response: Response) -> dict[str, Any]:
        return _shown(_found(await library.homes.home(home_id)), response)

    @routes.get("/homes/{home_id}/audit", summary="Who changed what, newest first", responses=described(404))
    async def audit(
        _desk: Annotated[str, Depends(tokens)],
        home_id: HomeId,
        limit: Annotated[int, Query(ge=1, le=500, description="How many at the most.")] = 50,
        cursor: Annotated[int | None, Query(ge=0, le=2**62, description="`next` of the page before.")] = None,
    ) -> dict[str, Any]:
        if (found := await library.homes.audit(home_id, cursor, limit)) is None:
            raise _no_home()
        return found


def _writing(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    written = described(404, 409, 412)

    @routes.put(
        "/homes/{home_id}",
        summary="Add or replace a home",
        responses=_HOME | {201: {"model": Home}} | described(400, 409, 412),
    )
    async def put(
        desk: Annotated[str, Depends(tokens)],
        home_id: HomeId,
        body: HomeBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> dict[str, Any]:
        _check_id("home_id", body.home_id, home_id)
        if home_id in _RESERVED:
            raise Problem(422, "Not an id of a home", f"/homes/{home_id} is something else; choose another id.")
        expected = _expected(if_match, if_none_match)
        with _refusals(expected):
            kept, is_new = await library.homes.put(body, by=desk, at=clock.now(), expected=expected)
        response.status_code = 201 if is_new else 200
        return _shown(kept, response)

    @routes.delete("/homes/{home_id}", status_code=204, summary="Remove a home", responses=written)
    async def remove(desk: Annotated[str, Depends(tokens)], home_id: HomeId, if_match: IfMatch = None) -> None:
        expected = _expected(if_match)
        with _refusals(expected):
            was_there = await library.homes.remove(home_id, by=desk, at=clock.now(), expected=expected)
        if not was_there:
            raise _no_home()


def _patching(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    @routes.patch(
        "/homes/{home_id}",
        summary="Change some fields of a home: a merge patch (RFC 7396); lists are replaced whole, null empties",
        openapi_extra=_PATCH,
        responses=_HOME | described(400, 404, 409, 412, 413, 415),
    )
    async def patch(
        desk: Annotated[str, Depends(tokens)],
        request: Request,
        home_id: HomeId,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        body, expected, at = await _merge_patch(request), _expected(if_match), clock.now()
        with _refusals(expected):
            kept = await library.homes.patch(home_id, body, by=desk, at=at, expected=expected)
        return _shown(_found(kept), response)


async def _merge_patch(request: Request) -> dict[str, JsonValue]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media_type != MERGE_PATCH:
        raise Problem(415, "Not a merge patch", f"Send the fields that change as {MERGE_PATCH}.")
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Problem(400, "Not JSON", f"The body cannot be read: {error}.") from error
    if not isinstance(body, dict):
        raise Problem(422, "Not a merge patch", "Send an object with the fields that change.")
    return body


def _devices(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    """One device of a home; the ETag is that of the home."""
    path, written = "/homes/{home_id}/devices/{device_id}", described(404, 409, 412)

    @routes.get(path, summary="A device of a home", responses=_DEVICE | described(404))
    async def device(
        _desk: Annotated[str, Depends(tokens)], home_id: HomeId, device_id: DeviceId, response: Response
    ) -> dict[str, Any]:
        return _device_of(_found(await library.homes.home(home_id)), device_id, response)

    @routes.put(path, summary="Add or replace a device", responses=_DEVICE | described(400) | written)
    async def put(
        desk: Annotated[str, Depends(tokens)],
        home_id: HomeId,
        device_id: DeviceId,
        body: DeviceBody,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        _check_id("device_id", body.device_id, device_id)
        expected = _expected(if_match)
        with _refusals(expected):
            kept = await library.homes.put_device(home_id, body, by=desk, at=clock.now(), expected=expected)
        return _device_of(_found(kept), device_id, response)

    @routes.delete(path, status_code=204, summary="Remove a device, as if it had never been there", responses=written)
    async def remove(
        desk: Annotated[str, Depends(tokens)], home_id: HomeId, device_id: DeviceId, if_match: IfMatch = None
    ) -> None:
        expected, at = _expected(if_match), clock.now()
        with _refusals(expected):
            left = await library.homes.remove_device(home_id, device_id, by=desk, at=at, expected=expected)
        if left is None:
            raise _no_device(home_id)


@contextmanager
def _refusals(expected: int | None) -> Iterator[None]:
    """What the registry refuses, as HTTP says it."""
    try:
        yield
    except ChangedMeanwhile as refusal:
        if expected is None:
            raise
        raise Problem(412, "Changed meanwhile", f"{refusal.reason[:1].upper()}{refusal.reason[1:]}.") from refusal
    except AddressTaken as taken:
        raise Problem(409, "Another home has this address", "; ".join(taken.problems)) from taken
    except BadFields as refusal:
        errors = [{"path": pointer, "detail": said} for pointer, said in refusal.places]
        raise Problem(422, "The home cannot be like that", "; ".join(refusal.problems[:5]), errors=errors) from refusal


def _expected(if_match: str | None, if_none_match: str | None = None) -> int | None:
    """The revision that a home must have, 0 for none; None where it does not matter."""
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise Problem(412, "Not understood", "If-None-Match is `*` here: only if there is no such home yet.")
        return 0
    if if_match is None:
        return None
    found = re.fullmatch(r'(?:W/)?"([1-9][0-9]{0,17})"', if_match.strip(), re.ASCII)
    if found is None:
        raise Problem(412, "No such revision", 'If-Match is the ETag of the home as you read it, such as "17".')
    return int(found[1])


def _check_id(name: str, sent: str, addressed: str) -> None:
    if sent != addressed:
        raise Problem(
            422, "Two ids", f"{name} is {sent!r} in the body and {addressed!r} in the address; make them one."
        )


def _shown(found: Revised, response: Response) -> Json:
    response.headers["ETag"] = f'"{found.revision}"'
    return home_document(found.home)


def _device_of(found: Revised, device_id: str, response: Response) -> Json:
    device = device_of(found.home, device_id)
    if device is None:
        raise _no_device(found.home.home_id)
    response.headers["ETag"] = f'"{found.revision}"'
    return device_document(device)


def _found(home: Revised | None) -> Revised:
    if home is None:
        raise _no_home()
    return home


def _no_home() -> Problem:
    return Problem(404, "No such home", "Look at /api/v1/homes for those there are.")


def _no_device(home_id: str) -> Problem:
    return Problem(404, "No such device", f"Look at /api/v1/homes/{home_id} for its devices.")
