"""The one door to paho: an MQTT 5 connection driven by the event loop, with acknowledgements left to the caller.

Traps this closes: callbacks only enqueue (an exception in one would end the stream in silence); each arrival carries the
generation of its connection (a late acknowledgement after a reconnect would acknowledge another message); QoS 1 comes
again on reconnect only, so what could not be acknowledged stays with the broker.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from carebell.clock import Clock, wait_either, wait_set
from carebell.errors import TryLater
from carebell.mqtt_socket import SocketDriver
from carebell.mqtt_tls import set_tls

_MAX_SENDING = 100
_ANSWERS_WITHIN_S = 10
_TIDY_EVERY = timedelta(seconds=1)
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0
_SESSION_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where a broker listens. `ca` is a file with the authority that signed its certificate; the system's without one.
    `certificate` and `key` are files with our own, for a broker that asks for one."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    is_encrypted: bool = False
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came, with what is needed to acknowledge it on the connection it came on."""

    topic: str
    payload: bytes
    retained: bool
    generation: int
    mid: int
    qos: int


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when our connection ends and we did not end it."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a connection asks of the broker. Connections that take turns at one session share their `generations`.

    `without_own`: those of its subscriptions by which it does not hear what it says itself.
    """

    session_for: timedelta = timedelta(days=1)
    receive_maximum: int = 100
    keepalive_s: int = 30
    will: Will | None = None
    without_own: tuple[str, ...] = ()
    generations: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class End(StrEnum):
    """How a connection ended."""

    UNREACHED = "unreached"
    LOST = "lost"
    TAKEN_OVER = "taken over"
    STOPPED = "stopped"


class MqttConnection:
    """Keeps one session with a broker. `run` connects again for as long as it runs, with jitter; `hold` does not."""

    def __init__(
        self,
        *,
        address: MqttAddress,
        client_id: str,
        clock: Clock,
        subscriptions: Sequence[str] = (),
        on_arrival: Callable[[Arrival], None] = lambda arrival: None,
        on_change: Callable[[bool], None] = lambda connected: None,
        terms: Terms | None = None,
    ) -> None:
        self._address = address
        self._clock = clock
        self._subscriptions = dict.fromkeys(subscriptions)
        self._on_arrival = on_arrival
        self._on_change = on_change
        self._terms = terms or Terms()
        self._jitter = random.Random(client_id)  # noqa: S311
        self._generation = 0
        self._arrivals = 0
        self._acknowledged: dict[int, asyncio.Future[None]] = {}
        self._lost = asyncio.Event()
        self._connected = asyncio.Event()
        self._end = End.UNREACHED
        self.has_resumed = False
        self._driver: SocketDriver | None = None
        self._client = self._make_client(client_id)

    def _make_client(self, client_id: str) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        client.max_inflight_messages_set(_MAX_SENDING)
        client.on_connect = self._connected_to
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        client.on_publish = self._published
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.is_encrypted:
            set_tls(client, self._address.ca, self._address.certificate, self._address.key)
        if (will := self._terms.will) is not None:
            client.will_set(will.topic, will.payload, qos=1)
        return client

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def wait_connected(self, at_most: timedelta) -> bool:
        """True as soon as the connection stands; False when it does not in time."""
        return await wait_set(self._connected, self._clock, at_most)

    async def run(self, stop: asyncio.Event) -> None:
        """Hold the connection until told to stop."""
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            if await self.hold(stop) is not End.UNREACHED:
                retry_s = _FIRST_RETRY_S
            # Who takes us and then refuses us is asked less and less often.
            if not stop.is_set():
                wait_s = self._jitter.uniform(retry_s / 2, retry_s)
                await wait_set(stop, self._clock, timedelta(seconds=wait_s))
                retry_s = min(_LAST_RETRY_S, retry_s * 2)

    async def hold(self, stop: asyncio.Event) -> End:
        """Connect, and hold that one connection until it ends or we are told to stop; how it ended."""
        self._lost.clear()
        self._end = End.UNREACHED
        try:
            if await self._connect():
                await self._tend(stop)
        finally:
            # Also when cancelled: a connection left behind would fight its successor for the session.
            self._client.disconnect()
            self._client.loop_write()
            if self._driver is not None:
                self._driver.drop()
            self._forget_connection()
        return End.STOPPED if stop.is_set() else self._end

    async def _connect(self) -> bool:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = int(self._terms.session_for.total_seconds())
        properties.ReceiveMaximum = self._terms.receive_maximum
        self._driver = driver = SocketDriver(self._client, lambda: self._arrivals, self._lost.set)
        self._client.on_socket_open = driver.opened
        self._client.on_socket_close = driver.closed
        self._client.on_socket_register_write = driver.wants_to_write
        self._client.on_socket_unregister_write = driver.wants_no_more
        try:
            await asyncio.to_thread(
                self._client.connect,
                self._address.host,
                self._address.port,
                keepalive=self._terms.keepalive_s,
                clean_start=not self._terms.session_for,
                properties=properties,
            )
        except OSError:
            return False
        return True

    async def _tend(self, stop: asyncio.Event) -> None:
        within_s = min(_ANSWERS_WITHIN_S, self._terms.keepalive_s)
        answers_by = self._clock.now() + timedelta(seconds=within_s)
        while not stop.is_set() and not self._lost.is_set():
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
            if not self._connected.is_set() and self._clock.now() > answers_by:
                break
            await wait_either(stop, self._lost, self._clock, _TIDY_EVERY)

    def _forget_connection(self) -> None:
        if self._connected.is_set():
            self._connected.clear()
            self._on_change(False)

    def acknowledge(self, arrival: Arrival) -> bool:
        """PUBACK, only on the connection that brought the message; False leaves it to the broker to send again."""
        if not self.is_current(arrival):
            return False
        self._client.ack(arrival.mid, arrival.qos)
        return True

    def is_current(self, arrival: Arrival) -> bool:
        """Whether the connection that brought it still stands."""
        return arrival.generation == self._generation and self._connected.is_set()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over without waiting; kept by the client and sent again while the connection is down."""
        self._client.publish(topic, payload, qos=qos, retain=retain)

    async def publish_acknowledged(self, topic: str, payload: bytes, *, within: timedelta) -> None:
        """Publish with QoS 1 and wait for the broker's word. Raises TryLater."""
        if not self._connected.is_set():
            raise TryLater("not connected to the MQTT broker")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        info = self._client.publish(topic, payload, qos=1)
        self._acknowledged[info.mid] = done
        try:
            await asyncio.wait_for(done, within.total_seconds())
        except TimeoutError:
            raise TryLater("the MQTT broker did not acknowledge in time") from None
        finally:
            self._acknowledged.pop(info.mid, None)

    def listen(self, topic: str) -> None:
        """Subscribe beside what it began with, now and after every reconnect. What is published next is behind it."""
        self._subscriptions[topic] = None
        if self._connected.is_set():
            self._client.subscribe(topic, options=self._options(topic))

    def ignore(self, topic: str) -> None:
        """End a subscription."""
        self._subscriptions.pop(topic, None)
        if self._connected.is_set():
            self._client.unsubscribe(topic)

    # paho's callbacks: each only notes what happened.

    def _connected_to(
        self, _client: paho.Client, _userdata: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._lost.set()
            return
        self._generation = next(self._terms.generations)
        self._end = End.LOST
        self.has_resumed = bool(flags.session_present)
        if self._subscriptions:
            self._client.subscribe([(topic, self._options(topic)) for topic in self._subscriptions])
        self._connected.set()
        self._on_change(True)

    def _options(self, topic: str) -> SubscribeOptions:
        # Retained messages on a new subscription only: a restart of ours is no new press.
        new = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        return SubscribeOptions(qos=1, noLocal=topic in self._terms.without_own, retainHandling=new)

    def _disconnected(
        self, _client: paho.Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.value == _SESSION_TAKEN_OVER:
            self._end = End.TAKEN_OVER
        self._lost.set()

    def _arrived(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._arrivals += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_arrival(
            Arrival(topic, bytes(message.payload), message.retain, self._generation, message.mid, message.qos)
        )

    def _published(self, _client: paho.Client, _userdata: Any, mid: int, _reason: ReasonCode, _properties: Any) -> None:
        done = self._acknowledged.get(mid)
        if done is not None and not done.done():
            done.set_result(None)
