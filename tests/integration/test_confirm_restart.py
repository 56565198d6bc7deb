"""A notifier ends between a signal to a home and the answer: what the home says is kept, and nobody is warned for nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from carebell.bell import Bell
from carebell.clock import SystemClock
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.mqtt import MqttAddress, MqttConnection
from carebell.types import DeviceProfile, HomeProfile
from deploy.channels import way_home
from devices.confirm import Stage
from devices.registry import Home
from notifier.case_value import Acted, Case, Confirmation, Move, Purpose, Raised
from notifier.casebook_sql import SqlCasebook
from notifier.channels.home import HomeChannel
from notifier.delivery import Courier
from notifier.main import People, build_notifier
from tests.support import build
from tests.support.build import PEOPLE, seconds
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.integration

WITHIN = timedelta(seconds=PATIENCE_S)
LAMP = DeviceProfile(device_id="lamp", dialect="zigbee2mqtt", address="bedside", confirms="lamp")
SIREN = DeviceProfile(
    device_id="siren", dialect="chirpstack", address="70B3D5E75E000001", model="R602A", confirms="siren"
)
HOME = HomeProfile(home_id="h1", timezone="Asia/Shanghai", devices=(LAMP, SIREN))
BEDSIDE = "carebell/h1/zigbee2mqtt/bedside"
NODE = "application/app-7/device/70b3d5e75e000001"


class MovedClock(SystemClock):
    """The machine's clock, so much ahead."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Village:
    """The home's gateway and network server, as far as the test speaks for them; and the casebook."""

    def __init__(self, broker: Mosquitto, folder: Path, casebook: SqlCasebook, tools: Instruments) -> None:
        self._folder = folder
        self._address = MqttAddress("127.0.0.1", broker.port)
        self._tools = tools
        self._casebook = casebook
        self.speaker = MqttConnection(address=self._address, client_id="village", clock=SystemClock())
        self.case: Case

    @asynccontextmanager
    async def notifier(self, name: str) -> AsyncIterator[None]:
        """One life of a notifier process by this name."""
        home = way_home(self._address, name, self._tools)

        async def publish(topic: str, payload: bytes) -> None:
            await home.connection.publish_acknowledged(topic, payload, within=seconds(5))

        async def nobody(_: str) -> Home | None:
            return None

        log = await SqliteLog.open(self._folder / "log.db", 2, self._tools.clock)
        notifier = build_notifier(
            log=log,
            casebook=self._casebook,
            people=People(nobody, ()),
            courier=Courier(name, {"home": HomeChannel(publish, home.answers)}, "", home.answers),
            bell=Bell(),
            instruments=self._tools,
        )
        stop = asyncio.Event()
        loops = [notifier.loops[name] for name in ("escalation", "delivery", "answers")]
        running = [asyncio.create_task(loop(stop)) for loop in (*loops, home.connection.run)]
        try:
            assert await home.connection.wait_connected(WITHIN)
            # The broker answers in order: it has the subscriptions when it answers what comes behind them.
            await home.connection.publish_acknowledged("elsewhere", b"", within=WITHIN)
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)
            await log.close()

    async def says(self, topic: str, content: object) -> None:
        await self.speaker.publish_acknowledged(topic, json.dumps(content).encode(), within=WITHIN)

    async def calls(self) -> None:
        """A call that is accepted at once."""
        now = self._tools.clock.now()
        (case,) = await self._casebook.raise_alerts([Raised(build.alert(at=now), PEOPLE, "", "", HOME)], now)
        assert case is not None
        self.case = case
        await self._casebook.act(case.id, Acted(move=Move.ACCEPT, by="desk-1"), now)

    async def answers(self) -> None:
        """The lamp is on, and the siren has acknowledged, that somebody is coming."""
        item = str(UUID((await self.coming())["siren"].delivery_id))
        await self.says(BEDSIDE, {"state": "ON"})
        await self.says(f"{NODE}/event/ack", {"queueItemId": item, "acknowledged": True})

    async def coming(self) -> dict[str, Confirmation]:
        """By the device that shows that somebody is coming, without the button."""
        found = await self._casebook.case(self.case.id)
        assert found is not None
        told = [one for one in found[0].confirmations if one.purpose is Purpose.COMING]
        return {one.device_id: one for one in told if one.device_id in ("lamp", "siren")}

    async def until_both(self, stage: Stage) -> None:
        async with asyncio.timeout(WITHIN.total_seconds()):
            while {one.stage for one in (await self.coming()).values()} != {stage}:
                await asyncio.sleep(0.05)

    async def doubts(self) -> list[object]:
        """The devices for which the time line says that the home may not have heard."""
        lines = await self._casebook.lines(after=0, limit=100, case_id=self.case.id)
        return [line.data["person"] for line in lines if line.data.get("unheard")]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def village(mosquitto: Mosquitto, tmp_path: Path, clock: MovedClock) -> AsyncIterator[Village]:
    tools = build.instruments(clock)
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    casebook = await SqlCasebook.open(url, build.default_policies(), Bell(), tools.telemetry)
    village = Village(mosquitto, tmp_path, casebook, tools)
    stop = asyncio.Event()
    speaking = asyncio.create_task(village.speaker.run(stop))
    assert await village.speaker.wait_connected(WITHIN)
    yield village
    stop.set()
    await speaking
    await casebook.close()


async def told_by(village: Village, name: str) -> None:
    """The home was told by a notifier that has ended before anything was answered."""
    async with village.notifier(name):
        await village.says(f"{NODE}/event/up", {"fPort": 6})
        await village.calls()
        await village.until_both(Stage.ACCEPTED)


async def test_what_was_said_while_nobody_listened_is_heard_before_anybody_is_warned(
    village: Village, clock: MovedClock
) -> None:
    await told_by(village, "notifier")
    await village.answers()
    clock.ahead = timedelta(minutes=1)
    async with village.notifier("notifier"):
        await village.until_both(Stage.CONFIRMED)
    assert await village.doubts() == []
    assert not any(one.is_doubtful for one in (await village.coming()).values())


async def test_another_notifier_hears_what_is_said_to_one_that_is_gone(village: Village, clock: MovedClock) -> None:
    await told_by(village, "notifier")
    clock.ahead = timedelta(minutes=1)
    async with village.notifier("another"):
        async with asyncio.timeout(WITHIN.total_seconds()):
            # Said again until it is listened to: nothing tells from outside when that is.
            while {one.stage for one in (await village.coming()).values()} != {Stage.CONFIRMED}:
                await village.answers()
                await asyncio.sleep(0.2)
    assert await village.doubts() == []


@pytest.mark.slow
async def test_a_home_that_has_said_nothing_may_not_have_heard(village: Village, clock: MovedClock) -> None:
    await told_by(village, "notifier")
    clock.ahead = timedelta(minutes=1)
    async with village.notifier("notifier"):
        await asyncio.sleep(2)
        assert await village.doubts() == []
        async with asyncio.timeout(WITHIN.total_seconds()):
            while len(await village.doubts()) < 2:
                await asyncio.sleep(0.1)
