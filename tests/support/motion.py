"""Acceleration by hand, in milli-g: what a body does, second by second, as a device tells it in bursts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import cos, pi, radians, sin
from typing import Any

from pydantic import JsonValue

from rules_engine.fall_motion import Impact, MotionFound, finish_motion, follow_motion

RATE = 50
START_MS = 1_770_000_000_000
Samples = list[list[int]]


def lying(seconds: float, tilt: float = 90, rate: int = RATE) -> Samples:
    """Nothing moves; `tilt` degrees from upright."""
    return [sample(1000, tilt, 3 * (at % 2)) for at in range(round(seconds * rate))]


def walking(seconds: float, rate: int = RATE) -> Samples:
    """Two steps in a second, upright."""
    moments = (at / rate for at in range(round(seconds * rate)))
    return [sample(1000 + 350 * sin(4 * pi * at), 6 * sin(2 * pi * at), 60 * cos(4 * pi * at)) for at in moments]


def jumping(seconds: float, rate: int = RATE) -> Samples:
    """High impacts, one after the other, each after a flight."""
    moments = (at / rate % 0.8 for at in range(round(seconds * rate)))
    return [sample(3500 if at < 0.08 else 200 if at > 0.5 else 1100, 5) for at in moments]


def falling(rate: int = RATE, height: int = 4200) -> Samples:
    """Half a second of falling and turning over, the impact, a little rolling."""
    drop = [sample(1000 - 800 * at / (rate // 2), 75 * at / (rate // 2), 40) for at in range(rate // 2)]
    impact = [sample(height * sin(pi * (at + 1) / (rate * 0.12 + 1)), 85, 300) for at in range(round(rate * 0.12))]
    moments = (at / rate for at in range(round(rate * 0.6)))
    rolling = [
        sample(1000 + 500 * sin(30 * at) * (0.6 - at), 90 + 20 * (0.6 - at), 100 * sin(20 * at)) for at in moments
    ]
    return [*drop, *impact, *rolling]


def sitting_down(rate: int = RATE) -> Samples:
    """A chair is hit, softly; the body leans back a little."""
    moments = (at / rate for at in range(rate))
    return [sample(1000 - 250 * sin(2 * pi * at) + (700 if 0.8 < at < 0.9 else 0), 15 * at, 30) for at in moments]


def sample(size: float, tilt: float, side: float = 0) -> list[int]:
    return [round(size * cos(radians(tilt))), round(size * sin(radians(tilt))), round(side)]


def fall_trial(rate: int = RATE) -> Samples:
    return [*walking(5, rate), *falling(rate), *lying(7, rate=rate)]


@dataclass(frozen=True)
class Asked:
    """Parameters as a rule would give them."""

    burst_wait: timedelta = timedelta(seconds=3)
    late_for: timedelta = timedelta(minutes=1)
    follow_for: timedelta = timedelta(minutes=2)
    still_below_g: float = 0.06
    up_within_degrees: float = 30.0
    trunk_score_from: float | None = None
    wrist_score_from: float | None = None


Burst = tuple[int, Samples]


def in_bursts(samples: Samples, seconds: float = 2, rate: int = RATE, start_ms: int = START_MS) -> list[Burst]:
    """Cut into bursts, each with the moment of its first sample."""
    length = max(1, round(seconds * rate))
    cuts = range(0, len(samples), length)
    return [(start_ms + round(1000 * at / rate), samples[at : at + length]) for at in cuts]


def value(samples: Samples, rate: float = RATE) -> dict[str, JsonValue]:
    return {"rate_hz": rate, "unit": "mg", "samples": list(samples)}


@dataclass
class Wearer:
    """One device: tell it bursts, let it rest, ask what was found."""

    place: str = "waist"
    rate: float = RATE
    asked: Asked = field(default_factory=Asked)
    impacts: list[Impact] = field(default_factory=list)
    last: MotionFound = field(default_factory=lambda: MotionFound({}))

    def tell(self, *bursts: Burst) -> "Wearer":
        for at_ms, samples in bursts:
            self._take(follow_motion(self.last.state, value(samples, self.rate), at_ms, self.place, self.asked))
        return self

    def rest(self) -> "Wearer":
        """Nothing more comes."""
        while self.last.due_ms is not None:
            self._take(finish_motion(self.last.state, self.last.due_ms, self.place, self.asked))
        return self

    def _take(self, found: MotionFound) -> None:
        self.last = found
        self.impacts += found.impacts


def found_in(samples: Samples, **more: Any) -> list[Impact]:
    """The impacts of a recording told in bursts of two seconds."""
    wearer = Wearer(**more)
    return wearer.tell(*in_bursts(samples, rate=round(wearer.rate))).rest().impacts


def turned(samples: Samples) -> Iterator[list[int]]:
    """Worn another way round: the axes exchanged, two of them backwards."""
    for x, y, z in samples:
        yield [-z, x, -y]
