"""What is news: a state that changes, a message that was not heard, a press that is not a copy of one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.dialect import Decoded, Fact, Message
from devices.facts import event, level
from devices.recall import REPEATED_WITHIN, SIGNAL_AFTER, STILL_AFTER, Recall

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Ear:
    """A recall, asked by the second."""

    def __init__(self) -> None:
        self.recall = Recall()

    def hear(self, after_s: float, *facts: Fact, retained: bool = False, **more: Any) -> list[tuple[str, Any]]:
        return [(fact.kind, fact.value) for fact in self.facts(after_s, *facts, retained=retained, **more)]

    def facts(self, after_s: float, *facts: Fact, retained: bool = False, **more: Any) -> tuple[Fact, ...]:
        message = Message(topic="t", payload=b"", received_at=AT + timedelta(seconds=after_s), retained=retained)
        return self.recall.news(Decoded(home_id="h", device_id="d", facts=facts, **more), message)


@pytest.fixture
def ear() -> Ear:
    return Ear()


ALIVE = [("heartbeat", True)]
SMOKE, CLEAR = level("smoke", True), level("smoke", False)


def test_a_level_is_news_when_it_changes_and_else_a_sign_of_life(ear: Ear) -> None:
    assert ear.hear(0, SMOKE) == [("smoke", True)]
    assert ear.hear(30, SMOKE) == ALIVE
    assert ear.hear(86_400, SMOKE) == ALIVE
    assert ear.hear(86_401, CLEAR) == [("smoke", False)]
    assert ear.hear(86_402, SMOKE) == [("smoke", True)]


def test_who_is_said_again_to_be_away_gives_no_sign_of_life(ear: Ear) -> None:
    away = level("availability", False)
    assert ear.hear(0, away) == [("availability", "offline")]
    assert ear.hear(60, away) == []
    assert ear.hear(120, away, CLEAR) == [("smoke", False)]
    (beat,) = ear.facts(180, replace(away, sub_device="gone"), CLEAR, replace(CLEAR, sub_device="there"))[-1:]
    assert beat.sub_device == "there"
    (beat,) = ear.facts(240, replace(away, sub_device="gone"), replace(CLEAR, sub_device="there"))
    assert (beat.kind, beat.sub_device) == ("heartbeat", "there")
    assert ear.hear(300, level("availability", True)) == [("availability", "online")]


def test_levels_of_other_devices_kinds_and_channels_are_their_own(ear: Ear) -> None:
    ear.hear(0, SMOKE)
    assert ear.hear(1, replace(SMOKE, channel="2")) == [("smoke", True)]
    assert ear.hear(2, replace(SMOKE, kind="gas")) == [("gas", True)]
    assert ear.hear(3, replace(SMOKE, sub_device="x")) == [("smoke", True)]


def test_a_press_that_lasts_is_news_each_time_and_as_a_state_only_after_it_was_taken_back(ear: Ear) -> None:
    press, stands, over = event("sos", "active", is_lasting=True), level("sos", True), level("sos", False)
    assert [ear.hear(second, press) for second in (0, 60)] == [[("sos", "active")]] * 2
    assert ear.hear(90, stands) == ALIVE
    assert [ear.hear(120, over), ear.hear(150, stands)] == [[("sos", "cleared")], [("sos", "active")]]
    assert ear.hear(180, over) == [("sos", "cleared")]
    ear.hear(200, replace(press, is_history=True))
    assert ear.hear(210, stands) == [("sos", "active")]


def test_what_goes_on_is_said_again_after_a_while(ear: Ear) -> None:
    still = STILL_AFTER.total_seconds()
    ear.hear(0, level("presence", True))
    assert ear.hear(still - 1, level("presence", True)) == ALIVE
    assert ear.hear(still, level("presence", True)) == [("presence", True)]
    assert ear.hear(still + 1, level("presence", True)) == ALIVE


def test_two_presses_are_two_however_alike(ear: Ear) -> None:
    for after_s in (0, 0.5, 20):
        assert ear.hear(after_s, event("sos", "active")) == [("sos", "active")]


def test_a_message_with_an_identity_is_heard_once(ear: Ear) -> None:
    press = event("button", "single", message_id="7")
    assert ear.hear(0, press) == [("button", "single")]
    assert ear.hear(3600, press) == ALIVE
    assert ear.hear(3601, event("button", "double", message_id="7")) == [("button", "double")]
    assert ear.hear(3602, event("button", "single", message_id="8")) == [("button", "single")]


def test_copies_on_a_radio_are_one_within_seconds_only(ear: Ear) -> None:
    press, within = event("button", "rf_code", channel="0x7028d2"), REPEATED_WITHIN.total_seconds()
    assert ear.hear(0, press, is_repeated=True) == [("button", "rf_code")]
    assert ear.hear(1.3, press, is_repeated=True) == ALIVE
    assert ear.hear(within, press, is_repeated=True) == ALIVE
    assert ear.hear(within + 0.1, press, is_repeated=True) == [("button", "rf_code")]


def test_what_changed_and_changed_back_is_no_copy(ear: Ear) -> None:
    opened, closed = event("contact", "open"), event("contact", "closed")
    heard = [ear.hear(at, one, is_repeated=True) for at, one in ((0, opened), (0.2, opened), (1, closed), (2, opened))]
    assert heard == [[("contact", "open")], ALIVE, [("contact", "closed")], [("contact", "open")]]


def test_a_transmitter_that_never_stops_is_heard_again_and_again(ear: Ear) -> None:
    heard = [ear.hear(count / 2, event("sos", "active"), is_repeated=True) for count in range(60)]
    assert len([one for one in heard if one != ALIVE]) >= 8


def test_a_retained_call_of_a_device_that_was_never_heard_asks_a_human(ear: Ear) -> None:
    [fact] = ear.facts(0, level("sos", True), retained=True)
    assert (fact.kind, fact.is_history) == ("sos", False)


def test_a_retained_call_that_is_older_than_what_we_have_heard_is_history(ear: Ear) -> None:
    ear.hear(0, event("battery", 80))
    [fact] = ear.facts(1, event("sos", "active"), retained=True)
    assert fact.is_history
    [later] = ear.facts(2, event("sos", "active", observed_at=AT + timedelta(seconds=1)), retained=True)
    assert not later.is_history


def test_history_changes_no_state(ear: Ear) -> None:
    past = replace(SMOKE, is_history=True)
    assert ear.hear(0, past) == [("smoke", True)]
    assert ear.hear(1, SMOKE) == [("smoke", True)]


def test_what_was_not_acknowledged_comes_again_and_is_news(ear: Ear) -> None:
    press = event("sos", "active", message_id="7")
    ear.hear(0, press, SMOKE)
    ear.recall.forget()
    assert ear.hear(1, press, SMOKE) == [("sos", "active"), ("smoke", True)]


def test_a_message_that_states_nothing_is_no_sign_of_life(ear: Ear) -> None:
    assert ear.hear(0) == []


def test_how_well_a_device_is_heard_is_told_a_few_times_a_day(ear: Ear) -> None:
    after = SIGNAL_AFTER.total_seconds()
    assert ear.hear(0, event("battery", 80), signal=-71) == [("battery", 80), ("other", -71)]
    assert ear.hear(60, event("battery", 80), signal=-72) == [("battery", 80)]
    assert ear.hear(after, event("battery", 80), signal=-73) == [("battery", 80), ("other", -73)]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000)), max_size=60))
def test_rising_edges_are_told_exactly_as_they_rise(said: list[tuple[bool, float]]) -> None:
    ear, now, before, told, rises = Ear(), 0.0, None, 0, 0
    for is_on, gap in said:
        now += gap
        told += ("sos", "active") in ear.hear(now, level("sos", is_on))
        rises += is_on and before is not True
        before = is_on
    assert told == rises


def test_a_retained_call_that_changes_what_was_heard_last_is_newer(ear: Ear) -> None:
    """The broker had lost our session: the press came while nobody listened."""
    ear.hear(0, level("sos", False))
    [fact] = ear.facts(60, level("sos", True), retained=True)
    assert (fact.value, fact.is_history) == ("active", False)
    [again] = ear.facts(90, level("sos", True), retained=True)
    assert again.kind == "sos"
    assert again.is_history


def test_the_states_of_a_whole_city_are_remembered(ear: Ear) -> None:
    """Whoever is forgotten calls again with the next copy of its old state."""
    city = tuple(replace(SMOKE, sub_device=str(number)) for number in range(205_000))
    assert len(ear.hear(0, *city)) == len(city)
    assert ear.hear(60, *city) == ALIVE
