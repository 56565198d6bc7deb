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
_ASLEEP_AFTER_S = 10.0
_TRIM_EVERY = timedelta(hours=1)
# The profiles of homes are kept: whoever starts anew reads them from the beginning.
_TRIMMED = (Topic.URGENT, Topic.TELEMETRY, Topic.ALERTS, Topic.CASES, Topic.REJECTED)


async def watch_broker(broker: Broker, ingest: IngestView, instruments: Instruments, stop: asyncio.Event) -> None:
    """A broker of our own whose process has ended, or that lets no pulse through, is started again.

    Measured on the monotonic clock, and only while we ourselves are awake and take what comes: a full disk, a stopped
    machine or a clock that jumped are no faults of the broker.
    """
    clock = instruments.clock
    since = looked = clock.monotonic()
    while not await wait_set(stop, clock, _LOOK_EVERY):
        now = clock.monotonic()
        if now - looked > _ASLEEP_AFTER_S or ingest.is_stuck:
            since = now
        looked = now
        age_s = now - max(since, ingest.pulse_heard_s or since)
        instruments.telemetry.pulse_age.set(age_s)
        if broker.is_ours and (not broker.is_running() or age_s > PULSE_LATE.total_seconds()):
            instruments.logger.error(
                "broker is started again", is_running=broker.is_running(), pulse_age_s=round(age_s)
            )
            await broker.restart()
            since = clock.monotonic()


async def measure_pulse(ingest: IngestView, instruments: Instruments, stop: asyncio.Event) -> None:
    """How old the newest pulse is, for whoever watches a broker that is not ours."""
    since = instruments.clock.monotonic()
    while not await wait_set(stop, instruments.clock, _LOOK_EVERY):
        now = instruments.clock.monotonic()
        instruments.telemetry.pulse_age.set(now - (ingest.pulse_heard_s or since))


async def trim_log(log: Log, keep: timedelta, instruments: Instruments, stop: asyncio.Event) -> None:
    """Every hour, forget what is older than it need be."""
    while not stop.is_set():
        before = instruments.clock.now() - keep
        gone = sum([await log.trim(topic, before) for topic in _TRIMMED])
        instruments.logger.info("log trimmed", records=gone)
        await wait_set(stop, instruments.clock, _TRIM_EVERY)
