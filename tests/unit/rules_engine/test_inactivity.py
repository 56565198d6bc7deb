"""Time lines of silences: which are unusual, which are sleep, an outing or an outage, and what ends them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Reading, ResidentProfile, Severity
from rules_engine.home import encode_state
from rules_engine.rule import context_of
from rules_engine.rules.inactivity import InactivityRule, silence_allowed
from tests.support.homeline import START, HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# The time line starts at 08:00.
MIDNIGHT = 16 * HOUR
LATENCY = 0.08
FOUR_WEEKS = 28


@dataclass
class House:
    """Signs of life and beats; `until` wakes the home whenever it is due. The alerts, with the hour of their time line."""

    home: HomeLine = field(default_factory=lambda: HomeLine(rules=(InactivityRule(),)))
    beats: bool = True
    listening_since: float | None = None
    now: float = 0.0
    told: list[tuple[float, Alert]] = field(default_factory=list)

    def until(self, at: float) -> list[tuple[float, Alert]]:
        """What was told on the way."""
        before = len(self.told)
        beat = 10 * MINUTE
        while self.beats and (self.now // beat + 1) * beat <= at:
            self._wake((self.now // beat + 1) * beat)
            self._hear(reading("heartbeat", self.now, device_id="gateway"))
        self._wake(at)
        return self.told[before:]

    def says(self, kind: str, at: float, device_id: str = "pir", **more: Any) -> list[tuple[float, Alert]]:
        self.until(at)
        before = len(self.told)
        self._hear(reading(kind, at, device_id=device_id, **{"place": "kitchen", **more}))
        return self.told[before:]

    def moves(self, *times: float, **more: Any) -> None:
        for at in times:
            self.says("motion", at, **more)

    def hears_late(self, at: float, happened: float, **more: Any) -> list[tuple[float, Alert]]:
        """From a device that states the time and is known for its right clock."""
        return self.says("motion", at, device_id="clock", observed_at=moment(happened - LATENCY), **more)

    def _wake(self, until: float) -> None:
        while self.home.due_at is not None and self.home.due_at <= moment(until):
            self.now = max(self.now, (self.home.due_at - START).total_seconds())
            self._note(self.home.tick(self.now, self.listening_since))
        self.now = until

    def _hear(self, event: Reading) -> None:
        self._note(self.home.hear(event))

    def _note(self, alerts: Iterable[Alert]) -> None:
        self.told += [(round(self.now / HOUR, 2), alert) for alert in alerts]


def house(profile: HomeProfile | None = None, **more: Any) -> House:
    made = House(**more)
    assert made.home.follow(profile or HomeProfile(home_id="h")) == []
    return made


def hours(told: Iterable[tuple[float, Alert]]) -> list[tuple[float, AlertStatus]]:
    return [(at, alert.status) for at, alert in told]


def opened_at(told: Iterable[tuple[float, Alert]]) -> list[float]:
    return [at for at, alert in told if alert.status is AlertStatus.OPENED]


def live(made: House, days: int, times: Iterable[float], first: int = 0) -> float:
    """So many days with a sign of life at the same hours of each; the midnight after them."""
    for day in range(first, first + days):
        for hour in times:
            at = MIDNIGHT + (day - 1) * DAY + hour * HOUR
            if at > made.now:
                made.moves(at)
    return MIDNIGHT + (first + days - 1) * DAY


def every(step: float, start: float, end: float) -> list[float]:
    return [start + step * number for number in range(round((end - start) / step) + 1)]


AWAKE = every(0.5, 7, 23)


def test_on_the_first_day_a_safe_limit_holds() -> None:
    made = house()
    made.moves(HOUR)
    told = made.until(DAY)
    assert hours(told) == [(9.0, AlertStatus.OPENED)]
    (_, alert) = told[0]
    assert alert.severity is Severity.HIGH
    assert alert.evidence == tuple(made.home.state.rules["inactivity"]["evidence"])
    assert alert.summary == (
        "No sign of life since 09:00 (kitchen): 8 h of silence; what is usual in this home is not known yet."
    )
    assert alert.summary_zh == "自 09:00（kitchen）起已 8 小时没有活动迹象；尚未掌握该住户的作息。"


def test_nothing_is_judged_before_the_first_sign_of_life() -> None:
    assert house().until(3 * DAY) == []


def test_a_night_may_be_longer_on_the_first_day() -> None:
    made = house()
    made.moves(15.5 * HOUR)
    assert opened_at(made.until(DAY + 12 * HOUR)) == [15.5 + 9.5]


def test_after_weeks_a_silence_that_is_long_for_the_home_is_told_sooner() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, AWAKE)
    assert made.told == []
    made.moves(*(midnight + hour * HOUR for hour in (7, 7.5, 8)))
    (at, alert) = made.until(midnight + 20 * HOUR)[0]
    assert at == (midnight / HOUR) + 8 + 2.75
    assert "2 h 45 min of silence; about " in alert.summary
    assert "此时段平时最长约" in alert.summary_zh


def test_a_daily_nap_is_usual_at_its_time_of_day_only() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, [*every(0.5, 7, 13), *every(0.5, 16, 23)])
    assert made.told == []
    made.moves(*(midnight + hour * HOUR for hour in every(0.5, 7, 13)))
    assert opened_at(made.until(midnight + 20 * HOUR)) == [midnight / HOUR + 13 + 4.7]


def test_a_silence_from_the_evening_on_is_no_night_where_something_always_moves_later() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, AWAKE)
    made.moves(*(midnight + hour * HOUR for hour in every(0.5, 7, 20.5)))
    assert opened_at(made.until(midnight + DAY)) == [midnight / HOUR + 23.25]


def test_a_night_as_always_is_no_unusual_silence_and_one_without_end_is() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, AWAKE)
    made.moves(*(midnight + hour * HOUR for hour in AWAKE))
    assert opened_at(made.until(midnight + 3 * DAY)) == [midnight / HOUR + 23 + 10]


def test_one_long_absence_does_not_raise_the_limit_for_weeks() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, AWAKE)
    made.moves(midnight + 8 * HOUR, midnight + 22 * HOUR, midnight + 22.5 * HOUR, midnight + 23 * HOUR)
    told = len(made.told)
    after = live(made, 2, AWAKE, first=FOUR_WEEKS + 1)
    assert made.told[told:] == []
    made.moves(after + 8 * HOUR)
    assert opened_at(made.until(after + 20 * HOUR)) == [after / HOUR + 8 + 3.3]


def test_a_sign_of_life_resolves_and_the_same_silence_is_told_once() -> None:
    made = house()
    made.moves(HOUR)
    made.until(15 * HOUR)
    made.moves(15 * HOUR)
    first, second = (alert for _, alert in made.told)
    assert (first.status, second.status) == (AlertStatus.OPENED, AlertStatus.RESOLVED)
    assert first.id == second.id
    assert second.summary == "A sign of life again at 23:00 (kitchen), from pir."
    assert second.summary_zh == "23:00（kitchen）再次出现活动迹象（pir）。"


@pytest.mark.parametrize(
    ("kind", "values", "is_sign"),
    [
        ("motion", [True], True),
        ("motion", [False], False),
        ("vibration", [True], True),
        ("button", ["single"], True),
        ("sos", ["active"], True),
        ("contact", ["open", "closed"], True),
        ("contact", ["open", "open"], False),
        ("presence", [True, False], True),
        ("presence", [True, True], False),
        ("bed", ["occupied", "vacant"], True),
        ("temperature", [21], False),
        ("battery", [80], False),
    ],
)
def test_what_is_a_sign_of_life(kind: str, values: list[Any], is_sign: bool) -> None:
    made = house()
    made.moves(0.0)
    *before, last = values
    for value in before:
        made.says(kind, MINUTE, device_id="other", value=value)
    made.says(kind, 5 * HOUR, device_id="other", value=last)
    assert bool(opened_at(made.until(9.5 * HOUR))) is not is_sign


def test_the_end_of_a_movement_is_a_sign_once() -> None:
    made = house()
    made.moves(0.0)
    made.says("motion", HOUR, value=False)
    made.says("motion", 2 * HOUR, value=False)
    assert opened_at(made.until(12 * HOUR)) == [9.0]


def test_what_the_broker_kept_is_no_sign_of_life() -> None:
    made = house()
    made.moves(0.0)
    made.says("sos", HOUR, device_id="button", retained=True)
    assert opened_at(made.until(12 * HOUR)) == [8.0]


def test_in_bed_a_silence_may_be_long() -> None:
    made = house()
    made.says("bed", HOUR, device_id="bed", value="occupied", place="bedroom")
    assert opened_at(made.until(DAY)) == [13.0]


@pytest.mark.parametrize("place", ["chair", "沙发"])
def test_a_chair_is_no_bed(place: str) -> None:
    made = house()
    made.says("bed", HOUR, device_id="seat", value="occupied", place=place)
    assert opened_at(made.until(DAY)) == [9.0]


def test_somebody_who_has_moved_elsewhere_since_is_not_in_bed() -> None:
    made = house()
    made.says("bed", 0.0, device_id="bed", value="occupied", place="bedroom")
    made.moves(HOUR)
    assert opened_at(made.until(DAY)) == [9.0]


def leaves(made: House, at: float) -> None:
    made.says("contact", at, device_id="door", value="open", place="front door")
    made.says("contact", at + 10, device_id="door", value="closed", place="front door")


@pytest.mark.parametrize("after", [5.0, 45.0])
def test_the_door_and_then_nothing_is_an_outing_but_not_for_ever(after: float) -> None:
    made = house()
    leaves(made, HOUR)
    made.moves(HOUR + 10 + after)
    assert opened_at(made.until(2 * DAY)) == [round((HOUR + 10 + after) / HOUR + 16, 2)]
    assert "too long for an outing" in made.told[0][1].summary
    assert "外出时间过长" in made.told[0][1].summary_zh


def test_who_moves_on_after_the_door_has_stayed() -> None:
    made = house()
    leaves(made, HOUR)
    made.moves(HOUR + 5 * MINUTE)
    assert opened_at(made.until(DAY)) == [9.08]


def test_movement_beside_the_door_counts_as_the_door() -> None:
    made = house()
    made.moves(HOUR, place="entry")
    assert opened_at(made.until(DAY)) == [17.0]


def test_few_signs_in_an_empty_home_do_not_bring_the_short_limit_back_and_life_does() -> None:
    made = house()
    leaves(made, HOUR)
    made.moves(12 * HOUR)
    assert made.until(12 * HOUR + 15 * HOUR) == []
    made.moves(28 * HOUR, 28.5 * HOUR)
    made.moves(29 * HOUR, place="bedroom")
    assert opened_at(made.until(2 * DAY)) == [37.0]


def test_a_short_outing_changes_nothing() -> None:
    made = house()
    leaves(made, HOUR)
    leaves(made, 2 * HOUR)
    made.moves(2 * HOUR + 5 * MINUTE)
    assert opened_at(made.until(DAY)) == [10.08]


def two_residents(made: House) -> None:
    made.home.follow(HomeProfile(home_id="h", residents=(ResidentProfile(), ResidentProfile()), revision=1))


def felt_by_radar(made: House) -> None:
    made.says("presence", 50 * MINUTE, device_id="radar", place="bedroom", value=True)


def lying_in_bed(made: House) -> None:
    made.says("bed", 50 * MINUTE, device_id="bed", place="bedroom", value="occupied")


@pytest.mark.parametrize("left_behind", [two_residents, felt_by_radar, lying_in_bed])
def test_where_somebody_may_be_left_behind_the_door_says_nothing(left_behind: Callable[[House], None]) -> None:
    made = house()
    left_behind(made)
    leaves(made, HOUR)
    assert opened_at(made.until(DAY)) == [9.0]


def test_a_home_set_to_away_is_left_alone_until_somebody_is_back() -> None:
    made = house()
    made.says("arm", HOUR, device_id="keypad", value="arm_away", place="hallway")
    made.moves(HOUR + 30)
    assert made.until(2 * DAY) == []
    made.says("arm", 2 * DAY, device_id="keypad", value="disarm")
    assert opened_at(made.until(2 * DAY + 12 * HOUR)) == [56.0]


def test_a_home_set_to_away_for_days_is_told() -> None:
    made = house()
    made.says("arm", HOUR, device_id="keypad", value="arm_all_zones")
    assert opened_at(made.until(4 * DAY)) == [73.0]
    assert "set to away" in made.told[0][1].summary


def test_life_ends_a_forgotten_away() -> None:
    made = house()
    made.says("arm", HOUR, device_id="keypad", value="arm_away")
    made.moves(3 * HOUR, 3.2 * HOUR, 3.5 * HOUR)
    assert opened_at(made.until(DAY)) == [11.5]


def test_armed_for_the_night_is_not_away() -> None:
    made = house()
    made.says("arm", HOUR, device_id="keypad", value="arm_night_zones")
    assert opened_at(made.until(DAY)) == [9.0]


def test_a_gateway_that_is_not_heard_is_no_silent_elder() -> None:
    made = house()
    made.moves(HOUR)
    made.until(4 * HOUR)
    made.beats = False
    assert made.until(3 * DAY) == []
    made.beats = True
    (at, alert) = made.until(4 * DAY)[0]
    # Three of eight hours were heard before; the beat at 72 h 10 min shows that the home is heard again.
    assert at == round(72 + 10 / 60 + 5, 2)
    assert alert.summary.startswith(
        "No sign of life since 09:00 (kitchen): 8 h of silence, not counting 68 h 10 min in which"
    )
    assert "（另有 68 小时 10 分钟未能接收数据，不计入）" in alert.summary_zh


def test_an_outage_is_not_learned_from() -> None:
    made = house()
    midnight = live(made, FOUR_WEEKS, AWAKE)
    made.moves(midnight + 7 * HOUR)
    made.beats = False
    made.moves(midnight + 20 * HOUR)
    made.beats = True
    before = made.home.state.rules["inactivity"]["silences"]
    assert all(begun[0] % 1440 != 7 * 60 or begun[1] < 60 for begun in before)


def test_a_gateway_that_is_said_to_be_offline_is_not_heard() -> None:
    made = house(HomeProfile(home_id="h", devices=(DeviceProfile(device_id="bridge", is_gateway=True),)), beats=False)
    made.moves(0.0)
    made.says("availability", HOUR, device_id="bridge", value="offline")
    assert made.until(DAY) == []
    made.says("availability", DAY, device_id="bridge", value="online")
    assert opened_at(made.until(2 * DAY)) == [24.0 + 7.0]


def test_our_own_outage_is_no_silence() -> None:
    made = house(beats=False)
    made.moves(0.0)
    made.until(7 * HOUR)
    made.listening_since = 20 * HOUR
    assert opened_at(made.until(2 * DAY)) == [28.0]


def test_a_home_that_never_beats_is_judged() -> None:
    made = house(beats=False)
    made.moves(0.0)
    assert opened_at(made.until(DAY)) == [8.0]


def test_a_home_whose_beats_are_rare_is_judged() -> None:
    made = house(beats=False)
    made.moves(0.0)
    for at in (3, 6):
        made.says("heartbeat", at * HOUR, device_id="sensor")
    assert opened_at(made.until(DAY)) == [8.0]


def test_a_beat_that_is_heard_twice_is_one() -> None:
    made = house(beats=False)
    made.moves(0.0)
    for at in (0.1, 0.1, 0.2):
        made.says("heartbeat", at * HOUR, device_id="sensor", observed_at=moment(0.1 * HOUR - LATENCY))
    assert opened_at(made.until(DAY)) == [8.0]


def test_only_the_gateway_s_beats_count_where_one_is_registered() -> None:
    devices = (DeviceProfile(device_id="bridge", is_gateway=True), DeviceProfile(device_id="sensor"))
    made = house(HomeProfile(home_id="h", devices=devices), beats=False)
    made.moves(0.0)
    for at in (0.2, 0.4):
        made.says("heartbeat", at * HOUR, device_id="sensor")
    assert opened_at(made.until(DAY)) == [8.0]


def test_a_home_that_no_longer_beats_but_lives_is_judged() -> None:
    made = house()
    made.until(HOUR)
    made.beats = False
    made.moves(*every(HOUR / 2, HOUR, 30 * HOUR))
    assert opened_at(made.until(2 * DAY)) == [38.0]


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "Asia/Shanghai", "America/New_York"])
def test_what_is_usual_follows_the_clock_of_the_home(timezone: str) -> None:
    """In Europe clocks go forward on 29 March, in New York on 8 March; the naps stay at one by the clock."""
    made = house(HomeProfile(home_id="h", timezone=timezone))
    start = START.astimezone(ZoneInfo(timezone))
    local_midnight = start.replace(hour=0, minute=0)

    def at(day: int, hour: float) -> float:
        local = local_midnight + timedelta(days=day, hours=hour)
        return (local - START).total_seconds()

    for day in range(1, 42):
        made.moves(*(at(day, hour) for hour in [*every(0.5, 7, 13), *every(0.5, 16, 23)]))
    assert made.told == []
    made.moves(*(at(42, hour) for hour in every(0.5, 7, 13)))
    assert opened_at(made.until(at(42, 23))) == [round(at(42, 13) / HOUR + 4.7, 2)]


def test_a_late_sign_of_life_takes_back_what_was_told_too_early() -> None:
    made = house()
    made.hears_late(0.0, 0.0)
    made.until(9 * HOUR)
    told = made.hears_late(9.5 * HOUR, 6 * HOUR)
    assert hours(told) == [(9.5, AlertStatus.RESOLVED)]
    assert told[0][1].id == made.told[0][1].id
    assert opened_at(made.until(2 * DAY)) == [14.0]


def test_a_late_sign_does_not_end_a_silence_that_is_too_long_even_so() -> None:
    made = house()
    made.hears_late(0.0, 0.0)
    made.until(12 * HOUR)
    assert made.hears_late(12 * HOUR, HOUR) == []
    told = made.says("motion", 13 * HOUR)
    assert hours(told) == [(13.0, AlertStatus.RESOLVED)]
    assert told[0][1].id == made.told[0][1].id


def test_a_late_sign_before_the_last_changes_nothing() -> None:
    made = house()
    made.hears_late(0.0, 0.0)
    made.moves(HOUR)
    assert made.hears_late(2 * HOUR, 0.5 * HOUR) == []
    assert opened_at(made.until(DAY)) == [9.0]


def test_after_an_alert_a_single_sign_does_not_bring_the_short_limit_back() -> None:
    made = house()
    made.moves(0.0)
    assert opened_at(made.until(9 * HOUR)) == [8.0]
    made.moves(9 * HOUR)
    assert opened_at(made.until(2 * DAY)) == [25.0]
    assert "hardly any signs of life" in made.told[-1][1].summary


def test_a_home_that_is_removed_is_forgotten() -> None:
    made = house()
    made.moves(0.0)
    assert made.home.follow(HomeProfile(home_id="h", removed=True, revision=1), HOUR) == []
    made.beats = False
    assert made.until(2 * DAY) == []


def test_a_home_that_changes_keeps_its_silence() -> None:
    made = house()
    made.moves(0.0)
    made.until(HOUR)
    made.home.follow(HomeProfile(home_id="h", revision=1), HOUR)
    assert opened_at(made.until(DAY)) == [8.0]


def test_the_limit_in_force_can_be_asked_for() -> None:
    made = house()
    made.moves(0.0)
    context = context_of(made.home.state.profile, moment(HOUR), "test")
    state = made.home.state.rules["inactivity"]
    assert silence_allowed(state, context, shipped_rulebook().rules.inactivity) == 8 * HOUR * 1000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"most": "2h"}, "least is longer"), ({"away_limit": "1h"}, "least is longer"), ({"one_in": "0s"}, "one_in is 0")],
)
def test_parameters_that_do_not_hold_together_are_refused(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        shipped_rulebook().rules.inactivity.changed(changes)


def test_what_is_kept_stays_small() -> None:
    made = house(beats=False)
    for number in range(200 * 24 * 2):
        made.says("contact", number * 0.55 * HOUR, device_id=f"door-{number % 200}", value=str(number))
    state = made.home.state.rules["inactivity"]
    assert len(state["silences"]) <= 24 * 12
    assert len(state["senses"]["levels"]) <= 64
    assert len(orjson.dumps(state)) < 10_000
    assert len(encode_state(made.home.state)) < 20_000


lives = st.lists(
    st.tuples(
        st.sampled_from(["motion", "door", "bed", "late", "arm", "away", "presence"]),
        st.sampled_from([0.01, 0.4, 1.0, 3.0, 9.0, 20.0]),
    ),
    min_size=1,
    max_size=25,
)


def replayed(life: list[tuple[str, float]], between: Callable[[Any], Any], doubled: bool) -> list[tuple[float, Alert]]:
    made = house(home=HomeLine(rules=(InactivityRule(),), between=between))
    made.hears_late(0.0, 0.0)
    made.moves(HOUR)
    at = 2 * HOUR
    for number, (what, pause) in enumerate(life):
        for _ in range(2 if doubled else 1):
            _happens(made, what, at, number)
        at += pause * HOUR
    made.until(at + 4 * DAY)
    return made.told


def _happens(made: House, what: str, at: float, number: int) -> None:
    source = f"source-{number}"
    if what == "late":
        made.hears_late(at, at - 1.5 * HOUR, source=source)
    elif what == "door":
        made.says("contact", at, device_id="door", place="front door", value=f"{number}", source=source)
    elif what == "bed":
        made.says("bed", at, device_id="bed", place="bedroom", value=["occupied", "vacant"][number % 2], source=source)
    elif what == "presence":
        made.says("presence", at, device_id="radar", value=number % 2 == 0, source=source)
    elif what in ("arm", "away"):
        made.says("arm", at, device_id="keypad", value={"arm": "disarm", "away": "arm_away"}[what], source=source)
    else:
        made.moves(at, source=source)


@settings(max_examples=25, deadline=None)
@given(lives)
def test_a_restart_between_any_two_events_changes_nothing(life: list[tuple[str, float]]) -> None:
    assert replayed(life, restarted, False) == replayed(life, lambda state: state, False)


@settings(max_examples=25, deadline=None)
@given(lives)
def test_doubled_readings_change_nothing(life: list[tuple[str, float]]) -> None:
    assert replayed(life, lambda state: state, True) == replayed(life, lambda state: state, False)


@settings(max_examples=25, deadline=None)
@given(lives)
def test_silence_in_a_home_that_is_heard_is_always_found(life: list[tuple[str, float]]) -> None:
    """Whatever happened before, away mode or not: in the end nobody moves, and an alert of it stands."""
    told = replayed(life, lambda state: state, False)
    assert told
    assert told[-1][1].status is AlertStatus.OPENED
