"""What is revoked in our table ends at the broker too: looked for all the time, and repeated until the broker has done it.

Where a device leaves its home the registry revokes its password, wherever that was said; nobody speaks to the broker then.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from carebell.clock import wait_set
from carebell.errors import BadInput, Refused, TryLater
from carebell.instruments import Instruments
from deploy.access import Access, every
from devices.credentials import WITH_DEVICE, Credential, Credentials
from devices.credentials_left import left_behind, muted
from devices.credentials_missing import for_another
from devices.registry import Home, Registry
from devices.registry_edit import change_home

REVOCATIONS = "revocations"
_LOOK_EVERY = timedelta(seconds=2)


async def finish_revocations(access: Access, instruments: Instruments, stop: asyncio.Event) -> None:
    """Until told to stop. What the broker does not do is told of once, and tried again."""
    told: set[str] = set()
    while not await wait_set(stop, instruments.clock, _LOOK_EVERY):
        reasons = await tell_broker(access)
        for reason in reasons - told:
            instruments.logger.warning("a revoked device may still be let in", error=reason)
        told = reasons


async def tell_broker(access: Access) -> set[str]:
    """Of each that is revoked here only; why somebody may still be inside after that. A broker that is away is not asked again
    for each of many."""
    reasons = set()
    try:
        for revoked in await access.credentials.still_inside():
            if await access.credentials.find(revoked.username) != revoked:
                continue  # somebody else was faster
            try:
                await access.expel(revoked)
            except Refused as refusal:
                reasons.add(refusal.reason)
    except TryLater as error:
        reasons.add(error.reason)
    return reasons


async def revoke_left_behind(credentials: Credentials, registry: Registry, *, by: str, at: datetime) -> list[str]:
    """What devices have left behind that others still spoke by when they went, or that went before this was looked for: whom
    that revokes, and with a `!` what a person must look at, silent devices among it."""
    said = []
    for home_id, kept in (await by_home(credentials)).items():
        home, known = await registry.home(home_id), [one for one in kept if one.is_valid]
        left = left_behind(home, known)
        if left:
            said += await _revoke(registry, home_id, left, by=by, at=at)
        there = {one.device_id for one in home.devices if one.is_installed} if home else set()
        others = [one.username for one in known if one.holder.name not in there and one not in left]
        said += [
            f"! {name}: its device is gone, and others speak by its password: issue them their own" for name in others
        ]
        said += [] if home is None else await silent_devices(credentials, home, kept)
    return said


async def silent_devices(credentials: Credentials, home: Home, kept: Sequence[Credential]) -> list[str]:
    """With a `!`, the devices of a home whose own credential lets them speak no more, though nobody has put them out by name.
    `kept`: all credentials of the home, revoked ones too."""
    said = []
    for one in muted(home, kept):
        if one.is_valid:
            said.append(f"! {for_another(one)}")
        elif (await credentials.audit(one.username))[-1].what == WITH_DEVICE:
            said.append(
                f"! {one.username}: it is in its home again, its password was revoked when it left: issue it one"
            )
    return said


async def _revoke(registry: Registry, home_id: str, left: Sequence[Credential], *, by: str, at: datetime) -> list[str]:
    """By writing the home once more as it is, under the lock of the registry: its devices cannot come back meanwhile."""
    try:
        if await change_home(registry, home_id, lambda home: home, by=by, at=at) is None:
            await registry.remove(home_id, by=by, at=at, expected=0)
    except (BadInput, Refused) as refusal:
        return [f"! home {home_id} cannot be looked through: {refusal}"]
    return [f"{one.username} is revoked: its device is not in the home any more" for one in left]


async def by_home(credentials: Credentials) -> dict[str, list[Credential]]:
    """All that belong to homes, revoked ones too."""
    found: dict[str, list[Credential]] = {}
    async for one in every(credentials):
        if one.holder.home_id:
            found.setdefault(one.holder.home_id, []).append(one)
    return found
