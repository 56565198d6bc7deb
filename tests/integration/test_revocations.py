"""A notifier of a city that knows the broker's administrator puts out who is revoked, with or without a Kafka."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from carebell.clock import SystemClock
from carebell.mqtt import MqttAddress
from deploy.access import Access, DynsecGate
from deploy.dynsec import open_dynsec
from deploy.dynsec_plan import document
from devices.credentials import device, service
from devices.credentials_sql import SqlCredentials
from devices.password import hashed
from devices.registry import Device, Home
from devices.registry_sql import SqlRegistry
from tests.support.city_process import CityProcess
from tests.support.servers.mosquitto import ADMIN, ADMIN_PASSWORD, GuardedMosquitto
from tests.support.speaker import Speaker

pytestmark = [pytest.mark.integration, pytest.mark.slow]
AT = datetime(2026, 3, 1, tzinfo=UTC)
HOME = Home(home_id="h1", devices=(Device(device_id="button"),))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[GuardedMosquitto]:
    made = GuardedMosquitto(tmp_path / "guarded")
    made.folder.mkdir()
    made.clients.write_bytes(orjson.dumps(document([], ADMIN, hashed(ADMIN_PASSWORD, b"twelve bytes"))))
    with made:
        yield made


async def test_a_returned_device_is_cut_off_by_a_running_city(
    broker: GuardedMosquitto, tmp_path: Path, database_url: str
) -> None:
    registry, credentials = await SqlRegistry.open(database_url), await SqlCredentials.open(database_url)
    await registry.put([HOME], by="li", at=AT)
    address = MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD)
    access = Access(credentials, DynsecGate(lambda: open_dynsec(address, SystemClock())))
    button = await access.issue(device("h1", "button"), by="li", at=AT)
    main = await access.issue(service("carebell"), by="li", at=AT)
    config = {
        "kafka": {"servers": "127.0.0.1:1"},
        "redis": {"url": "redis://127.0.0.1:1/0"},
        "database": {"url": database_url},
        "mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}", "username": "carebell", "password": main},
        "credentials": {"admin": ADMIN, "admin_password": ADMIN_PASSWORD},
    }
    (tmp_path / "city.yaml").write_text(json.dumps(config), "utf-8")
    notify = CityProcess("notify", 1, tmp_path, tmp_path / "city.yaml").launch()
    try:
        async with Speaker(replace(address, username="h1/button", password=button), "any") as mine:
            assert mine.is_in
            await registry.put([replace(HOME, devices=())], by="li", at=SystemClock().now())
            await mine.is_cut_off()
    finally:
        notify.close()
        await registry.close()
        await credentials.close()
