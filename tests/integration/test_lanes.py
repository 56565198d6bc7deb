"""A flood on the telemetry lane does not delay calls for help: both are measured in one run, in turn, and compared."""

from pathlib import Path

import pytest

from tests.support.figures import Figures
from tests.support.lanes import EACH, measure_lanes
from tests.support.room import Room

# Whatever else the machine does makes a figure worse, never better: the best of a few runs is the nearest to the truth.
RUNS = 3

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1000)]


def test_p99_of_a_call_with_the_telemetry_lane_saturated_is_within_twice_the_idle_one(
    tmp_path: Path, kafka: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ratios: list[float] = []
    while len(ratios) < RUNS and not any(ratio <= 2 for ratio in ratios):
        with Room(tmp_path / f"run-{len(ratios)}", kafka=kafka, redis=redis_url) as room:
            found = measure_lanes(room)
        assert min(len(found.idle), len(found.saturated)) >= EACH
        idle, saturated = Figures.of(found.idle), Figures.of(found.saturated)
        ratios.append(saturated.p99 / idle.p99)
        with capsys.disabled():  # for whoever reads the run, also when all is well
            print(f"\nSOS → alert, idle:      p50 {idle.p50:.1f} ms, p99 {idle.p99:.1f} ms of {idle.count}")
            print(
                f"SOS → alert, saturated: p50 {saturated.p50:.1f} ms, p99 {saturated.p99:.1f} ms of {saturated.count}"
            )
            print(
                f"{found.flood_rate:.0f} readings/s were worked off beside it; p99 {ratios[-1]:.2f} times the idle one"
            )
    assert min(ratios) <= 2, ratios
