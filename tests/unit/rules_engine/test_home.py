"""All rules of a home as one step: time never runs back, a broken rule is told of, states survive a restart."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.step import Next
from carebell.types import Alert, DeviceProfile, HomeProfile, Kind, Tick
from rules_engine.operations import Failure
from rules_engine.rule import Context, RuleEvent, RuleParameters, RuleState
from rules_engine.rules.sos import SosRule
from tests.support.homeline import HomeLine, moment, reading, restarted

DAY = 86_400


@dataclass
class BrokenRule:
    """Takes the place of supervision and fails on what it is told to."""

    name: str = "supervision"
    hears: frozenset[str] | None = None
    fails_on: str = "heartbeat"

    def start(self) -> RuleState:
        return {"steps": 0}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: RuleParameters
    ) -> Next[RuleState, Alert]:
        if getattr(event, "kind", "tick") in (self.fails_on, "sos"):
            raise RuntimeError("broken")
        return Next({"steps": state["steps"] + 1}, (), context.now + timedelta(minutes=1))


def test_a_rule_that_raises_is_told_once_a_day_and_the_other_goes_on() -> None:
    home = HomeLine(rules=(BrokenRule(), SosRule()))
    found = home.hear(reading("sos", 0))
    assert [alert.rule for alert in found] == ["operations", "sos"]
    failures = [action for action in home.actions if isinstance(action, Failure)]
    assert [(one.rule, one.error) for one in failures] == [("supervision", "RuntimeError: broken")]
    assert reading("sos", 0).id in failures[0].alert.summary
    for second in (1, 2, 3600, DAY - 8 * 3600 - 1, DAY):
        home.hear(reading("heartbeat", second))
    assert len({alert.id for alert in home.alerts if alert.rule == "operations"}) == 2


def test_a_rule_that_raised_keeps_the_state_it_had() -> None:
    home = HomeLine(rules=(BrokenRule(), SosRule()))
    home.hear(reading("motion", 0))
    assert home.due_at == moment(60)
    home.hear(reading("heartbeat", 1))
    assert home.state.rules["supervision"] == {"steps": 1}
    assert home.due_at is None
    home.hear(reading("motion", 2))
    assert home.state.rules["supervision"] == {"steps": 2}


def test_time_never_runs_back() -> None:
    home = HomeLine()
    home.hear(reading("heartbeat", 100))
    [alert] = home.hear(reading("sos", 50))
    assert alert.at == moment(100)
    assert home.state.now == moment(100)


def test_urgent_repeats_reach_no_rule() -> None:
    home = HomeLine(rules=(BrokenRule(fails_on="fall"), SosRule()))
    assert len(home.hear(reading("fall", 0, source="1"))) == 1
    assert home.hear(reading("fall", 1, source="1")) == []


def test_telemetry_with_an_id_again_is_still_being_heard() -> None:
    home = HomeLine()
    home.follow(HomeProfile(home_id="h", devices=(DeviceProfile(device_id="d", expected_every=timedelta(minutes=1)),)))
    home.hear(reading("heartbeat", 0, device_id="d", source="1"))
    home.hear(reading("heartbeat", 90, device_id="d", source="1"))
    assert home.due_at == moment(210)


DEVICES = (
    DeviceProfile(device_id="gateway", is_gateway=True, expected_every=timedelta(minutes=5)),
    DeviceProfile(device_id="button", gateway_id="gateway", is_sos=True, expected_every=timedelta(minutes=30)),
    DeviceProfile(device_id="sensor", expected_every=timedelta(minutes=10), place="厨房"),
)
READINGS = st.tuples(
    st.just("reading"),
    st.sampled_from([Kind.SOS, Kind.SOS, "fall", "heartbeat", "battery", "battery_low", "motion", "unheard of"]),
    st.sampled_from(["gateway", "button", "sensor", "stranger"]),
    st.integers(0, 3),
    st.sampled_from(["active", "cleared", True, False, 5, 50, None]),
    st.sampled_from([{}, {}, {"retained": True}, {"is_history": True}, {"is_test": True}]),
)
TICKS = st.tuples(st.just("tick"), st.sampled_from([None, 0, 600]))
PROFILES = st.tuples(st.just("profile"), st.integers(0, 3), st.integers(0, 3))
TIMELINES = st.lists(
    st.tuples(st.sampled_from([0, 1, 60, 599, 1200, 4000, DAY]), READINGS | READINGS | TICKS | PROFILES), max_size=25
)


def play(timeline: list[Any], *, is_twice: bool = False, is_restarted: bool = False) -> HomeLine:
    home = HomeLine(between=restarted) if is_restarted else HomeLine()
    home.follow(HomeProfile(home_id="h", devices=DEVICES))
    now = 0
    for later, (what, *said) in timeline:
        now += later
        if what == "tick":
            home.step(
                Tick(at=moment(now), source="t", listening_since=None if said[0] is None else moment(said[0])), now
            )
        elif what == "profile":
            home.follow(HomeProfile(home_id="h", devices=DEVICES[: said[0]], revision=said[1]), now)
        else:
            kind, device_id, source, value, how = said
            one = reading(kind, now, device_id=device_id, source=str(source), value=value, **how)
            for _ in range(2 if is_twice else 1):
                home.hear(one)
    return home


def outcome(home: HomeLine) -> set[tuple[str, str]]:
    return {(alert.id, alert.status.value) for alert in home.alerts}


timelines = settings(max_examples=150, deadline=None)


@timelines
@given(TIMELINES)
def test_a_state_is_read_as_it_was_written(timeline: list[Any]) -> None:
    state = play(timeline).state
    assert restarted(state) == state


@timelines
@given(TIMELINES)
def test_restarting_between_any_two_events_changes_nothing(timeline: list[Any]) -> None:
    assert play(timeline, is_restarted=True).alerts == play(timeline).alerts


@timelines
@given(TIMELINES)
def test_hearing_every_reading_twice_gives_the_same_alerts(timeline: list[Any]) -> None:
    twice = play(timeline, is_twice=True)
    assert outcome(twice) == outcome(play(timeline))
    assert not [action for action in twice.actions if isinstance(action, Failure)]


@timelines
@given(TIMELINES)
def test_what_is_due_lies_ahead_once_a_tick_has_passed(timeline: list[Any]) -> None:
    home = play(timeline)
    home.step(Tick(at=home.state.now, source="t"), (home.state.now - moment(0)).total_seconds())
    assert home.due_at is None or home.due_at > home.state.now
