"""A flood on the telemetry lane does not delay calls for help: what was pressed behind it is judged before it.

How long calls wait beside a flood is measured by `make bench-city`, in bench/city_urgent.py.
"""

from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.topics import Topic
from tests.support.entries import motion_entry, press_entry, weak_entry
from tests.support.lanes import FLOOD, HOMES
from tests.support.patience import PATIENCE_S
from tests.support.room import Room

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_call_that_lies_behind_a_flood_of_telemetry_is_judged_before_it(
    tmp_path: Path, kafka: str, redis_url: str
) -> None:
    with Room(tmp_path, kafka=kafka, redis=redis_url) as room, room.sink(room.topic(Topic.ALERTS)) as sink:
        room.append_homes(HOMES)
        now, parts = SystemClock().now(), range(room.partitions)
        flood = [motion_entry(number % HOMES, f"flood-{number}", now) for number in range(FLOOD)]
        ends = [weak_entry(part, part, room.partitions) for part in parts]
        room.append([*flood, *ends])
        room.append([press_entry(room.partitions + part, part, room.partitions) for part in parts])
        room.start("rules")
        marks = sink.wait_for(2 * room.partitions, 4 * PATIENCE_S)
    came = [mark.number for mark in marks]
    for part in parts:
        assert came.index(room.partitions + part) < came.index(part), f"partition {part}: the flood came first"
