"""The figures of the models that find falls, for people they have not learned from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from training.falls_page import fingerprint
from training.recordings import Trial
from training.scoring import OTHER, PLACES, Of, Outcome, across, to_elders
from training.sensors import AS_RECORDED, TESTED

# The score from which a peak is a fall: the lowest that leaves so many trials of daily life without an alarm, on average
# over the tested sensors.
SPECIFICITY = {"trunk": 0.9985, "wrist": 0.98}
_DRAWS = 1000
# What was wanted: falls found / daily life left alone (per cent), and false alarms in an hour.
_AIMS = {"trunk": "99.3 / 99.7", "wrist": "94 / 97"}
_AIMS_PER_HOUR = {"trunk": 0.3, "wrist": 3}
_WHERE = {"trunk": "waist (SisFall)", "wrist": "wrist (WEDA-FALL)"}


def threshold(place: str, found: Sequence[Outcome]) -> float:
    """As a score from 0 to 1."""
    calm = np.array([one.best for one in found if not one.trial.is_fall])
    log_odds = float(np.quantile(calm, SPECIFICITY[place], method="higher"))
    return float(np.ceil(1000 / (1 + np.exp(-log_odds))) / 1000)


def log_odds(score: float) -> float:
    return float(np.log(score / (1 - score)))


def chosen(place: str, found: Sequence[Outcome]) -> dict[int, float]:
    """From which log odds on the people of a fold are alarmed: chosen on the people of the others."""
    return {
        fold: log_odds(threshold(place, [one for one in found if one.fold != fold]))
        for fold in sorted({one.fold for one in found})
    }


def share(told: Iterable[tuple[str, bool]]) -> dict[str, Any] | None:
    """Per cent, with the interval that holds 95 of 100 draws of people (not of trials: those of one person are alike)."""
    pairs = list(told)
    if not pairs:
        return None
    people = sorted({person for person, _ in pairs})
    sums = np.array(
        [[sum(ok for who, ok in pairs if who == one), sum(who == one for who, _ in pairs)] for one in people]
    )
    drawn = sums[np.random.default_rng(7).integers(0, len(people), (_DRAWS, len(people)))].sum(axis=1)
    low, high = np.percentile(100 * drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    whole = 100 * sums[:, 0].sum() / sums[:, 1].sum()
    return {
        "percent": round(float(whole), 1),
        "low": round(float(low), 1),
        "high": round(float(high), 1),
        "trials": len(pairs),
        "people": len(people),
    }


def row(name: str, found: Sequence[Outcome], score_from: Mapping[int, float]) -> dict[str, Any]:
    """`score_from`: log odds, by fold."""

    def correct(wanted: Callable[[Trial], bool]) -> dict[str, Any] | None:
        kept = [one for one in found if wanted(one.trial)]
        return share((one.trial.person, (one.best >= score_from[one.fold]) == one.trial.is_fall) for one in kept)

    return {
        "what": name,
        "sensitivity": correct(lambda trial: trial.is_fall),
        "specificity": correct(lambda trial: not trial.is_fall),
        "elders_specificity": correct(lambda trial: not trial.is_fall and trial.is_elder),
    }


def figures(found: dict[str, list[Outcome]], models: dict[str, dict[str, Any]], of: Of) -> dict[str, Any]:
    """All that is told, as JSON."""
    rows, hours = [], {}
    for place, outcomes in found.items():
        score_from = chosen(place, outcomes)
        for sensor in TESTED:
            heard = [one for one in outcomes if one.sensor == sensor.name]
            aim = {"aim": _AIMS[place]} if sensor.name == AS_RECORDED else {}
            rows.append(row(f"{_WHERE[place]}, {sensor.name}", heard, score_from) | aim)
        recorded = [one for one in outcomes if one.sensor == AS_RECORDED]
        hours[f"{_WHERE[place]}, {AS_RECORDED}"] = per_hour(recorded, score_from) | {"aim": _AIMS_PER_HOUR[place]}
    rows.append(_fixed("waist, fitted on the young, tested on the elders", to_elders(of), models["trunk"]))
    for place, name in PLACES.items():
        other = next(one for one, kept in PLACES.items() if kept == OTHER[name])
        title = f"fitted on {_WHERE[place]} alone, tested on {_WHERE[other]}"
        rows.append(_fixed(title, across(name, of), models[place]))
    weights = {
        place: {name: model[name] for name in ("version", "sha256", "score_from")} for place, model in models.items()
    }
    return {"weights": weights, "code": fingerprint(), "rows": rows, "false_alarms_per_hour": hours}


def _fixed(name: str, found: Sequence[Outcome], model: Mapping[str, Any]) -> dict[str, Any]:
    """Judged from the score that the model has."""
    return row(name, found, {0: log_odds(model["score_from"])})


def per_hour(found: Sequence[Outcome], score_from: Mapping[int, float]) -> dict[str, float]:
    """False alarms in an hour of scripted daily life."""
    calm = [one for one in found if not one.trial.is_fall]
    alarms = sum(one.alarms(score_from[one.fold]) for one in calm)
    seconds = sum(one.trial.seconds for one in calm)
    return {"alarms": alarms, "hours": round(seconds / 3600, 1), "per_hour": round(3600 * alarms / seconds, 2)}
