"""From an arrival to entries of the log: readings, reports of what could not be read, and ticks."""

from datetime import UTC, datetime, timedelta

from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.mqtt import Arrival
from carebell.topics import Topic, lane_of
from carebell.types import Reading, Rejected, Tick
from carebell.wire import encode, headers
from devices.dialect import Message
from devices.dialects import native
from devices.ecosystems import BY_NAME
from devices.listener import Listener
from ingest.accept import Accepted, accept, salvage, sifted, without
from ingest.deafness import Deafness
from ingest.pulse import Listening
from ingest.strangers import Strangers
from ingest.taken import Taken

SOURCE = "carebell/ingest"
# What we say ourselves comes back by the wildcard subscription.
OWN = "/down"
AHEAD_AT_MOST = timedelta(seconds=5)


class Decoder:
    """Give it arrivals in the order in which they came."""

    def __init__(
        self, listener: Listener, instruments: Instruments, listening: Listening, pulse_topic: str, partitions: int
    ) -> None:
        self._listener = listener
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._listening = listening
        self._deafness = Deafness()
        self._strangers = Strangers()
        self._is_deaf = False
        self._pulse_topic = pulse_topic
        self._partitions = partitions

    def read(self, arrival: Arrival, received_at: datetime, came_s: float) -> Taken:
        """What the arrival comes to; never raises."""
        taken = Taken(arrival, received_at, came_s)
        if arrival.topic == self._pulse_topic:
            taken.entries = self._ticks(arrival)
            taken.is_tick = True
        elif not _is_own(arrival.topic):
            taken.accepted, taken.entries = self._accept(arrival, received_at)
            self._hear(taken)
        return taken

    def _hear(self, taken: Taken) -> None:
        for reading in taken.accepted.readings[:1]:
            if self._is_deaf:
                # What was silent until now may only not have been heard.
                self._listening.break_off()
                self._is_deaf = False
                self._logger.warning("the homes are heard again")
            self._deafness.heard(reading.home_id, taken.waits_since_s)

    def _accept(self, arrival: Arrival, received_at: datetime) -> tuple[Accepted, list[Entry]]:
        message = _message(arrival, received_at)
        try:
            accepted, left_out = sifted(message, accept(message, self._listener), self._strangers)
            self._telemetry.left_out.inc(left_out)
            return accepted, self._entries(accepted)
        except Exception as error:  # noqa: BLE001 - our own bug must not stop the stream: it would come again for ever
            self._logger.error("decoder failed", topic_levels=message.topic.count("/") + 1, error=type(error).__name__)
            accepted = salvage(message, self._listener, error)
            return accepted, self._entries(accepted)

    def forget(self) -> None:
        """What was not acknowledged comes again: it must not be taken for a repeat."""
        self._listener.forget()

    def refuse(self, taken: Taken, refused: list[Entry], reason: str) -> None:
        """What the log will never take is reported in its place, and the device is told."""
        gone = {entry.headers.get("ce_id") for entry in refused}
        taken.accepted = without(_message(taken.arrival, taken.received_at), taken.accepted, gone, reason)
        taken.entries = [entry for entry in taken.entries if entry not in refused]
        if taken.accepted.rejected is not None and taken.accepted.rejected.id not in gone:
            taken.entries = [entry for entry in taken.entries if entry.topic != Topic.REJECTED]
            taken.entries.append(self._report(taken.accepted.rejected))

    def _entries(self, accepted: Accepted) -> list[Entry]:
        entries = [_entry(reading) for reading in accepted.readings]
        return entries if accepted.rejected is None else [*entries, self._report(accepted.rejected)]

    def _report(self, rejected: Rejected) -> Entry:
        self._telemetry.rejected.labels(rejected.reason).inc()
        self._logger.warning(
            "message rejected", rejected_id=rejected.id, reason=rejected.reason, detail=rejected.detail
        )
        return Entry(
            topic=Topic.REJECTED,
            key=rejected.device_id or rejected.topic,
            value=encode(rejected),
            headers=headers(rejected, id=rejected.id, source=SOURCE, at=rejected.received_at),
        )

    def _ticks(self, arrival: Arrival) -> list[Entry]:
        """One tick in each partition of the telemetry lane: whatever the broker held before it has now arrived."""
        try:
            at = datetime.fromisoformat(arrival.payload.decode("ascii")).astimezone(UTC)
        except (ValueError, OverflowError):
            self._logger.warning("a pulse that is no time", topic=arrival.topic)
            return []
        now = self._clock.now()
        if at - now > AHEAD_AT_MOST:
            # Rule time never goes back: one time from the future would blind every home until then.
            self._logger.warning("a pulse from the future", ahead_s=(at - now).total_seconds())
            return []
        since = self._listening.heard(at, now, self._clock.monotonic())
        silent_s = self._deafness.silent_s(self._clock.monotonic())
        if silent_s:
            # Time stands still: one fault here must not look like one in every home.
            if not self._is_deaf:
                self._logger.error(
                    "no home is heard: no network to them, or a broker that takes nothing", silent_s=silent_s
                )
            self._is_deaf = True
            return []
        tick = Tick(at=at, source=SOURCE, listening_since=since)
        value, about = encode(tick), headers(tick, id=at.isoformat(), source=SOURCE, at=at)
        return [
            Entry(topic=Topic.TELEMETRY, key="", value=value, headers=about, partition=part)
            for part in range(self._partitions)
        ]


def _is_own(topic: str) -> bool:
    """`carebell/HOME/DEVICE/down`. Below an ecosystem a button may be called so: in the stairs, the way down."""
    levels = topic.split("/")
    return topic.endswith(OWN) and len(levels) == 4 and levels[0] == native.ROOT and levels[2] not in BY_NAME


def _message(arrival: Arrival, received_at: datetime) -> Message:
    return Message(topic=arrival.topic, payload=arrival.payload, retained=arrival.retained, received_at=received_at)


def _entry(reading: Reading) -> Entry:
    return Entry(
        topic=lane_of(reading),
        key=reading.home_id,
        value=encode(reading),
        headers=headers(reading, id=reading.id, source=SOURCE, at=reading.received_at),
    )
