"""The one door to paho: an MQTT 5 connection driven by the event loop, with acknowledgements left to the caller.

Traps this closes: callbacks only enqueue (an exception in one would end the stream in silence); each arrival carries the
generation of its connection (a late acknowledgement after a reconnect would acknowledge another message); QoS 1 comes
again on reconnect only, so what could not be acknowledged stays with the broker.
"""

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from carebell.clock import Clock, pause, wait_set
from carebell.errors import TryLater

MAX_INFLIGHT = 100
KEEPALIVE_S = 30
_ANSWERS_WITHIN = timedelta(seconds=10)
_TIDY_EVERY = timedelta(seconds=1)
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where a broker listens."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came, with what is needed to acknowledge it on the connection it came on."""

    topic: str
    payload: bytes
    retained: bool
    generation: int
    mid: int
    qos: int


class MqttConnection:
    """Keeps one persistent session with a broker. `run` connects again for as long as it runs, with jitter."""

    def __init__(
        self,
        *,
        address: MqttAddress,
        client_id: str,
        clock: Clock,
        subscriptions: Sequence[str] = (),
        on_arrival: Callable[[Arrival], None] = lambda arrival: None,
        on_change: Callable[[bool], None] = lambda connected: None,
        session_for: timedelta = timedelta(days=1),
    ) -> None:
        self._address = address
        self._clock = clock
        self._subscriptions = tuple(subscriptions)
        self._on_arrival = on_arrival
        self._on_change = on_change
        self._session_for = session_for
        self._jitter = random.Random(client_id)  # noqa: S311
        self._generation = 0
        self._acknowledged: dict[int, asyncio.Future[None]] = {}
        self._lost = asyncio.Event()
        self._connected = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client = self._make_client(client_id)

    def _make_client(self, client_id: str) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        client.max_inflight_messages_set(MAX_INFLIGHT)
        client.on_connect = self._connected_to
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        client.on_publish = self._published
        client.on_socket_open = self._socket_opened
        client.on_socket_close = self._socket_closed
        client.on_socket_register_write = self._wants_to_write
        client.on_socket_unregister_write = self._wants_no_more
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        return client

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def wait_connected(self, at_most: timedelta) -> bool:
        """True as soon as the connection stands; False when it does not in time."""
        return await wait_set(self._connected, self._clock, at_most)

    async def run(self, stop: asyncio.Event) -> None:
        """Hold the connection until told to stop."""
        self._loop = asyncio.get_running_loop()
        retry_s = _FIRST_RETRY_S
        try:
            while not stop.is_set():
                self._lost.clear()
                before = self._generation
                if await self._connect():
                    await self._tend(stop)
                if self._generation > before:  # who takes us and then refuses us is asked less and less often
                    retry_s = _FIRST_RETRY_S
                if not stop.is_set():
                    wait_s = self._jitter.uniform(retry_s / 2, retry_s)
                    await wait_set(stop, self._clock, timedelta(seconds=wait_s))
                    retry_s = min(_LAST_RETRY_S, retry_s * 2)
        finally:
            # Also when cancelled: a connection left behind would fight its successor for the session.
            self._client.disconnect()
            self._client.loop_write()
            self._forget_connection()

    async def _connect(self) -> bool:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = int(self._session_for.total_seconds())
        properties.ReceiveMaximum = MAX_INFLIGHT
        try:
            await asyncio.to_thread(
                self._client.connect,
                self._address.host,
                self._address.port,
                keepalive=KEEPALIVE_S,
                clean_start=False,
                properties=properties,
            )
        except OSError:
            return False
        return True

    async def _tend(self, stop: asyncio.Event) -> None:
        answers_by = self._clock.now() + _ANSWERS_WITHIN
        while not stop.is_set() and not self._lost.is_set():
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
            if not self._connected.is_set() and self._clock.now() > answers_by:
                self._client.disconnect()
                break
            await _either(stop, self._lost, self._clock)
        if not stop.is_set():
            self._forget_connection()

    def _forget_connection(self) -> None:
        if self._connected.is_set():
            self._connected.clear()
            self._on_change(False)

    def acknowledge(self, arrival: Arrival) -> bool:
        """PUBACK, only on the connection that brought the message; False leaves it to the broker to send again."""
        if arrival.generation != self._generation or not self._connected.is_set():
            return False
        self._client.ack(arrival.mid, arrival.qos)
        return True

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

    def reconnect(self) -> None:
        """Drop the connection, so that the broker sends again what was not acknowledged."""
        self._client.disconnect()
        self._lost.set()

    # paho's callbacks: each only notes what happened.

    def _connected_to(
        self, _client: paho.Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._lost.set()
            return
        self._generation += 1
        if self._subscriptions:
            # Retained messages on a new subscription only: a restart of ours is no new press.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            self._client.subscribe([(topic, options) for topic in self._subscriptions])
        self._connected.set()
        self._on_change(True)

    def _disconnected(
        self, _client: paho.Client, _userdata: Any, _flags: Any, _reason: ReasonCode, _properties: Any
    ) -> None:
        self._lost.set()

    def _arrived(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
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

    def _socket_opened(self, _client: paho.Client, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._watch(sock))

    def _socket_closed(self, _client: paho.Client, _userdata: Any, sock: Any) -> None:
        number = sock.fileno()
        self._on_loop(lambda: self._unwatch(number))

    def _wants_to_write(self, _client: paho.Client, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._watch_writing(sock))

    def _wants_no_more(self, _client: paho.Client, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._unwatch_writing(sock))

    def _on_loop(self, do: Callable[[], None]) -> None:
        """Now, or as soon as the loop comes round when paho calls from the thread that connects."""
        assert self._loop is not None  # noqa: S101
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            do()
        else:
            self._loop.call_soon_threadsafe(do)

    def _watch(self, sock: socket.socket) -> None:
        if self._loop is not None and sock.fileno() >= 0:
            self._loop.add_reader(sock.fileno(), self._readable)

    def _unwatch(self, number: int) -> None:
        if self._loop is not None and number >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)

    def _watch_writing(self, sock: socket.socket) -> None:
        if self._loop is not None and sock.fileno() >= 0 and self._client.want_write():
            self._loop.add_writer(sock.fileno(), self._writable)

    def _unwatch_writing(self, sock: socket.socket) -> None:
        if self._loop is not None and sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _readable(self) -> None:
        if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost.set()

    def _writable(self) -> None:
        if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost.set()


async def _either(stop: asyncio.Event, lost: asyncio.Event, clock: Clock) -> None:
    waiters = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(lost.wait())]
    sleeper = asyncio.ensure_future(pause(clock, _TIDY_EVERY))
    try:
        await asyncio.wait([*waiters, sleeper], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*waiters, sleeper):
            task.cancel()
        await asyncio.gather(*waiters, sleeper, return_exceptions=True)
