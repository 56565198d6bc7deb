"""The MQTT broker of a box: embedded (from a Python wheel), a Mosquitto of our own, or one that runs elsewhere."""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iotcore import Broker as IotcoreBroker

from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.address import read_address
from deploy.door import VERSION_5, Door
from deploy.port import bind, inner_ports

EMBEDDED, MOSQUITTO = "embedded", "mosquitto"
_VERSION_311 = 4
_PARENT_DEATH_SIGNAL = 1
_READY_WITHIN_S = 10.0
_PAYLOAD_LIMIT = 2_097_152

_RUMQTTD = """id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 8
[v5.1]
name = "v5"
listen = "127.0.0.1:{five}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {limit}
max_inflight_count = 100
dynamic_filters = true
[v4.1]
name = "v4"
listen = "127.0.0.1:{four}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {limit}
max_inflight_count = 100
dynamic_filters = true
"""
_MOSQUITTO = """listener {port} {listen}
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_queued_bytes 268435456
max_inflight_messages 1000
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""


class Broker(Protocol):
    """A broker we answer for. `address` is where our own connections go, `for_devices` what people are told."""

    @property
    def address(self) -> MqttAddress: ...

    @property
    def for_devices(self) -> str: ...

    async def start(self) -> None: ...

    @property
    def is_ours(self) -> bool:
        """Whether we start it again when it is dead or deaf."""
        ...

    def is_running(self) -> bool: ...

    async def run(self, stop: asyncio.Event) -> None: ...

    async def restart(self) -> None: ...

    async def stop(self) -> None: ...


class EmbeddedBroker:
    """rumqttd as a child process that ends with us, behind one door for MQTT 3.1.1 and 5.

    It forgets its sessions when it ends: calls for help survive that because devices repeat them until `received`.
    """

    def __init__(self, folder: Path, listening: socket.socket) -> None:
        self._folder = folder
        self._listening = listening
        self._four, self._five = inner_ports(2)
        self._child: IotcoreBroker | None = None

    @property
    def address(self) -> MqttAddress:
        return MqttAddress("127.0.0.1", self._five)

    @property
    def for_devices(self) -> str:
        return str(self._listening.getsockname()[1])

    async def start(self) -> None:
        path = self._folder / "rumqttd.toml"
        path.write_text(_RUMQTTD.format(four=self._four, five=self._five, limit=_PAYLOAD_LIMIT), "utf-8")
        self._child = IotcoreBroker(config_path=str(path))
        await asyncio.to_thread(self._child.start, _READY_WITHIN_S)

    is_ours = True

    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the door open."""
        await Door({_VERSION_311: self._four, VERSION_5: self._five}).run(self._listening, stop)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        if self._child is not None:
            await asyncio.to_thread(self._child.stop)
            self._child = None


class MosquittoBroker:
    """Debian's Mosquitto with persistence under the data directory; what its sessions hold survives a restart."""

    def __init__(self, folder: Path, listen: str, port: int) -> None:
        found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if found is None:
            raise BadInput("--broker mosquitto: no mosquitto is installed; install it or use --broker embedded")
        self._binary = found
        self._folder = folder / "mosquitto"
        self._listen = listen
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> MqttAddress:
        return MqttAddress("127.0.0.1" if self._listen in ("0.0.0.0", "::") else self._listen, self._port)  # noqa: S104

    @property
    def for_devices(self) -> str:
        return str(self._port)

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        path.write_text(user + _MOSQUITTO.format(port=self._port, listen=self._listen, folder=self._folder.resolve()))
        self._child = subprocess.Popen(  # noqa: S603, ASYNC220
            [self._binary, "-c", str(path)], stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
        await _answers(self.address, self._child)

    is_ours = True

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        if self._child is not None:
            await asyncio.to_thread(_end, self._child)
            self._child = None


class ForeignBroker:
    """A broker that runs elsewhere; starting and mending it is its owner's affair."""

    def __init__(self, address: MqttAddress) -> None:
        self._address = address

    @property
    def address(self) -> MqttAddress:
        return self._address

    @property
    def for_devices(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    async def start(self) -> None:
        """Not ours to start."""

    is_ours = False

    def is_running(self) -> bool:
        return True

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()

    async def restart(self) -> None:
        """Not ours to restart."""

    async def stop(self) -> None:
        """Not ours to stop."""


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """What `--broker` said, with the port to listen on."""

    text: str
    listen: str
    port: int

    def open(self, folder: Path) -> Broker:
        """The broker, its port taken. Raises BadInput."""
        if self.text == EMBEDDED:
            return EmbeddedBroker(folder, bind(self.listen, self.port, "--mqtt-port"))
        if self.text == MOSQUITTO:
            with bind(self.listen, self.port, "--mqtt-port") as tried:
                port = tried.getsockname()[1]
            return MosquittoBroker(folder, self.listen, port)
        return ForeignBroker(read_address(self.text))


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)


def _die_with_parent() -> None:
    """A broker that outlived us would keep our port. Only Linux can see to it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


async def _answers(address: MqttAddress, child: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(_READY_WITHIN_S):
        while child.poll() is None:
            try:
                _, writer = await asyncio.open_connection(address.host, address.port)
            except OSError:
                await asyncio.sleep(0.05)  # noqa: TID251
                continue
            writer.close()
            return
    raise BadInput("--broker mosquitto: it ended at once; its own message is above")
