"""Measures the rule `inactivity` on recorded homes, beside a fixed limit at the same false alarms.

    python -m training.silence report --data DIR

Writes docs/detection-silence.json and its table in docs/detection.md. A home is replayed once; as its state is a value, every
simulated incapacitation is a branch: the readings end, only the gateway goes on, and the first alert is waited for.
"""

import argparse
import json
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Reading, Tick
from rules_engine.home import HomeState, HomeStep
from rules_engine.rulebook import Rulebook, read_rulebook
from rules_engine.rules.inactivity import InactivityRule
from training.lives import (
    DAY,
    HOUR,
    Life,
    Seen,
    cuts,
    hourly,
    outages,
    read_life,
    with_only,
    without_doors,
    without_nights,
)
from training.silence_page import fingerprint, into_page

ROOT = Path(__file__).parents[1]
REPORT, PAGE, RULEBOOK = (
    ROOT / name for name in ("docs/detection-silence.json", "docs/detection.md", "deploy/rulebook.yaml")
)
BEAT = 600
UNDETECTED = 24.0


class Home:
    """A home under the rule alone. `step` and `wake` give the seconds at which alerts were opened."""

    def __init__(self, rulebook: Rulebook, life: Life) -> None:
        places = {one.device: one.place for one in life.seen}
        devices = (DeviceProfile(device_id=device, place=place) for device, place in sorted(places.items()))
        self._step = HomeStep(rulebook, (InactivityRule(),))
        self.state = self._step.start(life.name)
        self.due_at: datetime | None = None
        self._number = 0
        self._follow(HomeProfile(home_id=life.name, devices=tuple(devices)), life.seen[0].at)

    def branch(self) -> tuple[HomeState, datetime | None]:
        return self.state, self.due_at

    def back_to(self, branch: tuple[HomeState, datetime | None]) -> None:
        self.state, self.due_at = branch

    def wake(self, until: float) -> Iterator[float]:
        while self.due_at is not None and self.due_at.timestamp() <= until:
            # What is due since before the last reading is judged now: time never runs backwards in a home.
            at = max(self.due_at, self.state.now)
            yield from self._follow(Tick(at=at, source="training"), at.timestamp())

    def hear(self, one: Seen) -> Iterator[float]:
        yield from self.wake(one.at)
        self._number += 1
        at = _time(one.at)
        reading = Reading(
            id=str(self._number),
            home_id=self.state.profile.home_id,
            device_id=one.device,
            kind=one.kind,
            value=one.value,
            observed_at=at,
            received_at=at,
            source_message_id="",
            place=one.place,
        )
        yield from self._follow(reading, one.at)

    def _follow(self, event: Reading | Tick | HomeProfile, at: float) -> list[float]:
        following = self._step(self.state, event, _time(at))
        self.state, self.due_at = following.state, following.due_at
        alerts = (one for one in following.actions if isinstance(one, Alert) and one.status is AlertStatus.OPENED)
        return [alert.at.timestamp() for alert in alerts]


class Measured(NamedTuple):
    """`false` alarms in so many scored days; the hours until each incapacitation was noticed."""

    false: int
    days: float
    delays: list[float]


def measure(rulebook: Rulebook, life: Life, at: list[float]) -> Measured:
    home, away = Home(rulebook, life), outages(life)
    waiting, alarms, delays = list(at), 0, []
    for one in _with_beats(life.seen, away, life.seen[0].at, life.seen[-1].at):
        while waiting and waiting[0] < one.at:
            alarms += sum(opened >= life.learned_at for opened in home.wake(waiting[0]))
            delays.append(_delay(home, life, waiting.pop(0)))
        alarms += sum(opened >= life.learned_at for opened in home.hear(one))
    lost = sum(end - max(start, life.learned_at) for start, end in away if end > life.learned_at)
    days = (life.seen[-1].at - life.learned_at - lost) / DAY
    return Measured(alarms, days, delays)


def _delay(home: Home, life: Life, cut: float) -> float:
    branch = home.branch()
    # A silence that is told already is detected.
    told = bool(home.state.rules["inactivity"]["told"])
    opened = 0.0 if told else next(_after(home, life, cut), cut + UNDETECTED * HOUR) - cut
    home.back_to(branch)
    return min(max(0.0, opened / HOUR), UNDETECTED)


