"""The room built from its ports: one MQTT connection, one intake, the pulse, the directory of homes."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from carebell.instruments import Instruments
from carebell.log import Log
from carebell.mqtt import MqttAddress, MqttConnection
from ingest.accept import Reply
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.pulse import pulse_topic, send_pulses

PULSE_LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The parts of a running ingest."""

    connection: MqttConnection
    intake: Intake


class IngestView:
    """What others may ask of the ingest that runs now; it may have been started anew since they last asked."""

    def __init__(self) -> None:
        self._ingest: Ingest | None = None

    def show(self, ingest: Ingest) -> None:
        self._ingest = ingest

    @property
    def is_connected(self) -> bool:
        return self._ingest is not None and self._ingest.connection.is_connected

    @property
    def is_stuck(self) -> bool:
        """The log does not take what has come."""
        return self._ingest is not None and self._ingest.intake.is_stuck

    @property
    def pulse_heard_s(self) -> float | None:
        """When a pulse last came back through the broker, on the monotonic clock."""
        return None if self._ingest is None else self._ingest.intake.pulse_heard_s


async def run_ingest(
    *,
    log: Log,
    instruments: Instruments,
    address: MqttAddress,
    client_id: str,
    stop: asyncio.Event,
    view: IngestView,
) -> None:
    """Run until told to stop; what is asked of it is asked over `view`."""
    directory = Directory(log)
    reader = await directory.open()
    topic = pulse_topic(client_id)
    ingest = _connect(log, instruments, directory, address, client_id)
    view.show(ingest)
    connection = ingest.connection
    pulses = send_pulses(connection.publish, lambda: connection.is_connected, topic, instruments.clock, stop)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(connection.run(stop))
        tasks.create_task(ingest.intake.run(stop))
        tasks.create_task(directory.run(reader, stop))
        tasks.create_task(pulses)


def _connect(log: Log, instruments: Instruments, directory: Directory, address: MqttAddress, client_id: str) -> Ingest:
    """The connection brings arrivals to the intake, and the intake acknowledges and answers over the connection."""
    topic = pulse_topic(client_id)

    def reply(said: Reply) -> None:
        connection.publish(said.topic, said.payload)

    intake = Intake(
        log=log,
        homes=directory.homes,
        instruments=instruments,
        acknowledge=lambda arrival: connection.acknowledge(arrival),
        reply=reply,
        pulse_topic=topic,
    )
    connection = MqttConnection(
        address=address,
        client_id=client_id,
        clock=instruments.clock,
        subscriptions=("carebell/#", topic),
        on_arrival=intake.take,
        on_change=instruments.telemetry.mqtt_connected.labels("ingest").set,
    )
    return Ingest(connection, intake)
