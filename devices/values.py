"""What the value of a kind may be, and the one form it is kept in (devices.md, section 6).

Words are compared without case and blanks. A value that cannot be read is a ValueError that says what was expected;
for a call for help it never is: whatever a button says that does not plainly mean "cleared" is a press.
"""

import math
from collections.abc import Callable, Iterable

from pydantic import JsonValue

from carebell.types import Kind

_TRUE = frozenset({"true", "1", "on", "yes", "active", "detected", "alarm", "open", "occupied", "low"})
_FALSE = frozenset(
    {"false", "0", "off", "no", "inactive", "cleared", "clear", "normal", "none", "closed", "vacant", "ok"}
)
_CLEARED = frozenset(
    {"cleared", "clear", "false", "0", "off", "inactive", "released", "release", "cancel", "cancelled"}
)
_GESTURES = frozenset({"single", "double", "triple", "long", "hold", "release", "on", "off", "rf_code"})
_UNITS: dict[str, str] = {
    Kind.BATTERY: "%",
    Kind.BATTERY_VOLTAGE: "V",
    Kind.TEMPERATURE: "°C",
    Kind.HUMIDITY: "%",
    Kind.CO2: "ppm",
    Kind.ACCELERATION: "mg",
}
_BURST_LIMIT_S = 60
_RATE_LIMIT_HZ = 1000
# Deeper values could not be written to the log and read back.
_DEPTH_LIMIT = 32


def unit_of(kind: str) -> str:
    """The unit a kind is kept in; empty where it has none."""
    return _UNITS.get(kind, "")


def _word(value: JsonValue) -> str:
    """The value as it is compared; nothing, a list or an object is no word."""
    return "" if value is None or isinstance(value, dict | list) else str(value).strip().casefold()


def _sos(value: JsonValue) -> JsonValue:
    return "cleared" if value is not None and _word(value) in _CLEARED else "active"


def _fall(value: JsonValue) -> JsonValue:
    word = _word(value)
    if value is not None and word in _CLEARED:
        return "cleared"
    return "suspected" if word in ("suspected", "maybe", "warning") else "detected"


def _flag(value: JsonValue) -> JsonValue:
    word = _word(value)
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("expected true or false")


def _danger(value: JsonValue) -> JsonValue:
    """A detector that says nothing but its kind has found what it looks for."""
    return True if value is None else _flag(value)


def _one_of(*words: str) -> Callable[[JsonValue], JsonValue]:
    def read(value: JsonValue) -> JsonValue:
        word = _word(value)
        if word not in words:
            raise ValueError(f"expected {' or '.join(words)}")
        return word

    return read


def _number(low: float, high: float) -> Callable[[JsonValue], JsonValue]:
    def read(value: JsonValue) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("expected a number")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ValueError("expected a number") from None
        if not math.isfinite(number) or not low <= number <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return int(number) if number.is_integer() else number

    return read


def _button(value: JsonValue) -> JsonValue:
    word = _word(value)
    return word if word in _GESTURES else "other"


def _text(value: JsonValue) -> JsonValue:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text")
    return value.strip()


def _anything(value: JsonValue) -> JsonValue:
    level: list[JsonValue] = [value]
    for _ in range(_DEPTH_LIMIT):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise ValueError(f"expected fewer than {_DEPTH_LIMIT} levels of nesting")


def _inside(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _burst(value: JsonValue) -> JsonValue:
    """A burst of up to 60 s: {"rate_hz", "unit": "mg", "samples": [[x, y, z], …]}."""
    if not isinstance(value, dict):
        raise ValueError('expected {"rate_hz": …, "unit": "mg", "samples": [[x, y, z], …]}')
    rate, samples = value.get("rate_hz"), value.get("samples")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= _RATE_LIMIT_HZ:
        raise ValueError(f"expected rate_hz from 0 to {_RATE_LIMIT_HZ}")
    if value.get("unit", "mg") != "mg":
        raise ValueError("expected the unit mg")
    if not isinstance(samples, list) or not samples or len(samples) > rate * _BURST_LIMIT_S:
        raise ValueError(f"expected 1 sample to {_BURST_LIMIT_S} s of samples")
    if not all(_is_sample(sample) for sample in samples):
        raise ValueError("expected samples of three finite numbers each")
    return {"rate_hz": rate, "unit": "mg", "samples": samples}


def _is_sample(sample: JsonValue) -> bool:
    return (
        isinstance(sample, list)
        and len(sample) == 3
        and all(isinstance(axis, int | float) and not isinstance(axis, bool) and math.isfinite(axis) for axis in sample)
    )


_READ: dict[str, Callable[[JsonValue], JsonValue]] = {
    Kind.SOS: _sos,
    Kind.FALL: _fall,
    **dict.fromkeys((Kind.SMOKE, Kind.CO, Kind.GAS, Kind.WATER, Kind.HEAT), _danger),
    **dict.fromkeys(
        (Kind.MOTION, Kind.PRESENCE, Kind.VIBRATION, Kind.TAMPER, Kind.TEST, Kind.SENSOR_FAULT, Kind.BATTERY_LOW), _flag
    ),
    Kind.CONTACT: _one_of("open", "closed"),
    Kind.BED: _one_of("occupied", "vacant"),
    Kind.AVAILABILITY: _one_of("online", "offline"),
    Kind.BUTTON: _button,
    Kind.ARM: _text,
    Kind.BATTERY: _number(0, 100),
    Kind.BATTERY_VOLTAGE: _number(0, 100),
    Kind.TEMPERATURE: _number(-100, 200),
    Kind.HUMIDITY: _number(0, 100),
    Kind.CO2: _number(0, 100_000),
    Kind.ACCELERATION: _burst,
    Kind.HEARTBEAT: lambda value: True,
}


def read_value(kind: str, value: JsonValue) -> JsonValue:
    """The value in its one form. Raises ValueError with what was expected."""
    return _READ.get(kind, _anything)(value)