def _after(home: Home, life: Life, cut: float) -> Iterator[float]:
    """Sensors that were on go off by themselves; the gateway goes on."""
    last = life.seen[bisect_right(life.seen, cut, key=lambda one: one.at) - 1]
    if last.kind == "motion" and last.value is True and not life.resolution:
        yield from home.hear(last._replace(at=cut + 30, value=False))
    for beat in range(1, int(UNDETECTED * HOUR / BEAT) + 1):
        yield from home.hear(_beat(cut + beat * BEAT))


def _with_beats(seen: tuple[Seen, ...], away: list[tuple[float, float]], start: float, end: float) -> list[Seen]:
    beats = [_beat(start + number * BEAT) for number in range(int((end - start) / BEAT))]
    heard = [one for one in beats if not any(begin < one.at < back for begin, back in away)]
    return sorted([*heard, *seen], key=lambda one: one.at)


def _beat(at: float) -> Seen:
    return Seen(at, "gateway", "heartbeat", True, "hall", False)


def fixed(life: Life, at: list[float], false: int) -> tuple[float, list[float]]:
    """The shortest limit, in steps of half an hour, that gives at most as many false alarms; and its delays."""
    times, away = [one.at for one in life.seen], set(outages(life))
    lasts = [
        (start, end - start)
        for start, end in pairwise(times)
        if end > life.learned_at and end - start > HOUR and (start, end) not in away
    ]
    for half_hours in range(2, 49):
        limit = half_hours * HOUR / 2
        if sum(length > limit and start + limit >= life.learned_at for start, length in lasts) <= false:
            break
    waits = (times[bisect_right(times, cut) - 1] + limit - cut for cut in at)
    return limit / HOUR, [min(max(0.0, wait / HOUR), UNDETECTED) for wait in waits]


def lives(folder: Path) -> Iterator[Life]:
    """The recorded homes, and what would be left of them with fewer or coarser sensors: stand-ins for homes not seen."""
    for path in sorted(folder.glob("*.csv.gz")):
        life = read_life(path)
        yield life
        if life.days >= 20:
            yield hourly(life)
            yield without_doors(life)
            yield with_only(life, "kitchen, bathroom and door", "Kitchen", "Bathroom", "front door")
            yield with_only(life, "bedroom and bathroom", "Bedroom", "Bathroom")
            yield without_nights(life)
            yield life._replace(
                name=f"{life.name}, first twenty days",
                seen=tuple(one for one in life.seen if one.at < life.seen[0].at + 20 * DAY),
            )


def row(rulebook: Rulebook, life: Life, wanted: int) -> dict[str, Any]:
    at = cuts(life, wanted)
    found = measure(rulebook, life, at)
    limit, delays = fixed(life, at, found.false)
    return {
        "home": life.name,
        "scored_days": round(found.days, 1),
        "cuts": len(at),
        "false": found.false,
        "false_in_30_days": round(found.false / found.days * 30, 2),
        **_shown(found.delays, ""),
        "fixed_h": limit,
        **_shown(delays, "fixed_"),
    }


def _shown(delays: list[float], which: str) -> dict[str, Any]:
    ordered = sorted(delays)
    return {
        f"{which}median_h": round(median(ordered), 1),
        f"{which}p90_h": round(ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))], 1),
        f"{which}undetected": sum(delay >= UNDETECTED for delay in delays),
    }


def _time(at: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(at * 1000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["report"])
    parser.add_argument("--data", type=Path, required=True, help="folder of recorded homes")
    parser.add_argument("--cuts", type=int, default=400)
    options = parser.parse_args()
    text = RULEBOOK.read_text("utf-8")
    rulebook = read_rulebook(text, RULEBOOK.name)
    rows = []
    for life in lives(options.data):
        rows.append(row(rulebook, life, options.cuts))
        print(json.dumps(rows[-1]), flush=True)
    report = {"fingerprint": fingerprint(rulebook), "cuts_wanted": options.cuts, "homes": rows}
    REPORT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(into_page(PAGE.read_text("utf-8"), report), "utf-8")


if __name__ == "__main__":
    main()
