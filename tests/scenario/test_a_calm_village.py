"""The days that the simulator makes up are ordinary ones: nobody is called for them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from carebell.ids import computed
from carebell.types import Reading, Severity
from devices.registry import Home
from devices.simulator.day import plan_day
from devices.simulator.village import make_village
from rules_engine.replay import Replay
from tests.support.homeline import shipped_rulebook

HOMES, DAYS, SEED = 4, 28, 1
# Midnight in the village.
MIDNIGHT = datetime(2026, 2, 28, 16, tzinfo=UTC)


def said(home: Home) -> Iterator[Reading]:
    for day in range(DAYS):
        for one in plan_day(home, SEED, day):
            at = MIDNIGHT + timedelta(days=day, seconds=one.second)
            source = computed(home.home_id, at, one.device_id, one.kind)
            yield Reading(
                id=source,
                home_id=home.home_id,
                device_id=one.device_id,
                kind=one.kind,
                value=one.value,
                observed_at=at,
                received_at=at,
                source_message_id=source,
            )


def test_nobody_is_called_for_an_ordinary_day() -> None:
    village = make_village(HOMES, SEED)
    readings = sorted((one for home in village for one in said(home)), key=lambda one: one.received_at)
    replay = Replay(shipped_rulebook())
    alerts = list(replay.run([home.profile(1) for home in village], readings, None))
    assert replay.readings == len(readings) > 0
    assert [one.summary for one in alerts if one.severity.rank >= Severity.HIGH.rank] == []


def test_whoever_stops_living_is_missed() -> None:
    """So that the calm above is not that of rules that are off."""
    [home] = make_village(1, SEED)
    readings = [one for one in said(home) if one.kind == "heartbeat" or one.received_at < MIDNIGHT + timedelta(days=20)]
    alerts = list(Replay(shipped_rulebook()).run([home.profile(1)], readings, None))
    assert "inactivity" in {one.rule for one in alerts}
