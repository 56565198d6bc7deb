"""All rules of a home as one step: time never runs back, a broken rule is told of, states survive a restart."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.step import Next
from carebell.types import Alert, DeviceProfile, HomeProfile, Kind, Reading, Severity, Tick
from rules_engine.operations import Failure
from rules_engine.rule import Context, RuleEvent, RuleParameters, RuleState
from rules_engine.rules.sos import SosRule
from rules_engine.rules.supervision import SupervisionRule
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
    assert len({alert.id for alert in home.alerts if alert.severity is Severity.LOW}) == 2


@pytest.mark.parametrize(
    ("kind", "value", "severity"),
    [
        ("sos", "active", Severity.HIGH),
        ("sos", "cleared", Severity.LOW),
        ("smoke", False, Severity.LOW),
        ("heartbeat", True, Severity.LOW),
    ],
)
def test_a_call_that_could_not_be_judged_is_told_at_once(kind: str, value: Any, severity: Severity) -> None:
    home = HomeLine(rules=(BrokenRule(fails_on=kind),))
    assert [one.severity for one in home.hear(reading(kind, 0, value=value))] == [severity]


@pytest.mark.parametrize("kind", ["sos", "fall", "smoke"])
def test_a_state_that_cannot_be_read_loses_no_call_and_heals(kind: str) -> None:
    home = HomeLine()
    home.state = home.state._replace(rules={rule.name: {"unheard of": 1} for rule in home.rules})
    called = home.hear(reading(kind, 10))
    assert [one.rule for one in called if one.rule != "operations"] == ["hazard" if kind == "smoke" else kind]
    assert {one.severity for one in called if one.rule == "operations"} == {Severity.LOW}
    assert all(one.rule != "operations" for one in home.hear(reading(kind, 1000)))


def test_a_rule_whose_state_cannot_be_read_begins_anew_when_it_is_woken() -> None:
    home = HomeLine(rules=(SupervisionRule(),))
    devices = (DeviceProfile(device_id="d", expected_every=timedelta(minutes=1)),)
    home.follow(HomeProfile(home_id="h", devices=devices))
    home.state = home.state._replace(rules={"supervision": {"gateways": {}}})
    [failed] = home.tick(10)
    assert failed.rule == "operations"
    assert [one.rule for at in range(20, 200, 10) for one in home.tick(at)] == ["supervision"]


def test_a_rule_that_fails_whenever_it_is_woken_is_woken_again() -> None:
    home = HomeLine(rules=(BrokenRule(fails_on="tick"),))
    home.hear(reading("motion", 0))
    assert [one.rule for one in home.tick(60)] == ["operations"]
    assert home.due_at == moment(60 + 3600)
    assert home.state.rules["supervision"] == {"steps": 1}


def test_a_rule_that_raised_keeps_the_state_it_had() -> None:
    home = HomeLine(rules=(BrokenRule(), SosRule()))
    home.hear(reading("motion", 0))
    assert home.due_at == moment(60)
    home.hear(reading("heartbeat", 1))
    assert home.state.rules["supervision"] == {"steps": 1}
    assert home.due_at == moment(60)
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
    home = HomeLine(rules=(SupervisionRule(),))
    home.follow(HomeProfile(home_id="h", devices=(DeviceProfile(device_id="d", expected_every=timedelta(minutes=1)),)))
    home.hear(reading("heartbeat", 0, device_id="d", source="1"))
    home.hear(reading("heartbeat", 90, device_id="d", source="1"))
    assert home.tick(209.999) == []
    assert len(home.tick(210)) == 1


@dataclass
class ListeningRule:
    """Takes the place of a rule and writes down what reaches it; asks to be woken after a while."""

    name: str
    hears: frozenset[str] | None
    wake_after: timedelta | None = None

    def start(self) -> RuleState:
        return {"reached": []}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: RuleParameters
    ) -> Next[RuleState, Alert]:
        what = event.kind if isinstance(event, Reading) else type(event).__name__
        reached = [*state["reached"], [what, context.now.isoformat(), context.happened_at.isoformat()]]
        due_at = None if self.wake_after is None else context.now + self.wake_after
        return Next({"reached": reached}, (), due_at)


def listening(*rules: ListeningRule) -> HomeLine:
    return HomeLine(rules=rules)


def reached(home: HomeLine, rule: str = "supervision") -> list[str]:
    return [what for what, *_ in home.state.rules.get(rule, {"reached": []})["reached"]]


def test_a_rule_is_stepped_for_the_kinds_it_hears_and_for_every_profile() -> None:
    all_, some = ListeningRule("supervision", None), ListeningRule("bed", frozenset({Kind.BED, Kind.FALL}))
    home = listening(all_, some)
    for number, kind in enumerate(("bed", "motion", "fall", "unheard of")):
        home.hear(reading(kind, number))
    home.follow(HomeProfile(home_id="h", revision=1), 9)
    assert reached(home) == ["bed", "motion", "fall", "unheard of", "HomeProfile"]
    assert reached(home, "bed") == ["bed", "fall", "HomeProfile"]


def test_ticks_reach_only_the_rules_that_are_due() -> None:
    soon = ListeningRule("supervision", frozenset({Kind.BED}), timedelta(seconds=10))
    late = ListeningRule("bed", frozenset({Kind.BED}), timedelta(seconds=60))
    never = ListeningRule("climate", frozenset({Kind.BED}))
    home = listening(soon, late, never)
    home.hear(reading("bed", 0))
    home.tick(9.9)
    home.tick(10)
    home.tick(60)
    assert reached(home) == ["bed", "Tick", "Tick"]
    assert reached(home, "bed") == ["bed", "Tick"]
    assert reached(home, "climate") == ["bed"]


def test_history_and_retained_telemetry_reach_no_rule_and_retained_calls_do() -> None:
    home = listening(ListeningRule("supervision", None))
    home.hear(reading("motion", 0, is_history=True))
    home.hear(reading("sos", 1, is_history=True))
    home.hear(reading("motion", 2, retained=True))
    assert reached(home) == []
    home.hear(reading("sos", 3, retained=True))
    home.hear(reading("smoke", 4, retained=True))
    assert reached(home) == ["sos", "smoke"]


def test_a_call_that_was_told_as_history_before_is_not_a_repeat() -> None:
    home = listening(ListeningRule("supervision", None))
    home.hear(reading("sos", 0, source="1", is_history=True))
    home.hear(reading("sos", 5, source="1"))
    assert reached(home) == ["sos"]


def test_a_rule_that_is_switched_off_is_not_stepped_and_never_due() -> None:
    home = listening(ListeningRule("bed", None, timedelta(seconds=10)))
    home.hear(reading("bed", 0))
    assert home.due_at == moment(10)
    home.follow(HomeProfile(home_id="h", revision=1, settings={"bed": {"enabled": False}}), 1)
    assert home.due_at is None
    home.hear(reading("bed", 2))
    assert "bed" not in home.state.rules
    home.follow(HomeProfile(home_id="h", revision=2), 3)
    assert reached(home, "bed") == ["HomeProfile"]


def test_settings_that_cannot_be_used_are_told_and_the_rulebook_holds() -> None:
    home = HomeLine()
    settings_ = {"supervision": {"intervals": 0}, "sos": {"enabled": False}}
    profile = HomeProfile(home_id="h", devices=DEVICES, revision=1, settings=settings_)
    told = home.follow(profile)
    assert [alert.rule for alert in told] == ["operations", "operations"]
    assert [rule for rule in ("sos", "supervision") if any(rule in alert.summary for alert in told)] == [
        "sos",
        "supervision",
    ]
    assert len(home.hear(reading("sos", 1))) == 1
    assert [alert.id for alert in home.follow(profile, 2)] == [alert.id for alert in told]


@pytest.mark.parametrize("clock_error", [0, 7200, -DAY * 400])
def test_a_late_reading_tells_when_it_happened_and_a_wrong_clock_does_not(clock_error: int) -> None:
    home = listening(ListeningRule("supervision", None))
    home.hear(reading("motion", 0, observed_at=moment(-1 - clock_error)))
    home.hear(reading("motion", 600, observed_at=moment(599 - clock_error)))
    home.hear(reading("motion", 9000, observed_at=moment(8399 - clock_error)))
    happened = [when for _, _, when in home.state.rules["supervision"]["reached"]]
    assert happened == [moment(second).isoformat() for second in (0, 600, 8400)]


def test_what_happened_is_never_later_than_now_nor_time_run_back() -> None:
    home = listening(ListeningRule("supervision", None))
    home.hear(reading("motion", 100))
    home.hear(reading("sos", 50))
    assert home.state.rules["supervision"]["reached"][-1][1:] == [moment(100).isoformat()] * 2


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
