"""Credentials in a real Mosquitto: each speaks for itself only, and who is revoked is cut off and stays out."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from carebell.clock import SystemClock
from carebell.engine_sql import MEMORY
from carebell.errors import Refused, TryLater
from carebell.mqtt import MqttAddress, Will
from deploy.access import Access, DynsecGate
from deploy.doctor.mqtt import examine_mqtt
from deploy.dynsec import open_dynsec
from deploy.dynsec_plan import document
from deploy.revocations import finish_revocations
from devices.credentials import Holder, device, gateway, server, service
from devices.credentials_sql import SqlCredentials
from devices.password import hashed
from devices.registry import Device, Home
from devices.registry_sql import SqlRegistry
from ingest.pulse import pulse_topic
from tests.support import build
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import ADMIN, ADMIN_PASSWORD, GuardedMosquitto
from tests.support.speaker import Speaker

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 1, tzinfo=UTC)
BUTTON, OTHER = device("h1", "button"), device("h2", "button")
Z2M = gateway("h1", "stick", "zigbee2mqtt")
MAIN = service("carebell")
UP, DOWN = "carebell/h1/button/up", "carebell/h1/button/down"
UP_2, DOWN_2 = "carebell/h2/button/up", "carebell/h2/button/down"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[GuardedMosquitto]:
    """As it is after its first export: it knows its administrator only."""
    made = GuardedMosquitto(tmp_path / "guarded")
    made.folder.mkdir()
    made.clients.write_bytes(orjson.dumps(document([], ADMIN, hashed(ADMIN_PASSWORD, b"twelve bytes"))))
    with made:
        yield made


@pytest.fixture
async def access(broker: GuardedMosquitto) -> AsyncIterator[Access]:
    credentials = await SqlCredentials.open(MEMORY)
    yield Access(credentials, gate_of(broker))
    await credentials.close()


def gate_of(broker: GuardedMosquitto, password: str = ADMIN_PASSWORD) -> DynsecGate:
    address = MqttAddress("127.0.0.1", broker.port, ADMIN, password)
    return DynsecGate(lambda: open_dynsec(address, SystemClock()))


async def issue(access: Access, *holders: Holder) -> list[str]:
    return [await access.issue(holder, by="test", at=AT) for holder in holders]


def home(broker: GuardedMosquitto, holder: Holder, password: str, *filters: str, client_id: str = "any") -> Speaker:
    """As it speaks from its home: over TLS, with a password."""
    address = MqttAddress(
        "127.0.0.1", broker.homes, holder.username, password, is_encrypted=True, ca=str(broker.authority)
    )
    return Speaker(address, client_id, *filters)


def inside(broker: GuardedMosquitto, holder: Holder, password: str, *filters: str, client_id: str = "any") -> Speaker:
    """As it speaks on the machines of the city."""
    return Speaker(MqttAddress("127.0.0.1", broker.port, holder.username, password), client_id, *filters)


async def test_a_device_speaks_and_hears_for_itself_only(broker: GuardedMosquitto, access: Access) -> None:
    button, other, main = await issue(access, BUTTON, OTHER, MAIN)
    filters = (DOWN, DOWN_2, "carebell/+/button/down", "carebell/#", "#", "$share/g/carebell/#", UP, "$SYS/#")
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, BUTTON, button, *filters) as mine,
        home(broker, OTHER, other, DOWN_2) as theirs,
    ):
        assert service_.is_in
        assert mine.is_in
        for topic in (UP_2, DOWN_2, DOWN, "carebell/h1/other/up", "carebell/h1/button", "carebell-pulse/x", "x"):
            await mine.say(topic, "not mine to say")
        await mine.say(UP, "mine")
        await theirs.say(UP_2, "theirs")
        await service_.say(DOWN_2, "for them")
        await service_.say(DOWN, "for me")
        await service_.hears(UP, "mine")
        await service_.hears(UP_2, "theirs")
        await theirs.hears(DOWN_2, "for them")
        await mine.hears(DOWN, "for me")
        assert mine.heard == [(DOWN, "for me")]
        assert theirs.heard == [(DOWN_2, "for them")]
        assert "not mine to say" not in [payload for _, payload in service_.heard]


async def test_who_says_what_it_may_not_is_thrown_out_and_comes_back(broker: GuardedMosquitto, access: Access) -> None:
    """So says the runbook to whoever sets up a gateway that announces itself elsewhere."""
    button, main = await issue(access, BUTTON, MAIN)
    async with inside(broker, MAIN, main, "carebell/#") as service_, home(broker, BUTTON, button) as mine:
        await mine.say("homeassistant/button/config", "{}")
        await mine.is_cut_off()
        await mine.say(UP, "mine")
        await service_.hears(UP, "mine")


async def test_a_last_will_is_no_way_round(broker: GuardedMosquitto, access: Access) -> None:
    """Mosquitto takes any will and looks at it when it is due."""
    button, main = await issue(access, BUTTON, MAIN)
    address = MqttAddress("127.0.0.1", broker.port, BUTTON.username, button)
    async with inside(broker, MAIN, main, "carebell/#") as service_:
        for topic in (UP_2, "carebell/h1/other/up", UP):
            # Its connection is taken over, so that the will is due.
            async with Speaker(address, "mine", will=Will(topic, b"gone")) as mine, Speaker(address, "mine"):
                await mine.is_cut_off()
        await service_.hears(UP, "gone")
        assert {topic for topic, _ in service_.heard} == {UP}


async def test_a_gateway_stays_inside_its_home(broker: GuardedMosquitto, access: Access) -> None:
    stick, main = await issue(access, Z2M, MAIN)
    mine = "carebell/h1/zigbee2mqtt"
    wide = ("carebell/+/zigbee2mqtt/#", "carebell/h2/zigbee2mqtt/#", "carebell/h1/#", DOWN)
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, Z2M, stick, f"{mine}/#", *wide) as gateway_,
    ):
        for topic in ("carebell/h2/zigbee2mqtt/button", UP, "carebell/h1/shelly/x", f"{mine}x/y"):
            await gateway_.say(topic, "not mine to say")
        await gateway_.say(f"{mine}/bridge/state", "online")
        for topic in ("carebell/h2/zigbee2mqtt/siren/set", DOWN, f"{mine}/siren/set"):
            await service_.say(topic, "sound")
        await gateway_.hears(f"{mine}/siren/set", "sound")
        await service_.hears(f"{mine}/bridge/state", "online")
        assert {topic for topic, _ in gateway_.heard} == {f"{mine}/bridge/state", f"{mine}/siren/set"}
        assert "not mine to say" not in [payload for _, payload in service_.heard]


async def test_a_shelly_speaks_below_its_own_level(broker: GuardedMosquitto, access: Access) -> None:
    holder = gateway("h1", "smoke", "shelly", "shellyplussmoke-1")
    shelly, main = await issue(access, holder, MAIN)
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, holder, shelly) as smoke,
    ):
        await smoke.say("carebell/h1/shelly/shellyplussmoke-2/events/rpc", "not mine to say")
        await smoke.say("carebell/h1/shelly/shellyplussmoke-1/events/rpc", "mine")
        await service_.hears("carebell/h1/shelly/shellyplussmoke-1/events/rpc", "mine")
        assert len(service_.heard) == 1


async def test_services_hear_everything_that_they_need(broker: GuardedMosquitto, access: Access) -> None:
    main, chirpstack = await issue(access, MAIN, server("chirpstack", "chirpstack"))
    pulse, dropped = pulse_topic("carebell-seat-1"), "$SYS/broker/publish/messages/dropped"
    filters = ("carebell/#", "application/#", f"{pulse}/beat", pulse, dropped, "$SYS/broker/version")
    async with (
        inside(broker, MAIN, main, *filters, client_id="carebell-seat-1") as service_,
        inside(broker, server("chirpstack", "chirpstack"), chirpstack, "application/#", "carebell/#") as network,
    ):
        for topic in (pulse, f"{pulse}/beat", DOWN, "application/a/device/d/command/down"):
            await service_.say(topic, "ours")
            await service_.hears(topic, "ours")
        await network.say(UP, "not mine to say")
        await network.say("application/a/device/d/event/up", "theirs")
        await service_.hears("application/a/device/d/event/up", "theirs")
        await service_.hears(dropped, "0")
        await network.hears("application/a/device/d/command/down", "ours")
        assert {topic.partition("/")[0] for topic, _ in network.heard} == {"application"}
        assert "not mine to say" not in [payload for _, payload in service_.heard]


async def test_the_doctor_finds_the_broker_well(broker: GuardedMosquitto, access: Access) -> None:
    main, button = await issue(access, MAIN, BUTTON)
    ours, strange = (
        MqttAddress("127.0.0.1", broker.port, name, password)
        for name, password in ((MAIN.username, main), (BUTTON.username, button))
    )
    assert not [one for one in await examine_mqtt(ours, SystemClock()) if one.is_problem]
    assert [one for one in await examine_mqtt(strange, SystemClock()) if one.is_problem]


async def test_who_is_revoked_is_cut_off_and_stays_out(broker: GuardedMosquitto, access: Access) -> None:
    button, main = await issue(access, BUTTON, MAIN)
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, BUTTON, button, DOWN) as mine,
    ):
        assert mine.is_in
        await access.revoke(BUTTON.username, by="test", at=AT)
        await mine.is_cut_off()
        async with home(broker, BUTTON, button, client_id="another") as again:
            assert not again.is_in
        assert mine.changes == [True, False], "it has tried all the time"
        [new] = await issue(access, BUTTON)
        async with home(broker, BUTTON, new, client_id="another") as again:
            await again.say(UP, "back")
            await service_.hears(UP, "back")


async def test_an_old_password_stops_at_once(broker: GuardedMosquitto, access: Access) -> None:
    [old] = await issue(access, BUTTON)
    async with home(broker, BUTTON, old) as mine:
        new = await access.rotate(BUTTON.username, by="test", at=AT)
        await mine.is_cut_off()
        async with home(broker, BUTTON, old, client_id="a") as with_old:
            assert not with_old.is_in
    async with home(broker, BUTTON, new, client_id="b") as with_new:
        assert with_new.is_in


async def test_nobody_takes_the_session_of_another(broker: GuardedMosquitto, access: Access) -> None:
    button, other, main = await issue(access, BUTTON, OTHER, MAIN)
    seat = "carebell-seat-1"
    async with (
        inside(broker, MAIN, main, "carebell/#", client_id=seat) as service_,
        home(broker, OTHER, other, DOWN_2, client_id=OTHER.username) as theirs,
        home(broker, BUTTON, button, client_id=seat) as first,
    ):
        assert first.is_in
        async with home(broker, BUTTON, button, client_id=OTHER.username) as second:
            assert second.is_in
            await theirs.say(UP_2, "still here")
            await service_.hears(UP_2, "still here")
        assert service_.changes == [True]
        assert theirs.changes == [True]


async def test_a_session_that_was_taken_brings_nothing_along(broker: GuardedMosquitto, access: Access) -> None:
    """On the listener for the city's own machines anybody may say any client id: what they hear is checked all the same."""
    button, main = await issue(access, BUTTON, MAIN)
    theirs, mine = (
        MqttAddress("127.0.0.1", broker.port, name, password)
        for name, password in ((MAIN.username, main), (BUTTON.username, button))
    )
    lasting = timedelta(hours=1)
    async with Speaker(theirs, "carebell-seat-1", "carebell/#", session=lasting) as service_:
        await service_.say("carebell/h1/x/down", "heard")
        await service_.hears("carebell/h1/x/down", "heard")
    async with (
        Speaker(mine, "carebell-seat-1", DOWN, session=lasting) as thief,
        inside(broker, MAIN, main, client_id="b") as service_,
    ):
        assert thief.connection.has_resumed
        await service_.say(UP_2, "not for you")
        await service_.say(DOWN, "for you")
        await thief.hears(DOWN, "for you")
        assert {topic for topic, _ in thief.heard} == {DOWN}


