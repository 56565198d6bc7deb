"""What is measured around a peak, on movements made by hand."""

import math

import numpy as np
import pytest

from rules_engine.acceleration import Floats
from rules_engine.fall_features import PEAK_FROM, angle, down, measured, peaks, smoothed, sway
from rules_engine.fall_model import model_for
from tests.support.motion import Samples, fall_trial, jumping, lying, turned, walking


def even(samples: Samples) -> Floats:
    return smoothed(np.array(samples) / 1000)


def size(axes: Floats) -> Floats:
    return np.asarray(np.sqrt((axes * axes).sum(axis=1)))


def measured_at_the_highest(samples: Samples) -> dict[str, float]:
    axes = even(samples)
    return measured(axes, size(axes), int(size(axes).argmax()))


def test_a_peak_is_the_highest_far_and_wide() -> None:
    series = np.ones(200)
    series[[50, 70, 150]] = [2.0, 3.0, 2.0]
    assert peaks(series) == [70, 150]
    assert peaks(series, after=70) == [150]


def test_of_a_clipped_plateau_the_first_moment_is_the_peak() -> None:
    series = np.ones(100)
    series[40:50] = 3.46
    assert peaks(series) == [40]


def test_what_is_soft_is_no_peak() -> None:
    series = np.ones(100)
    series[50] = PEAK_FROM - 0.01
    assert peaks(series) == []
    assert peaks(size(even(lying(10)))) == []


def test_the_ends_of_a_stretch_may_be_peaks() -> None:
    assert peaks(np.array([2.0] + [1.0] * 60 + [2.0])) == [0, 61]


def test_a_fall_is_measured_as_one() -> None:
    found = measured_at_the_highest(fall_trial())
    assert found["dip"] < 0.5
    assert 60 < found["turn"] < 120
    assert found["sway_late"] < 0.02
    assert found["speed_down"] < -0.1
    assert found["beats_after"] == 0


def test_jumping_repeats_and_stays_upright() -> None:
    found = measured_at_the_highest([*walking(3), *jumping(8)])
    assert found["turn"] < 20
    assert found["beats_after"] > 0.5
    assert found["sway_late"] > 0.3


def test_what_was_not_heard_is_not_a_number() -> None:
    axes = even([[0, 0, 1000], [0, 0, 3000], [0, 0, 1000]])
    found = measured(axes, size(axes), 1)
    unknown = {name for name, told in found.items() if math.isnan(told)}
    assert {"turn", "sway_late", "sway_least", "still_soon", "beats_before", "speed_down"} <= unknown
    assert not math.isnan(found["peak"])


def test_a_device_may_be_worn_any_way_round() -> None:
    upright, other = measured_at_the_highest(fall_trial()), measured_at_the_highest(list(turned(fall_trial())))
    assert {name: round(told, 9) for name, told in other.items()} == {
        name: round(told, 9) for name, told in upright.items()
    }


def test_smoothing_keeps_the_length_and_the_ends() -> None:
    assert smoothed(np.array([[0.0], [3.0], [0.0], [0.0]])).ravel().tolist() == [0, 1, 1, 0]
    assert smoothed(np.array([[5.0]])).tolist() == [[5.0]]


def test_down_is_a_direction_or_nothing() -> None:
    assert (down(np.array([[0.0, 0.0, 2.0]] * 20)) == np.array([0.0, 0.0, 1.0])).all()
    assert down(np.array([[0.0, 0.0, 2.0]] * 3)) is None
    assert down(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]] * 20)) is None


def test_an_angle_needs_two_directions() -> None:
    one, other = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert round(angle(one, other), 6) == 90
    assert angle(one, one) == 0
    assert math.isnan(angle(one, None))


def test_sway_is_how_far_the_vector_strays() -> None:
    assert round(sway(np.array([[0.0, 0.0, 0.9], [0.0, 0.0, 1.1]] * 20)), 6) == 0.1
    assert math.isnan(sway(np.array([[0.0, 0.0, 1.0]])))


@pytest.mark.parametrize("place", ["trunk", "wrist"])
def test_the_models_are_fitted_on_what_is_measured(place: str) -> None:
    assert model_for(place).features == tuple(measured_at_the_highest(fall_trial()))
