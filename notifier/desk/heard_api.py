"""The API of what is heard: each device's last word, what arrives now, and the pairing that gives a gesture its meaning.

Press it now: ask with `wait`, see what arrived, then store what it means.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from carebell.clock import Clock
from carebell.types import BindingProfile, Kind, Reading
from devices.pairing import Gesture, gestures, with_binding, without_binding
from devices.registry import Device, Home
from devices.registry_json import device_document
from notifier.desk.auth import Tokens
from notifier.desk.homes import Homes
from notifier.desk.last_words import LastWords
from notifier.desk.library import Library
from notifier.desk.problem import Problem, described
from notifier.desk.shape import Json, time

_LONGEST_S = 30
Id = Annotated[str, Path(max_length=64)]


class BindingBody(BaseModel):
    """What a gesture of a device means in this home. An empty gesture is any press; without a channel, on any channel."""

    model_config = ConfigDict(extra="forbid")

    gesture: Annotated[str, Field(max_length=64, examples=["single"])] = ""
    channel: Annotated[str | None, Field(max_length=64)] = None
    kind: Annotated[Kind, Field(description="What it means.", examples=["sos"])] = Kind.SOS
    heard: Annotated[
        Kind | None, Field(description="What it comes as, as `heard` shows it; left out: whatever it comes as.")
    ] = None


def heard_routes(library: Library, tokens: Tokens, clock: Clock) -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/v1", tags=["devices"], responses=described(401, 422))
    _listening(routes, library, tokens, clock)
    _bindings(routes, library, tokens, clock)
    return routes


def _listening(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    @routes.get(
        "/homes/{home_id}/heard",
        summary="The last word of each device, and what came just now",
        responses=described(404),
    )
    async def heard(
        _desk: Annotated[str, Depends(tokens)],
        home_id: Id,
        after: Annotated[str, Query(max_length=40, description="Only what came behind this time (RFC 3339).")] = "",
        wait: Annotated[
            int, Query(ge=0, le=_LONGEST_S, description="Seconds to wait for something to come: press it now.")
        ] = 0,
    ) -> dict[str, Any]:
        found = await library.homes.home(home_id)
        now = clock.now()
        behind = _time(after) if after else now - timedelta(seconds=0 if wait else 600)
        recent = await library.words.news(home_id, behind, clock, now + timedelta(seconds=wait))
        if found is None and not recent:
            raise Problem(404, "No such home", "It is not registered, and nothing was heard from it.")
        devices = [] if found is None else found.home.devices
        return {
            "at": time(clock.now()),
            "devices": [_device_json(home_id, device, library.words) for device in devices],
            "recent": [_reading_json(reading) for reading in recent],
        }


def _bindings(routes: APIRouter, library: Library, tokens: Tokens, clock: Clock) -> None:
    path, written = "/homes/{home_id}/devices/{device_id}/bindings", described(404, 409)

    @routes.post(path, summary="Say what a gesture of a device means", responses=described(400) | written)
    async def bind(
        desk: Annotated[str, Depends(tokens)], home_id: Id, device_id: Id, body: BindingBody
    ) -> dict[str, Any]:
        gesture = body.gesture.strip().casefold()
        binding = BindingProfile(gesture=gesture, kind=body.kind, channel=body.channel, heard=body.heard)

        def bound(home: Home) -> Home:
            return with_binding(home, device_id, binding)

        return await _changed(library.homes, home_id, device_id, bound, desk, clock)

    @routes.delete(path, summary="Forget what a gesture meant", responses=written)
    async def unbind(
        desk: Annotated[str, Depends(tokens)],
        home_id: Id,
        device_id: Id,
        gesture: Annotated[str, Query(max_length=64)] = "",
        channel: Annotated[str | None, Query(max_length=64)] = None,
        heard: Annotated[str | None, Query(max_length=64, description="Only where it comes as this.")] = None,
    ) -> dict[str, Any]:
        def unbound(home: Home) -> Home:
            return without_binding(home, device_id, gesture, channel, heard)

        return await _changed(library.homes, home_id, device_id, unbound, desk, clock)


async def _changed(homes: Homes, home_id: str, device_id: str, change: Any, desk: str, clock: Clock) -> Json:
    try:
        kept = await homes.change(home_id, change, by=desk, at=clock.now())
    except KeyError as missing:
        raise Problem(
            404, "No such device or binding", f"Look at /api/v1/homes/{home_id} for its devices."
        ) from missing
    if kept is None:
        raise Problem(404, "No such home", "Look at /api/v1/homes for those there are.")
    device = next(one for one in kept.home.devices if one.device_id == device_id)
    return device_document(device)


def _time(stated: str) -> datetime:
    try:
        at = datetime.fromisoformat(stated.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Problem(422, "Not a time", "after is a time with its zone, such as 2026-03-01T08:00:00Z.")
    return at


def _device_json(home_id: str, device: Device, words: LastWords) -> Json:
    word = words.of(home_id, device.device_id)
    every = device.expected_every
    said: Json = {
        "device_id": device.device_id,
        "place": device.place,
        "expected_every_s": None if every is None else every.total_seconds(),
        "heard_at": None,
        "last": None,
        "battery": None,
        "battery_low": None,
        "availability": None,
        "signal": None,
    }
    if word is not None:
        said |= {
            "heard_at": time(word.heard_at),
            "last": {"kind": word.kind, "value": word.value},
            "battery": word.battery,
            "battery_low": word.battery_low,
            "availability": word.availability,
            "signal": word.signal,
        }
    return said


def _reading_json(reading: Reading) -> Json:
    found = gestures([reading])
    return {
        "id": reading.id,
        "received_at": time(reading.received_at),
        "device_id": reading.device_id,
        "dialect": reading.dialect,
        "kind": reading.kind,
        "value": None if isinstance(reading.value, dict | list) else reading.value,
        "channel": reading.channel,
        "retained": reading.retained,
        "binds": _binds_json(found[0]) if found else None,
        "means": (found[0].means or None) if found else None,
    }


def _binds_json(gesture: Gesture) -> Json:
    return {"gesture": gesture.gesture, "channel": gesture.channel or None, "heard": gesture.kind}
