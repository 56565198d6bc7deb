"""However a device cuts, doubles or shuffles its bursts, and whatever they hold: the same falls, and never an error."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules_engine.fall_motion import finish_motion, follow_motion
from tests.support.motion import (
    RATE,
    START_MS,
    Asked,
    Burst,
    Samples,
    Wearer,
    fall_trial,
    jumping,
    turned,
    value,
    walking,
)

MOVED: Samples = [*walking(4), *fall_trial(), *walking(3), *jumping(6)]
TIDY = Wearer().tell((START_MS, MOVED)).rest().impacts
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)


def cut_at(samples: Samples, cuts: list[int]) -> list[Burst]:
    edges = sorted({0, len(samples), *cuts})
    return [(START_MS + first * 1000 // RATE, samples[first:last]) for first, last in pairwise(edges)]


CUTS = st.lists(st.integers(1, len(MOVED) - 1), max_size=30)


def test_there_is_a_fall_to_be_found() -> None:
    assert len(TIDY) == 1


@settings(deadline=None, max_examples=40)
@given(cuts=CUTS)
def test_other_bursts_the_same_falls(cuts: list[int]) -> None:
    assert Wearer().tell(*cut_at(MOVED, cuts)).rest().impacts == TIDY


@settings(deadline=None, max_examples=30)
@given(cuts=CUTS, data=st.data())
def test_doubled_bursts_change_nothing(cuts: list[int], data: st.DataObject) -> None:
    bursts = cut_at(MOVED, cuts)
    counts = data.draw(st.lists(st.integers(1, 3), min_size=len(bursts), max_size=len(bursts)))
    doubled = [one for one, count in zip(bursts, counts, strict=True) for _ in range(count)]
    assert Wearer().tell(*doubled).rest().impacts == TIDY


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(3)), signs=st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_a_device_may_be_worn_any_way_round(order: list[int], signs: tuple[int, ...]) -> None:
    worn = [[sign * one[axis] for axis, sign in zip(order, signs, strict=True)] for one in MOVED]
    assert Wearer().tell((START_MS, worn)).rest().impacts == TIDY
    assert Wearer().tell((START_MS, list(turned(worn)))).rest().impacts == TIDY


@settings(deadline=None, max_examples=30)
@given(rate=st.integers(20, 200), shift_ms=st.integers(0, 40), seconds=st.sampled_from([1, 2, 5]))
def test_every_rate_finds_it(rate: int, shift_ms: int, seconds: int) -> None:
    told = fall_trial(rate)
    cuts = range(0, len(told), rate * seconds)
    bursts = [(START_MS + shift_ms + at * 1000 // rate, told[at : at + rate * seconds]) for at in cuts]
    (impact,) = Wearer(rate=rate).tell(*bursts).rest().impacts
    assert impact.at_ms - START_MS in range(5400, 5701)


@settings(deadline=None, max_examples=60)
@given(
    told=st.lists(
        st.tuples(
            st.integers(-(10**15), 10**15) | st.integers(START_MS, START_MS + 20_000),
            st.sampled_from([0.5, 20, 32.5, 50, 100, 200, 1000]),
            st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=120),
            st.sampled_from(["waist", "wrist", ""]),
        ),
        max_size=6,
    )
)
def test_nothing_that_is_told_is_an_error(told: list[tuple[int, float, list[Any], str]]) -> None:
    state: dict[str, Any] = {}
    for at_ms, rate, samples, place in told:
        found = follow_motion(state, value(samples, rate), at_ms, place, Asked())
        state = json.loads(json.dumps(found.state))
        assert len(json.dumps(state)) < 60_000
        while found.due_ms is not None:
            waited = found.due_ms
            found = finish_motion(found.state, waited, place, Asked())
            assert found.due_ms is None or found.due_ms > waited
