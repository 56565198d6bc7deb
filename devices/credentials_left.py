"""Which credentials are left behind when a device leaves its home. Pure.

A gateway that was taken away is often not the only one who spoke by its password: whatever is still there and has no other way
to the broker keeps it alive, for a button that is cut off calls nobody.
"""

from collections.abc import Iterator, Sequence

from carebell.errors import BadInput
from devices.credentials import Credential, Grants, covers, grants_of, holder_of
from devices.registry import Device, Home


def left_behind(home: Home | None, credentials: Sequence[Credential]) -> tuple[Credential, ...]:
    """Of the valid credentials of a home those that nobody there needs any more; all of them where the home is gone."""
    if home is None:
        return tuple(credentials)
    installed = {one.device_id for one in home.devices if one.is_installed}
    gone = [one for one in credentials if one.holder.name not in installed]
    if not gone:
        return ()
    here = {one.holder.name: grants_of(one.holder) for one in credentials if one.holder.name in installed}
    voiceless = [voice for speaker, voice in _voices(home) if not _is_heard(voice, speaker, here)]
    return tuple(one for one in gone if not any(_carries(grants_of(one.holder), voice) for voice in voiceless))


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


def _is_heard(voice: Grants, speaker: str, here: dict[str, Grants]) -> bool:
    own = here.get(speaker)
    return (own is not None and _carries(own, voice)) or any(_carries(grants, voice) for grants in here.values())


def _carries(grants: Grants, voice: Grants) -> bool:
    """Whether all that must be said may be said."""
    return all(any(covers(granted, topic) for granted in grants.publish) for topic in voice.publish)
