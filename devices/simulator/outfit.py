"""What is installed in a made-up home, by the ecosystem that it speaks: a button, sensors, and what they speak through."""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta

from devices.registry import Device

ROOMS = ("kitchen", "living room", "bathroom")
HEARTBEAT = timedelta(minutes=5)
SENSOR = timedelta(hours=25)
# How common each ecosystem is in a mixed village.
SHARES: Mapping[str, int] = {
    "native": 30,
    "zigbee2mqtt": 30,
    "chirpstack": 10,
    "homeassistant": 10,
    "shelly": 10,
    "tasmota": 10,
}
# What of each ecosystem can be bought: part -> vendor, model, description.
_MODELS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "native": {
        "gateway": ("", "village-gateway", ""),
        "button": ("", "one-key", ""),
        "motion": ("", "pir", ""),
        "door": ("", "contact", ""),
        "smoke": ("", "smoke", ""),
        "fall": ("", "fall-radar", ""),
        "bed": ("", "bed-mat", ""),
    },
    "zigbee2mqtt": {
        "gateway": ("", "zigbee2mqtt", ""),
        "button": ("Tuya", "TS0601_sos", "SOS panic button"),
        "motion": ("SONOFF", "SNZB-03", "Motion sensor"),
        "door": ("SONOFF", "SNZB-04", "Contact sensor"),
        "smoke": ("Heiman", "HS1SA-E", "Smoke detector"),
        "fall": ("Heiman", "HS2FD-EF1-3.0", "Fall Detection Sensor"),
        "bed": ("Tuya", "TS0601_bed_presence_sensor", "Bed Occupancy Sensor"),
    },
    "chirpstack": {
        "button": ("Milesight", "WS101", "Smart button"),
        "motion": ("Milesight", "WS202", "PIR and light sensor"),
        "door": ("Milesight", "WS301", "Magnetic contact switch"),
        "smoke": ("Milesight", "GS524N", "Smoke detector"),
        "fall": ("Milesight", "VS373", "Fall detection radar"),
    },
    "homeassistant": {
        "gateway": ("Espressif", "ESP32", "ESPHome node"),
        "motion": ("Espressif", "ESP32", "ESPHome node"),
        "button": ("Espressif", "ESP32", "ESPHome node"),
        "door": ("Espressif", "ESP32", "ESPHome node"),
        "smoke": ("Espressif", "ESP32", "ESPHome node"),
    },
    "shelly": {
        "button": ("Shelly", "SHBTN-2", "Button1"),
        "motion": ("Shelly", "SHMOS-01", "Motion"),
        "door": ("Shelly", "SHDW-2", "Door/Window 2"),
        "smoke": ("Shelly", "SHSM-01", "Smoke"),
    },
    "tasmota": {
        "gateway": ("Tasmota", "Zigbee bridge", ""),
        "button": ("", "TS0215A", "SOS button behind Zigbee2Tasmota"),
        "motion": ("", "RH3040", "PIR behind Zigbee2Tasmota"),
        "door": ("", "RH3001", "Door sensor behind Zigbee2Tasmota"),
    },
}
# Each home has these; the others are in some.
_SOME: Mapping[str, float] = {"smoke": 0.5, "fall": 0.2, "bed": 0.2}


def parts_of(ecosystem: str) -> frozenset[str]:
    """What of it can be installed."""
    return frozenset(_MODELS[ecosystem])


def outfit(number: int, chance: random.Random, ecosystem: str = "native") -> tuple[Device, ...]:
    """The devices of the home with that number. A native one has no more than everybody: what it says is told by others."""
    models = _MODELS[ecosystem]
    some = () if ecosystem == "native" else tuple(_SOME)
    parts = ["gateway", "button", *(f"motion-{room.replace(' ', '-')}" for room in ROOMS), "door"]
    parts += [part for part in some if chance.random() < _SOME[part]]
    made = []
    for part in parts:
        kind = part.partition("-")[0]
        if kind in models:
            made.append(_device(number, part, kind, ecosystem, has_gateway="gateway" in models))
    return tuple(made)


def _device(number: int, part: str, kind: str, ecosystem: str, *, has_gateway: bool) -> Device:
    vendor, model, description = _MODELS[ecosystem][kind]
    is_gateway = kind == "gateway"
    device_id = f"button-{number:03d}" if kind == "button" else part
    return Device(
        device_id=device_id,
        vendor=vendor,
        model=model,
        description=description,
        dialect="" if ecosystem == "native" else ecosystem,
        address="" if ecosystem == "native" else _ADDRESSES[ecosystem](number, device_id),
        place=_place(part, kind),
        gateway_id="gateway" if has_gateway and not is_gateway else "",
        is_gateway=is_gateway,
        is_sos=kind == "button",
        expected_every=HEARTBEAT if is_gateway else SENSOR,
    )


def _place(part: str, kind: str) -> str:
    fixed = {"button": "bedroom", "door": "front door", "smoke": "kitchen", "fall": "bathroom", "bed": "bedroom"}
    return part.removeprefix("motion-").replace("-", " ") if kind == "motion" else fixed.get(kind, "")


def _hex(number: int, device_id: str, digits: int) -> str:
    return f"{random.Random(f'{number}/{device_id}').getrandbits(digits * 4):0{digits}x}"  # noqa: S311


_ADDRESSES: Mapping[str, Callable[[int, str], str]] = {
    "zigbee2mqtt": lambda number, device_id: "bridge" if device_id == "gateway" else device_id,
    "chirpstack": lambda number, device_id: _hex(number, device_id, 16),
    "homeassistant": lambda number, device_id: f"{device_id}-node",
    "shelly": lambda number, device_id: f"{_SHELLY[device_id.partition('-')[0]]}-{_hex(number, device_id, 12)}",
    "tasmota": lambda number, device_id: "bridge" if device_id == "gateway" else f"0x{_hex(number, device_id, 4)}",
}
_SHELLY: Mapping[str, str] = {
    "button": "shellybutton1",
    "motion": "shellymotionsensor",
    "door": "shellydw2",
    "smoke": "shellysmoke",
}
