"""The registry of homes: who lives where, whom to call, which devices are there. Values, their checks, and the port.

Personal data stays in here: ingest and rules see only `Home.profile`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue

from carebell.duration import Duration
from carebell.types import DeviceProfile, HomeProfile, ResidentProfile
from devices.registry_checks import CHECKS, closest
from devices.registry_settings import Settings

_GATEWAY_HINT = "; add it with is_gateway: true"


class Role(StrEnum):
    """What a contact is to the home; the ladder of a rulebook names these."""

    FAMILY = "family"
    NEIGHBOUR = "neighbour"
    PROVIDER = "provider"
    HEALTH_CENTRE = "health_centre"
    DESK = "desk"


class _Checked:
    """A record that cannot be built with a value that a check in `CHECKS` refuses."""

    __slots__ = ()

    def __post_init__(self) -> None:
        found = []
        for one in fields(self):  # type: ignore[arg-type]
            try:
                if check := CHECKS.get(one.name):
                    check(getattr(self, one.name))
            except ValueError as refusal:
                found.append(f"{one.name}: {refusal}")
        if found:
            raise ValueError("; ".join(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident(_Checked):
    """A person who lives there. `ability_level` as in GB/T 42195-2022: 0 (able) to 4 (wholly dependent)."""

    resident_id: str
    name: str
    birth_year: int | None = None
    language: str = "zh-CN"
    ability_level: int | None = None
    notes: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(_Checked):
    """Whom to call; the lowest `order` first."""

    contact_id: str
    name: str
    relation: str = ""
    role: Role = Role.FAMILY
    phones: tuple[str, ...] = ()
    email: str = ""
    webhook: str = ""
    language: str = "zh-CN"
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(_Checked):
    """A device in a home; `gateway_id` names the gateway of the same home that it speaks through."""

    device_id: str
    model: str = ""
    place: str = ""
    gateway_id: str = ""
    is_gateway: bool = False
    is_sos: bool = False
    expected_every: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home(_Checked):
    """One home. `keys` says where the keys are, `notes` what a helper at the door must know. `settings`: parameters of rules
    that differ from the rulebook here, by rule and name; what they mean is known to the rules only."""

    home_id: str
    label: str = ""
    timezone: str = "Asia/Shanghai"
    address: str = ""
    notes: str = ""
    keys: str = ""
    residents: tuple[Resident, ...] = ()
    contacts: tuple[Contact, ...] = ()
    devices: tuple[Device, ...] = ()
    settings: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        _Checked.__post_init__(self)
        found = _repeated("resident_id", [one.resident_id for one in self.residents])
        found += _repeated("contact_id", [one.contact_id for one in self.contacts])
        found += _repeated("device_id", [device.device_id for device in self.devices])
        known = {device.device_id: device.is_gateway for device in self.devices}
        for device in self.devices:
            refusal = gateway_refusal(device.device_id, device.gateway_id, known)
            found += [f"gateway_id of {device.device_id}: {refusal}"] if refusal else []
        if found:
            raise ValueError("; ".join(found))

    def profile(self, revision: int) -> HomeProfile:
        """What ingest and rules may know: no names, no addresses, of residents nothing but how able they are."""
        return HomeProfile(
            home_id=self.home_id,
            timezone=self.timezone,
            revision=revision,
            devices=tuple(
                DeviceProfile(
                    device_id=device.device_id,
                    model=device.model,
                    place=device.place,
                    gateway_id=device.gateway_id,
                    is_gateway=device.is_gateway,
                    is_sos=device.is_sos,
                    expected_every=device.expected_every,
                )
                for device in self.devices
            ),
            residents=tuple(ResidentProfile(ability_level=one.ability_level) for one in self.residents),
            settings=self.settings,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One change of one home. `before` is None where it was added, `after` is None where it was removed."""

    home_id: str
    revision: int
    at: datetime
    by: str
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None


class Registry(Protocol):
    """Where homes are kept. Revisions are global, rise with every changed home, and become visible in their order."""

    async def home(self, home_id: str) -> Home | None: ...

    async def homes(self, after: str = "", limit: int = 100) -> Sequence[Home]:
        """The next homes by id, beginning behind `after`."""
        ...

    async def put(self, homes: Sequence[Home], *, by: str, at: datetime) -> int:
        """Add or replace all of them or none; returns how many changed. Unchanged homes keep their revision."""
        ...

    async def remove(self, home_id: str, *, by: str, at: datetime) -> bool: ...

    async def changes(self, after: int, limit: int) -> Sequence[tuple[int, HomeProfile]]:
        """The newest state of each home that changed behind revision `after`, oldest change first."""
        ...

    async def audit(self, home_id: str) -> Sequence[AuditLine]:
        """Every change of a home, oldest first."""
        ...

    async def close(self) -> None: ...


def gateway_refusal(device_id: str, gateway_id: str, known: Mapping[str, bool]) -> str:
    """Why a device cannot speak through that gateway, "" where it can. `known`: device id -> is it a gateway."""
    if not gateway_id:
        return ""
    if gateway_id == device_id:
        return "a device is not its own gateway; leave gateway_id out"
    if gateway_id not in known:
        return f"this home has no device {gateway_id!r}{closest(gateway_id, list(known)) or _GATEWAY_HINT}"
    return "" if known[gateway_id] else f"device {gateway_id!r} is not a gateway; give it is_gateway: true"


def _repeated(name: str, ids: Sequence[str]) -> list[str]:
    return [f"{name}: {one!r} is there more than once" for one, count in Counter(ids).items() if count > 1]
