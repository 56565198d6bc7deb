"""All the rules of a home together, as one step. Repeats of urgent readings are dropped here; a broken rule is told of."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter

from carebell.step import Next
from carebell.types import URGENT_KINDS, Alert, HomeProfile, Reading, Tick
from carebell.wire import Unreadable
from rules_engine.device_clock import DeviceClock, lateness
from rules_engine.in_force import InForce, ParametersInForce
from rules_engine.operations import Failure, rule_failed, settings_refused
from rules_engine.rule import Context, Rule, RuleEvent, RuleParameters, RuleState, context_of, ms
from rules_engine.rulebook import Rulebook

REPEATS_KEPT = 512
# A rule that fails when it is woken, or follows a changed home, is woken again.
RETRY_AFTER = timedelta(hours=1)
REPEAT_WITHIN = timedelta(days=1)
# A device that gives no time and starts its numbers anew must not be taken for its own repeat: a call told twice is
# better than one not told.
REPEAT_WITHIN_UNTIMED = timedelta(minutes=10)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PROFILE: TypeAdapter[HomeProfile] = TypeAdapter(HomeProfile)

HomeAction = Alert | Failure


class HomeState(NamedTuple):
    """What is remembered of a home: its profile, the urgent readings heard lately, each rule's own state and due time, and
    how its devices' clocks differ from ours. `due_at` is the first of the due times. A tuple, as one is made for every
    reading."""

    profile: HomeProfile
    now: datetime
    heard: dict[str, datetime]
    rules: dict[str, RuleState]
    due: Mapping[str, datetime]
    clocks: Mapping[str, DeviceClock]
    due_at: datetime | None = None


class Hearer(NamedTuple):
    """A rule as a home needs it: its step, with the parameters in force."""

    name: str
    step: Callable[[Any, RuleEvent, Context, Any], Next[RuleState, Alert] | None]
    start: Callable[[], RuleState]
    parameters: RuleParameters


class Hearers(NamedTuple):
    """The rules that are on in a home: all, and those that hear a kind; `others` hear every kind."""

    every: tuple[Hearer, ...]
    by_kind: Mapping[str, tuple[Hearer, ...]]
    others: tuple[Hearer, ...]


class HomeStep:
    """The step of a home under one rulebook."""

    def __init__(self, rulebook: Rulebook, rules: tuple[Rule, ...]) -> None:
        self._label = rulebook.label
        self._rules = rules
        self._kinds = frozenset[str]().union(*(rule.hears for rule in rules if rule.hears is not None))
        self._in_force = ParametersInForce(rulebook)
        self._hearers = lru_cache(maxsize=4096)(self._hearers_under)

    def _hearers_under(self, in_force: InForce) -> Hearers:
        on = [rule for rule in self._rules if in_force.rules[rule.name].enabled]
        every = tuple(Hearer(rule.name, rule.step, rule.start, in_force.rules[rule.name]) for rule in on)

        def hearing(kind: str | None) -> tuple[Hearer, ...]:
            return tuple(one for one, rule in zip(every, on, strict=True) if rule.hears is None or kind in rule.hears)

        return Hearers(every, {kind: hearing(kind) for kind in self._kinds}, hearing(None))

    def start(self, home_id: str) -> HomeState:
        return HomeState(HomeProfile(home_id=home_id), _START, heard={}, rules={}, due={}, clocks={})

    def __call__(self, state: HomeState, event: RuleEvent, now: datetime) -> Next[HomeState, HomeAction]:
        # The two lanes are read one before the other: time within a home never runs backwards.
        if isinstance(event, Reading):
            return self._hear_reading(state, event, now if now > state.now else state.now)
        if isinstance(event, HomeProfile):
            return self._follow(state, event, max(now, state.now))
        if event.at < state.now:
            # The telemetry lane is behind: judged by a later time, what stands in it still would count as silence.
            return Next(state, (), state.due_at)
        return self._wake(state, event, now)

    def _hear_reading(self, state: HomeState, event: Reading, now: datetime) -> Next[HomeState, HomeAction]:
        heard, clocks, happened_at, profile = state.heard, state.clocks, now, state.profile
        now_ms = happened_ms = ms(now)
        is_urgent = event.kind in URGENT_KINDS
        if is_urgent:
            if _is_repeat(state, event):
                return Next(state, (), state.due_at)
            if not event.is_history:  # which reaches no rule: the call itself may follow
                heard = _remember(heard, event)
        if event.observed_at is not event.received_at and event.observed_at != event.received_at:
            clocks, late_ms = lateness(clocks, event, ms(event.received_at))
            if late_ms:
                happened_at = min(now, event.received_at - late_ms * _MILLISECOND)
                happened_ms = ms(happened_at)
        hearers: tuple[Hearer, ...] = ()
        if not event.is_history and (is_urgent or not event.retained):
            on = self._hearers(self._in_force.of(profile))
            hearers = on.by_kind.get(event.kind, on.others)
        context = Context(profile, now, self._label, happened_at, now_ms, happened_ms)
        if is_urgent or clocks is not state.clocks:
            state = HomeState(profile, now, heard, state.rules, state.due, clocks, state.due_at)
        return _step(state, hearers, event, context)

    def _follow(self, state: HomeState, event: HomeProfile, now: datetime) -> Next[HomeState, HomeAction]:
        if event.revision < state.profile.revision:
            return Next(state, (), state.due_at)
        context = context_of(event, now, self._label)
        in_force = self._in_force.of(event)
        told = tuple(settings_refused(rule, detail, context) for rule, detail in sorted(in_force.refused.items()))
        hearers = self._hearers(in_force).every
        # A rule that is switched on again begins anew: what it knew then is not what is.
        states = {one.name: state.rules[one.name] for one in hearers if one.name in state.rules}
        following = _step(state._replace(due={}, due_at=None, rules=states), hearers, event, context)
        return Next(following.state, told + following.actions, following.due_at)

    def _wake(self, state: HomeState, event: Tick, now: datetime) -> Next[HomeState, HomeAction]:
        due = {name for name, at in state.due.items() if at <= now}
        hearers = self._hearers(self._in_force.of(state.profile)).every
        waiting = {name: at for name, at in state.due.items() if name not in due}
        state = state._replace(due=waiting, due_at=_first(waiting))
        woken = [one for one in hearers if one.name in due]
        return _step(state, woken, event, context_of(state.profile, now, self._label))


def _step(
    state: HomeState, hearers: Iterable[Hearer], event: RuleEvent, context: Context
) -> Next[HomeState, HomeAction]:
    # Passed through for every reading and every rule that hears it: what would be tidier in functions stands in one.
    states, due, first = state.rules.copy(), state.due, state.due_at
    actions: list[HomeAction] = []
    for name, step, start, parameters in hearers:
        try:
            following = step(states[name] if name in states else start(), event, context, parameters)
        except Exception as error:  # noqa: BLE001 - one broken rule must not silence the others
            following = _begun_anew(Hearer(name, step, start, parameters), event, context)
            actions.append(rule_failed(name, error, event, context, is_judged=following is not None))
            if following is None and not isinstance(event, Reading):
                following = Next(states.get(name) or start(), (), context.now + RETRY_AFTER)
        if following is None:
            continue
        states[name], found, due_at = following
        if found:
            actions += found
        if due_at != due.get(name):
            due = {key: at for key, at in due.items() if key != name}
            if due_at is not None:
                due[name] = due_at
            first = _first(due)
    following_state = HomeState(context.home, context.now, state.heard, states, due, state.clocks, first)
    return Next(following_state, tuple(actions), first)


def _begun_anew(hearer: Hearer, event: RuleEvent, context: Context) -> Next[RuleState, Alert] | None:
    """Once more with nothing remembered, where a call would be lost or nothing but the state can be to blame. None where
    that fails too."""
    if isinstance(event, Reading) and event.kind not in URGENT_KINDS:
        return None
    _, step, start, parameters = hearer
    try:
        begun = step(start(), context.home, context, parameters)
        if begun is None or isinstance(event, HomeProfile):
            return begun
        return step(begun.state, event, context, parameters) or begun
    except Exception:  # noqa: BLE001 - the failure before is told
        return None


def _first(due: Mapping[str, datetime]) -> datetime | None:
    return min(due.values(), default=None)


def _is_repeat(state: HomeState, event: Reading) -> bool:
    before = state.heard.get(event.id)
    if before is None:
        return False
    if event.retained:
        return True
    age = event.received_at - before
    if event.observed_at != event.received_at:
        return age < REPEAT_WITHIN
    # A clock that was set back tells nothing of the age: then it is a new press.
    return timedelta(0) <= age < REPEAT_WITHIN_UNTIMED


def _remember(heard: dict[str, datetime], event: Reading) -> dict[str, datetime]:
    kept = heard.copy()  # dict(heard) takes four times as long where entries were deleted
    kept.pop(event.id, None)
    kept[event.id] = event.received_at
    while len(kept) > REPEATS_KEPT:
        del kept[next(iter(kept))]
    return kept


def encode_state(state: HomeState) -> bytes:
    """The state as JSON bytes."""
    content = {
        "profile": _PROFILE.dump_python(state.profile, mode="json"),
        "now": state.now,
        "heard": state.heard,
        "rules": state.rules,
        "due": state.due,
        "clocks": {key: list(clock) for key, clock in state.clocks.items()},
    }
    return orjson.dumps(content)


def decode_state(data: bytes) -> HomeState:
    """What `encode_state` wrote. Raises Unreadable."""
    try:
        content = orjson.loads(data)
        due = _each(datetime.fromisoformat, content["due"])
        return HomeState(
            profile=_PROFILE.validate_python(content["profile"]),
            now=datetime.fromisoformat(content["now"]),
            heard=_each(datetime.fromisoformat, content["heard"]),
            rules=content["rules"],
            due=due,
            clocks=_each(lambda kept: DeviceClock(*map(int, kept)), content.get("clocks", {})),
            due_at=_first(due),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}"[:300]) from error


def _each(read: Callable[[Any], Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    return {key: read(value) for key, value in kept.items()}
