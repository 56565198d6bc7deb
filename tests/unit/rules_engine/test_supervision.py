"""Time lines of silence: judged by each device's own interval, only while its gateway and we ourselves can hear."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Severity, Tick
from rules_engine.rule import ms
from rules_engine.rules.supervision import FAULTS_KEPT, SupervisionRule
from tests.support.homeline import HomeLine, moment, reading

MINUTE = 60
HOUR = 3600
DAY = 86_400


def device(device_id: str, every_s: float | None = None, **more: Any) -> DeviceProfile:
    every = None if every_s is None else timedelta(seconds=every_s)
    return DeviceProfile(device_id=device_id, expected_every=every, **more)


SENSOR = device("sensor", 10 * MINUTE)
GATEWAY = device("gateway", 5 * MINUTE, is_gateway=True)
BEHIND = tuple(device(name, 10 * MINUTE, gateway_id="gateway") for name in ("button", "motion"))


def home_of(*devices: DeviceProfile, revision: int = 1, at: float = 0) -> HomeLine:
    home = HomeLine()
    assert home.follow(HomeProfile(home_id="h", devices=devices, revision=revision), at) == []
    assert home.tick(at) == []
    return home


def brief(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.device_id, alert.status.value) for alert in alerts]


def test_a_device_is_silent_at_two_intervals_and_not_a_moment_before() -> None:
    home = home_of(SENSOR)
    home.hear(reading("heartbeat", 100, device_id="sensor"))
    assert home.tick(1200) == []
    assert home.due_at == moment(100 + 1200)
    assert home.tick(100 + 1199.999) == []
    [alert] = home.tick(100 + 1200)
    assert (alert.device_id, alert.status, alert.severity) == ("sensor", AlertStatus.OPENED, Severity.LOW)
    assert "has not been heard since 2026-03-01 08:01" in alert.summary
    assert alert.budget == timedelta(minutes=1)


def test_a_step_before_its_time_finds_no_silence() -> None:
    home = home_of(SENSOR, device("late", DAY))
    home.hear(reading("heartbeat", 0, device_id="sensor"))
    home.due_at = moment(0)
    assert home.tick(1199) == []


def test_a_device_that_stays_silent_is_told_once_a_day() -> None:
    home = home_of(SENSOR)
    told = [second for second in range(0, 3 * DAY, 60) if home.tick(second)]
    assert told == [1200, 1200 + DAY, 1200 + 2 * DAY]
    assert len({alert.id for alert in home.opened}) == 3
    [back] = home.hear(reading("heartbeat", 3 * DAY, device_id="sensor"))
    assert (back.id, back.status) == (home.opened[-1].id, AlertStatus.RESOLVED)


def test_a_device_that_was_never_heard_is_given_its_intervals_from_its_registration() -> None:
    home = home_of(SENSOR, at=500)
    assert home.tick(500 + 1199) == []
    assert brief(home.tick(500 + 1200)) == [("sensor", "opened")]


def test_a_device_that_was_registered_long_before_the_log_begins_is_not_silent_for_that_time() -> None:
    home = HomeLine()
    home.follow(HomeProfile(home_id="h", devices=(SENSOR, device("other", 10 * MINUTE))), -90 * DAY)
    assert home.tick(0, listening_since=-30 * DAY) == []
    home.hear(reading("heartbeat", 100, device_id="other"))
    assert home.tick(1199) == []
    [alert] = home.tick(1200)
    assert (alert.device_id, alert.at) == ("sensor", moment(1200))


def saved_before(heard: dict[str, str], silent: dict[str, str], weak: dict[str, str]) -> HomeLine:
    """A home whose state was saved while times were kept as text, and not yet what is `new`."""
    home = home_of(SENSOR, device("other", DAY))
    rules = {**home.state.rules, "supervision": {"heard": heard, "silent": silent, "weak": weak}}
    home.state = home.state._replace(rules=rules)
    return home


def test_a_state_that_was_saved_with_times_as_text_is_read() -> None:
    home = saved_before({"sensor": moment(60).isoformat(), "other": moment(60).isoformat()}, {}, {})
    home.hear(reading("heartbeat", 100, device_id="other"))
    assert home.tick(1259) == []
    assert brief(home.tick(1260)) == [("sensor", "opened")]
    assert home.state.rules["supervision"]["look"] == ms(moment(1260 + DAY))


def test_a_silence_and_a_low_battery_that_were_saved_as_text_are_resolved() -> None:
    home = saved_before(
        {"sensor": moment(-9000).isoformat()}, {"sensor": moment(-60).isoformat()}, {"sensor": moment(-60).isoformat()}
    )
    found = home.hear(reading("battery", 100, device_id="sensor", value=90))
    assert brief(found) == [("sensor", "resolved"), ("sensor", "resolved")]
    assert home.tick(1299) == []
    assert brief(home.tick(1300)) == [("sensor", "opened")]


def test_a_device_that_is_heard_again_is_resolved_with_the_same_id() -> None:
    home = home_of(SENSOR)
    [gone] = home.tick(1200)
    [back] = home.hear(reading("motion", 5000, device_id="sensor"))
    assert (back.id, back.status) == (gone.id, AlertStatus.RESOLVED)
    assert home.hear(reading("motion", 5001, device_id="sensor")) == []
    [again] = home.tick(5001 + 1200)
    assert again.id != gone.id


@pytest.mark.parametrize("kind", ["heartbeat", "motion", "battery", "sos", "other"])
def test_whatever_a_device_says_it_is_heard(kind: str) -> None:
    home = home_of(SENSOR)
    home.hear(reading(kind, 1000, device_id="sensor"))
    assert home.tick(2199.999) == []
    assert brief(home.tick(2200)) == [("sensor", "opened")]


def test_a_device_that_is_said_to_be_offline_is_not_heard() -> None:
    home = home_of(SENSOR)
    home.hear(reading("availability", 1000, device_id="sensor", value="offline"))
    assert brief(home.tick(1200)) == [("sensor", "opened")]
    assert home.hear(reading("availability", 1300, device_id="sensor", value="offline")) == []
    assert brief(home.hear(reading("availability", 1400, device_id="sensor", value="online"))) == [
        ("sensor", "resolved")
    ]


def test_devices_that_are_not_registered_do_not_fill_the_memory() -> None:
    home = home_of(SENSOR)
    for number in range(FAULTS_KEPT + 10):
        for kind in ("tamper", "sos"):
            home.hear(reading(kind, number, device_id=f"stranger{number}"))
    state = home.state.rules["supervision"]
    assert len(state["faults"]) == FAULTS_KEPT
    assert f"stranger{FAULTS_KEPT + 9}/tamper" in state["faults"]
    assert state["calling"] == []


@pytest.mark.parametrize("how", [{"retained": True}, {"is_history": True}])
def test_what_was_said_before_is_not_being_heard_now(how: dict[str, bool]) -> None:
    home = home_of(SENSOR)
    home.hear(reading("heartbeat", 1000, device_id="sensor", **how))
    assert brief(home.tick(1200)) == [("sensor", "opened")]
    assert home.hear(reading("heartbeat", 1300, device_id="sensor", **how)) == []


def test_a_device_without_an_interval_is_never_silent() -> None:
    home = home_of(device("button"))
    home.hear(reading("heartbeat", 0))
    assert home.due_at is None


def test_a_silent_gateway_is_one_alert_and_its_devices_none() -> None:
    home = home_of(*BEHIND, GATEWAY)
    for second in range(0, 4 * HOUR, 10):
        home.tick(second)
    assert brief(home.alerts) == [("gateway", "opened")]
    assert home.alerts[0].summary.startswith("Gateway gateway")


def test_everything_that_is_silent_at_once_is_the_gateway_s_silence() -> None:
    slow = device("gateway", 10 * MINUTE, is_gateway=True)
    home = home_of(*BEHIND, slow)
    assert brief(home.tick(1200)) == [("gateway", "opened")]


def test_a_device_that_stays_silent_after_its_gateway_is_back_is_told() -> None:
    home = home_of(*BEHIND, GATEWAY)
    for second in range(0, 2 * HOUR, 10):
        home.tick(second)
    home.hear(reading("heartbeat", 2 * HOUR, device_id="gateway"))
    for second in range(2 * HOUR, 3 * HOUR, 10):
        home.tick(second)
        if second % 100 == 0:
            home.hear(reading("heartbeat", second, device_id="gateway"))
            home.hear(reading("heartbeat", second, device_id="motion"))
    assert brief(home.alerts) == [("gateway", "opened"), ("gateway", "resolved"), ("button", "opened")]


def test_a_device_that_is_heard_proves_its_gateway() -> None:
    home = home_of(*BEHIND, GATEWAY)
    for second in range(0, 2 * HOUR, 100):
        home.hear(reading("motion", second, device_id="motion"))
        home.hear(reading("heartbeat", second, device_id="button"))
        home.tick(second)
    assert home.alerts == []


def test_a_device_heard_through_a_silent_gateway_brings_the_gateway_back() -> None:
    home = home_of(*BEHIND, GATEWAY)
    home.tick(600)
    assert brief(home.hear(reading("motion", 700, device_id="motion"))) == [("gateway", "resolved")]


def test_an_unknown_device_is_heard_and_not_watched() -> None:
    home = home_of(SENSOR)
    assert home.hear(reading("heartbeat", 10, device_id="stranger")) == []
    assert brief(home.tick(1200)) == [("sensor", "opened")]
    assert set(home.state.rules["supervision"]["heard"]) == {"sensor"}


def test_our_own_outage_is_nobody_s_silence_and_gives_fresh_intervals() -> None:
    home = home_of(SENSOR)
    assert home.tick(10 * HOUR, listening_since=10 * HOUR) == []
    assert home.due_at == moment(10 * HOUR + 1200)
    assert home.tick(10 * HOUR + 1199, listening_since=10 * HOUR) == []
    assert brief(home.tick(10 * HOUR + 1200, listening_since=10 * HOUR)) == [("sensor", "opened")]


def test_listening_since_long_ago_excuses_nobody() -> None:
    home = home_of(SENSOR, at=100)
    assert home.tick(100 + 1199, listening_since=0) == []
    assert brief(home.tick(100 + 1200, listening_since=0)) == [("sensor", "opened")]


def test_a_removed_device_is_forgotten_and_its_silence_resolved() -> None:
    home = home_of(SENSOR, device("other", DAY))
    [gone] = home.tick(1200)
    [resolved] = home.follow(HomeProfile(home_id="h", devices=(device("other", DAY),), revision=2), 1300)
    assert (resolved.id, resolved.status) == (gone.id, AlertStatus.RESOLVED)
    assert "no longer registered" in resolved.summary
    assert home.due_at == moment(2 * DAY)


def test_a_removed_device_that_was_not_silent_never_is() -> None:
    home = home_of(SENSOR)
    assert home.follow(HomeProfile(home_id="h", revision=2, removed=True), 100) == []
    assert home.due_at is None


def test_a_profile_with_an_older_revision_is_ignored() -> None:
    home = home_of(SENSOR, revision=5)
    assert home.follow(HomeProfile(home_id="h", revision=4), 100) == []
    assert brief(home.tick(1200)) == [("sensor", "opened")]


def test_a_device_that_is_added_leaves_the_others_as_they_were() -> None:
    home = home_of(SENSOR)
    home.follow(HomeProfile(home_id="h", devices=(SENSOR, device("new", 10 * MINUTE)), revision=2), 600)
    assert home.tick(600) == []
    assert brief(home.tick(1200)) == [("sensor", "opened")]
    assert home.tick(1799) == []
    assert brief(home.tick(1800)) == [("new", "opened")]


def test_a_low_battery_is_told_once_a_day() -> None:
    home = home_of(SENSOR)
    told = [second for second in range(0, 3 * DAY, HOUR) if home.hear(reading("battery", second, value=14.9))]
    assert told == [0, DAY, 2 * DAY]
    assert len({alert.id for alert in home.alerts}) == 3


@pytest.mark.parametrize(("value", "is_low"), [(0, True), (14, True), (14.99, True), (15, False), (100, False)])
def test_a_battery_is_low_below_its_limit(value: float, is_low: bool) -> None:
    home = home_of(SENSOR)
    assert bool(home.hear(reading("battery", 0, value=value))) is is_low


def test_a_battery_between_the_limits_changes_nothing() -> None:
    home = home_of(SENSOR)
    [low] = home.hear(reading("battery", 0, value=10))
    assert home.hear(reading("battery", 10, value=15)) == []
    assert home.hear(reading("battery", 20, value=24.9)) == []
    assert home.hear(reading("battery", 30, value=10)) == []
    [good] = home.hear(reading("battery", 40, value=25))
    assert (good.id, good.status, good.device_id) == (low.id, AlertStatus.RESOLVED, "button")
    assert len(home.hear(reading("battery", 50, value=10))) == 1


def test_a_device_that_says_low_itself_is_low() -> None:
    home = home_of(SENSOR)
    [low] = home.hear(reading("battery_low", 0, value=True))
    [good] = home.hear(reading("battery_low", 10, value=False))
    assert (low.status, good.status, low.id) == (AlertStatus.OPENED, AlertStatus.RESOLVED, good.id)
    assert home.hear(reading("battery_low", 20, value=False)) == []


def test_batteries_of_devices_are_told_apart() -> None:
    home = home_of(SENSOR)
    home.hear(reading("battery", 0, value=5, device_id="a"))
    home.hear(reading("battery", 0, value=5, device_id="b"))
    assert len({alert.id for alert in home.opened}) == 2


@pytest.mark.parametrize("kind", ["tamper", "sensor_fault"])
def test_what_a_device_says_is_wrong_with_it_is_told_once_a_day(kind: str) -> None:
    home = home_of(SENSOR)
    told = [second for second in range(0, 2 * DAY, HOUR) if home.hear(reading(kind, second, device_id="sensor"))]
    assert told == [0, DAY]
    assert {alert.severity for alert in home.alerts} == {Severity.LOW}
    [over] = home.hear(reading(kind, 2 * DAY, device_id="sensor", value=False))
    assert (over.id, over.status) == (home.opened[-1].id, AlertStatus.RESOLVED)
    assert home.hear(reading(kind, 2 * DAY + 1, device_id="sensor", value=False)) == []


def test_faults_of_one_device_are_told_apart() -> None:
    home = home_of(SENSOR)
    for kind in ("tamper", "sensor_fault", "battery_low"):
        home.hear(reading(kind, 0, device_id="sensor"))
    assert len({alert.id for alert in home.opened}) == 3


def test_a_silent_device_that_calls_for_help_leaves_the_home_unprotected() -> None:
    home = home_of(device("button", 10 * MINUTE, is_sos=True), device("pendant", 10 * MINUTE), SENSOR)
    home.hear(reading("fall", 1, device_id="pendant"))
    alerts = home.tick(1300)
    found = {alert.device_id: alert.summary for alert in alerts}
    assert any("2小时内未修复" in alert.summary_zh for alert in alerts)
    assert "unprotected; if it is not mended within 2h" in found["button"]
    assert "unprotected" in found["pendant"]
    assert "unprotected" not in found["sensor"]


def test_times_are_told_as_they_are_in_the_home() -> None:
    home = HomeLine(rules=(SupervisionRule(),))
    home.follow(HomeProfile(home_id="h", devices=(SENSOR,), timezone="Asia/Shanghai"))
    home.tick(0)
    [alert] = home.tick(10 * HOUR)
    assert "since 2026-03-01 16:00:" in alert.summary
    assert "自 2026-03-01 16:00 起" in alert.summary_zh


LINES = st.lists(
    st.tuples(
        st.sampled_from([1, 50, 300, 599, 601, 1201, 5000]),
        st.sampled_from(["gateway", "button", "motion", "stranger", "added", "outage"]),
    ),
    max_size=30,
)


def lived(line: list[tuple[int, str]], *, woken_always: bool) -> list[tuple[str, str, Any]]:
    """What is raised where the rule is woken every ten seconds, or only when it wants to be."""
    home = home_of(*BEHIND, GATEWAY)
    devices, now, since = (*BEHIND, GATEWAY), 0, 0
    for later, what in line:
        for second in range(now + 10, now + later + 10, 10):
            if woken_always:
                home.step(Tick(at=moment(second), source="t", listening_since=moment(since)), second)
            else:
                home.tick(second, listening_since=since)
        now += -(-later // 10) * 10
        if what == "outage":
            since = now
        elif what == "added":
            devices = (*devices, device(f"d{len(devices)}", 3 * MINUTE, gateway_id="gateway"))
            home.follow(HomeProfile(home_id="h", devices=devices, revision=len(devices)), now)
        else:
            home.hear(reading("motion", now, device_id=what))
    return [(alert.device_id, alert.status.value, alert.at) for alert in home.alerts]


@settings(max_examples=40, deadline=None)
@given(LINES)
def test_it_wants_to_be_woken_whenever_there_is_something_to_find(line: list[tuple[int, str]]) -> None:
    assert lived(line, woken_always=False) == lived(line, woken_always=True)


BUTTON = device("button", 10 * MINUTE, is_sos=True)


def test_a_button_that_is_not_mended_in_time_asks_for_a_visit() -> None:
    home = home_of(BUTTON)
    home.hear(reading("heartbeat", 0, device_id="button"))
    [silent] = home.tick(20 * MINUTE)
    assert silent.severity == Severity.LOW
    assert home.due_at == moment(20 * MINUTE + 2 * HOUR)
    assert home.tick(20 * MINUTE + 2 * HOUR - 0.001) == []
    [visit] = home.tick(20 * MINUTE + 2 * HOUR)
    assert (visit.severity, visit.device_id) == (Severity.HIGH, "button")
    assert "visit or phone" in visit.summary
    assert all(alert.severity != Severity.HIGH for alert in home.tick(2 * DAY))
    mended = home.hear(reading("heartbeat", 2 * DAY + 1, device_id="button"))
    assert (visit.id, AlertStatus.RESOLVED) in [(alert.id, alert.status) for alert in mended]


def test_a_button_that_is_mended_in_time_asks_for_nobody() -> None:
    home = home_of(BUTTON)
    home.hear(reading("heartbeat", 0, device_id="button"))
    home.tick(20 * MINUTE)
    home.hear(reading("heartbeat", 21 * MINUTE, device_id="button"))
    home.hear(reading("heartbeat", 40 * MINUTE, device_id="button"))
    assert all(alert.severity != Severity.HIGH for alert in home.tick(59 * MINUTE))
    assert home.state.rules["supervision"]["unmended"] == {}


@pytest.mark.parametrize(
    "one", [device("button", is_sos=True), device("button", model="VS373"), device("button", description="Fall sensor")]
)
def test_a_weak_battery_of_what_calls_for_help_has_a_clock_of_its_own(one: DeviceProfile) -> None:
    home = home_of(one)
    home.hear(reading("battery", 0, device_id="button", value=9))
    home.hear(reading("battery", HOUR, device_id="button", value=8))
    [visit] = home.tick(2 * HOUR)
    assert visit.severity == Severity.HIGH
    [good, mended] = home.hear(reading("battery", 3 * HOUR, device_id="button", value=100))
    assert {good.status, mended.status} == {AlertStatus.RESOLVED}


def test_a_weak_battery_of_another_device_and_an_opened_case_ask_for_no_visit() -> None:
    home = home_of(device("motion"), device("button", is_sos=True))
    home.hear(reading("battery", 0, device_id="motion", value=9))
    home.hear(reading("tamper", 0, device_id="button"))
    assert home.tick(DAY) == []


def test_a_gateway_that_is_said_to_be_gone_is_silent_after_one_interval() -> None:
    home = home_of(GATEWAY, *BEHIND)
    home.hear(reading("heartbeat", 0, device_id="gateway"))
    home.hear(reading("availability", 60, device_id="gateway", value="offline"))
    assert home.tick(5 * MINUTE - 0.001) == []
    assert brief(home.tick(5 * MINUTE)) == [("gateway", "opened")]
    assert home.tick(2 * HOUR) == []


def test_a_will_that_comes_late_does_not_say_that_a_live_device_died() -> None:
    home = home_of(GATEWAY)
    home.hear(reading("heartbeat", 0, device_id="gateway"))
    home.hear(reading("availability", 60, device_id="gateway", value="offline"))
    home.hear(reading("heartbeat", 61, device_id="gateway"))
    assert home.tick(61 + 10 * MINUTE - 0.001) == []
    assert brief(home.tick(61 + 10 * MINUTE)) == [("gateway", "opened")]


def test_a_gateway_without_an_interval_that_is_said_to_be_gone_is_silent_in_the_end() -> None:
    home = home_of(device("gateway", is_gateway=True))
    home.hear(reading("availability", 0, device_id="gateway", value="offline"))
    assert home.tick(10 * MINUTE - 0.001) == []
    assert brief(home.tick(10 * MINUTE)) == [("gateway", "opened")]
    assert brief(home.hear(reading("availability", 700, device_id="gateway", value="online"))) == [
        ("gateway", "resolved")
    ]


def test_a_gateway_through_which_calls_come_has_the_clock_of_what_calls() -> None:
    """Its button is unknown, not silent: without a clock for the gateway nobody would ever visit."""
    button = device("button", 10 * MINUTE, gateway_id="gateway", is_sos=True)
    home = home_of(GATEWAY, button)
    home.hear(reading("heartbeat", 0, device_id="button"))
    [silent] = home.tick(10 * MINUTE)
    assert silent.device_id == "gateway"
    assert "through which calls for help come" in silent.summary
    [asked] = [alert for at in range(11 * MINUTE, 4 * HOUR, MINUTE) for alert in home.tick(at)]
    assert (asked.device_id, asked.severity, asked.at) == ("gateway", Severity.HIGH, moment(2 * HOUR + 10 * MINUTE))


def test_a_gateway_without_an_interval_speaks_for_what_is_behind_it() -> None:
    home = home_of(device("gateway", is_gateway=True), *BEHIND)
    for one in BEHIND:
        home.hear(reading("heartbeat", 0, device_id=one.device_id))
    assert home.tick(20 * MINUTE - 0.001) == []
    assert brief(home.tick(20 * MINUTE)) == [("gateway", "opened")]


def test_a_weak_battery_next_door_is_no_fault_of_this_home() -> None:
    home = home_of(SENSOR)
    assert home.hear(reading("battery_low", 0, device_id="acurite/77", dialect="rtl_433")) == []
    assert brief(home.hear(reading("battery_low", 1, device_id="sensor", dialect="rtl_433"))) == [("sensor", "opened")]
