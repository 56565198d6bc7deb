"""Following the bursts of one device on hand-made movements: what is found, when, and what comes after."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rules_engine.fall_motion import finish_motion, follow_motion
from tests.support.motion import (
    RATE,
    START_MS,
    Asked,
    Samples,
    Wearer,
    fall_trial,
    falling,
    found_in,
    in_bursts,
    jumping,
    lying,
    sitting_down,
    value,
    walking,
)

IMPACT_MS = START_MS + 5540
DAILY: dict[str, Samples] = {
    "walking": walking(20),
    "sitting down": [*walking(4), *sitting_down(), *lying(8, tilt=15)],
    "jumping": [*walking(3), *jumping(8), *walking(4)],
    "lying down slowly": [
        *walking(3),
        *(one for tilt in range(0, 90, 2) for one in lying(0.08, tilt)),
        *lying(8),
    ],
    "lying": lying(30),
}


@pytest.mark.parametrize("rate", [20, 25, 32, 50, 100, 200])
@pytest.mark.parametrize("place", ["waist", "chest", "hip", "pocket", "wrist", "Left wrist", "", "on the dog"])
def test_a_fall_is_found_once(place: str, rate: int) -> None:
    (impact,) = found_in(fall_trial(rate), place=place, rate=rate)
    assert impact.at_ms in range(IMPACT_MS - 60, IMPACT_MS + 61)
    assert impact.is_still


@pytest.mark.parametrize("clip", [2000, 4000])
def test_a_sensor_that_clips_finds_it_too(clip: int) -> None:
    told = [[max(-clip, min(clip, axis)) for axis in one] for one in fall_trial()]
    assert len(found_in(told)) == 1


@pytest.mark.parametrize("place", ["waist", "wrist"])
@pytest.mark.parametrize("what", list(DAILY))
def test_daily_life_is_none(what: str, place: str) -> None:
    assert found_in(DAILY[what], place=place) == []


def test_a_peak_waits_for_what_comes_after_it() -> None:
    wearer = Wearer().tell(*in_bursts(fall_trial())[:3])
    assert wearer.impacts == []
    assert wearer.last.due_ms == START_MS + 6000 + 3000
    early = finish_motion(wearer.last.state, START_MS + 8999, "waist", wearer.asked)
    assert (early.impacts, early.due_ms) == ((), wearer.last.due_ms)
    on_time = finish_motion(wearer.last.state, START_MS + 9000, "waist", wearer.asked)
    assert on_time.due_ms is None


def test_it_is_judged_as_soon_as_five_seconds_after_it_are_heard() -> None:
    wearer = Wearer()
    heard = [(at, len(wearer.tell((at, samples)).impacts)) for at, samples in in_bursts(fall_trial(), seconds=1)]
    first = next(at for at, count in heard if count)
    assert first + 1000 == START_MS + 11_000


def test_data_that_ends_after_the_impact_is_judged_with_what_there_is() -> None:
    wearer = Wearer().tell(*in_bursts(fall_trial()[: 9 * RATE])).rest()
    assert len(wearer.impacts) == 1


def test_what_is_quiet_is_kept_short_and_wakes_nobody() -> None:
    wearer = Wearer().tell(*in_bursts(lying(120)))
    assert wearer.last.due_ms is None
    assert len(json.dumps(wearer.last.state)) < 2500


def test_endless_movement_is_kept_short_too() -> None:
    wearer = Wearer().tell(*in_bursts(jumping(120)))
    assert len(json.dumps(wearer.last.state)) < 10_000


def test_a_doubled_burst_changes_nothing() -> None:
    bursts = in_bursts(fall_trial())
    doubled = [one for burst in bursts for one in (burst, burst)]
    assert Wearer().tell(*doubled).rest().impacts == Wearer().tell(*bursts).rest().impacts


def test_neighbours_that_changed_places_change_nothing() -> None:
    first, second, third, *rest = in_bursts(fall_trial())
    mixed = Wearer().tell(first, third, second, *rest).rest()
    assert mixed.impacts == Wearer().tell(first, second, third, *rest).rest().impacts


def test_a_fall_that_comes_twice_much_later_is_told_once() -> None:
    bursts = in_bursts(fall_trial())
    wearer = Wearer().tell(*bursts).rest().tell(*in_bursts(lying(20), start_ms=START_MS + 40_000)).tell(*bursts).rest()
    assert len(wearer.impacts) == 1


def test_a_late_burst_is_judged_beside_the_stream() -> None:
    at_once, late = Wearer(), Wearer()
    now = in_bursts(fall_trial(), start_ms=START_MS + 60_000)
    at_once.tell(*now).rest()
    late.tell(*now[:2], *in_bursts(fall_trial(), seconds=20, start_ms=START_MS + 20_000), *now[2:]).rest()
    assert late.impacts[1:] == at_once.impacts
    assert [one.at_ms - IMPACT_MS for one in late.impacts] == [20_000, 60_000]


def test_a_clock_that_was_set_back_begins_the_stream_anew() -> None:
    wearer = Wearer().tell(*in_bursts(walking(6), start_ms=START_MS + 3_600_000)).tell(*in_bursts(fall_trial())).rest()
    assert [one.at_ms for one in wearer.impacts] == [IMPACT_MS]


def test_a_long_hole_ends_what_waits() -> None:
    before = in_bursts(fall_trial()[: 8 * RATE])
    wearer = Wearer().tell(*before)
    assert wearer.impacts == []
    wearer.tell(*in_bursts(lying(4), start_ms=START_MS + 30_000))
    assert len(wearer.impacts) == 1


def test_a_rate_may_change_in_between() -> None:
    wearer = Wearer().tell(*in_bursts(fall_trial()[: 4 * RATE]))
    wearer.rate = 100
    rest = fall_trial(100)[4 * 100 :]
    wearer.tell(*in_bursts(rest, rate=100, start_ms=START_MS + 4000)).rest()
    assert len(wearer.impacts) == 1


def test_a_rule_may_ask_for_more_certainty_at_each_position() -> None:
    asked = Asked(trunk_score_from=1.0)
    assert found_in(fall_trial(), asked=asked) == []
    assert len(found_in(fall_trial(), asked=asked, place="wrist")) == 1
    assert found_in(fall_trial(), asked=Asked(wrist_score_from=1.0), place="wrist") == []


def later(samples: Samples, asked: Asked | None = None) -> tuple[bool | None, bool | None]:
    wearer = Wearer(asked=asked or Asked()).tell(*in_bursts([*fall_trial(), *samples]))
    return wearer.last.is_still, wearer.last.is_up


def test_who_lies_still_is_still_and_not_up() -> None:
    assert later(lying(6)) == (True, False)


def test_who_walks_again_is_up() -> None:
    assert later(walking(6)) == (False, True)


def test_who_stands_still_is_not_yet_up() -> None:
    assert later(lying(6, tilt=0)) == (True, False)


def test_who_moves_on_the_ground_is_neither() -> None:
    struggling = [one for _ in range(15) for tilt in (70, 110) for one in lying(0.2, tilt)]
    assert later(struggling) == (False, False)


def test_nothing_is_said_before_a_fall_nor_long_after_one() -> None:
    walked = Wearer().tell(*in_bursts(walking(20)))
    assert (walked.last.is_still, walked.last.is_up) == (None, None)
    assert later(lying(10), Asked(follow_for=timedelta(seconds=12))) == (None, None)


def test_who_did_not_turn_over_is_never_said_to_be_up() -> None:
    wearer = Wearer().tell(*in_bursts([*fall_trial(), *walking(6)]))
    state = wearer.last.state | {"after": wearer.last.state["before"]}
    again = follow_motion(state, value(walking(1)), START_MS + 18_500, "waist", Asked())
    assert (again.is_still, again.is_up) == (False, None)


@pytest.mark.parametrize("told", [None, 7, {"rate_hz": 50}, {"rate_hz": 1, "samples": [[0, 0, 1000]]}])
def test_what_is_no_burst_changes_nothing(told: Any) -> None:
    wearer = Wearer().tell(*in_bursts(fall_trial())[:3])
    found = follow_motion(wearer.last.state, told, START_MS, "waist", Asked())
    assert found == wearer.last


def test_a_state_that_came_in_stays_as_it_was() -> None:
    wearer = Wearer().tell(*in_bursts(fall_trial())[:3])
    before = json.dumps(wearer.last.state)
    follow_motion(wearer.last.state, value(falling()), START_MS + 6000, "waist", Asked())
    finish_motion(wearer.last.state, START_MS + 60_000, "waist", replace(Asked()))
    assert json.dumps(wearer.last.state) == before


def test_waking_an_empty_state_does_nothing() -> None:
    found = finish_motion({}, START_MS, "waist", Asked())
    assert (found.impacts, found.due_ms, found.is_still, found.is_up) == ((), None, None, None)
