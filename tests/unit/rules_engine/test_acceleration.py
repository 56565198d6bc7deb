"""Bursts on one grid: resampled, joined, bridged, kept as text."""

import json
from typing import Any

import numpy as np
import pytest

from rules_engine.acceleration import NOT_HEARD, Stream, is_near, joined, packed, read_burst, runs, unpacked


def burst(*x: float, rate: float = 50, at: int = 0) -> Stream:
    found = read_burst({"rate_hz": rate, "unit": "mg", "samples": [[one, 0, 0] for one in x]}, at)
    assert found is not None
    return found


def x_of(stream: Stream) -> list[int]:
    return [int(one) for one in stream.samples[:, 0]]


def test_fifty_hertz_on_the_grid_stays_as_it_is() -> None:
    assert (burst(1, 2, 3, at=40).start_ms, x_of(burst(1, 2, 3, at=40))) == (40, [1, 2, 3])


def test_slower_samples_are_joined_by_straight_lines() -> None:
    assert x_of(burst(0, 100, 200, rate=25)) == [0, 50, 100, 150, 200]


def test_of_faster_samples_those_on_the_grid_are_taken() -> None:
    assert x_of(burst(0, 1, 2, 3, 4, 5, 6, rate=100)) == [0, 2, 4, 6]


def test_a_burst_beside_the_grid_begins_at_its_next_moment() -> None:
    found = burst(0, 100, 200, at=10)
    assert (found.start_ms, x_of(found)) == (20, [50, 150])


def test_what_exceeds_every_sensor_is_cut() -> None:
    assert x_of(burst(1e300, -1e300)) == [32_000, -32_000]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"rate_hz": 50, "samples": []},
        {"rate_hz": 2, "samples": [[0, 0, 1000], [0, 0, 1000]]},
        {"rate_hz": 50, "samples": [[0, 0], [0, 0]]},
        {"rate_hz": 50, "samples": [[0, 0, 1], [0, 0]]},
        {"rate_hz": 50, "samples": [["x", 0, 1]]},
        {"rate_hz": 50, "samples": [[10**400, 0, 1]]},
        {"rate_hz": 50, "samples": [[float("nan"), 0, 1]]},
        {"rate_hz": float("nan"), "samples": [[0, 0, 1]]},
        {"rate_hz": "50", "samples": [[0, 0, 1]]},
    ],
)
def test_what_cannot_be_judged_by_is_no_burst(value: Any) -> None:
    assert read_burst(value, 0) is None


def test_a_burst_between_two_moments_of_the_grid_holds_none() -> None:
    assert read_burst({"rate_hz": 200, "samples": [[0, 0, 1000]]}, 5) is None


def test_bursts_that_touch_are_one_stretch_in_whatever_order() -> None:
    first, second, third = burst(1, 2, at=0), burst(3, 4, at=40), burst(5, 6, at=80)
    tidy = joined(joined(first, second), third)
    assert x_of(tidy) == x_of(joined(joined(first, third), second)) == [1, 2, 3, 4, 5, 6]


def test_what_was_told_first_stays() -> None:
    assert x_of(joined(burst(1, 2, 3), burst(9, 9, at=40))) == [1, 2, 3, 9]


def test_a_hole_is_not_heard_and_cuts_the_stream_when_it_is_long() -> None:
    whole = joined(burst(1000, 1000, at=0), burst(2000, 2000, at=1000))
    assert x_of(whole)[2:-2] == [NOT_HEARD] * 48
    assert [(first, len(axes)) for first, axes in runs(whole)] == [(0, 2), (50, 2)]


def test_a_short_hole_is_bridged() -> None:
    ((first, axes),) = runs(joined(burst(1000, 1000, at=0), burst(2000, 2000, at=80)))
    assert first == 0
    assert np.rint(1000 * axes[:, 0]).tolist() == [1000, 1000, 1333, 1667, 2000, 2000]


def test_nothing_heard_is_no_stretch() -> None:
    assert runs(Stream(0, np.full((3, 3), NOT_HEARD, dtype=np.int16))) == []


def test_near_is_near_on_both_sides() -> None:
    early, late = burst(1, 2, at=0), burst(3, 4, at=1040)
    assert is_near(early, late, 1000)
    assert is_near(late, early, 1000)
    assert not is_near(early, late, 999)
    assert not is_near(late, early, 999)


def test_the_part_from_a_moment_on() -> None:
    stream = burst(1, 2, 3, 4, at=40)
    assert (stream.from_(80).start_ms, x_of(stream.from_(80))) == (80, [3, 4])
    assert x_of(stream.from_(0)) == [1, 2, 3, 4]


def test_a_stream_survives_being_kept() -> None:
    stream = burst(1, -2, 32_000, at=40)
    kept = unpacked(json.loads(json.dumps(packed(stream))))
    assert kept is not None
    assert (kept.start_ms, kept.samples.tolist()) == (40, stream.samples.tolist())


@pytest.mark.parametrize("kept", [None, {}, {"start_ms": 0}, {"start_ms": "0", "samples": ""}])
def test_nothing_kept_is_no_stream(kept: Any) -> None:
    assert unpacked(kept) is None