async def test_a_broker_that_is_away_is_told_of_and_provision_mends_it(
    broker: GuardedMosquitto, access: Access
) -> None:
    button, other = await issue(access, BUTTON, OTHER)
    broker.stop()
    with pytest.raises(TryLater, match="revoked here, but the broker may still let it in"):
        await access.revoke(BUTTON.username, by="test", at=AT)
    with pytest.raises(TryLater, match="older one may still work: rotate it"):
        await access.rotate(OTHER.username, by="test", at=AT)
    broker.start()
    async with home(broker, BUTTON, button) as still:
        assert still.is_in, "the broker has not heard of it"
        said = await access.gate.reconcile(access.credentials)
        assert said == ["2 commands done", f"! {OTHER.username}: the broker may still take its old password: rotate it"]
        await still.is_cut_off()
    again = await access.rotate(OTHER.username, by="test", at=AT)
    assert await access.gate.reconcile(access.credentials) == ["the broker: nothing to do"]
    async with home(broker, OTHER, other) as old, home(broker, OTHER, again, client_id="x") as new:
        assert not old.is_in
        assert new.is_in


async def test_provision_mends_what_others_have_changed(broker: GuardedMosquitto, access: Access) -> None:
    button, main = await issue(access, BUTTON, MAIN)
    await issue(access, OTHER, Z2M)
    async with open_dynsec(MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD), SystemClock()) as dynsec:
        everything = {"acltype": "publishClientSend", "topic": "#", "allow": True}
        await dynsec.do(
            [
                {"command": "modifyRole", "rolename": BUTTON.username, "acls": [everything]},
                {"command": "setDefaultACLAccess", "acls": [{"acltype": "subscribe", "allow": True}]},
                {"command": "deleteClient", "username": OTHER.username},
                {"command": "disableClient", "username": Z2M.username},
                {"command": "createClient", "username": "h3/unknown", "password": "x"},
            ]
        )
    said = await access.gate.reconcile(access.credentials)
    assert said[0] == "2 commands done"
    assert [line.partition(":")[0] for line in said[1:]] == ["! h1/stick", "! h2/button", "! h3/unknown"]
    assert (await access.gate.reconcile(access.credentials))[0] == "the broker: nothing to do"
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, BUTTON, button, "carebell/#") as mine,
    ):
        await mine.say(UP_2, "not mine to say")
        await mine.say(UP, "mine")
        await service_.hears(UP, "mine")
        assert [topic for topic, _ in service_.heard] == [UP]


