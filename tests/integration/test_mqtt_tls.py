"""Certificates in place of passwords, with a real Mosquitto and the shipped configuration: the common name is the user."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from carebell.clock import SystemClock
from carebell.engine_sql import MEMORY
from carebell.errors import BadInput
from carebell.mqtt import MqttAddress, MqttConnection
from deploy.access import Access, DynsecGate
from deploy.dynsec import open_dynsec
from deploy.dynsec_plan import document
from devices.credentials import device, service
from devices.credentials_sql import SqlCredentials
from devices.password import hashed
from tests.support.servers.mosquitto import (
    ADMIN,
    ADMIN_PASSWORD,
    GuardedMosquitto,
    make_authority,
    make_certificate,
)
from tests.support.speaker import Speaker

# paho leaves the socket of a handshake that failed to the garbage collector.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
AT = datetime(2026, 3, 1, tzinfo=UTC)
BUTTON, MAIN = device("h1", "button"), service("carebell")
UP = "carebell/h1/button/up"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[GuardedMosquitto]:
    made = GuardedMosquitto(tmp_path / "guarded")
    made.folder.mkdir()
    made.clients.write_bytes(orjson.dumps(document([], ADMIN, hashed(ADMIN_PASSWORD, b"twelve bytes"))))
    with made:
        yield made


def with_certificate(broker: GuardedMosquitto, name: str, *, signed_by: str = "devices") -> MqttAddress:
    """The way in of whoever has such a certificate."""
    file = f"{signed_by}-{name.replace('/', '-')}"
    certificate, key = make_certificate(broker.folder, file, name, signed_by=signed_by)
    return MqttAddress(
        "127.0.0.1",
        broker.signed,
        is_encrypted=True,
        ca=str(broker.authority),
        certificate=str(certificate),
        key=str(key),
    )


async def test_a_certificate_speaks_for_its_own_name_only(broker: GuardedMosquitto) -> None:
    administrator = MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD)
    access = Access(await SqlCredentials.open(MEMORY), DynsecGate(lambda: open_dynsec(administrator, SystemClock())))
    main = await access.issue(MAIN, by="test", at=AT)
    await access.issue(BUTTON, by="test", at=AT)
    inside = MqttAddress("127.0.0.1", broker.port, MAIN.username, main)
    async with (
        Speaker(inside, "carebell-seat-1", "carebell/#") as service_,
        Speaker(with_certificate(broker, "h1/button"), "carebell-seat-1", "carebell/#") as mine,
        Speaker(with_certificate(broker, "h1/nobody"), "any") as unknown,
    ):
        assert mine.is_in
        await mine.say("carebell/h2/button/up", "not mine to say")
        await unknown.say(UP, "not mine to say")
        await mine.say(UP, "mine")
        await service_.hears(UP, "mine")
        before = len(mine.changes)
        await access.revoke(BUTTON.username, by="test", at=AT)
        await mine.is_cut_off(before)
        # The certificate itself is still good: it is let in, and may do nothing.
        async with Speaker(with_certificate(broker, "h1/button"), "again") as again:
            await again.say(UP, "revoked")
        await service_.say("carebell/h1/x/down", "last")
        await service_.hears("carebell/h1/x/down", "last")
        assert [payload for _, payload in service_.heard] == ["mine", "last"]
        assert mine.heard == []
        assert service_.changes == [True], "a device has taken the session of the seat"
    await access.credentials.close()


async def test_without_a_certificate_of_ours_nobody_gets_in(broker: GuardedMosquitto) -> None:
    make_authority(broker.folder, "stranger")
    strange = with_certificate(broker, "h1/button", signed_by="stranger")
    none = MqttAddress("127.0.0.1", broker.signed, ADMIN, ADMIN_PASSWORD, is_encrypted=True, ca=str(broker.authority))
    for address in (strange, none):
        async with Speaker(address, "any") as speaker:
            assert not speaker.is_in
    async with Speaker(with_certificate(broker, "h1/button"), "any") as ours:
        assert ours.is_in


def test_a_certificate_without_its_key_is_told(broker: GuardedMosquitto) -> None:
    certificate, _ = make_certificate(broker.folder, "lone", "h1/lone", signed_by="devices")
    for key in (None, "/nowhere/lone.key"):
        address = MqttAddress("127.0.0.1", 1, is_encrypted=True, certificate=str(certificate), key=key)
        with pytest.raises(BadInput, match="cannot be read"):
            MqttConnection(address=address, client_id="x", clock=SystemClock())
