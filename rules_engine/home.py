"""All the rules of a home together, as one step. Repeats of urgent readings are dropped here; a broken rule is told of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from carebell.ids import computed
from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, HomeProfile, Reading, Severity, Tick
from carebell.wire import Unreadable
from rules_engine.rule import Context, Rule, RuleEvent, RuleState
from rules_engine.rulebook import Rulebook

REPEATS_KEPT = 512
REPEAT_WITHIN = timedelta(days=1)
# A device that gives no time and starts its numbers anew must not be taken for its own repeat: a call told twice is
# better than one not told.
REPEAT_WITHIN_UNTIMED = timedelta(minutes=10)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_PROFILE: TypeAdapter[HomeProfile] = TypeAdapter(HomeProfile)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeState:
    """What is remembered of a home: its profile, the urgent readings heard lately, each rule's own state and due time."""

    profile: HomeProfile
    now: datetime = _START
    heard: Mapping[str, datetime] = field(default_factory=dict)
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    due: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that raised: what operators are told."""

    rule: str
    error: str
    alert: Alert


HomeAction = Alert | Failure


class HomeStep:
    """The step of a home under one rulebook."""

    def __init__(self, rulebook: Rulebook, rules: tuple[Rule, ...]) -> None:
        self._label = rulebook.label
        self._rules = tuple((rule, getattr(rulebook.rules, rule.name)) for rule in rules)

    def start(self, home_id: str) -> HomeState:
        return HomeState(profile=HomeProfile(home_id=home_id))

    def __call__(self, state: HomeState, event: RuleEvent, now: datetime) -> Next[HomeState, HomeAction]:
        if isinstance(event, Tick) and event.at < state.now:
            # The telemetry lane is behind: judged by a later time, what stands in it still would count as silence.
            return Next(state, (), _due(state))
        # The two lanes are read one before the other: time within a home never runs backwards.
        now = max(now, state.now)
        if isinstance(event, HomeProfile) and event.revision < state.profile.revision:
            return Next(state, (), _due(state))
        if isinstance(event, Reading) and event.is_urgent:
            if _is_repeat(state, event):
                return Next(state, (), _due(state))
            state = replace(state, heard=_remember(state.heard, event))
        profile = event if isinstance(event, HomeProfile) else state.profile
        context = Context(profile, now, self._label)
        rules, due = dict(state.rules), dict(state.due)
        actions: list[HomeAction] = []
        for rule, parameters in self._rules:
            if parameters.enabled:
                actions += self._step(rule, parameters, event, context, rules, due)
        state = replace(state, profile=profile, now=now, rules=rules, due=due)
        return Next(state, tuple(actions), _due(state))

    def _step(
        self,
        rule: Rule,
        parameters: Any,
        event: RuleEvent,
        context: Context,
        rules: dict[str, RuleState],
        due: dict[str, datetime],
    ) -> list[HomeAction]:
        try:
            following = rule.step(rules.get(rule.name, rule.start()), event, context, parameters)
        except Exception as error:  # noqa: BLE001 - one broken rule must not silence the others
            due.pop(rule.name, None)
            return [_failure(rule.name, error, event, context)]
        rules[rule.name] = following.state
        if following.due_at is None:
            due.pop(rule.name, None)
        else:
            due[rule.name] = following.due_at
        return list(following.actions)


def _due(state: HomeState) -> datetime | None:
    return earliest(*state.due.values())


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


def _remember(heard: Mapping[str, datetime], event: Reading) -> dict[str, datetime]:
    kept = dict(heard)
    kept.pop(event.id, None)
    kept[event.id] = event.received_at
    for oldest in list(kept)[: max(0, len(kept) - REPEATS_KEPT)]:
        del kept[oldest]
    return kept


def _failure(rule: str, error: Exception, event: RuleEvent, context: Context) -> Failure:
    what = f"{type(error).__name__}: {error}"[:200]
    day = context.now.date().isoformat()
    record = event.id if isinstance(event, Reading) else event.type
    alert = Alert(
        id=computed("alert", "operations", rule, context.home.home_id, type(error).__name__, day),
        rule="operations",
        home_id=context.home.home_id,
        status=AlertStatus.OPENED,
        at=context.now,
        severity=Severity.LOW,
        summary=f"Rule {rule} failed on record {record}; the other rules go on.",
        summary_zh=f"规则 {rule} 处理记录 {record} 时出错；其他规则继续运行。",
        caused_at=context.now,
        evidence=(event.id,) if isinstance(event, Reading) else (),
        rulebook=context.rulebook,
        budget=timedelta(minutes=1),
    )
    return Failure(rule, what, alert)


def memory_lost(home_id: str, detail: str, now: datetime) -> Alert:
    """What was remembered of a home, or of many where none is named, cannot be used; operators are told."""
    what, what_zh = (home_id, home_id) if home_id else ("many homes", "许多住户")
    return Alert(
        id=computed("alert", "operations", "memory", home_id, detail, now.isoformat()),
        rule="operations",
        home_id=home_id or "operations",
        status=AlertStatus.OPENED,
        at=now,
        severity=Severity.LOW,
        summary=f"What the rules remembered of {what} is lost and begins anew: {detail[:200]}",
        summary_zh=f"{what_zh} 的规则记忆已丢失并重新开始：{detail[:200]}",
        caused_at=now,
        budget=timedelta(minutes=1),
    )


def encode_state(state: HomeState) -> bytes:
    """The state as JSON bytes."""
    content = {
        "profile": _PROFILE.dump_python(state.profile, mode="json"),
        "now": state.now.isoformat(),
        "heard": {key: at.isoformat() for key, at in state.heard.items()},
        "rules": dict(state.rules),
        "due": {key: at.isoformat() for key, at in state.due.items()},
    }
    return json.dumps(content, separators=(",", ":")).encode()


def decode_state(data: bytes) -> HomeState:
    """What `encode_state` wrote. Raises Unreadable."""
    try:
        content = json.loads(data)
        return HomeState(
            profile=_PROFILE.validate_python(content["profile"]),
            now=datetime.fromisoformat(content["now"]),
            heard={key: datetime.fromisoformat(at) for key, at in content["heard"].items()},
            rules=content["rules"],
            due={key: datetime.fromisoformat(at) for key, at in content["due"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}"[:300]) from error
