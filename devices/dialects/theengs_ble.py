"""What a decoded Bluetooth advertisement of Theengs says. Pure.

The same word differs by model: `open` is a door or a blind's position, `pres` a person or the air's pressure,
`button` a gesture by the model's own numbers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.facts import alive, event, level, other, sample

Payload = Mapping[str, JsonValue]
_SHELLY = {1: "single", 2: "double", 3: "triple", 4: "long", 9: "long", 11: "hold", 128: "hold", 254: "hold"}
_GESTURES: tuple[tuple[str, dict[int, str]], ...] = (
    ("SBHT", {**_SHELLY, 2: "hold"}),
    ("SB", _SHELLY),
    # A switch without a battery: its 0 is a key too.
    ("S520104", {0: "off", 1: "on", 2: "single"}),
    ("NODON", {1: "single", 2: "double", 3: "triple", 9: "long", 10: "release"}),
)
# The same switch in words.
_ACTIONS = {"0": "off", "off": "off", "1": "on", "on": "on", "2": "single", "toggle": "single"}
_CONTACTS = {"open": True, "opened": True, "timeout not closed": True, "closed": False, "close": False}
_LEVELS: dict[str, Kind] = {
    "motion": Kind.MOTION,
    "movement": Kind.MOTION,
    "vibration": Kind.VIBRATION,
    "shock": Kind.VIBRATION,
    "water_leak": Kind.WATER,
    "waterleak": Kind.WATER,
    "leak": Kind.WATER,
    "leaking": Kind.WATER,
    "smoke": Kind.SMOKE,
    "smoke_alarm": Kind.SMOKE,
    "co_alarm": Kind.CO,
    "gas_alarm": Kind.GAS,
    "tamper": Kind.TAMPER,
    "lowbatt": Kind.BATTERY_LOW,
    "lowbatt_alarm": Kind.BATTERY_LOW,
    "batt_low": Kind.BATTERY_LOW,
}
# As a number it is a concentration.
_ALARMS: dict[str, Kind] = {
    "co": Kind.CO,
    "carbon_monoxide": Kind.CO,
    "gas": Kind.GAS,
    "heat": Kind.HEAT,
    "moisture": Kind.WATER,
    "water": Kind.WATER,
}
_IN_THE_AIR_C, _PERCENT = (-60, 100), (0, 100)
_HEAVIEST = 1000
# A packet number has 256 values; within this time the same one is the same packet.
_PACKET_S = 600


def facts_of(payload: Payload, received_at: datetime) -> list[Fact]:
    """Everything that an advertisement says; a heartbeat where it says nothing else."""
    identity = _identity(payload, received_at)
    found = [
        *_buttons(payload, identity),
        *_contact(payload, identity),
        *_levels(payload, identity),
        *_presence(payload),
        *_climate(payload),
    ]
    return found or [alive()]


def _identity(payload: Payload, received_at: datetime) -> str:
    """The packet's number. An advertisement is sent many times and heard by several gateways."""
    packet = number(payload.get("packet"))
    return "" if packet is None else f"{packet} of {int(received_at.timestamp()) // _PACKET_S}"


def _buttons(payload: Payload, identity: str) -> list[Fact]:
    model = str(payload.get("model_id") or "").upper()
    gestures = next((known for start, known in _GESTURES if model.startswith(start)), {})
    found = []
    for key in ("button", "button1", "button2", "button3", "button4"):
        stated = payload.get(key)
        pressed = number(stated)
        # 0 is another key's press, or the beacon that is sent every few seconds.
        if (pressed == 0 and 0 not in gestures) or word(stated) in ("", "none", "false"):
            continue
        gesture = gestures.get(int(pressed), "other") if pressed is not None else _named(word(stated))
        found.append(event(Kind.BUTTON, gesture, channel=key.removeprefix("button"), message_id=identity))
    return found or _action(payload, model, identity)


def _action(payload: Payload, model: str, identity: str) -> list[Fact]:
    """Of a switch that says it in words; the word is the channel where it is no gesture."""
    said = word(payload.get("action"))[:64]
    if said in ("", "none") or not (model == "S520104" or payload.get("type") == "BTN"):
        return []
    gesture = _ACTIONS.get(said) or _named(said)
    return [event(Kind.BUTTON, gesture, channel=said if gesture == "other" else "", message_id=identity)]


def _named(said: str) -> str:
    for gesture in ("single", "double", "triple", "long", "hold", "release"):
        if said.startswith(gesture):
            return gesture
    return "other"


def _contact(payload: Payload, identity: str) -> list[Fact]:
    said = payload.get("contact")
    is_open = _CONTACTS.get(word(said)) if isinstance(said, str) else None
    if is_open is None and _is_door(payload):
        is_open = flag(payload.get("open"))
    if is_open is None and isinstance(payload.get("door"), str):
        is_open = _CONTACTS.get(word(payload.get("door")))
    return [] if is_open is None else [level(Kind.CONTACT, is_open, message_id=identity)]


