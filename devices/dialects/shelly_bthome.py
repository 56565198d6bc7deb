"""BTHome adverts as the bytes that were on the air, in hexadecimal digits, the way a script on a Shelly passes them on. Pure."""

from collections.abc import Iterator
from typing import Any

_BYTES_LIMIT = 255
_ENCRYPTED = 0x01
_LENGTHS_BY_SIZE = {
    1: (0x00, 0x01, 0x09, *range(0x0F, 0x12), *range(0x15, 0x30), 0x3A, 0x46, *range(0x57, 0x5A), 0x60),
    2: (
        *(0x02, 0x03, 0x06, 0x07, 0x08, 0x0C, 0x0D, 0x0E, 0x12, 0x13, 0x14, 0x3C, 0x3D, 0x3F, 0x40, 0x41, 0x43, 0x44),
        *(0x45, 0x47, 0x48, 0x49, 0x4A, 0x51, 0x52, 0x56, 0x5A, 0x5D, 0x5E, 0x5F, 0x61, 0xF0),
    ),
    3: (0x04, 0x05, 0x0A, 0x0B, 0x42, 0x4B, 0xF2),
    4: (0x3E, 0x4C, 0x4D, 0x4E, 0x4F, 0x50, 0x55, 0x5B, 0x5C, 0x62, 0x63, 0xF1),
}
_LENGTHS = {number: size for size, numbers in _LENGTHS_BY_SIZE.items() for number in numbers}
_NAMES = {
    0x00: "pid",
    0x11: "opening",
    0x15: "battery_low",
    0x17: "carbon_monoxide",
    0x1A: "door",
    0x1B: "garage_door",
    0x1C: "gas",
    0x1D: "heat",
    0x21: "motion",
    0x23: "occupancy",
    0x25: "presence",
    0x26: "problem",
    0x29: "smoke",
    0x2B: "tamper",
    0x2C: "vibration",
    0x2D: "window",
}
# What is measured: its name, its factor, whether it may be below zero.
_MEASURED = {
    0x01: ("battery", 1, False),
    0x02: ("temperature", 0.01, True),
    0x03: ("humidity", 0.01, False),
    0x12: ("co2", 1, False),
    0x2E: ("humidity", 1, False),
    0x45: ("temperature", 0.1, True),
    0x57: ("temperature", 1, True),
    0x58: ("temperature", 0.35, True),
}
_BUTTON = 0x3A


def unpacked(digits: str) -> dict[str, Any]:
    """The values by their names, `button` as a list with one code for each; of an encrypted advert only that it is.

    Empty for what is no advert. Behind an object of unknown length nothing is read.
    """
    try:
        data = bytes.fromhex(digits[: 2 * _BYTES_LIMIT])
    except ValueError:
        return {}
    if not data:
        return {}
    if data[0] & _ENCRYPTED:
        return {"encryption": True}
    read: dict[str, Any] = {}
    for number, raw in _objects(data[1:]):
        if number == _BUTTON:
            read.setdefault("button", []).append(raw[0])
        elif number in _MEASURED:
            name, factor, is_signed = _MEASURED[number]
            read[name] = round(int.from_bytes(raw, "little", signed=is_signed) * factor, 2)
        elif number in _NAMES:
            read[_NAMES[number]] = raw[0]
    return read


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size = _LENGTHS.get(data[at], 0)
        raw = data[at + 1 : at + 1 + size]
        if not size or len(raw) < size:
            return
        yield data[at], raw
        at += 1 + size
