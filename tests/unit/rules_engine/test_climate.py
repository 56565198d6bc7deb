"""Time lines of temperatures: too cold or too hot for too long, never from one odd sample."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Severity
from rules_engine.rules.climate import ClimateParameters, ClimateRule
from tests.support.homeline import START, HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR, DAY = 60, 3600, 86_400
EVERY = 10 * MINUTE
PROFILE = HomeProfile(
    home_id="h",
    timezone="Asia/Shanghai",
    devices=(
        DeviceProfile(device_id="sensor", place="bedroom"),
        DeviceProfile(device_id="other", place="kitchen"),
        DeviceProfile(device_id="milk", place="Fridge"),
        DeviceProfile(device_id="yard", place="阳台"),
        DeviceProfile(device_id="worn", place="bedroom", model="SOS Pendant"),
        DeviceProfile(device_id="valve", place="bedroom radiator"),
        DeviceProfile(device_id="tank", place="热水器"),
    ),
)
Told = list[tuple[float, Alert]]


def home_of(profile: HomeProfile = PROFILE, **more: Any) -> HomeLine:
    home = HomeLine(rules=(ClimateRule(),), **more)
    assert home.follow(profile) == []
    return home


def woken(home: HomeLine, until: float, since: float | None = None) -> Told:
    """Woken whenever it is due: the alerts, with the minutes since the start."""
    found = []
    while home.due_at is not None and home.due_at <= moment(until):
        at = (max(home.due_at, home.state.now) - START).total_seconds()
        found += [(at / MINUTE, alert) for alert in home.tick(at, since)]
    return found


def measures(
    home: HomeLine, *values: Any, start: float = 0, every: float = EVERY, device_id: str = "sensor", latency: float = 0
) -> Told:
    """Samples one after the other, and what was told until the next would come."""
    found = []
    for number, value in enumerate(values):
        at = start + number * every
        found += woken(home, at)
        said = reading("temperature", at, device_id=device_id, value=value, observed_at=moment(at - latency))
        found += [(at / MINUTE, alert) for alert in home.hear(said)]
    return found + woken(home, start + len(values) * every)


def brief(told: Told) -> list[tuple[float, str, str]]:
    return [(after, alert.status.value, alert.severity.value) for after, alert in told]


def test_the_shipped_rulebook_says_what_holds_without_it() -> None:
    assert shipped_rulebook().rules.climate == ClimateParameters()


def test_a_cold_room_is_told_after_two_hours_and_resolved_when_it_is_warm() -> None:
    home = home_of()
    told = measures(home, *[20] * 3, *[12.5] * 24, *[20] * 3)
    # The median of three is cold with the second cold sample, at minute 40, and warm with the second warm one, at 280.
    assert brief(told) == [(160, "opened", "low"), (280, "resolved", "low")]
    opened, resolved = (alert for _, alert in told)
    assert (opened.id, opened.device_id) == (resolved.id, "sensor")
    assert opened.summary == "Too cold in bedroom: 12.5 °C, below 14 °C since 16:40 (2.0 h)."
    assert opened.summary_zh == "bedroom 温度过低：12.5 °C，自 16:40 起低于 14 °C（2.0 小时）。"
    assert opened.evidence == (reading("temperature", 150 * MINUTE, device_id="sensor").id,)
    assert resolved.summary == "No longer too cold in bedroom: 20.0 °C."


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (14, []),
        (13.9, [(130, "opened", "low")]),
        (5, [(130, "opened", "low")]),
        (4.9, [(25, "opened", "high")]),
        (33, []),
        (33.1, [(130, "opened", "low")]),
        (40, [(130, "opened", "low")]),
        (40.1, [(25, "opened", "high")]),
    ],
)
def test_a_limit_is_good_and_what_is_beyond_danger_is_told_sooner_and_once(value: float, told: list[Any]) -> None:
    home = home_of()
    assert (
        brief(measures(home, 20, *[value] * 20)) == [(after + 10 * (told != []), *how) for after, *how in told]
        or not told
    )


def test_worse_is_told_although_it_was_cold_already() -> None:
    home = home_of()
    told = measures(home, *[12] * 18, *[3] * 6)
    assert brief(told) == [(140, "opened", "low"), (205, "opened", "high")]
    assert len({alert.id for _, alert in told}) == 2


def test_what_is_out_of_danger_and_still_cold_is_told_so() -> None:
    home = home_of()
    told = measures(home, *[3] * 30, *[10] * 3)
    assert brief(told) == [(35, "opened", "high"), (310, "resolved", "low"), (310, "opened", "low")]


def test_one_odd_sample_begins_nothing_and_ends_nothing() -> None:
    home = home_of()
    assert measures(home, *[20, 20, 2] * 12) == []
    cold = home_of()
    assert brief(measures(cold, *[10, 10, 20] * 12)) == [(140, "opened", "low")]


def test_what_goes_up_and_down_at_the_limit_is_one_spell() -> None:
    home = home_of()
    assert brief(measures(home, *[13.5, 13.5, 14.9, 14.9] * 12)) == [(140, "opened", "low")]
    assert brief(measures(home, 15, 15, start=48 * EVERY)) == [(490, "resolved", "low")]


def test_what_stays_cold_is_told_again_after_a_day() -> None:
    home = home_of()
    told = measures(home, *[12] * (6 * 50))
    assert brief(told) == [(140, "opened", "low"), (140 + 1440, "opened", "low")]
    assert len({alert.id for _, alert in told}) == 2
    [*_, (_, over)] = measures(home, 20, 20, start=300 * EVERY)
    assert over.id == told[1][1].id


def test_a_sensor_that_stops_is_not_judged_by_its_last_samples() -> None:
    home = home_of()
    assert measures(home, *[12] * 3, every=MINUTE) == []
    [told] = woken(home, DAY)
    assert told[0] == 122
    own = replace(PROFILE, settings={"climate": {"stale_after": "1h"}})
    stopped = home_of(own)
    assert measures(stopped, *[12] * 3) == []
    assert woken(stopped, 3 * DAY) == []
    # Back after a silence: everything is measured anew.
    assert brief(measures(stopped, *[12] * 15, start=DAY)) == [(1440 + 20 + 120, "opened", "low")]


def test_what_was_told_stands_while_the_sensor_is_silent() -> None:
    home = home_of()
    [(_, told)] = measures(home, *[12] * 15)
    assert woken(home, 3 * DAY) == []
    [(_, over)] = measures(home, *[20] * 3, start=3 * DAY)
    assert (over.id, over.status) == (told.id, AlertStatus.RESOLVED)


@pytest.mark.parametrize("device_id", ["milk", "yard", "worn", "valve", "tank"])
def test_what_measures_no_room_is_ignored(device_id: str) -> None:
    assert measures(home_of(), *[4] * 20, device_id=device_id) == []


@pytest.mark.parametrize("part", [{"channel": "fridge"}, {"sub_device": "Freezer probe"}])
def test_a_channel_that_measures_no_room_is_ignored(part: dict[str, str]) -> None:
    home = home_of()
    for at in range(0, 2 * HOUR, EVERY):
        assert home.hear(reading("temperature", at, device_id="other", value=4, **part)) == []
        assert woken(home, at) == []


def test_less_than_an_hour_is_told_in_minutes() -> None:
    [(_, alert)] = measures(home_of(), *[3] * 5)
    assert alert.summary == "Too cold in bedroom: 3.0 °C, below 5 °C since 16:20 (15 min)."
    assert "（15 分钟）" in alert.summary_zh


@pytest.mark.parametrize("value", [-127, 85, None, True, "cold"])
def test_what_is_no_temperature_is_ignored(value: Any) -> None:
    assert measures(home_of(), *[value] * 20) == []


def test_each_sensor_and_channel_is_judged_for_itself() -> None:
    home = home_of()
    for at in range(0, 4 * HOUR, EVERY):
        woken(home, at)
        for device_id, channel, value in (("sensor", "", 20), ("other", "1", 20), ("other", "2", 12)):
            home.hear(
                reading("temperature", at, device_id=device_id, channel=channel, value=value, source=f"{at}{channel}")
            )
    [alert] = home.alerts
    assert (alert.device_id, "kitchen" in alert.summary) == ("other", True)


def test_a_sensor_that_is_removed_is_forgotten_and_its_alert_resolved() -> None:
    home = home_of()
    [(_, told)] = measures(home, *[12] * 15)
    [resolved] = home.follow(replace(PROFILE, devices=PROFILE.devices[1:], revision=1), 4 * HOUR)
    assert (resolved.id, resolved.status) == (told.id, AlertStatus.RESOLVED)
    assert home.due_at is None


def test_the_limits_are_the_home_s_own() -> None:
    home = home_of(replace(PROFILE, settings={"climate": {"cold_below": 18, "lasting": "30m"}}))
    [(after, alert)] = measures(home, *[17] * 10)
    assert (after, alert.severity) == (50, Severity.LOW)


def test_late_samples_count_from_when_they_were_taken_and_old_ones_not_at_all() -> None:
    home = home_of()
    measures(home, *[20] * 3, every=MINUTE, latency=0.1)
    for number in range(4):
        taken = (1 + number) * HOUR
        home.hear(reading("temperature", 5 * HOUR + number, device_id="sensor", value=12, observed_at=moment(taken)))
    [(after, alert)] = woken(home, 6 * HOUR)
    assert "since 18:00" in alert.summary
    assert 300 <= after < 301
    home.hear(reading("temperature", 6 * HOUR, device_id="sensor", value=20, observed_at=moment(HOUR)))
    assert woken(home, 7 * HOUR) == []


samples = st.lists(
    st.tuples(st.sampled_from([-5, 4, 10, 14.5, 20, 34, 45]), st.sampled_from([EVERY, EVERY, HOUR, 5 * HOUR])),
    max_size=40,
)


def lived(samples: list[tuple[float, int]], *, twice: bool = False, **more: Any) -> HomeLine:
    home, at = home_of(**more), 0
    for value, pause in samples:
        for _ in range(2 if twice else 1):
            home.hear(reading("temperature", at, device_id="sensor", value=value))
        at += pause
        woken(home, at - 1)
    return home


@settings(max_examples=60, deadline=None)
@given(samples)
def test_repeats_and_restarts_change_nothing_and_nothing_is_resolved_that_was_not_told(
    samples: list[tuple[float, int]],
) -> None:
    home = lived(samples)
    assert lived(samples, twice=True).alerts == home.alerts
    assert lived(samples, between=restarted).alerts == home.alerts
    standing: set[str] = set()
    for alert in home.alerts:
        assert (alert.id in standing) is (alert.status is AlertStatus.RESOLVED)
        standing ^= {alert.id}


@settings(max_examples=60, deadline=None)
@given(
    samples.map(lambda pairs: [(20.0 if number % 2 else value, pause) for number, (value, pause) in enumerate(pairs)])
)
def test_where_every_second_sample_is_good_at_most_every_second_judgement_is_not(
    pairs: list[tuple[float, int]],
) -> None:
    """Three samples hold two good ones or two others, in turn: nothing lasts."""
    regular = [(value, EVERY) for value, _ in pairs]
    assert lived(regular).alerts == []
