"""How models judge people they have not learned from: fits without some of the people, then hears their trials."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rules_engine.acceleration import Floats
from training.fitting import fit, folds
from training.peaks import Peaks
from training.recordings import Trial
from training.sensors import AS_RECORDED, TESTED

Of = Callable[[str, str | int], Peaks]
FOLDS = 5
# Each position learns from its own set as it was recorded and by so many chance sensors, and from some of the other set:
# somebody else's falls and daily life, at another place, make it forget what is particular to one set.
PLACES = {"trunk": "sisfall", "wrist": "weda"}
OTHER = {"sisfall": "weda", "weda": "sisfall"}
OWN_VARIATIONS, OTHER_VARIATIONS = {"trunk": 6, "wrist": 12}, {"trunk": 6, "wrist": 3}
# Alarms closer to each other (seconds) are one.
_ONE_ALARM_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial as one sensor told it: the scores of its peaks (log odds) and when they were. `fold`: whose people it is of."""

    trial: Trial
    sensor: str
    fold: int
    scores: Floats
    at_s: Floats

    @property
    def best(self) -> float:
        return float(self.scores.max(initial=-np.inf))

    def alarms(self, score_from: float) -> int:
        """How often somebody would have been called."""
        count, last = 0, -np.inf
        for at in self.at_s[self.scores >= score_from].tolist():
            if at - last > _ONE_ALARM_S:
                count, last = count + 1, at
        return count


def learned(place: str, of: Of) -> list[Peaks]:
    """What a model of a position learns from."""
    own = PLACES[place]
    tables = [of(own, AS_RECORDED), *(of(own, number) for number in range(OWN_VARIATIONS[place]))]
    return [*tables, *(of(OTHER[own], number) for number in range(OTHER_VARIATIONS[place]))]


def outcomes(place: str, of: Of) -> list[Outcome]:
    """Every trial of the position's set, judged by a model fitted without its person."""
    tables, own = learned(place, of), PLACES[place]
    everybody = {one.person for table in tables for one in table.trials}
    people = {one.person for one in tables[0].trials}
    found: list[Outcome] = []
    for number, held_out in enumerate(folds(people, FOLDS)):
        booster = fit(tables, everybody - held_out)
        for sensor in TESTED:
            found += judged(booster, of(own, sensor.name), sensor.name, held_out, number)
    return found


def across(learned_from: str, of: Of) -> list[Outcome]:
    """Every trial of the other set, judged by a model that knows nothing but the one."""
    own = next(place for place, name in PLACES.items() if name == learned_from)
    tables = [of(learned_from, AS_RECORDED), *(of(learned_from, number) for number in range(OWN_VARIATIONS[own]))]
    booster = fit(tables, {one.person for one in tables[0].trials})
    table = of(OTHER[learned_from], AS_RECORDED)
    return judged(booster, table, AS_RECORDED, {one.person for one in table.trials}, 0)


def to_elders(of: Of) -> list[Outcome]:
    """The elders of the waist set, judged by a model that knows its young people only."""
    tables = [of("sisfall", AS_RECORDED), *(of("sisfall", number) for number in range(OWN_VARIATIONS["trunk"]))]
    elders = {one.person for one in tables[0].trials if one.is_elder}
    booster = fit(tables, {one.person for one in tables[0].trials} - elders)
    return judged(booster, tables[0], AS_RECORDED, elders, 0)


def judged(booster: Any, table: Peaks, sensor: str, people: set[str], fold: int) -> list[Outcome]:
    scores = booster.predict(table.rows, raw_score=True)
    first = np.searchsorted(table.trial, np.arange(len(table.trials) + 1))
    return [
        Outcome(trial, sensor, fold, scores[first[at] : first[at + 1]], table.at_s[first[at] : first[at + 1]])
        for at, trial in enumerate(table.trials)
        if trial.person in people
    ]
