"""Loops that keep a box in order: a broker that is dead or deaf is started again, old records are forgotten."""

import asyncio
from datetime import timedelta

from carebell.clock import wait_set
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.topics import Topic
from deploy.broker import Broker
from ingest.main import PULSE_LATE, IngestView

_LOOK_EVERY = timedelta(seconds=2)
_TRIM_EVERY = timedelta(hours=1)
# The profiles of homes are kept: whoever starts anew reads them from the beginning.
_TRIMMED = (Topic.URGENT, Topic.TELEMETRY, Topic.ALERTS, Topic.CASES, Topic.REJECTED)


async def watch_broker(broker: Broker, ingest: IngestView, instruments: Instruments, stop: asyncio.Event) -> None:
    """A broker whose process has ended, or that lets no pulse through, is started again."""
    clock = instruments.clock
    since = clock.now()
    while not await wait_set(stop, clock, _LOOK_EVERY):
        age = clock.now() - max(since, ingest.pulse_at or since)
        instruments.telemetry.pulse_age.set(age.total_seconds())
        if broker.is_ours and (not broker.is_running() or age > PULSE_LATE):
            instruments.logger.error("broker is started again", is_running=broker.is_running(), pulse_age=age.seconds)
            await broker.restart()
            since = clock.now()


async def trim_log(log: Log, keep: timedelta, instruments: Instruments, stop: asyncio.Event) -> None:
    """Every hour, forget what is older than it need be."""
    while not stop.is_set():
        before = instruments.clock.now() - keep
        gone = sum([await log.trim(topic, before) for topic in _TRIMMED])
        instruments.logger.info("log trimmed", records=gone)
        await wait_set(stop, instruments.clock, _TRIM_EVERY)
