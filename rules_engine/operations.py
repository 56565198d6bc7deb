"""What operators are told of the rules themselves: a rule that failed, a memory that is lost, settings that cannot be used."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carebell.ids import computed
from carebell.types import URGENT_KINDS, Alert, AlertStatus, Reading, Severity
from rules_engine.rule import Context, RuleEvent

RULE = "operations"
_BUDGET = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that raised, or settings it cannot use: what operators are told."""

    rule: str
    error: str
    alert: Alert


def rule_failed(rule: str, error: Exception, event: RuleEvent, context: Context, *, is_judged: bool) -> Failure:
    """One alert for a rule, a home, a kind of error and a day; one for each call or hazard that was not judged."""
    if not is_judged and isinstance(event, Reading) and _is_urgent(event):
        return _call_lost(rule, error, event, context)
    what = f"{type(error).__name__}: {error}"[:200]
    record = event.id if isinstance(event, Reading) else event.type
    alert = _alert(
        ("rule", rule, context.home.home_id, type(error).__name__, context.now.date().isoformat()),
        context,
        f"Rule {rule} failed on record {record}; the other rules go on.",
        f"规则 {rule} 处理记录 {record} 时出错；其他规则继续运行。",
        (event.id,) if isinstance(event, Reading) else (),
    )
    return Failure(rule, what, alert)


def _call_lost(rule: str, error: Exception, event: Reading, context: Context) -> Failure:
    alert = _alert(
        ("lost", rule, context.home.home_id, event.id),
        context,
        f"Rule {rule} could not judge {event.kind} of {event.device_id}, record {event.id}: ask whether help is needed.",
        f"规则 {rule} 无法判断 {event.device_id} 的 {event.kind}（记录 {event.id}）：请询问是否需要帮助。",
        (event.id,),
    )
    alert = replace(alert, severity=Severity.HIGH, device_id=event.device_id)
    return Failure(rule, f"{type(error).__name__}: {error}"[:200], alert)


def _is_urgent(event: Reading) -> bool:
    return event.kind in URGENT_KINDS and event.value not in ("cleared", False)


def settings_refused(rule: str, detail: str, context: Context) -> Failure:
    """Personal settings that do not fit the rulebook in force: the home is judged without them."""
    home_id = context.home.home_id
    alert = _alert(
        ("settings", rule, home_id, context.home.revision, context.rulebook),
        context,
        f"The settings of home {home_id} for rule {rule} cannot be used, the rulebook holds: {detail[:300]}",
        f"住户 {home_id} 的规则 {rule} 个人设置无法使用，按规则手册执行：{detail[:300]}",
        (),
    )
    return Failure(rule, detail, alert)


def _alert(
    causes: tuple[object, ...], context: Context, summary: str, summary_zh: str, evidence: tuple[str, ...]
) -> Alert:
    return Alert(
        id=computed("alert", RULE, *causes),
        rule=RULE,
        home_id=context.home.home_id,
        status=AlertStatus.OPENED,
        at=context.now,
        severity=Severity.LOW,
        summary=summary,
        summary_zh=summary_zh,
        caused_at=context.now,
        evidence=evidence,
        rulebook=context.rulebook,
        budget=_BUDGET,
    )


def memory_lost(home_id: str, detail: str, now: datetime) -> Alert:
    """What was remembered of a home, or of many where none is named, cannot be used; operators are told."""
    what, what_zh = (home_id, home_id) if home_id else ("many homes", "许多住户")
    return Alert(
        id=computed("alert", RULE, "memory", home_id, detail, now.isoformat()),
        rule=RULE,
        home_id=home_id or RULE,
        status=AlertStatus.OPENED,
        at=now,
        severity=Severity.LOW,
        summary=f"What the rules remembered of {what} is lost and begins anew: {detail[:200]}",
        summary_zh=f"{what_zh} 的规则记忆已丢失并重新开始：{detail[:200]}",
        caused_at=now,
        budget=_BUDGET,
    )
