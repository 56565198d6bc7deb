"""What is said of an unusual silence: since when, where the last sign of life was, and why it is too long. Pure."""

from enum import StrEnum
from typing import NamedTuple

from carebell.types import AlertStatus, Reading, Severity
from rules_engine.local_time import MINUTE_MS, clock_text
from rules_engine.rule import Context, Finding, at_ms

SUBJECT = "resident"


class Why(StrEnum):
    """What decided how long a silence may be."""

    LEARNED = "learned"
    UNKNOWN = "unknown"
    IN_BED = "in_bed"
    AWAY = "away"
    GONE = "gone"
    AWAY_MODE = "away_mode"


class Silent(NamedTuple):
    """A silence from `since` to `now`, of which `lost` was not heard, all in milliseconds. `usual`: in minutes."""

    since: int
    now: int
    lost: int
    place: str
    why: Why
    usual: int | None


_WHY = {
    Why.LEARNED: ("about {usual} is the longest that is usual at this time of day", "此时段平时最长约 {usual_zh}"),
    Why.UNKNOWN: ("what is usual in this home is not known yet", "尚未掌握该住户的作息"),
    Why.IN_BED: ("too long even for a night in bed", "即使卧床也过久"),
    Why.AWAY: (
        "the outside door was used last, but this is too long for an outing",
        "最后一次是出入大门，但外出时间过长",
    ),
    Why.GONE: ("there were hardly any signs of life since the unusual silence before", "上次异常静默后几乎没有活动"),
    Why.AWAY_MODE: ("the home is set to away, and nobody has come back", "已设为外出模式，但一直无人返回"),
}


def unusual(silent: Silent, evidence: tuple[str, ...], context: Context) -> Finding:
    why, why_zh = _WHY[silent.why]
    usual = silent.usual or 0
    lasted = (silent.now - silent.since - silent.lost) // MINUTE_MS
    since = clock_text(silent.since, context.home.timezone)
    where, where_zh = (f" ({silent.place})", f"（{silent.place}）") if silent.place else ("", "")
    lost, lost_zh = _lost(silent.lost // MINUTE_MS)
    return Finding(
        subject=SUBJECT,
        severity=Severity.HIGH,
        summary=f"No sign of life since {since}{where}: {_long(lasted)} of silence{lost}; {why.format(usual=_long(usual))}.",
        summary_zh=f"自 {since}{where_zh or ' '}起已 {_long_zh(lasted)}没有活动迹象{lost_zh}；"
        f"{why_zh.format(usual_zh=_long_zh(usual))}。",
        evidence=evidence,
        began_at=at_ms(silent.since),
    )


def ended(told: int, at: int, event: Reading, place: str, context: Context) -> Finding:
    """A sign of life came; `told` is where the silence of the alert began."""
    seen = clock_text(at, context.home.timezone)
    where, where_zh = (f" ({place})", f"（{place}）") if place else ("", "")
    return Finding(
        subject=SUBJECT,
        severity=Severity.HIGH,
        summary=f"A sign of life again at {seen}{where}, from {event.device_id}.",
        summary_zh=f"{seen}{where_zh or ' '}再次出现活动迹象（{event.device_id}）。",
        cause=event,
        began_at=at_ms(told),
        status=AlertStatus.RESOLVED,
    )


def _lost(minutes: int) -> tuple[str, str]:
    if not minutes:
        return "", ""
    return (
        f", not counting {_long(minutes)} in which the home was not heard",
        f"（另有 {_long_zh(minutes)}未能接收数据，不计入）",
    )


def _long(minutes: int) -> str:
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def _long_zh(minutes: int) -> str:
    hours, minutes = divmod(minutes, 60)
    return f"{hours} 小时 {minutes} 分钟" if hours and minutes else f"{hours} 小时" if hours else f"{minutes} 分钟"
