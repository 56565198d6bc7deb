"""The sentences of rule `supervision` on silence."""

from datetime import timedelta

from carebell.duration import duration_zh, format_duration
from carebell.types import AlertStatus, DeviceProfile, Severity
from rules_engine.local_time import moment_text
from rules_engine.rule import Context, Finding, at_ms


def gone(device: DeviceProfile, last: int, has_called: bool, context: Context, mend_within: timedelta) -> Finding:
    """A device, or a gateway with all that speaks through it, is silent; `last` in milliseconds."""
    what, what_zh = ("Gateway", "网关") if device.is_gateway else ("Device", "设备")
    since = moment_text(last, context.home.timezone)
    summary = f"{what} {device.device_id} has not been heard since {since}: its calls may not arrive."
    summary_zh = f"{what_zh} {device.device_id} 自 {since} 起失去联系，呼救可能无法送达。"
    if has_called:
        within = format_duration(mend_within)
        calls, calls_zh = (
            ("through which calls for help come", "转发呼救的")
            if device.is_gateway
            else ("which calls for help", "呼救")
        )
        summary = (
            f"{what} {device.device_id}, {calls}, has not been heard since {since}: the home is unprotected;"
            f" if it is not mended within {within}, look after the resident in another way."
        )
        summary_zh = (
            f"{calls_zh}{what_zh} {device.device_id} 自 {since} 起失去联系，该住户目前无呼救保护；"
            f"{duration_zh(mend_within)}内未修复须采取替代看护措施。"
        )
    return Finding(
        subject=device.device_id,
        device_id=device.device_id,
        severity=Severity.LOW,
        summary=summary,
        summary_zh=summary_zh,
        began_at=at_ms(context.now_ms),
    )


def back(device_id: str, told: int, what: str, what_zh: str) -> Finding:
    """The silence that was told then is over."""
    return Finding(
        subject=device_id,
        device_id=device_id,
        severity=Severity.LOW,
        summary=f"{device_id} {what}.",
        summary_zh=f"{device_id} {what_zh}。",
        began_at=at_ms(told),
        status=AlertStatus.RESOLVED,
    )
