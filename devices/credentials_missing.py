"""Who in a home needs a credential and has none. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from carebell.errors import BadInput
from devices.credentials import OWN_LEVEL, Credential, Holder, holder_of
from devices.credentials_left import muted
from devices.dialects import native
from devices.registry import Device, Home
from devices.registry_conflicts import SERVER_DIALECTS


@dataclass(frozen=True, slots=True)
class Missing:
    """Whom to give one, in the order of the registry with gateways first, and what a person must look at."""

    holders: tuple[Holder, ...]
    problems: tuple[str, ...]


def missing(home: Home, credentials: Sequence[Credential]) -> Missing:
    """`credentials`: those of the home, revoked ones too. Nobody is given one who speaks through a gateway or through a server
    for many homes."""
    known = {one.holder.name: one for one in credentials if one.is_valid}
    silent = muted(home, credentials)
    holders, problems = [], []
    for device in sorted(_speakers(home), key=lambda one: not one.is_gateway):
        credential = known.get(device.device_id)
        try:
            if credential is None:
                holders.append(holder_of(home, device.device_id))
            elif credential in silent:
                problems.append(for_another(credential))
            elif not credential.is_settled:
                problems.append(f"{credential.username}: the broker may not know it: rotate it")
        except BadInput as refusal:
            problems.append(f"{home.home_id}/{device.device_id}: {refusal}")
    return Missing(tuple(holders), tuple(problems))


def for_another(credential: Credential) -> str:
    """What to do where the dialect or the address of a device is another since its password was issued."""
    return (
        f"{credential.username}: its password is not for what the registry says of it now: revoke it, then issue it one"
    )


def _speakers(home: Home) -> Iterator[Device]:
    """Who speaks to the broker."""
    installed = [one for one in home.devices if one.is_installed]
    shared = {_dialect(one) for one in installed if one.is_gateway} - {native.NAME, *OWN_LEVEL}
    for device in installed:
        is_behind = bool(device.gateway_id) or _dialect(device) in shared
        if _dialect(device) not in SERVER_DIALECTS and (device.is_gateway or not is_behind):
            yield device


def _dialect(device: Device) -> str:
    return device.dialect or native.NAME
