"""What a device says of itself that is a fault to mend: a weak battery, a broken sensor, a case that was opened. Pure."""

from dataclasses import dataclass

from carebell.types import Kind, Reading

BATTERY_KINDS = frozenset({Kind.BATTERY, Kind.BATTERY_LOW})
FAULT_KINDS = BATTERY_KINDS | {Kind.TAMPER, Kind.SENSOR_FAULT}


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence when it begins and one when it is over; `{device}` is filled in."""

    begun: str
    begun_zh: str
    over: str
    over_zh: str


_BATTERY = Words(
    "The battery of {device} is low: change it before it stops calling.",
    "{device} 电池电量低，请在失效前更换。",
    "The battery of {device} is good again.",
    "{device} 电池已恢复。",
)
_WORDS: dict[str, Words] = {
    Kind.TAMPER: Words(
        "{device} says that it was opened or taken off its place: look whether it still works.",
        "{device} 报告被拆动，请检查是否仍能工作。",
        "{device} says that it is closed and in its place again.",
        "{device} 报告拆动已恢复。",
    ),
    Kind.SENSOR_FAULT: Words(
        "{device} says that it is broken: it may not notice what it is there for.",
        "{device} 报告传感器故障，可能无法正常监测。",
        "{device} says that it works again.",
        "{device} 报告故障已恢复。",
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`is_bad`: it is there; `is_good`: it is not; neither: nothing changes."""

    subject: str
    words: Words
    is_bad: bool
    is_good: bool


def fault_of(reading: Reading, *, low_below: float, good_from: float) -> Fault:
    """What a reading of FAULT_KINDS says. Battery limits in per cent."""
    if reading.kind not in BATTERY_KINDS:
        subject = f"{reading.device_id}/{reading.kind}"
        return Fault(subject, _WORDS[reading.kind], reading.value is True, reading.value is False)
    subject = f"{reading.device_id}/battery"
    if reading.kind == Kind.BATTERY_LOW:
        return Fault(subject, _BATTERY, reading.value is True, reading.value is False)
    if isinstance(reading.value, int | float):
        return Fault(subject, _BATTERY, reading.value < low_below, reading.value >= good_from)
    return Fault(subject, _BATTERY, False, False)
