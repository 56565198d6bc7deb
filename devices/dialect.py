"""What every dialect takes and gives: a message in, facts and problems out. Pure; nothing is ever raised through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue

from carebell.ids import computed
from carebell.types import URGENT_KINDS, Reading

PAYLOAD_LIMIT = 1_048_576
KEPT_PAYLOAD = 2048


class Reason(StrEnum):
    """Why a message, or a part of one, was rejected. A closed set: it is a metric label."""

    UNKNOWN_TOPIC = "unknown_topic"
    BAD_ADDRESS = "bad_address"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    MISSING_KIND = "missing_kind"
    BAD_VALUE = "bad_value"
    DECODER_FAILED = "decoder_failed"
    NOT_REGISTERED = "not_registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One MQTT message. `topic` as the ecosystem documents it; `heard_on` where the broker had it, empty where that is the
    same."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False
    heard_on: str = ""

    @property
    def full_topic(self) -> str:
        return self.heard_on or self.topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing a message states, before it is a reading of a home.

    `is_level`: a state that the sender may say again without anything having happened; only its changes count.
    `sub_device`: the address of the device that it is about, where the sender speaks for several. `message_id`: the
    sender's own identity of the message; without one nothing tells a repeat from a second press. `correlation_id`: of an
    answer to something we sent, what we gave it as id. `is_lasting`: an event that leaves the sender in that state; a level
    that says the same afterwards is no news.
    """

    kind: str
    value: JsonValue
    unit: str = ""
    channel: str = ""
    sub_device: str = ""
    is_level: bool = False
    is_lasting: bool = False
    correlation_id: str = ""
    observed_at: datetime | None = None
    message_id: str = ""
    stated_at: str = ""
    is_test: bool = False
    is_history: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A part that could not be read, in words for whoever mends the sender."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What the sender is to be asked for so that it can be understood: published once, and not kept by the broker."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Everything a message says. Facts and problems may both be there: one bad item does not spoil a list.

    `device_id` is the sender's address in its ecosystem (native: its id). `home_id` only where the topic names it.
    `is_repeated`: its radio says everything several times, so that the same content within seconds is the same message.
    `is_gateway`: the gateway speaks of itself. `signal`: how well the device was heard, in the unit of its ecosystem (dBm, or
    0 to 255 in Zigbee). `asks` are in the topics that the ecosystem documents.
    """

    home_id: str = ""
    device_id: str = ""
    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()
    lessons: tuple["Lesson", ...] = ()
    asks: tuple[Ask, ...] = ()
    is_repeated: bool = False
    is_gateway: bool = False
    signal: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """What is known of a device: by the registry, or by what its gateway says of it."""

    vendor: str = ""
    model: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a message teaches about later ones: `key` is the dialect's own (a topic, a device's name); None forgets it."""

    key: str
    value: Mapping[str, JsonValue] | None


class Known(Protocol):
    """What a dialect may look up while it reads a message. Looking changes nothing."""

    def device(self, address: str) -> DeviceRecord | None:
        """The device with that address in the ecosystem."""
        ...

    def lesson(self, key: str) -> Mapping[str, JsonValue] | None:
        """What was learnt under that key in this home."""
        ...

    def product(self, key: str) -> Mapping[str, JsonValue] | None:
        """The mapping file of a product whose words are its own (Alink, OneNET, TuyaLink)."""
        ...


class Dialect(Protocol):
    """How an ecosystem speaks over MQTT; a module of devices/dialects.

    `ROOT` goes before what stands behind `carebell/<home_id>/<NAME>/` to make the topic that the ecosystem documents.
    `FILTERS` are the topics of servers that speak for many homes. `decode` is pure and bounded.
    """

    NAME: str
    ROOT: str
    FILTERS: tuple[str, ...]

    @property
    def matches(self) -> Callable[[str], bool]:
        """Whether a documented topic can be of this ecosystem."""
        ...

    @property
    def decode(self) -> Callable[[Message, Known], Decoded]:
        """Everything the message says."""
        ...


def readings_of(decoded: Decoded, message: Message, *, dialect: str, place: str = "") -> tuple[Reading, ...]:
    """The facts as readings with computed ids, urgent ones first."""
    content_id = "" if all(fact.message_id for fact in decoded.facts) else _content_id(message)
    readings = [
        _reading(decoded, fact, index, message, fact.message_id or content_id, dialect=dialect, place=place)
        for index, fact in enumerate(decoded.facts)
    ]
    return tuple(sorted(readings, key=lambda reading: not reading.is_urgent))


def _reading(
    decoded: Decoded, fact: Fact, index: int, message: Message, source_message_id: str, *, dialect: str, place: str
) -> Reading:
    return Reading(
        # The device's own time is part of the identity: a button that starts its numbers anew is not taken for a repeat.
        id=computed(
            "reading",
            decoded.home_id,
            decoded.device_id,
            source_message_id,
            fact.stated_at,
            fact.kind,
            fact.channel,
            index,
            *_said(fact),
        ),
        home_id=decoded.home_id,
        device_id=decoded.device_id,
        kind=fact.kind,
        value=fact.value,
        unit=fact.unit,
        channel=fact.channel,
        sub_device=fact.sub_device,
        is_level=fact.is_level,
        correlation_id=fact.correlation_id,
        observed_at=fact.observed_at or message.received_at,
        received_at=message.received_at,
        source_message_id=source_message_id,
        fact_index=index,
        place=place,
        dialect=dialect,
        retained=message.retained,
        is_test=fact.is_test,
        is_history=fact.is_history,
        note=fact.note,
    )


def _said(fact: Fact) -> tuple[object, ...]:
    """A press is not the repeat of its own `cleared`, or of a test, under the same id."""
    return (fact.value, fact.is_test) if fact.kind in URGENT_KINDS else ()


def _content_id(message: Message) -> str:
    """For messages without an id: two equal presses are two presses, a retained copy read again is one."""
    moment = "retained" if message.retained else message.received_at.isoformat()
    return computed("message", message.full_topic, message.payload.hex(), moment)


def kept_copy(payload: bytes) -> str:
    """A bounded copy of a rejected payload, for people to look at."""
    return payload[:KEPT_PAYLOAD].decode("utf-8", "backslashreplace")


def summary_of(problems: Sequence[Problem]) -> tuple[Reason, str]:
    """One reason and one sentence for a message with problems."""
    return problems[0].reason, "; ".join(problem.detail for problem in problems)
