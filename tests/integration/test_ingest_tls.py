"""The connection to a broker that speaks TLS: every message comes, also those that TLS had read ahead; a stranger is refused."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.errors import BadInput
from carebell.mqtt import Arrival, End, MqttAddress, MqttConnection
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import missing

pytestmark = pytest.mark.integration
MESSAGES = 500


class TlsMosquitto(Mosquitto):
    """With a certificate that it has signed itself."""

    @property
    def certificate(self) -> Path:
        return self.folder / "broker.crt"

    def prepare(self) -> None:
        super().prepare()
        key = self.folder / "broker.key"
        if not key.exists():
            openssl = shutil.which("openssl")
            if openssl is None:
                missing("openssl")
            command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker"]
            command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(self.certificate)]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
        text = self._configuration.read_text()
        listener = f"listener {self.port} 127.0.0.1\n"
        self._configuration.write_text(
            text.replace(
                listener, f"{listener}certfile {self.certificate}\nkeyfile {key}\nuse_identity_as_username false\n"
            )
        )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TlsMosquitto]:
    with TlsMosquitto(tmp_path / "tls") as made:
        yield made


def connection_to(address: MqttAddress, **hears: Callable[..., None]) -> MqttConnection:
    return MqttConnection(address=address, client_id="tls", clock=SystemClock(), subscriptions=("test/#",), **hears)


async def heard(address: MqttAddress) -> list[Arrival]:
    found: list[Arrival] = []
    came = asyncio.Event()

    def arrived(arrival: Arrival) -> None:
        found.append(arrival)
        connection.acknowledge(arrival)
        if len(found) == MESSAGES:
            came.set()

    connection = connection_to(address, on_arrival=arrived)
    stop = asyncio.Event()
    running = asyncio.create_task(connection.run(stop))
    try:
        assert await connection.wait_connected(timedelta(seconds=PATIENCE_S))
        for number in range(MESSAGES):
            connection.publish("test/x", b"%d" % number + b" " * (number * 13 % 3000))
        await asyncio.wait_for(came.wait(), PATIENCE_S)
    finally:
        stop.set()
        await running
    return found


def test_every_message_comes_over_tls(broker: TlsMosquitto) -> None:
    address = MqttAddress("127.0.0.1", broker.port, is_encrypted=True, ca=str(broker.certificate))
    found = asyncio.run(heard(address))
    assert [int(arrival.payload) for arrival in found] == list(range(MESSAGES))


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_that_nobody_has_signed_for_is_not_spoken_to(broker: TlsMosquitto) -> None:
    stop = asyncio.Event()
    address = MqttAddress("127.0.0.1", broker.port, is_encrypted=True)
    connection = connection_to(address, on_change=lambda _: stop.set())
    assert await connection.hold(stop) is End.UNREACHED


def test_an_authority_that_cannot_be_read_is_told() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        MqttConnection(
            address=MqttAddress("127.0.0.1", 1, is_encrypted=True, ca="/nowhere/ca.crt"),
            client_id="x",
            clock=SystemClock(),
        )
