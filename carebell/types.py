"""The values that travel between rooms. Frozen, aware UTC times ending in `_at`, ids computed from their causes."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, JsonValue


class Kind(StrEnum):
    """What a reading is about (devices.md, section 6). The wire keeps unknown kinds as text, so the set may grow."""

    SOS = "sos"
    FALL = "fall"
    SMOKE = "smoke"
    CO = "co"
    GAS = "gas"
    WATER = "water"
    HEAT = "heat"
    MOTION = "motion"
    PRESENCE = "presence"
    CONTACT = "contact"
    BED = "bed"
    BUTTON = "button"
    VIBRATION = "vibration"
    ACCELERATION = "acceleration"
    TAMPER = "tamper"
    TEST = "test"
    SENSOR_FAULT = "sensor_fault"
    BATTERY = "battery"
    BATTERY_VOLTAGE = "battery_voltage"
    BATTERY_LOW = "battery_low"
    AVAILABILITY = "availability"
    HEARTBEAT = "heartbeat"
    DOWNLINK_ACK = "downlink_ack"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    CO2 = "co2"
    VITAL = "vital"
    POSITION = "position"
    ARM = "arm"
    DISCOVERY = "discovery"
    OTHER = "other"


URGENT_KINDS = frozenset({Kind.SOS, Kind.FALL, Kind.SMOKE, Kind.CO, Kind.GAS, Kind.WATER, Kind.HEAT})


class Severity(StrEnum):
    """How fast somebody must answer. The order of the members is the order of urgency, lowest first."""

    INFO = "info"
    LOW = "low"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One normalised fact that a device stated. `observed_at` is the device's word, `received_at` is ours.

    `is_level`: a state that may be said again without anything having happened. `correlation_id`: what it answers.
    """

    id: str
    home_id: str
    device_id: str
    kind: str
    value: JsonValue
    observed_at: AwareDatetime
    received_at: AwareDatetime
    source_message_id: str
    fact_index: int = 0
    sub_device: str = ""
    channel: str = ""
    unit: str = ""
    place: str = ""
    dialect: str = "native"
    retained: bool = False
    is_test: bool = False
    is_history: bool = False
    is_level: bool = False
    correlation_id: str = ""
    note: str = ""
    type: Literal["carebell.reading.v1"] = "carebell.reading.v1"

    @property
    def is_urgent(self) -> bool:
        return self.kind in URGENT_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time that has travelled the same road as the readings; one copy in each partition of the telemetry lane.

    `listening_since` is when ingest began to hear without a break: what was silent before that may only not have been heard.
    """

    at: AwareDatetime
    source: str
    listening_since: AwareDatetime | None = None
    type: Literal["carebell.tick.v1"] = "carebell.tick.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingProfile:
    """What a gesture of a device means in this home. An empty `gesture`: any press; `channel`, `heard` (a kind) None: any."""

    gesture: str = ""
    kind: str
    channel: str | None = None
    heard: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """What ingest and rules need to know of a device. `expected_every` is its own reporting interval, None where it has none.

    `dialect` and `address`: the ecosystem it speaks in, empty for native, and its name there; an empty address is its device_id.
    `confirms`: it is there to show that a call was heard, as a `siren` or a `lamp`.
    """

    device_id: str
    model: str = ""
    vendor: str = ""
    description: str = ""
    dialect: str = ""
    address: str = ""
    bindings: tuple[BindingProfile, ...] = ()
    place: str = ""
    gateway_id: str = ""
    is_gateway: bool = False
    is_sos: bool = False
    confirms: str = ""
    expected_every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentProfile:
    """What rules need to know of a resident. `ability_level` as in GB/T 42195-2022: 0 intact … 4 total dependence."""

    ability_level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeProfile:
    """A home as ingest and rules see it: no names, no addresses. The newest `revision` of a home holds. `settings` are its
    own parameters, by rule and name; they are stronger than the rulebook."""

    home_id: str
    timezone: str = "UTC"
    devices: tuple[DeviceProfile, ...] = ()
    residents: tuple[ResidentProfile, ...] = ()
    settings: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    revision: int = 0
    removed: bool = False
    type: Literal["carebell.home.v1"] = "carebell.home.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a rule raises. `at` is the rules' time, `caused_at` when we received what caused it (the budget runs from there).

    `pre_alarm` is how long from its cause a suspicion waits, in sight of the desk, before anybody is called.
    """

    id: str
    rule: str
    home_id: str
    status: AlertStatus
    at: AwareDatetime
    severity: Severity
    summary: str
    summary_zh: str
    caused_at: AwareDatetime
    evidence: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    device_id: str = ""
    budget: timedelta = timedelta(seconds=1)
    rulebook: str = ""
    is_test: bool = False
    pre_alarm: timedelta = timedelta(0)
    type: Literal["carebell.alert.v1"] = "carebell.alert.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Input that could not be read: a bounded copy of it and the reason, for people to look at."""

    id: str
    topic: str
    reason: str
    detail: str
    payload: str
    received_at: AwareDatetime
    device_id: str = ""
    type: Literal["carebell.rejected.v1"] = "carebell.rejected.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFact:
    """One line of a case's history, for anyone who integrates. No names and no addresses."""

    id: str
    case_id: str
    home_id: str
    at: AwareDatetime
    what: str
    status: str
    severity: Severity
    why: str = ""
    cause_id: str = ""
    data: dict[str, JsonValue] = field(default_factory=dict)
    type: Literal["carebell.case_fact.v1"] = "carebell.case_fact.v1"
