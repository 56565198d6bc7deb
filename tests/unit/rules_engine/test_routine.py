"""Time lines of weeks: what has slowly become another life, as a note."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import AlertStatus, DeviceProfile, HomeProfile, Reading, Severity
from rules_engine.routine_days import closed, hours_heard, marked, open_day, runs
from rules_engine.rules.routine import RoutineParameters, RoutineRule
from tests.support.homeline import START, HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR, DAY = 60, 3600, 86_400
# The time line starts at 08:00 UTC, 16:00 in Shanghai: midnight there is eight hours later.
MIDNIGHT = 8 * HOUR
PROFILE = HomeProfile(
    home_id="h",
    timezone="Asia/Shanghai",
    devices=(
        DeviceProfile(device_id="pir", place="living room"),
        DeviceProfile(device_id="bath", place="卫生间"),
        DeviceProfile(device_id="button", place="bedroom"),
    ),
)
Habits = Callable[[int], tuple[int, int]]


def a_day(number: int, visits: int, hours: int) -> list[tuple[float, str]]:
    """When which sensor hears movement: visits at night from one o'clock on, then hours of movement from eight o'clock on."""
    start = MIDNIGHT + number * DAY
    night = [(start + HOUR + visit * 40 * MINUTE + step * MINUTE, "bath") for visit in range(visits) for step in (0, 3)]
    day = [(start + 8 * HOUR + slot * 10 * MINUTE, "pir") for slot in range(hours * 6)]
    return night + day


def lived(days: int, habits: Habits, profile: HomeProfile = PROFILE, **more: Any) -> HomeLine:
    """So many days with so many visits and hours of movement each."""
    home = HomeLine(rules=(RoutineRule(),), **more)
    home.follow(profile)
    goes_on(home, range(days), habits)
    return home


def goes_on(home: HomeLine, days: range, habits: Habits) -> None:
    for number in days:
        for at, device_id in a_day(number, *habits(number)):
            woken(home, at)
            home.hear(reading("motion", at, device_id=device_id))


def woken(home: HomeLine, until: float) -> None:
    while home.due_at is not None and home.due_at <= moment(until):
        home.tick((max(home.due_at, home.state.now) - START).total_seconds())


def morning(day: int) -> datetime:
    return moment(MIDNIGHT + day * DAY + 9.5 * HOUR)


def test_the_shipped_rulebook_says_what_holds_without_it() -> None:
    assert shipped_rulebook().rules.routine == RoutineParameters()


def test_a_life_that_stays_as_it_is_is_never_noted() -> None:
    assert lived(120, lambda day: (1 + day % 3, 6 + day % 4)).alerts == []


def test_more_visits_at_night_are_noted_once_a_month_until_they_are_usual() -> None:
    home = lived(140, lambda day: (2 if day < 60 else 4, 8))
    assert [alert.status for alert in home.alerts] == [AlertStatus.OPENED]
    [note] = home.alerts
    assert (note.severity, note.device_id) == (Severity.INFO, "")
    # Eight of the fourteen nights are of the new kind: the first began on day 59, the last one finished is two days old.
    assert note.at == morning(68)
    assert note.summary.startswith(
        "More visits to the toilet at night: usually 4 a night in the last 14 days, 2 in the weeks"
    )
    assert note.summary_zh.startswith("夜间如厕增多：最近 14 天通常每晚 4 次，此前数周为 2 次")


def test_less_movement_is_noted() -> None:
    home = lived(100, lambda day: (2, 10 if day < 60 else 6))
    [note] = home.alerts
    assert "usually 6.3 h a day in the last 14 days, 10.3 h in the weeks before" in note.summary
    assert "每天约 6.3 小时，此前约 10.3 小时" in note.summary_zh


@pytest.mark.parametrize("habits", [(3, 8), (2, 7), (1, 8), (2, 14)])
def test_small_changes_and_changes_for_the_better_are_not(habits: tuple[int, int]) -> None:
    assert lived(100, lambda day: (2, 8) if day < 60 else habits).alerts == []


def test_what_varies_much_must_change_more() -> None:
    assert lived(100, lambda day: (2, 4 + day % 2 * 8) if day < 60 else (2, 5)).alerts == []


def test_what_goes_on_changing_is_noted_again_after_a_month() -> None:
    notes = lived(140, lambda day: (2 if day < 50 else 4 if day < 80 else 8, 8)).alerts
    assert len(notes) == 2
    assert [note.at for note in notes] == [morning(58), morning(88)]


def test_too_few_days_say_nothing() -> None:
    assert lived(20, lambda day: (2 if day < 12 else 8, 8)).alerts == []


@pytest.mark.parametrize("hours", [0, 3])
def test_days_that_were_not_heard_or_spent_elsewhere_are_left_out(hours: int) -> None:
    assert lived(100, lambda day: (0 if day > 60 else 2, hours if day > 60 else 8)).alerts == []


def test_heartbeats_show_that_a_still_day_was_heard() -> None:
    home = HomeLine(rules=(RoutineRule(),))
    home.follow(PROFILE)
    for number in range(90):
        beats = [(MIDNIGHT + number * DAY + hour * HOUR, "gateway") for hour in range(24)]
        for at, device_id in sorted([*beats, *a_day(number, 2, 8 if number < 60 else 2)]):
            woken(home, at)
            home.hear(reading("heartbeat" if device_id == "gateway" else "motion", at, device_id=device_id))
    assert [alert.summary[:13] for alert in home.alerts] == ["Less movement"]


def test_a_sensor_that_is_new_or_gone_is_no_change_of_habits() -> None:
    more = (*PROFILE.devices, DeviceProfile(device_id="late", place="bathroom"))
    home = lived(60, lambda day: (0, 8), replace(PROFILE, devices=more))
    for number in range(60, 90):
        for at, device_id in a_day(number, 5, 8):
            woken(home, at)
            home.hear(reading("motion", at, device_id="late" if device_id == "bath" else device_id))
    assert home.alerts == []
    gone = lived(60, lambda day: (2, 8))
    gone.follow(replace(PROFILE, devices=PROFILE.devices[1:], revision=1), MIDNIGHT + 60 * DAY)
    goes_on(gone, range(60, 90), lambda day: (2, 1))
    assert gone.alerts == []


def test_a_device_without_movement_that_is_gone_changes_nothing() -> None:
    home = lived(60, lambda day: (2, 8))
    home.follow(replace(PROFILE, devices=PROFILE.devices[:2], revision=1), MIDNIGHT + 60 * DAY)
    goes_on(home, range(60, 90), lambda day: (5, 8))
    assert len(home.alerts) == 1


def test_it_looks_once_a_morning_and_reads_only_what_moves() -> None:
    home = lived(1, lambda day: (2, 8))
    assert home.due_at == moment(MIDNIGHT + DAY + 9.5 * HOUR)
    before = home.state
    home.hear(reading("motion", MIDNIGHT + 20 * HOUR, device_id="pir", value=False))
    assert home.state.rules == before.rules


def test_where_no_movement_is_heard_there_is_nothing_to_look_at() -> None:
    home = HomeLine(rules=(RoutineRule(),))
    home.follow(PROFILE)
    before = home.state
    home.hear(reading("heartbeat", DAY, device_id="gateway"))
    assert home.state.rules == before.rules
    assert home.due_at is None


def test_the_memory_is_bounded() -> None:
    home = lived(200, lambda day: (2, 8))
    state = home.state.rules["routine"]
    assert len(state["days"]) == 60
    assert len(state["open"]) <= 3


def test_the_clock_change_moves_the_morning_with_it() -> None:
    """The 29th of March 2026 in Berlin has 23 hours; START is the first of March, 09:00 there."""
    home = lived(35, lambda day: (2, 8), replace(PROFILE, timezone="Europe/Berlin"))
    assert home.due_at is not None
    assert (home.due_at - START).total_seconds() % DAY == 23.5 * HOUR


def shuffled(readings: list[Reading], late: list[int]) -> list[Reading]:
    """Some of them up to a day late, no two alike; every device states its time."""
    delayed = [
        replace(one, received_at=moment((one.observed_at - START).total_seconds() + 0.05 + hours * HOUR + number * 36))
        for number, (one, hours) in enumerate(zip(readings, late, strict=False))
    ]
    rest = [
        replace(one, received_at=moment((one.observed_at - START).total_seconds() + 0.05))
        for one in readings[len(late) :]
    ]
    return sorted([*delayed, *rest], key=lambda one: one.received_at)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 1, 5, 23]), max_size=60))
def test_late_readings_are_counted_on_their_day(late: list[int]) -> None:
    tidy = [reading("motion", at, device_id=device) for day in range(2) for at, device in a_day(day, 2, 8)]
    first = [reading("motion", 0, device_id=device, observed_at=moment(-0.05)) for device in ("pir", "bath")]

    def days(readings: list[Reading], **more: Any) -> Any:
        home = HomeLine(rules=(RoutineRule(),), **more)
        home.follow(PROFILE)
        for one in [*first, *readings]:
            woken(home, (one.received_at - START).total_seconds())
            home.hear(one)
        woken(home, MIDNIGHT + 9 * DAY)
        return home.state.rules["routine"]["days"]

    counted = days(shuffled(tidy, []))
    assert [one[1] for one in counted] == [50, 50]
    assert days(shuffled(tidy, late)) == counted
    assert days(sorted([*shuffled(tidy, []), *shuffled(tidy, late)], key=lambda one: one.received_at)) == counted
    assert days(shuffled(tidy, late), between=restarted) == counted


def test_slots_are_marked_once_and_an_empty_one_parts_two_visits() -> None:
    day = open_day()
    slots = day["toilet"]
    for minute in (0, 5, 9, 10, 470, 480, 500, 1439):
        slots = marked(marked(slots, minute), minute)
    assert runs(slots) == 4
    assert day["toilet"] == open_day()["toilet"]
    assert closed(7, {**day, "moved": slots}) == (7, 6, 0)
    assert hours_heard({**day, "moved": slots, "heard": 0b11}) == 5
