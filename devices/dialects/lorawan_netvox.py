"""Netvox: every report names its model in `Device`, every answer to a command its name in `Cmd`. Pure.

What `Alarm`, `OnOff` or `Status` is about depends on the model; an answer that carries the word Button is no press.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    FieldMap,
    Frame,
    Reader,
    call,
    gesture,
    measure,
    raised,
    rest,
    state,
    volts,
)
from devices.facts import event

_MODEL = re.compile(
    r"\bnetvox\b|\b(?:r31[1-5]|r602|r603|r71[18]|r719|r72[0-9]|r730|r809|r831|r900|ra0[27]|rb02|rb11|rp02)[a-z0-9]{0,4}\b"
)
_DEVICE = re.compile(r"R[0-9ABP][0-9]{1,3}[A-Z0-9]{0,6}")
_OFF = ("no alarm", "noalarm", "noleak", "no leak", "off")
_PRESSED = gesture(counts={"1": "single"})
# Emergency buttons, and the interface that an emergency button is wired to.
_CALL_BUTTONS = frozenset({"R312A", "R313MA", "R313M", "RB02I", "R718T", "R718T2"})
_OPEN: Reader = state(Kind.CONTACT)
_SHAKEN: Reader = state(Kind.VIBRATION)
_BY_DEVICE: Mapping[str, Reader] = {
    **dict.fromkeys(("R311A", "R718F", "R730F", "R313A", "R313F"), _OPEN),
    **dict.fromkeys(("R311FA", "R718MBA", "R730MBA", "R313FA"), _SHAKEN),
    **dict.fromkeys(("R718DA", "R718DB", "R730DA", "R730DB", "R311DA", "R311DB"), _SHAKEN),
}
# R315: the key and the bit of a state, the key and the bit that tell that such a sensor is fitted, and its channel.
_FITTED: tuple[tuple[str, int, str, int, str, Reader], ...] = (
    ("PIRSensorState", 0, "PIRSensor", 2, "", state(Kind.MOTION)),
    ("EmergenceButtonaLAlarmState", 1, "EmergenceButton", 3, "", call()),
    ("InternalContactSwitchSensorState", 3, "InternalContactSwitch", 5, "", _OPEN),
    ("ExternalContactSwitch1SensorState", 4, "ExternalContactSwitch1", 6, "1", _OPEN),
    ("ExternalContactSwitch2SensorState", 5, "ExternalContactSwitch2", 7, "2", _OPEN),
    ("InternalShockSensorState", 6, "InternalShockSensor", 8, "", _SHAKEN),
    ("ExternalShockSensorState", 7, "ExternalShockSensor", 9, "1", _SHAKEN),
    ("ExternalWaterLeak1SenorState", 9, "ExternalWaterLeakSenor1", 12, "1", state(Kind.WATER)),
    ("ExternalWaterLeak2SenorState", 10, "ExternalWaterLeakSenor2", 13, "2", state(Kind.WATER)),
    ("ExternalSeatSenorState", 11, "ExternalSeatSensor", 14, "", state(Kind.BED)),
)
_BITS = re.compile(r"[01]{1,16}")


def _volt(stated: JsonValue) -> list[Fact]:
    """The voltage, with "(low battery)" behind it when it is low."""
    found = volts(stated)
    is_low = any(fact.kind == Kind.BATTERY_LOW for fact in found)
    return found if is_low or not found else [*found, rest(Kind.BATTERY_LOW)]


def _answers(frame: Frame) -> Iterable[Fact]:
    """What the device answers to a command: done, failed, or what was asked for."""
    command = frame.values.get("Cmd")
    if isinstance(command, str) and command.casefold().endswith(("rsp", "rsq")):
        yield event(Kind.DOWNLINK_ACK, word(frame.values.get("Status")) not in ("failure", "failed", "fail"))


def _is_answer(frame: Frame) -> bool:
    return isinstance(frame.values.get("Cmd"), str)


def _of_its_model(frame: Frame) -> Iterable[Fact]:
    """The keys whose meaning is that of the model. A frame without `Device` goes by the name of the device."""
    if _is_answer(frame):
        return
    device = _device(frame)
    if device in _CALL_BUTTONS:
        for channel in ("", "1", "2"):
            for key in ("Alarm", "alarm"):
                yield from _on(channel, call()(frame.values.get(f"{key}{channel}")))
    # Those that end in 2 have two inputs of the same.
    reader = _BY_DEVICE.get(device) or _BY_DEVICE.get(device.removesuffix("2"))
    if reader is not None:
        stated = [frame.values.get(key) for key in ("OnOff", "status", "Status")]
        yield from next((facts for facts in map(reader, stated) if facts), ())
        for channel in ("1", "2"):
            yield from _on(channel, reader(frame.values.get(f"status{channel}")))


def _on(channel: str, facts: Iterable[Fact]) -> list[Fact]:
    return [replace(fact, channel=channel) for fact in facts]


def _many(frame: Frame) -> Iterable[Fact]:
    """R315: many sensors in one house, of which each is told only where it is fitted. Older codecs write their bits."""
    if _is_answer(frame):
        return
    enabled, reported = (_bits(frame.values.get(key)) for key in ("FunctionEnable", "BinarySensorReport"))
    for key, bit, fitted_key, fitted_bit, channel, read in _FITTED:
        stated = frame.values.get(key, None if reported is None else reported >> bit & 1)
        is_fitted = flag(frame.values.get(fitted_key)) or bool((enabled or 0) >> fitted_bit & 1)
        if is_fitted or flag(stated):
            yield from _on(channel, read(stated))


def _bits(stated: JsonValue) -> int | None:
    return int(stated, 2) if isinstance(stated, str) and _BITS.fullmatch(stated) else None


def _device(frame: Frame) -> str:
    stated = _stated_device(frame.values)
    if stated:
        return stated
    names = frame.names.upper()
    return next((model for model in (*_CALL_BUTTONS, *_BY_DEVICE) if re.search(rf"\b{model}2?\b", names)), "")


def _stated_device(values: Mapping[str, JsonValue]) -> str:
    """Codecs of others write it in small letters."""
    stated = values.get("Device", values.get("devicetype"))
    return stated.strip().upper() if isinstance(stated, str) else ""


def _is_netvox(values: Mapping[str, JsonValue]) -> bool:
    return _DEVICE.fullmatch(_stated_device(values)) is not None


MAP = FieldMap(
    vendor="Netvox",
    named=_MODEL,
    tells=_is_netvox,
    rows={
        "Volt": _volt,
        "Battery": _volt,
        "Temp": measure(Kind.TEMPERATURE),
        "Humi": measure(Kind.HUMIDITY),
        "CO2": measure(Kind.CO2),
        "Doorbell": _PRESSED,
        **{f"Key_{number}": gesture(channel=str(number), counts={"1": "single"}) for number in range(1, 5)},
        "FireAlarm": state(Kind.SMOKE, off=_OFF),
        "SmokeAlarm": state(Kind.SMOKE, off=_OFF),
        "IncenseSmokeAlarm": state(Kind.SMOKE, off=_OFF),
        "COAlarm": state(Kind.CO, off=_OFF),
        "GasAlarm": state(Kind.GAS, off=_OFF),
        "HighTempAlarm": state(Kind.HEAT, off=_OFF),
        **dict.fromkeys(("WaterLeak", "TankLeakAlarm"), state(Kind.WATER, ("leak",), _OFF)),
        "WaterLeak_1": state(Kind.WATER, ("leak",), _OFF, channel="1"),
        "WaterLeak_2": state(Kind.WATER, ("leak",), _OFF, channel="2"),
        "Occupy": state(Kind.MOTION, ("occupy", "occupied"), ("unoccupy", "un-occupy", "unoccupied", "no occupy")),
        "DisassembledAlarm": state(Kind.TAMPER, off=_OFF),
        "TamperStatus": state(Kind.TAMPER, ("tampered",), ("not tampered", "notamper", "no tamper")),
        "TamperAlarm": state(Kind.TAMPER, off=_OFF),
        "ShockTamperAlarm": state(Kind.TAMPER, off=_OFF),
        "LowBatteryAlarm": raised(Kind.BATTERY_LOW, off=_OFF),
    },
    frames=(_answers, _of_its_model, _many),
)
