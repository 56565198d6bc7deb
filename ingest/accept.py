"""From a message to what goes into the log: the same message gives the same readings with the same ids."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import orjson

from carebell.ids import computed
from carebell.types import Reading, Rejected
from devices.dialect import Decoded, Message, Problem, Reason, kept_copy, summary_of
from devices.dialects import native
from devices.listener import Heard, Listener
from ingest.strangers import Strangers


@dataclass(frozen=True, slots=True)
class Reply:
    """What is told to the device once the log has its message. Only what is told of a call for help is told until the
    broker has it: nothing may wait in front of that."""

    topic: str
    payload: bytes
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one message comes to. `asks` go to its sender like replies, so that it can be understood the next time;
    `of_nobody` are the ids of readings whose sender is registered nowhere and whose topic names no home."""

    readings: tuple[Reading, ...] = ()
    rejected: Rejected | None = None
    replies: tuple[Reply, ...] = ()
    asks: tuple[Reply, ...] = ()
    is_registered: bool = True
    of_nobody: frozenset[str] = frozenset()


def accept(message: Message, listener: Listener) -> Accepted:
    """Read a message. An unknown home or device goes through and is counted; what cannot be read is rejected with a reason."""
    return _accepted(message, listener.hear(message))


def salvage(message: Message, listener: Listener, error: Exception) -> Accepted:
    """What is left of a message that could not be written down by a bug of ours: a call for help, and a report."""
    return _accepted(message, listener.salvaged(message, error))


def _accepted(message: Message, heard: Heard) -> Accepted:
    is_native = heard.dialect == native.NAME
    return Accepted(
        readings=heard.readings,
        rejected=_rejected(message, heard.decoded),
        replies=_replies(heard.decoded, heard.readings) if is_native else (),
        asks=tuple(Reply(ask.topic, ask.payload) for ask in heard.decoded.asks),
        is_registered=heard.is_registered,
        of_nobody=heard.of_nobody,
    )


def sifted(message: Message, accepted: Accepted, strangers: Strangers) -> tuple[Accepted, int]:
    """The same message without what strangers say beside their calls, and how many readings were left out. Who is left out
    is told of once a day; where the message has a problem of its own, that is told instead."""
    kept, left_out = strangers.sift(accepted.readings, accepted.of_nobody, message.received_at)
    if not left_out:
        return accepted, 0
    rejected = accepted.rejected
    if rejected is None and (names := strangers.untold(left_out, message.received_at)):
        detail = f"nobody has registered {', '.join(names)}: only its calls for help are heard"
        problem = Problem(Reason.NOT_REGISTERED, detail)
        rejected = _rejected(message, Decoded(device_id=left_out[0].device_id, problems=(problem,)))
    return replace(accepted, readings=kept, rejected=rejected), len(left_out)


def without(message: Message, accepted: Accepted, refused: Collection[str | None], reason: str) -> Accepted:
    """The same message when the log will not take some of its readings: they are reported in their place."""
    kept = tuple(reading for reading in accepted.readings if reading.id not in refused)
    gone = {reading.source_message_id for reading in accepted.readings if reading.id in refused}
    gone -= {reading.source_message_id for reading in kept}
    levels = (*message.topic.split("/"), "", "")
    problems = (Problem(Reason.TOO_LARGE, reason),)
    decoded = Decoded(home_id=levels[1], device_id=levels[2], problems=problems)
    told = [reply for reply in accepted.replies if orjson.loads(reply.payload)["id"] not in gone]
    rejected = _rejected(message, decoded) if accepted.rejected is None else accepted.rejected
    return replace(accepted, readings=kept, rejected=rejected, replies=(*told, *_replies(decoded, ())))


def _rejected(message: Message, decoded: Decoded) -> Rejected | None:
    if not decoded.problems:
        return None
    reason, detail = summary_of(decoded.problems)
    return Rejected(
        id=computed("rejected", message.topic, message.payload.hex(), message.received_at.isoformat()),
        topic=kept_copy(message.topic.encode("utf-8", "surrogatepass")),
        reason=reason,
        detail=detail[:1000],
        payload=kept_copy(message.payload),
        received_at=message.received_at,
        device_id=decoded.device_id,
    )


def _replies(decoded: Decoded, readings: tuple[Reading, ...]) -> tuple[Reply, ...]:
    """`received` for each message id the device gave and for every call for help; `rejected` with the reason otherwise."""
    if not decoded.device_id:
        return ()
    topic = down_topic(decoded.home_id, decoded.device_id)
    stated = {fact.message_id for fact in decoded.facts if fact.message_id}
    wanted: dict[str, bool] = {}
    for reading in readings:
        if reading.is_urgent or reading.source_message_id in stated:
            wanted[reading.source_message_id] = wanted.get(reading.source_message_id, False) or reading.is_urgent
    replies = [
        Reply(topic, orjson.dumps({"id": source_id, "type": "received"}), is_urgent)
        for source_id, is_urgent in wanted.items()
    ]
    if decoded.problems:
        reason, detail = _told(decoded.problems)
        replies.append(Reply(topic, orjson.dumps({"id": None, "type": "rejected", "reason": reason, "detail": detail})))
    return tuple(replies)


def _told(problems: tuple[Problem, ...]) -> tuple[str, str]:
    reason, detail = summary_of(problems)
    return reason, detail[:200]


def down_topic(home_id: str, device_id: str) -> str:
    """Where a device of the native dialect listens."""
    return f"{native.ROOT}/{home_id}/{device_id}/down"
