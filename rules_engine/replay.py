"""Recorded readings through the real rules, with time from the records. Same input, same output, byte for byte.

Time runs on to each reading, stepping a home at its own due times on the way: exactly what ticks do in a live run.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from carebell.types import Alert, HomeProfile, Reading, Tick
from rules_engine.home import HomeAction, HomeState, HomeStep
from rules_engine.main import every_rule
from rules_engine.operations import Failure
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook

SOURCE = "replay"


@dataclass(slots=True)
class Replay:
    """One run. `failures` counts steps of rules that raised, by rule."""

    rulebook: Rulebook
    readings: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    _states: dict[str, HomeState] = field(default_factory=dict)
    _due: dict[str, datetime] = field(default_factory=dict)
    _queue: list[tuple[datetime, str]] = field(default_factory=list)
    _now: datetime | None = None

    def run(self, homes: Iterable[HomeProfile], readings: Iterable[Reading], until: datetime | None) -> Iterator[Alert]:
        """The alerts in the order in which they are raised."""
        step = HomeStep(self.rulebook, every_rule())
        waiting = {home.home_id: home for home in homes}
        for reading in readings:
            if until is not None and reading.received_at > until:
                break
            now = reading.received_at if self._now is None else max(reading.received_at, self._now)
            yield from self._advance(step, now)
            self._now = now
            profile = waiting.pop(reading.home_id, None)
            if profile is not None:
                yield from self._step(step, reading.home_id, profile, now)
            self.readings += 1
            yield from self._step(step, reading.home_id, reading, now)
        end = until or self._now
        if end is not None:
            yield from self._advance(step, end)

    def _advance(self, step: HomeStep, now: datetime) -> Iterator[Alert]:
        while self._queue and self._queue[0][0] <= now:
            at, home_id = heapq.heappop(self._queue)
            if self._due.get(home_id) == at:
                del self._due[home_id]
                yield from self._step(step, home_id, Tick(at=at, source=SOURCE), at)

    def _step(self, step: HomeStep, home_id: str, event: RuleEvent, now: datetime) -> Iterator[Alert]:
        state = self._states.get(home_id)
        following = step(step.start(home_id) if state is None else state, event, now)
        self._states[home_id] = following.state
        due_at = following.due_at
        if due_at is None:
            self._due.pop(home_id, None)
        elif self._due.get(home_id) != due_at:
            self._due[home_id] = due_at
            heapq.heappush(self._queue, (due_at, home_id))
        yield from self._alerts(following.actions)

    def _alerts(self, actions: tuple[HomeAction, ...]) -> Iterator[Alert]:
        for action in actions:
            if isinstance(action, Failure):
                self.failures[action.rule] = self.failures.get(action.rule, 0) + 1
                action = action.alert
            yield action