def _is_door(payload: Payload) -> bool:
    """A blind says in per cent how far it is open; 0 and 1 are a door only where the type tells that it is no blind."""
    stated = payload.get("open")
    is_plain = isinstance(stated, bool) or word(stated) in ("true", "false")
    return not _is_blind(payload) and (is_plain or ("type" in payload and number(stated) in (0, 1)))


def _is_blind(payload: Payload) -> bool:
    return payload.get("type") == "WCVR" or "position" in payload


def _levels(payload: Payload, identity: str) -> list[Fact]:
    found: dict[Kind, Fact] = {}
    for key, kind in _LEVELS.items():
        is_on = flag(payload.get(key))
        if kind == Kind.MOTION and _is_blind(payload):
            # The blind moves, nobody else.
            continue
        if is_on is not None and kind not in found:
            found[kind] = level(kind, is_on, message_id=identity)
    for key, kind in _ALARMS.items():
        stated = payload.get(key)
        if isinstance(stated, bool) and kind not in found:
            found[kind] = level(kind, stated, message_id=identity)
    return list(found.values())


def _presence(payload: Payload) -> list[Fact]:
    """A sensor sees somebody; of a tag `presence` says whether the gateway hears it, which is not a person."""
    if isinstance(payload.get("pres"), bool):
        return [level(Kind.PRESENCE, payload["pres"] is True)]
    stated = payload.get("presence")
    if word(payload.get("state")) == "offline" or (isinstance(stated, str) and word(stated) == "absent"):
        # Said once each time that it goes; that it is back shows only in what it says itself.
        return [event(Kind.AVAILABILITY, "offline", is_lasting=True)]
    if isinstance(stated, str) and word(stated) == "present":
        return [level(Kind.AVAILABILITY, True)]
    if isinstance(stated, bool):
        is_tag = payload.get("track") is True or payload.get("type") in ("TRACK", "BCON", "RMAC")
        return [level(Kind.AVAILABILITY if is_tag else Kind.PRESENCE, stated)]
    return []


def _climate(payload: Payload) -> list[Fact]:
    celsius, fahrenheit = number(payload.get("tempc")), number(payload.get("tempf"))
    if celsius is None and fahrenheit is not None:
        celsius = round((fahrenheit - 32) / 1.8, 2)
    return [
        *_within(Kind.TEMPERATURE, celsius, _IN_THE_AIR_C),
        *_within(Kind.HUMIDITY, payload.get("hum"), _PERCENT),
        *sample(Kind.CO2, payload.get("co2")),
        *_within(Kind.BATTERY, payload.get("batt"), _PERCENT),
        *_vital(payload),
    ]


def _within(kind: Kind, stated: JsonValue, limits: tuple[float, float]) -> list[Fact]:
    value = number(stated)
    return sample(kind, value) if value is not None and limits[0] <= value <= limits[1] else []


def _vital(payload: Payload) -> list[Fact]:
    rate = number(payload.get("act_bpm", payload.get("bpm")))
    if rate is not None and 0 < rate < 255:
        return [Fact(kind=Kind.VITAL, value=rate, unit="bpm", channel="heart_rate")]
    weight, unit = number(payload.get("weight")), word(payload.get("unit"))
    # The same scale weighs parcels, and says so.
    is_person = word(payload.get("weighing_mode")) == "person"
    if not is_person or weight is None or not 0 < weight < _HEAVIEST or unit not in ("kg", "lb"):
        return []
    return [Fact(kind=Kind.VITAL, value=weight, unit=unit, channel="weight")]


def gateway_facts(payload: Payload, module: str) -> list[Fact]:
    """What a gateway's own sensors say (`CLIMAtoMQTT`, `HCSR501toMQTT`, …)."""
    about: dict[str, Any] = {"channel": module.removesuffix("toMQTT")}
    if module == "HCSR501toMQTT":
        stated = next((payload[key] for key in ("presence", "hcsr501", "motion") if key in payload), None)
        is_on = flag(stated)
        return [] if is_on is None else [level(Kind.MOTION, is_on, **about)]
    if module.startswith("MQ2") and (is_gas := flag(payload.get("detected"))) is not None:
        return [level(Kind.GAS, is_gas, **about)]
    if module == "GPIOInputtoMQTT":
        return [other(payload.get("gpio"), is_level=True, **about)]
    if "tempc" not in payload and "tempf" not in payload:
        key = "tempf" if word(payload.get("unit")) == "f" else "tempc"
        return _climate({**payload, key: payload.get("temp")})
    return _climate(payload)
