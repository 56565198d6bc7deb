"""What the trainer finds is what the product evaluates."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rules_engine.fall_model import read_model
from tests.support.motion import RATE, Samples, fall_trial, jumping, lying, sitting_down, walking
from training.peaks import MOST, Peaks, measure
from training.recordings import Trial
from training.sensors import TESTED, Sensor, heard_by, varied

pytest.importorskip("lightgbm", reason="the trainer is not installed: pip install -e '.[train]'")

from training.fitting import as_text, fit, folds, written

DAILY: list[Samples] = [
    [*walking(3), *jumping(5)],
    [*walking(4), *sitting_down(), *lying(6, tilt=15)],
    [*jumping(4), *lying(5, tilt=0)],
]


def trial(person: int, number: int, samples: Samples, *, is_fall: bool) -> Trial:
    return Trial(
        set="by hand",
        name=f"{person}-{number}",
        person=f"person {person}",
        is_elder=False,
        place="trunk",
        activity="F" if is_fall else "D",
        is_fall=is_fall,
        rate_hz=RATE,
        axes=np.array(samples, dtype=np.float64),
        seconds=len(samples) / RATE,
    )


def trials() -> list[Trial]:
    made = []
    for person in range(8):
        made += [trial(person, number, samples, is_fall=False) for number, samples in enumerate(DAILY)]
        made += [trial(person, 9, fall_trial(), is_fall=True)]
    return made


def peaks(number: int) -> Peaks:
    return measure([varied(one, number) for one in trials()], MOST)


def test_the_product_scores_as_the_trainer_does() -> None:
    tables = [peaks(number) for number in range(3)]
    booster = fit(tables, {one.person for one in tables[0].trials})
    told = written(booster, tables[0].features, {"version": "t", "score_from": 0.5})
    model = read_model(as_text(told))
    rows = np.concatenate([tables[0].rows, np.full((1, len(model.features)), np.nan, dtype=np.float32)])
    expected = booster.predict(rows)
    assert [round(model.score(row.astype(np.float64)), 3) for row in rows] == [round(float(one), 3) for one in expected]
    assert max(expected) > 0.9 > 0.1 > min(expected)


def test_weights_are_written_a_line_for_each_tree() -> None:
    table = peaks(0)
    told = written(
        fit([table], {one.person for one in table.trials}), table.features, {"version": "t", "score_from": 0.5}
    )
    text = as_text(told)
    assert json.loads(text) == told
    assert sum(line.startswith('  {"nodes"') for line in text.splitlines()) == len(told["trees"])


def test_a_chance_sensor_is_the_same_one_each_time() -> None:
    first = trials()[0]
    assert (varied(first, 1).axes == varied(first, 1).axes).all()
    assert varied(first, 1).axes.shape != varied(first, 2).axes.shape


def test_a_slow_sensor_that_clips() -> None:
    heard = heard_by(trials()[0], Sensor("slow", 20, 2))
    assert heard.rate_hz == 20
    assert np.abs(heard.axes).max() == 2000


def test_no_recording_is_made_faster() -> None:
    slow = replace(trials()[0], rate_hz=20.0)
    assert {heard_by(slow, one).rate_hz for one in TESTED} == {20.0}


def test_everybody_is_tested_once() -> None:
    people = {f"person {number}" for number in range(13)}
    hands = list(folds(people, 5))
    assert sorted(one for hand in hands for one in hand) == sorted(people)
    assert list(folds(people, 5)) == hands
