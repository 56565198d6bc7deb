"""The clock of a fault that leaves a home unprotected: mended in time, or the resident is looked after in another way. Pure.

    fault ──────────mend_within──────────┤ not mended: a visit or a call is asked for    (JGJ/T 484-2019, 10.3)
        └─ mended before: nothing more is said

A fault counts from when it was first told; that it is told again does not begin the time anew.
"""

from collections.abc import Mapping
from datetime import timedelta

from carebell.duration import duration_zh, format_duration
from carebell.types import AlertStatus, DeviceProfile, HomeProfile, Severity
from rules_engine.rule import Finding, at_ms

# By subject: when the fault began in milliseconds, and 1 where the visit was asked for.
Unmended = Mapping[str, list[int]]
_OF_FALLS = ("fall", "vs373", "fds315", "hs2fd", "mir-he200", "mr60fda")


def calls(device: DeviceProfile) -> bool:
    """Whether a home relies on this device to call for help: a button, or what finds falls."""
    words = f"{device.model} {device.description}".casefold()
    return device.is_sos or any(word in words for word in _OF_FALLS)


def begun(unmended: Unmended, subject: str, now: int) -> Unmended:
    return unmended if subject in unmended else {**unmended, subject: [now, 0]}


def over(unmended: Unmended, subject: str) -> tuple[Unmended, list[Finding]]:
    """Mended: who was asked to visit is told so."""
    if subject not in unmended:
        return unmended, []
    began, was_asked = unmended[subject]
    left = {key: one for key, one in unmended.items() if key != subject}
    return left, [_mended(subject, began)] if was_asked else []


def overdue(unmended: Unmended, now: int, within: timedelta) -> tuple[Unmended, list[Finding]]:
    """What is not mended in time: one request for each fault."""
    late = {key: began for key, (began, was_asked) in unmended.items() if not was_asked and now >= began + _ms(within)}
    if not late:
        return unmended, []
    told = {key: [began, int(was_asked or key in late)] for key, (began, was_asked) in unmended.items()}
    return told, [_asked(key, began, within) for key, began in late.items()]


def next_due(unmended: Unmended, within: timedelta) -> int | None:
    """When the first of them is overdue."""
    return min((began + _ms(within) for began, was_asked in unmended.values() if not was_asked), default=None)


def known(unmended: Unmended, home: HomeProfile) -> Unmended:
    """Without those of devices that are gone."""
    devices = {device.device_id for device in home.devices}
    return {key: one for key, one in unmended.items() if key.partition("/")[0] in devices}


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _asked(subject: str, began: int, within: timedelta) -> Finding:
    device_id = subject.partition("/")[0]
    length = format_duration(within)
    return Finding(
        subject=f"{subject}/unmended",
        device_id=device_id,
        severity=Severity.HIGH,
        summary=f"{device_id}, which calls for help, has been out of order for {length}: visit or phone the resident.",
        summary_zh=f"呼救设备 {device_id} 故障已超过{duration_zh(within)}未修复：请上门或电话探访老人。",
        began_at=at_ms(began),
    )


def _mended(subject: str, began: int) -> Finding:
    device_id = subject.partition("/")[0]
    return Finding(
        subject=f"{subject}/unmended",
        device_id=device_id,
        severity=Severity.HIGH,
        summary=f"{device_id} is in order again.",
        summary_zh=f"{device_id} 已恢复正常。",
        began_at=at_ms(began),
        status=AlertStatus.RESOLVED,
    )
