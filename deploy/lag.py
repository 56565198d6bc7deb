"""How long calls for help and alerts have been waiting for whoever must take them, and when the homes were last heard:
asked from outside of those who should do it. Where every one of them is dead, somebody still sees it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from carebell.clock import wait_set
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.topics import Topic

LAG, HEARING = "lag", "hearing"
_LOOK_EVERY, _LISTEN_EVERY = timedelta(seconds=2), timedelta(seconds=5)
_ASK_WITHIN_S = 8.0
# The group that reads a topic, by the name under which its lateness is told.
_WATCHED: Mapping[str, tuple[str, Topic]] = {"rules": ("rules", Topic.URGENT), "notifier": ("notifier", Topic.ALERTS)}
# Every few seconds a tick stands in the telemetry lane, however quiet the homes are.
_DEAF_AFTER = timedelta(seconds=60)


async def watch_lag(log: Log, instruments: Instruments, stop: asyncio.Event) -> None:
    """Until told to stop. A log that cannot be asked ends it: it is started again, and has not moved."""
    while not stop.is_set():
        for name, (group, topic) in _WATCHED.items():
            async with asyncio.timeout(_ASK_WITHIN_S):
                since = await log.waiting_since(group, topic)
            age = timedelta(0) if since is None else instruments.clock.now() - since
            instruments.telemetry.waiting.labels(name).set(max(0.0, age.total_seconds()))
            instruments.progress.behind(f"the group {name}", age.total_seconds())
        instruments.progress.turned(LAG)
        await wait_set(stop, instruments.clock, _LOOK_EVERY)


async def watch_hearing(log: Log, instruments: Instruments, stop: asyncio.Event) -> None:
    """Until told to stop: whether anything comes in at all, from whichever ingest process."""
    began = instruments.clock.now()
    while not stop.is_set():
        async with asyncio.timeout(_ASK_WITHIN_S):
            newest = await log.tail(Topic.TELEMETRY, 1)
        age = instruments.clock.now() - max((record.appended_at for record in newest), default=began)
        instruments.telemetry.heard_age.set(max(0.0, age.total_seconds()))
        # To change seats takes an ingest process longer than others may be late.
        instruments.progress.behind("what the homes say", age.total_seconds() if age > _DEAF_AFTER else 0.0)
        instruments.progress.turned(HEARING)
        await wait_set(stop, instruments.clock, _LISTEN_EVERY)
