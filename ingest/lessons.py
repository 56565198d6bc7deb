"""What gateways keep with the broker to be understood: discovery, lists of devices. Heard on a connection of its own.

The seat resumes its session, and a resumed session is not given what the broker retains. So whoever starts, or stands by,
listens here anew each time: without it the state of an ESPHome button would be a word that nobody can read.
"""

import asyncio
from datetime import timedelta

from carebell.clock import Clock, wait_either
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms
from devices.dialect import Message
from devices.ecosystems import LESSON_FILTERS
from devices.listener import Listener
from ingest.pulse import pulse_topic

_NO_SESSION = timedelta(0)
# So long the seat waits for the first lessons, once the broker answers.
WITHIN = timedelta(seconds=5)


class Lessons:
    """`run` it for as long as the process lives; `heard` waits until all that the broker keeps was heard once."""

    def __init__(self, listener: Listener, address: MqttAddress, clock: Clock, name: str) -> None:
        self._listener = listener
        self._clock = clock
        self._echo = f"{pulse_topic(name)}/lessons"
        self._all = asyncio.Event()
        self._connection = MqttConnection(
            address=address,
            client_id=f"carebell-lessons-{name}",
            clock=clock,
            subscriptions=(*LESSON_FILTERS, self._echo),
            on_arrival=self._arrived,
            on_change=self._changed,
            terms=Terms(session_for=_NO_SESSION),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until told to stop."""
        await self._connection.run(stop)

    async def heard(self, stop: asyncio.Event) -> None:
        """Wait for the first lessons, at most a few seconds: a broker that keeps nothing must not keep calls waiting."""
        await wait_either(self._all, stop, self._clock, WITHIN)

    def _changed(self, is_connected: bool) -> None:
        if is_connected:
            # What is retained is sent before what is said after: the echo tells that all of it was heard.
            self._connection.publish(self._echo, b"", qos=0)

    def _arrived(self, arrival: Arrival) -> None:
        self._connection.acknowledge(arrival)
        if arrival.topic == self._echo:
            self._all.set()
            return
        self._listener.learn(
            Message(
                topic=arrival.topic,
                payload=arrival.payload,
                retained=arrival.retained,
                received_at=self._clock.now(),
            )
        )