async def test_more_than_a_page_is_compared(broker: GuardedMosquitto, access: Access) -> None:
    for number in range(3):
        await issue(access, device("h1", f"d-{number}"))
    async with open_dynsec(MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD), SystemClock()) as dynsec:
        await dynsec.do([{"command": "createRole", "rolename": f"role-{number}"} for number in range(600)])
        found = await dynsec.found()
    assert len(found.roles) == 604
    assert {"h1/d-0", "h1/d-1", "h1/d-2"} <= set(found.clients)


async def test_a_new_broker_is_started_with_what_is_kept_here(broker: GuardedMosquitto, access: Access) -> None:
    button, other, main = await issue(access, BUTTON, OTHER, MAIN)
    await access.revoke(OTHER.username, by="test", at=AT)
    broker.stop()
    kept = await access.credentials.page()
    broker.clients.write_bytes(orjson.dumps(document(kept, ADMIN, hashed(ADMIN_PASSWORD, b"twelve bytes"))))
    broker.start()
    async with (
        inside(broker, MAIN, main, "carebell/#") as service_,
        home(broker, BUTTON, button) as mine,
        home(broker, OTHER, other) as gone,
    ):
        assert not gone.is_in
        await mine.say(UP, "mine")
        await service_.hears(UP, "mine")
    assert await access.gate.reconcile(access.credentials) == ["the broker: nothing to do"]


