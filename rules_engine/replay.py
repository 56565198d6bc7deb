"""Recorded readings through the real rules, with time from the records. Same input, same output, byte for byte.

Time runs on to each reading, stepping a home at its own due times on the way: exactly what ticks do in a live run.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from carebell.step import Next
from carebell.types import Alert, HomeProfile, Reading, Tick
from rules_engine.home import HomeAction, HomeState, HomeStep
from rules_engine.operations import Failure
from rules_engine.rulebook import Rulebook
from rules_engine.ruleset import every_rule

SOURCE = "replay"
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
# Ticks have a distance: a home that is due again at once is woken with the next one.
_TICK_EVERY = timedelta(seconds=1)


class Replay:
    """One run. `now`: time has come so far; `readings` were heard; `failures` counts steps of rules that raised, by rule;
    `began` is each home's first reading."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.readings = 0
        self.failures: dict[str, int] = {}
        self.began: dict[str, datetime] = {}
        self._step = HomeStep(rulebook, every_rule())
        self._waiting: dict[str, HomeProfile] = {}
        self._states: dict[str, HomeState] = {}
        self.now = _BEFORE_ALL
        self._due: dict[str, datetime] = {}
        # When each home is looked at next: its due time or earlier, for most readings only move that back.
        self._look: dict[str, datetime] = {}
        self._looks: list[tuple[datetime, str]] = []

    def run(
        self,
        homes: Iterable[HomeProfile],
        readings: Iterable[Reading],
        until: datetime | None,
        judged: Callable[[Reading], None] | None = None,
    ) -> Iterator[Alert]:
        """The alerts in the order in which they are raised. `judged` is told of each reading once the rules have seen it."""
        self.know(homes)
        for reading in readings:
            if until is not None and reading.received_at > until:
                break
            yield from self.hear(reading)
            if judged is not None:
                judged(reading)
        yield from self.finish(until)

    def know(self, homes: Iterable[HomeProfile]) -> None:
        """Homes, each of which is registered with its first reading."""
        self._waiting.update((home.home_id, home) for home in homes)

    def hear(self, reading: Reading) -> list[Alert]:
        """What is raised on the way to a reading and by it. What comes before it in the file happened before it."""
        alerts: list[Alert] = []
        home_id = reading.home_id
        if reading.received_at > self.now:
            self._advance(reading.received_at, alerts)
        state = self._states.get(home_id)
        if state is None:
            state = self._begin(home_id, alerts)
        self.readings += 1
        state, actions, due_at = self._step(state, reading, self.now)
        self._states[home_id] = state
        if due_at is not self._due.get(home_id):
            self._plan(home_id, due_at)
        if actions:
            self._raise(actions, alerts)
        return alerts

    def finish(self, until: datetime | None) -> list[Alert]:
        """What is raised after the last reading, where time goes on."""
        alerts: list[Alert] = []
        self._advance(self.now if until is None else until, alerts)
        return alerts

    def state(self, home_id: str) -> HomeState | None:
        """What is remembered of a home by now."""
        return self._states.get(home_id)

    def home_time(self) -> timedelta:
        """How long homes were watched, all together: each from its first reading until now."""
        return sum((self.now - began for began in self.began.values()), timedelta(0))

    def _begin(self, home_id: str, alerts: list[Alert]) -> HomeState:
        self.began[home_id] = self.now
        state = self._step.start(home_id)
        profile = self._waiting.pop(home_id, None)
        if profile is None:
            return state
        following = self._step(state, profile, self.now)
        self._follow(home_id, following, alerts)
        return following.state

    def _advance(self, now: datetime, alerts: list[Alert]) -> None:
        while self._looks and self._looks[0][0] <= now:
            at, home_id = heappop(self._looks)
            if self._look.get(home_id) != at:
                continue
            del self._look[home_id]
            due_at = self._due[home_id]
            if due_at > at:
                self._look_at(home_id, due_at)
            else:
                self._wake(home_id, max(at, self.now), alerts)
        self.now = max(now, self.now)

    def _wake(self, home_id: str, at: datetime, alerts: list[Alert]) -> None:
        self.now = at
        following = self._step(self._states[home_id], Tick(at=at, source=SOURCE), at)
        due_at = following.due_at
        if due_at is not None and due_at <= at:
            following = Next(following.state, following.actions, at + _TICK_EVERY)
        self._follow(home_id, following, alerts)

    def _follow(self, home_id: str, following: Next[HomeState, HomeAction], alerts: list[Alert]) -> None:
        self._states[home_id] = following.state
        self._plan(home_id, following.due_at)
        self._raise(following.actions, alerts)

    def _plan(self, home_id: str, due_at: datetime | None) -> None:
        if due_at is None:
            self._due.pop(home_id, None)
            self._look.pop(home_id, None)
        else:
            self._due[home_id] = due_at
            if home_id not in self._look or due_at < self._look[home_id]:
                self._look_at(home_id, due_at)

    def _raise(self, actions: Iterable[HomeAction], alerts: list[Alert]) -> None:
        for action in actions:
            if isinstance(action, Failure):
                self.failures[action.rule] = self.failures.get(action.rule, 0) + 1
                action = action.alert
            alerts.append(action)

    def _look_at(self, home_id: str, at: datetime) -> None:
        self._look[home_id] = at
        heappush(self._looks, (at, home_id))
