"""The registry of homes: who lives where, whom to call, which devices are there. Values, their checks, and the port.

Personal data stays in here: ingest and rules see only `Home.profile`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol

from pydantic import WithJsonSchema

from carebell.duration import Duration
from carebell.errors import BadInput, Refused
from carebell.types import BindingProfile, DeviceProfile, HomeProfile, ResidentProfile
from devices.registry_changes import PART_IDS, AuditLine
from devices.registry_checks import CHECKS, Path, Unfit
from devices.registry_conflicts import binding_conflicts, claims, device_conflicts, is_installed, unknown_words
from devices.registry_settings import Settings

_Interval = Annotated[Duration, WithJsonSchema({"type": "string", "examples": ["25h", "5m"]})]


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
        found: list[tuple[Path, str]] = []
        for name in _names(type(self)):
            try:
                if check := CHECKS.get(name):
                    check(getattr(self, name))
            except ValueError as refusal:
                found.append(((name,), f"{name}: {refusal}"))
        if found:
            raise Unfit(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident(_Checked):
    """A person who lives there. `ability_level` as in GB/T 42195-2022: 0 (able) to 4 (wholly dependent).

    `consent` to what is kept and passed on here; `consent_by`: who gave it, where somebody else did.
    """

    resident_id: str
    name: str
    birth_year: int | None = None
    language: str = "zh-CN"
    ability_level: int | None = None
    conditions: str = ""
    medication: str = ""
    notes: str = ""
    consent: bool = False
    consent_by: str = ""
    consent_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(_Checked):
    """Whom to call; the lowest `order` first. `language` is what they are written to in, `languages` what they speak,
    `hours` when they may be called (`08:00-22:00` in the time of the home), empty for always."""

    contact_id: str
    name: str
    relation: str = ""
    role: Role = Role.FAMILY
    phones: tuple[str, ...] = ()
    email: str = ""
    webhook: str = ""
    language: str = "zh-CN"
    languages: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    has_key: bool = False
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(_Checked):
    """Who looks after the home by profession: its care station (role provider), its health centre. `service_id` is the
    same in all the homes that it looks after."""

    service_id: str
    role: Role
    name: str
    phones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(_Checked):
    """A device in a home; `gateway_id` names the gateway of the same home that it speaks through.

    `dialect` is the ecosystem that it speaks in (empty: native), `address` its name there (empty: its device_id).
    `confirms`: it is there to show that a call was heard, as a siren or a lamp (empty: it is not).
    `battery_changes`: the days on which it got new ones. A device that was returned stays here and works no more.
    """

    device_id: str
    vendor: str = ""
    model: str = ""
    description: str = ""
    dialect: str = ""
    address: str = ""
    place: str = ""
    gateway_id: str = ""
    is_gateway: bool = False
    is_sos: bool = False
    confirms: str = ""
    expected_every: _Interval | None = None
    bindings: tuple[BindingProfile, ...] = ()
    installed_on: date | None = None
    battery_changes: tuple[date, ...] = ()
    lent_on: date | None = None
    due_back_on: date | None = None
    returned_on: date | None = None

    def __post_init__(self) -> None:
        _Checked.__post_init__(self)
        told = binding_conflicts(_parts(self.bindings))
        if found := [(("bindings", index, name), f"bindings: {refusal}") for index, name, refusal in told]:
            raise Unfit(found)

    @property
    def is_installed(self) -> bool:
        return is_installed({"returned_on": self.returned_on})

    def profile(self) -> DeviceProfile:
        """What ingest and rules may know of it."""
        return DeviceProfile(
            device_id=self.device_id,
            vendor=self.vendor,
            model=self.model,
            description=self.description,
            dialect=self.dialect,
            address=self.address,
            bindings=self.bindings,
            place=self.place,
            gateway_id=self.gateway_id,
            is_gateway=self.is_gateway,
            is_sos=self.is_sos,
            confirms=self.confirms,
            expected_every=self.expected_every,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Home(_Checked):
    """One home. `keys` says where the keys are, `key_safe` where the safe hangs and who has its code, `notes` what a helper
    at the door must know. `settings`: parameters of rules that differ from the rulebook here, by rule and name; what they
    mean is known to the rules only."""

    home_id: str
    label: str = ""
    timezone: str = "Asia/Shanghai"
    address: str = ""
    notes: str = ""
    keys: str = ""
    key_safe: str = ""
    residents: tuple[Resident, ...] = ()
    contacts: tuple[Contact, ...] = ()
    services: tuple[Service, ...] = ()
    devices: tuple[Device, ...] = ()
    settings: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        _Checked.__post_init__(self)
        found = [place for name, id_name in PART_IDS.items() for place in _repeated(name, id_name, getattr(self, name))]
        found += [
            (("devices", index, name), f"{name} of {self.devices[index].device_id}: {refusal}")
            for index, name, refusal in device_conflicts(_parts(self.devices))
        ]
        if found:
            raise Unfit(found)

    def profile(self, revision: int) -> HomeProfile:
        """What ingest and rules may know: no names, no addresses, of residents nothing but how able they are."""
        return HomeProfile(
            home_id=self.home_id,
            timezone=self.timezone,
            revision=revision,
            devices=tuple(device.profile() for device in self.devices if device.is_installed),
            residents=tuple(ResidentProfile(ability_level=one.ability_level) for one in self.residents),
            settings=self.settings,
        )

    def claims(self) -> dict[tuple[str, str], str]:
        """The devices whose address no other home may have: `(dialect, address)` -> device_id."""
        return claims(_parts(self.devices))

    def unknown_words(self) -> tuple[tuple[Path, str], ...]:
        """Why whoever writes this home meant something else: where dialects and kinds stand that this version does not know."""
        return tuple(unknown_words(_parts(self.devices)))


@dataclass(frozen=True, slots=True)
class Revised:
    """A home as it stands at a revision."""

    home: Home
    revision: int


class ChangedMeanwhile(Refused):
    """Somebody else has changed or removed the home since it was read."""


class AddressTaken(BadInput):
    """Devices have addresses that another home has. `places`: home_id, device_id and a sentence, one for each."""

    def __init__(self, places: Sequence[tuple[str, str, str]]) -> None:
        self.places = tuple(places)
        super().__init__([f"home {home_id}, device {device_id}: {said}" for home_id, device_id, said in places])


class Registry(Protocol):
    """Where homes are kept. Revisions are global, rise with every changed home, and become visible in their order."""

    async def home(self, home_id: str) -> Home | None: ...

    async def revised(self, home_id: str) -> Revised | None:
        """The home with the revision it has, for whoever wants to change it."""
        ...

    async def homes(self, after: str = "", limit: int = 100) -> Sequence[Home]:
        """The next homes by id, beginning behind `after`."""
        ...

    async def put(
        self,
        homes: Sequence[Home],
        *,
        by: str,
        at: datetime,
        expected: Mapping[str, int] | None = None,
        is_trial: bool = False,
    ) -> int:
        """Add or replace all of them or none; returns how many changed. Unchanged homes keep their revision.

        `expected`: the revision that a home must have, 0 for a home that must not be there; else ChangedMeanwhile.
        A trial checks everything and changes nothing. Raises AddressTaken, BadInput.
        """
        ...

    async def remove(self, home_id: str, *, by: str, at: datetime, expected: int | None = None) -> bool:
        """Whether it was there. Raises ChangedMeanwhile as `put` does."""
        ...

    async def taken(self, wanted: Mapping[str, Mapping[tuple[str, str], str]]) -> Sequence[tuple[str, str, str]]:
        """What AddressTaken would say of homes with these claims, by home_id."""
        ...

    async def changes(self, after: int, limit: int) -> Sequence[tuple[int, HomeProfile]]:
        """The newest state of each home that changed behind revision `after`, oldest change first."""
        ...

    async def audit(self, home_id: str, *, before: int | None = None, limit: int | None = None) -> Sequence[AuditLine]:
        """Every change of a home, oldest first; or only the last `limit` of those before revision `before`."""
        ...

    async def close(self) -> None: ...


def _parts(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [{name: getattr(record, name) for name in _names(type(record))} for record in records]


def _names(shape: Any) -> tuple[str, ...]:
    # Read for every part of every home: `fields` takes ten times as long.
    return tuple(shape.__dataclass_fields__)


def _repeated(name: str, id_name: str, records: Sequence[Any]) -> Iterator[tuple[Path, str]]:
    count = Counter(getattr(record, id_name) for record in records)
    yield from (((name,), f"{id_name}: {one!r} is there more than once") for one, number in count.items() if number > 1)
