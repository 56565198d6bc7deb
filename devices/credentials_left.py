"""Which credentials are left behind when a device leaves its home, and whose device has none that fits any more. Pure.

A gateway that was taken away is often not the only one who spoke by its password: whatever is still there and has no other way
to the broker keeps it alive, for a button that is cut off calls nobody.
"""

from collections.abc import Iterator, Sequence

from carebell.errors import BadInput
from devices.credentials import Credential, Grants, covers, grants_of, holder_of
from devices.registry import Device, Home
from devices.registry_conflicts import SERVER_DIALECTS


def left_behind(home: Home | None, credentials: Sequence[Credential]) -> tuple[Credential, ...]:
    """Of the valid credentials of a home those that nobody there needs any more; all of them where the home is gone."""
    if home is None:
        return tuple(credentials)
    installed = {one.device_id for one in home.devices if one.is_installed}
    gone = [one for one in credentials if one.holder.name not in installed]
    if not gone:
        return ()
    here = [grants_of(one.holder) for one in credentials if one.holder.name in installed]
    voiceless = [voice for _, voice in _voices(home) if not _is_heard(voice, here)]
    return tuple(one for one in gone if not any(_carries(grants_of(one.holder), voice) for voice in voiceless))


def muted(home: Home, credentials: Sequence[Credential]) -> tuple[Credential, ...]:
    """Of all credentials of a home, revoked ones too, those whose device is there and which nothing valid lets speak: the
    device came back after it had left, or its dialect or its address is another since."""
    valid = [grants_of(one.holder) for one in credentials if one.is_valid]
    by_server = {one.device_id for one in home.devices if one.dialect in SERVER_DIALECTS}
    silent = {speaker for speaker, voice in _voices(home) if not _is_heard(voice, valid)} - by_server
    return tuple(one for one in credentials if one.holder.name in silent)


def _voices(home: Home) -> Iterator[tuple[str, Grants]]:
    """Who speaks to the broker for each device that is in the home, and what must be open to it."""
    speakers = dict.fromkeys(_speaker(one) for one in home.devices if one.is_installed)
    for speaker in speakers:
        try:
            yield speaker, grants_of(holder_of(home, speaker))
        except BadInput:
            continue  # nobody could have given it a password


def _speaker(device: Device) -> str:
    return device.gateway_id if device.gateway_id and not device.is_gateway else device.device_id


def _is_heard(voice: Grants, valid: Sequence[Grants]) -> bool:
    return any(_carries(grants, voice) for grants in valid)


def _carries(grants: Grants, voice: Grants) -> bool:
    """Whether all that must be said may be said."""
    return all(any(covers(granted, topic) for granted in grants.publish) for topic in voice.publish)
