"""The sentences about falls, in both languages. Pure."""

from datetime import timedelta

from carebell.duration import duration_zh, format_duration
from carebell.types import Reading
from rules_engine.fall_motion import Impact
from rules_engine.local_time import clock_text
from rules_engine.worn import WORN, part_of

Sentence = tuple[str, str]


def is_worn(place: str) -> bool:
    return bool(part_of(place))


def where(device_id: str, place: str) -> Sentence:
    """The device and where it is: in a room, or on somebody."""
    if part := part_of(place):
        return f"{device_id} (worn {WORN[part][0]})", f"{device_id}（佩戴于{WORN[part][1]}）"
    return (f"{device_id} in the {place}", f"{device_id}（{place}）") if place else (device_id, device_id)


def suspected(what: Sentence, pre_alarm: timedelta) -> Sentence:
    within = f"{pre_alarm.total_seconds():g}"
    return (
        f"Suspected fall: {what[0]}; the home has {within} s to say that all is well.",
        f"疑似跌倒：{what[1]}；住户有 {within} 秒时间报平安。",
    )


def stated(reading: Reading, place: str) -> Sentence:
    device, device_zh = where(reading.device_id, place)
    return f"{device} suspects that somebody has fallen", f"设备 {device_zh} 怀疑有人跌倒"


def certain(reading: Reading, place: str) -> Sentence:
    device, device_zh = where(reading.device_id, place)
    return f"Fall: {device} says that somebody has fallen.", f"跌倒：设备 {device_zh} 报告有人跌倒。"


def tested(reading: Reading, place: str) -> Sentence:
    device, device_zh = where(reading.device_id, place)
    return f"Test: {device} can tell a fall.", f"测试：设备 {device_zh} 跌倒报警正常。"


def felt(device_id: str, place: str, impact: Impact, at_ms: int, timezone: str) -> Sentence:
    device, device_zh = where(device_id, place)
    then, then_zh = ("then stillness", "随后静止") if impact.is_still else ("then a change of posture", "随后姿势改变")
    at, force = clock_text(at_ms, timezone), f"{impact.peak_g:.1f} g"
    return (
        f"{device} felt an impact of {force} at {at}, {then}",
        f"设备 {device_zh} 于 {at} 感到 {force} 撞击，{then_zh}",
    )


def confirmed(device_id: str, place: str, why: Sentence) -> Sentence:
    device, device_zh = where(device_id, place)
    return f"Fall of {device} confirmed: {why[0]}.", f"设备 {device_zh} 跌倒已确认：{why[1]}。"


def all_is_well(device_id: str, began_ms: int, timezone: str, why: Sentence, *, is_late: bool) -> Sentence:
    """`is_late`: people are called already, and only they end that."""
    at = clock_text(began_ms, timezone)
    more, more_zh = ("; a person still has to close it", "；仍须由人员结案") if is_late else ("", "")
    return (
        f"The fall told by {device_id} at {at}: {why[0]}{more}.",
        f"设备 {device_id} 于 {at} 报告的跌倒：{why[1]}{more_zh}。",
    )


def says_so(device_id: str) -> Sentence:
    return f"{device_id} says that it is over", f"{device_id} 报告已解除"


def gesture(device_id: str, value: object) -> Sentence:
    return f"it was cancelled at {device_id} ({value})", f"已在 {device_id} 上取消（{value}）"


def call_cleared(device_id: str) -> Sentence:
    return f"the call was cleared at {device_id}", f"已在 {device_id} 上取消呼救"


def moved(room: str) -> Sentence:
    return f"somebody has moved to the {room}", f"人员已移动到{room}"


UP: Sentence = ("whoever wears it is up and moving again", "佩戴者已起身活动")
NOW_CERTAIN: Sentence = ("the device is certain now", "设备现已确定")


def lies_still(length: timedelta) -> Sentence:
    return f"whoever wears it has lain still for {format_duration(length)}", f"佩戴者已静止{duration_zh(length)}"
