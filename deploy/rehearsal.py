"""Rules that nobody hears: records of the log through the real step of a home, alerts kept instead of sent. Pure.

What a worker does with a record is done here with it: a reading is judged by the time it was received, a home is woken by
the ticks of its own partition.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from carebell.log import Record
from carebell.memory import Memory
from carebell.types import Alert, HomeProfile, Reading, Tick
from carebell.wire import Unreadable, decode
from rules_engine.home import HomeState, HomeStep
from rules_engine.operations import Failure
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook
from rules_engine.ruleset import every_rule


class Rehearsal:
    """One rulebook. `known`: profiles for homes of which a reading is heard before their profile, because the log has
    forgotten its older ones. `now` is the time up to which was heard."""

    def __init__(self, rulebook: Rulebook, known: Mapping[str, HomeProfile]) -> None:
        self.rulebook = rulebook
        self.failures: Counter[str] = Counter()
        self.now: datetime | None = None
        self._known = known
        self._step = HomeStep(rulebook, every_rule())
        self._memories: dict[int, Memory[HomeState]] = {}
        # Nobody in a partition is due before this.
        self._soonest: dict[int, datetime] = {}

    def hear(self, event: RuleEvent, record: Record) -> list[Alert]:
        """The alerts that this would have raised."""
        memory = self._memories.get(record.partition)
        if memory is None:
            memory = self._memories[record.partition] = Memory(record.partition, {})
        if isinstance(event, HomeProfile):
            return self._put(memory, event.home_id, event, record.appended_at)
        at = event.at if isinstance(event, Tick) else event.received_at
        self.now = max(at, self.now or at)
        if isinstance(event, Tick):
            return self._wake(memory, event)
        alerts = []
        if memory.state(event.home_id) is None and (profile := self._known.get(event.home_id)):
            alerts = self._put(memory, event.home_id, profile, at)
        return alerts + self._put(memory, event.home_id, event, at)

    def _wake(self, memory: Memory[HomeState], tick: Tick) -> list[Alert]:
        number = memory.number
        if number not in self._soonest or tick.at < self._soonest[number]:
            return []
        alerts = [alert for key in memory.due_at(tick.at) for alert in self._put(memory, key, tick, tick.at)]
        self._soonest.pop(number)
        if memory.due:
            self._soonest[number] = min(memory.due.values())
        return alerts

    def _put(self, memory: Memory[HomeState], key: str, event: RuleEvent, now: datetime) -> list[Alert]:
        state = memory.state(key)
        following = self._step(state if isinstance(state, HomeState) else self._step.start(key), event, now)
        memory.put(key, following.state, following.due_at)
        if following.due_at is not None:
            self._soonest[memory.number] = min(following.due_at, self._soonest.get(memory.number, following.due_at))
        self.failures.update(action.rule for action in following.actions if isinstance(action, Failure))
        return [action.alert if isinstance(action, Failure) else action for action in following.actions]


def event_of(record: Record, homes: Collection[str]) -> RuleEvent | None:
    """What stands in a record of the lanes, None where it is none of theirs or about none of the homes. No homes: all."""
    if homes and record.key and record.key not in homes:  # a tick has no key
        return None
    try:
        event = decode(record.value)
    except Unreadable:
        return None
    return event if isinstance(event, Reading | Tick | HomeProfile) else None
