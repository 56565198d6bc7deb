"""A flood on the telemetry lane does not delay calls for help: both are measured in one run, in turn, and compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.figures import Figures
from tests.support.lanes import EACH, measure_lanes
from tests.support.room import Room

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def room(tmp_path: Path, kafka: str, redis_url: str) -> Iterator[Room]:
    with Room(tmp_path, kafka=kafka, redis=redis_url) as room:
        yield room


def test_p99_of_a_call_with_the_telemetry_lane_saturated_is_within_twice_the_idle_one(room: Room) -> None:
    found = measure_lanes(room)
    assert min(len(found.idle), len(found.saturated)) >= EACH
    idle, saturated = Figures.of(found.idle), Figures.of(found.saturated)
    print(f"\nSOS → alert, idle:      p50 {idle.p50:.1f} ms, p99 {idle.p99:.1f} ms of {idle.count}")
    print(f"SOS → alert, saturated: p50 {saturated.p50:.1f} ms, p99 {saturated.p99:.1f} ms of {saturated.count}")
    assert saturated.p99 <= 2 * idle.p99, f"{found.flood_rate:.0f} readings/s were worked off beside it"
