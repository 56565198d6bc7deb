"""What every dialect takes and gives: a message in, facts and problems out. Pure; nothing is ever raised through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One MQTT message as it came."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing a message states, before it is a reading of a home."""

    kind: str
    value: JsonValue
    unit: str = ""
    channel: str = ""
    sub_device: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Everything a message says. Facts and problems may both be there: one bad item does not spoil a list."""

    home_id: str = ""
    device_id: str = ""
    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()


def readings_of(decoded: Decoded, message: Message, *, dialect: str, place: str = "") -> tuple[Reading, ...]:
    """The facts as readings with computed ids, urgent ones first."""
    readings = [
        _reading(decoded, fact, index, message, dialect=dialect, place=place)
        for index, fact in enumerate(decoded.facts)
    ]
    return tuple(sorted(readings, key=lambda reading: not reading.is_urgent))


def _reading(decoded: Decoded, fact: Fact, index: int, message: Message, *, dialect: str, place: str) -> Reading:
    source_message_id = fact.message_id or _content_id(message)
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
    return computed("message", message.topic, message.payload.hex(), moment)


def kept_copy(payload: bytes) -> str:
    """A bounded copy of a rejected payload, for people to look at."""
    return payload[:KEPT_PAYLOAD].decode("utf-8", "backslashreplace")


def summary_of(problems: Sequence[Problem]) -> tuple[Reason, str]:
    """One reason and one sentence for a message with problems."""
    return problems[0].reason, "; ".join(problem.detail for problem in problems)
