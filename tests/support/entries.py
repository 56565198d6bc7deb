"""Entries of the log as Carebell would append them, some of them marked (see tests/support/flow.py)."""

import itertools
from datetime import datetime, timedelta
from functools import cache

from pydantic import JsonValue

from carebell.clock import SystemClock
from carebell.log import Entry
from carebell.topics import Topic, lane_of, partition_of
from carebell.types import DeviceProfile, HomeProfile, Kind, Reading
from carebell.wire import encode, headers
from tests.support.flow import BUTTON, SENSOR, home_id

SENSOR_EVERY = timedelta(hours=6)


def profile(number: int) -> HomeProfile:
    """A home with what a home has; nothing of it is silent for long enough to be told of while anything is measured."""
    devices = [DeviceProfile(device_id=BUTTON, model="SOS-1", place="bedroom", is_sos=True)]
    devices += [
        DeviceProfile(device_id=name, model="M-1", place=place, expected_every=SENSOR_EVERY)
        for name, place in ((SENSOR, "hall"), ("door-1", "hall"), ("bed-1", "bedroom"), ("smoke-1", "kitchen"))
    ]
    return HomeProfile(home_id=home_id(number), timezone="Asia/Shanghai", devices=tuple(devices), revision=1)


def press_entry(number: int, partition: int, partitions: int) -> Entry:
    """A marked press as ingest would have appended it, said now, of a home in a partition."""
    now = SystemClock().now()
    return _said(
        home_in(partition, partitions), BUTTON, Kind.SOS, "active", f"mark-{number}@{now.timestamp():.6f}", now
    )


def weak_entry(number: int, partition: int, partitions: int) -> Entry:
    """A marked weak battery on the telemetry lane, said now, of a home in a partition."""
    now = SystemClock().now()
    said = f"mark-{number}@{now.timestamp():.6f}"
    return _said(home_in(partition, partitions), f"mark-{number}", Kind.BATTERY_LOW, True, said, now)


def motion_entry(number: int, name: str, now: datetime) -> Entry:
    """Something that a home says all day."""
    return _said(home_id(number), SENSOR, Kind.MOTION, True, f"{name}-{number}", now)


@cache
def home_in(partition: int, partitions: int) -> str:
    """The first home of a partition."""
    return next(name for name in map(home_id, itertools.count()) if partition_of(name, partitions) == partition)


def _said(home: str, device: str, kind: Kind, value: JsonValue, said: str, now: datetime) -> Entry:
    reading = Reading(
        id=said,
        home_id=home,
        device_id=device,
        kind=kind,
        value=value,
        observed_at=now,
        received_at=now,
        source_message_id=said,
    )
    about = headers(reading, id=said, source="measuring", at=now)
    return Entry(topic=lane_of(reading), key=home, value=encode(reading), headers=about)


def profile_entry(number: int) -> Entry:
    home = profile(number)
    about = headers(home, id=home.home_id, source="measuring", at=SystemClock().now())
    return Entry(topic=Topic.HOMES, key=home.home_id, value=encode(home), headers=about)
