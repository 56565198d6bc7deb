"""A replay steps a home at its own due times between the readings, as ticks do in a live run."""

from datetime import timedelta

from carebell.types import DeviceProfile, HomeProfile
from rules_engine.replay import Replay
from tests.support.homeline import moment, reading, shipped_rulebook

HOME = HomeProfile(
    home_id="h", devices=(DeviceProfile(device_id="sensor", expected_every=timedelta(minutes=10)),), revision=1
)
HEARD = [reading("heartbeat", second, device_id="sensor") for second in (0, 600, 4000, 4600)]


def outcome(until: float | None) -> list[tuple[str, float]]:
    alerts = Replay(shipped_rulebook()).run([HOME], HEARD, None if until is None else moment(until))
    return [(alert.status.value, (alert.at - moment(0)).total_seconds()) for alert in alerts]


def test_a_silence_between_readings_is_found_at_its_own_time() -> None:
    assert outcome(None) == [("opened", 1800), ("resolved", 4000)]


def test_time_goes_on_behind_the_last_reading_until_told() -> None:
    assert outcome(5799) == [("opened", 1800), ("resolved", 4000)]
    assert outcome(5800) == [("opened", 1800), ("resolved", 4000), ("opened", 5800)]
    assert outcome(2000) == [("opened", 1800)]


def test_readings_are_counted_and_nothing_failed() -> None:
    replay = Replay(shipped_rulebook())
    list(replay.run([HOME], HEARD, None))
    assert (replay.readings, replay.failures) == (4, {})
