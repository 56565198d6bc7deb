"""Changes of parts of a home: pure functions from a home to a home, and how one is written where others write too."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from carebell.errors import BadInput
from devices.registry import ChangedMeanwhile, Device, Home, Registry, Revised

_TRIES = 5


def device_of(home: Home, device_id: str) -> Device | None:
    """The device with that id, also where it was returned."""
    return next((one for one in home.devices if one.device_id == device_id), None)


def with_device(home: Home, device: Device) -> Home:
    """Added, or in the place of the one with its id. Raises BadInput where it does not fit the others."""
    if device_of(home, device.device_id) is None:
        return _with_devices(home, (*home.devices, device))
    return _with_devices(home, (device if one.device_id == device.device_id else one for one in home.devices))


def without_device(home: Home, device_id: str) -> Home:
    """Raises BadInput where others speak through it."""
    return _with_devices(home, (one for one in home.devices if one.device_id != device_id))


async def change_home(
    registry: Registry,
    home_id: str,
    change: Callable[[Home], Home],
    *,
    by: str,
    at: datetime,
    expected: int | None = None,
) -> Revised | None:
    """The home after the change, None where there is no such home. What others write meanwhile is not lost: the change is
    made anew on top of it, or refused with ChangedMeanwhile where a revision was expected."""
    for _ in range(_TRIES):
        found = await registry.revised(home_id)
        if found is None:
            return None
        revision = found.revision if expected is None else expected
        try:
            await registry.put([change(found.home)], by=by, at=at, expected={home_id: revision})
        except ChangedMeanwhile:
            if expected is not None:
                raise
            continue
        return await registry.revised(home_id)
    raise ChangedMeanwhile(f"home {home_id} is being changed by others all the time; try again")


def _with_devices(home: Home, devices: Iterable[Device]) -> Home:
    try:
        return replace(home, devices=tuple(devices))
    except ValueError as refusal:
        raise BadInput(str(refusal)) from refusal
