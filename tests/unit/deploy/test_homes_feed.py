"""From the registry onto the log: every home, also those of a batch that was written in part before a crash."""

import asyncio
from dataclasses import replace

from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import BindingProfile, HomeProfile
from carebell.wire import decode
from deploy.homes_feed import _entry, publish_homes
from devices.registry import Device, Home
from devices.registry_sql import SqlRegistry
from tests.support.build import START, seconds
from tests.support.idle import idle


async def published(log: SqliteLog) -> dict[str, int]:
    """The newest revision of each home."""
    found: dict[str, int] = {}
    for record in reversed(await log.tail(Topic.HOMES, 1000)):
        profile = decode(record.value)
        assert isinstance(profile, HomeProfile)
        found[profile.home_id] = profile.revision
    return found


async def publish_until(registry: SqlRegistry, log: SqliteLog, clock: ManualClock, count: int) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(publish_homes(registry, log, clock, stop))
    while len(await published(log)) < count:
        await clock.advance(seconds(1))
    stop.set()
    while not task.done():
        await clock.advance(seconds(1))
    await task


async def test_homes_that_an_older_version_told_of_are_all_told_anew() -> None:
    """However many there are: rules would know no ability levels until each of them is changed by somebody."""
    clock = ManualClock(START)
    registry, log = await SqlRegistry.open(MEMORY), await SqliteLog.open(":memory:", 1, clock)
    await registry.put([Home(home_id=f"h{number}") for number in range(600)], by="import", at=START)
    older = [
        replace(entry, value=entry.value.replace(b'"residents":[],"settings":{},', b""))
        for entry in (_entry(revision, profile, clock) for revision, profile in await registry.changes(0, 600))
    ]
    await log.append(older, START)
    assert b'"settings"' not in older[0].value
    stop = asyncio.Event()
    task = asyncio.create_task(publish_homes(registry, log, clock, stop))
    while len(records := await log.tail(Topic.HOMES, 2000)) < 1200:
        await clock.advance(seconds(1))
    assert sum(b'"settings"' in record.value for record in records) == 600
    stop.set()
    while not task.done():
        await clock.advance(seconds(1))
    await registry.close()
    await log.close()


async def test_a_batch_that_was_written_in_part_is_made_whole() -> None:
    clock = ManualClock(START)
    registry, log = await SqlRegistry.open(MEMORY), await SqliteLog.open(":memory:", 2, clock)
    await registry.put([Home(home_id=f"h{number}") for number in range(5)], by="import", at=START)
    # of several partitions only that of the last home took the batch
    revision, last = (await registry.changes(0, 10))[-1]
    await log.append([_entry(revision, last, clock)], START)
    await publish_until(registry, log, clock, 5)
    assert await published(log) == {f"h{number}": number + 1 for number in range(5)}
    await registry.put([Home(home_id="h9")], by="desk", at=START)
    await publish_until(registry, log, clock, 6)
    assert (await published(log))["h9"] == 6
    await registry.close()
    await log.close()


async def test_a_change_of_a_home_stands_in_the_log_within_two_seconds() -> None:
    """With what ingest needs of its devices, and without what was returned."""
    clock = ManualClock(START)
    registry, log = await SqlRegistry.open(MEMORY), await SqliteLog.open(":memory:", 1, clock)
    stop = asyncio.Event()
    task = asyncio.create_task(publish_homes(registry, log, clock, stop))

    async def pass_(length: float) -> None:
        await clock.advance(seconds(length))
        await idle()

    await pass_(10)
    button = Device(device_id="d", dialect="zigbee2mqtt", address="bed button")
    gone = Device(device_id="old", returned_on=START.date())
    bound = replace(button, bindings=(BindingProfile(gesture="single", kind="sos"),))
    for revision, device in enumerate((button, bound), start=1):
        await registry.put([Home(home_id="h", devices=(device, gone))], by="desk", at=clock.now())
        await pass_(1)
        await pass_(1)
        [record, *_] = await log.tail(Topic.HOMES, 1)
        profile = decode(record.value)
        assert isinstance(profile, HomeProfile)
        assert (profile.revision, profile.devices) == (revision, (device.profile(),))
    stop.set()
    while not task.done():
        await clock.advance(seconds(1))
    await task
    await registry.close()
    await log.close()
