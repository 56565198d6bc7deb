"""Is this a broker through which the homes can be heard and answered?"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta

from carebell.clock import Clock, wait_set
from carebell.errors import TryLater
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms
from deploy.doctor.finding import Finding, reach
from ingest.pulse import pulse_topic

_WITHIN = timedelta(seconds=5)
_NO_SESSION = timedelta(0)
_DROPPED = "$SYS/broker/publish/messages/dropped"
_VERSION = "$SYS/broker/version"
_TOLD_WITHIN = timedelta(seconds=2)
_SETTINGS = (
    "what it keeps over a restart cannot be seen from here: with Mosquitto see to persistence true, "
    "autosave_interval 1 and max_queued_messages 0"
)


class _Ear:
    """One connection that speaks to itself, and hears what the broker tells about itself."""

    def __init__(self, address: MqttAddress, clock: Clock) -> None:
        client_id = f"carebell-doctor-{secrets.token_hex(4)}"
        self.topic = pulse_topic(client_id)
        self.heard: dict[str, str] = {}
        self.came = asyncio.Event()
        self.told = asyncio.Event()
        self.connection = MqttConnection(
            address=address,
            client_id=client_id,
            clock=clock,
            subscriptions=(self.topic, _DROPPED, _VERSION),
            on_arrival=self._take,
            terms=Terms(session_for=_NO_SESSION),
        )

    def _take(self, arrival: Arrival) -> None:
        self.heard[arrival.topic] = arrival.payload.decode("utf-8", "replace")
        self.connection.acknowledge(arrival)
        if arrival.topic == self.topic:
            self.came.set()
        if arrival.topic == _DROPPED:
            self.told.set()


async def examine_mqtt(address: MqttAddress, clock: Clock) -> Sequence[Finding]:
    """Reach, login, there and back, what it has dropped."""
    findings = [await reach("mqtt", address.host, address.port)]
    if findings[0].is_problem:
        return findings
    ear, stop = _Ear(address, clock), asyncio.Event()
    running = asyncio.create_task(ear.connection.run(stop))
    try:
        return findings + await _listen(ear, clock)
    finally:
        stop.set()
        await running


async def _listen(ear: _Ear, clock: Clock) -> list[Finding]:
    if not await ear.connection.wait_connected(_WITHIN):
        mend = "Check mqtt.username and mqtt.password, and that it speaks MQTT 5; its own log says whom it refuses."
        return [Finding("mqtt login", "it does not let us in", mend)]
    try:
        await ear.connection.publish_acknowledged(ear.topic, b"?", within=_WITHIN)
    except TryLater as error:
        mend = f"Its access rules must let us write below {ear.topic.partition('/')[0]}/."
        return [Finding("mqtt there and back", error.reason, mend)]
    if not await wait_set(ear.came, clock, _WITHIN):
        mend = f"Its access rules must let us read and write below {ear.topic.partition('/')[0]}/."
        return [Finding("mqtt there and back", "what we publish does not come back", mend)]
    await wait_set(ear.told, clock, _TOLD_WITHIN)
    return [
        Finding("mqtt there and back", f"we hear ourselves; the broker is {ear.heard.get(_VERSION) or 'not named'}"),
        _dropped(ear.heard.get(_DROPPED)),
        Finding("mqtt persistence", _SETTINGS),
    ]


def _dropped(told: str | None) -> Finding:
    what = "mqtt dropped messages"
    if told is None or not told.isdigit():
        return Finding(what, "it does not say how many it has dropped")
    if int(told):
        mend = "Set max_queued_messages 0 and max_queued_bytes high: a process that is away must find what came."
        return Finding(what, f"it has dropped {told} since it started", mend)
    return Finding(what, "none since it started")