async def test_who_is_not_the_administrator_changes_nothing(broker: GuardedMosquitto, access: Access) -> None:
    with pytest.raises(TryLater, match="does not let the administrator"):
        await gate_of(broker, "wrong").expel("h1/button")
    [main] = await issue(access, MAIN)
    async with open_dynsec(MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD), SystemClock()) as dynsec:
        with pytest.raises(Refused, match="Unknown command"):
            await dynsec.do([{"command": "no such command"}])
    async with inside(broker, MAIN, main, "$CONTROL/#") as service_:
        await service_.say("$CONTROL/dynamic-security/v1", '{"commands": [{"command": "listClients"}]}')
        assert service_.heard == []


async def test_administrators_do_not_take_the_answers_of_each_other(broker: GuardedMosquitto, access: Access) -> None:
    """The broker gives each answer to all of them: a notifier puts somebody out while a person issues."""
    address = MqttAddress("127.0.0.1", broker.port, ADMIN, ADMIN_PASSWORD)
    await issue(access, BUTTON)
    async with open_dynsec(address, SystemClock()) as mine, open_dynsec(address, SystemClock()) as other:
        for _ in range(20):
            await other.do([{"command": "getRole", "rolename": BUTTON.username}])
            with pytest.raises(Refused, match="no such command"):
                await mine.do([{"command": "no such command"}])
        assert BUTTON.username in (await mine.found()).clients


@pytest.mark.parametrize("is_away", [False, True], ids=["at once", "after the broker was away"])
async def test_a_device_that_leaves_its_home_is_cut_off(
    broker: GuardedMosquitto, tmp_path: Path, is_away: bool
) -> None:
    url, clock, stop = f"sqlite:///{tmp_path / 'registry.db'}", SystemClock(), asyncio.Event()
    registry, credentials = await SqlRegistry.open(url), await SqlCredentials.open(url)
    there = Home(home_id="h1", devices=(Device(device_id="button"),))
    await registry.put([there], by="li", at=AT)
    access = Access(credentials, gate_of(broker))
    (button,) = await issue(access, BUTTON)
    async with home(broker, BUTTON, button) as mine:
        assert mine.is_in
        if is_away:
            broker.stop()
        await registry.put([replace(there, devices=())], by="li", at=clock.now())
        assert [one.username for one in await credentials.still_inside()] == ["h1/button"]
        # Not before: it might have done its work by the time we look.
        running = asyncio.create_task(finish_revocations(access, build.instruments(clock), stop))
        if is_away:
            broker.start()
        await mine.is_cut_off()
        async with asyncio.timeout(PATIENCE_S):
            while await credentials.still_inside():
                await asyncio.sleep(0.1)
    async with home(broker, BUTTON, button) as mine:
        assert not mine.is_in
    stop.set()
    await running
    await registry.close()
    await credentials.close()
