"""The room built from its ports: one MQTT connection, one intake, the pulse, the directory of homes."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from carebell.clock import Clock
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
    """A running ingest: what its supervisor asks of it."""

    connection: MqttConnection
    intake: Intake

    def is_ready(self) -> bool:
        """Connected to the broker."""
        return self.connection.is_connected

    def pulse_age(self, clock: Clock, since: timedelta) -> timedelta:
        """Since a pulse came back; `since` (how long it has been running) where none did yet."""
        return since if self.intake.pulse_at is None else clock.now() - self.intake.pulse_at


async def run_ingest(
    *,
    log: Log,
    instruments: Instruments,
    address: MqttAddress,
    client_id: str,
    stop: asyncio.Event,
    started: asyncio.Future[Ingest] | None = None,
) -> None:
    """Run until told to stop."""
    directory = Directory(log)
    reader = await directory.open()
    topic = pulse_topic(client_id)

    def send(reply: Reply) -> None:
        connection.publish(reply.topic, reply.payload)

    intake = Intake(
        log=log,
        homes=directory.homes,
        instruments=instruments,
        acknowledge=lambda arrival: connection.acknowledge(arrival),
        reply=send,
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
    if started is not None and not started.done():
        started.set_result(Ingest(connection, intake))
    pulses = send_pulses(
        lambda topic, payload: connection.publish(topic, payload),
        lambda: connection.is_connected,
        topic,
        instruments.clock,
        stop,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(connection.run(stop))
        tasks.create_task(intake.run(stop))
        tasks.create_task(directory.run(reader, stop))
        tasks.create_task(pulses)
