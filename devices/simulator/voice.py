"""How the devices of a made-up home say something: what is said, as messages of the ecosystem that they speak. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import JsonValue

from devices.registry import Device, Home
from devices.simulator.day import Said

# A sensor that saw somebody says so long after that it sees nobody any more.
SEES_FOR_S = 60
_APPLICATION = "c4b1c2a8-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message, `after_s` seconds behind what it tells of."""

    topic: str
    payload: bytes
    after_s: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is said, and the running number of what its home has said."""

    at: datetime
    number: int


Voice = Callable[[Home, Device, Said, Moment], list[Spoken]]


def spoken(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    """The messages that tell it; none where this ecosystem has no word for it."""
    return VOICES[device.dialect or "native"](home, device, said, moment)


def introduced(home: Home) -> list[Spoken]:
    """What the gateways of a home keep with the broker, so that they are understood."""
    return [one for device in home.devices if device.dialect == "homeassistant" for one in _discovery(home, device)]


def _native(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    told: dict[str, JsonValue] = {"kind": said.kind, "value": said.value, "at": moment.at.isoformat()}
    if said.battery is not None:
        told["battery"] = said.battery
    return [_json(f"carebell/{home.home_id}/{device.device_id}/up", told)]


def _zigbee2mqtt(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    base = f"carebell/{home.home_id}/zigbee2mqtt"
    if device.is_gateway:
        return [_json(f"{base}/bridge/health", {"process": {"uptime_sec": moment.number}, "devices": {}})]
    words: Mapping[tuple[str, JsonValue], dict[str, JsonValue]] = {
        ("sos", "active"): {"action": "emergency"},
        ("motion", True): {"occupancy": True},
        ("contact", "open"): {"contact": False},
        ("contact", "closed"): {"contact": True},
        ("smoke", True): {"smoke": True, "battery_low": False, "tamper": False},
        ("smoke", False): {"smoke": False, "battery_low": False, "tamper": False},
        ("fall", "detected"): {"fall_status": "fall_alarm"},
        ("bed", "occupied"): {"occupancy": True},
        ("bed", "vacant"): {"occupancy": False},
    }
    return _told(f"{base}/{device.address}", words, said, {"occupancy": False}, {"linkquality": 90}, "battery")


def _chirpstack(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    words: Mapping[tuple[str, JsonValue], dict[str, JsonValue]] = {
        ("sos", "active"): {"press": "short"},
        ("motion", True): {"pir": "trigger", "daylight": "bright"},
        ("contact", "open"): {"magnet_status": "open"},
        ("contact", "closed"): {"magnet_status": "close"},
        ("smoke", True): {"type": "smoke sensor", "event": "alarm"},
        ("smoke", False): {"type": "smoke sensor", "event": "normal"},
        ("fall", "detected"): {"detection_status": "fall"},
    }
    objects = _told("", words, said, {"pir": "idle", "daylight": "bright"}, {}, "battery")
    return [
        Spoken(
            f"application/{_APPLICATION}/device/{device.address}/event/up", _uplink(device, one, moment), one.after_s
        )
        for one in objects
    ]


def _uplink(device: Device, one: Spoken, moment: Moment) -> bytes:
    frame = 2 * moment.number + (1 if one.after_s else 0)
    return orjson.dumps(
        {
            "deduplicationId": f"{device.address}-{frame}",
            "time": moment.at.isoformat(),
            "deviceInfo": {
                "devEui": device.address,
                "deviceName": device.device_id,
                "deviceProfileName": f"{device.vendor} {device.model}",
            },
            "devAddr": device.address[:8],
            "fCnt": frame,
            "fPort": 85,
            "object": orjson.loads(one.payload),
            "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -70, "snr": 8.0}],
        }
    )


_CLASSES = {"button": "safety", "motion": "motion", "door": "door", "smoke": "smoke"}


def _part(device: Device) -> str:
    return device.device_id.partition("-")[0]


def _entity(home: Home, device: Device) -> str:
    return f"carebell/{home.home_id}/homeassistant/{device.address}"


def _discovery(home: Home, device: Device) -> list[Spoken]:
    node, part = _entity(home, device), _part(device)
    about: dict[str, JsonValue] = {"ids": device.address, "name": device.address, "mdl": "esp32dev"}
    configs: list[Spoken] = []
    if part in _CLASSES:
        config: dict[str, JsonValue] = {
            "name": part,
            "stat_t": f"{node}/binary_sensor/{part}/state",
            "dev_cla": _CLASSES[part],
            "avty_t": f"{node}/status",
            "uniq_id": f"{device.address}-{part}",
            "dev": about,
        }
        configs.append(_config(home, device, "binary_sensor", part, config))
    battery: dict[str, JsonValue] = {
        "name": "battery",
        "stat_t": f"{node}/sensor/battery/state",
        "dev_cla": "battery",
        "unit_of_meas": "%",
        "uniq_id": f"{device.address}-battery",
        "dev": about,
    }
    return [*configs, _config(home, device, "sensor", "battery", battery)]


def _config(home: Home, device: Device, component: str, name: str, config: dict[str, JsonValue]) -> Spoken:
    topic = f"carebell/{home.home_id}/homeassistant/{component}/{device.address}/{name}/config"
    return Spoken(topic, orjson.dumps(config), retain=True)


def _homeassistant(home: Home, device: Device, said: Said, _moment: Moment) -> list[Spoken]:
    node, part = _entity(home, device), _part(device)
    if said.kind == "heartbeat":
        if said.battery is not None:
            return [Spoken(f"{node}/sensor/battery/state", b"%d" % said.battery)]
        return [Spoken(f"{node}/status", b"online", retain=True)]
    if part not in _CLASSES:
        return []
    topic = f"{node}/binary_sensor/{part}/state"
    is_on = said.value in (True, "active", "open")
    state = Spoken(topic, b"ON" if is_on else b"OFF")
    passes = said.kind in ("sos", "motion")
    return [state, Spoken(topic, b"OFF", 5 if said.kind == "sos" else SEES_FOR_S)] if passes else [state]


def _shelly(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    base = f"carebell/{home.home_id}/shelly/shellies/{device.address}"
    if said.kind == "sos":
        return [_json(f"{base}/input_event/0", {"event": "S", "event_cnt": moment.number})]
    if said.kind == "motion":
        topic = f"{base}/sensor/motion"
        return [Spoken(topic, b"true"), Spoken(topic, b"false", SEES_FOR_S)]
    if said.kind == "contact":
        return [Spoken(f"{base}/sensor/state", b"open" if said.value == "open" else b"close")]
    if said.kind == "smoke":
        return [Spoken(f"{base}/sensor/smoke", b"true" if said.value else b"false")]
    return [] if said.battery is None else [Spoken(f"{base}/sensor/battery", b"%d" % said.battery)]


def _tasmota(home: Home, device: Device, said: Said, moment: Moment) -> list[Spoken]:
    base = f"carebell/{home.home_id}/tasmota/tele/bridge"
    if device.is_gateway:
        return [_json(f"{base}/STATE", {"Time": moment.at.isoformat(), "UptimeSec": moment.number})]
    words: Mapping[tuple[str, JsonValue], dict[str, JsonValue]] = {
        ("sos", "active"): {"Power": 2, "0006!02": ""},
        ("motion", True): {"Occupancy": 1},
        ("contact", "open"): {"Contact": 1},
        ("contact", "closed"): {"Contact": 0},
    }
    told = _told("", words, said, {"Occupancy": 0}, {"Endpoint": 1, "LinkQuality": 100}, "BatteryPercentage")
    return [_of_zigbee(f"{base}/SENSOR", device, one) for one in told]


def _of_zigbee(topic: str, device: Device, one: Spoken) -> Spoken:
    content = {"Device": device.address, **orjson.loads(one.payload)}
    return Spoken(topic, orjson.dumps({"ZbReceived": {device.address: content}}), one.after_s)


def _told(
    topic: str,
    words: Mapping[tuple[str, JsonValue], dict[str, JsonValue]],
    said: Said,
    nobody: dict[str, JsonValue],
    always: dict[str, JsonValue],
    battery: str,
) -> list[Spoken]:
    """By a table of words: what is said, then that nobody is seen any more; a heartbeat tells the battery."""
    if said.battery is not None:
        return [_json(topic, {battery: said.battery, **always})]
    state = words.get((said.kind, said.value)) if isinstance(said.value, str | bool) else None
    if state is None:
        return []
    passes = said.kind == "motion"
    return [_json(topic, {**state, **always})] + (
        [_json(topic, {**nobody, **always}, after_s=SEES_FOR_S)] if passes else []
    )


def _json(topic: str, content: Mapping[str, JsonValue], after_s: int = 0) -> Spoken:
    return Spoken(topic, orjson.dumps(content), after_s)


VOICES: Mapping[str, Voice] = {
    "native": _native,
    "zigbee2mqtt": _zigbee2mqtt,
    "chirpstack": _chirpstack,
    "homeassistant": _homeassistant,
    "shelly": _shelly,
    "tasmota": _tasmota,
}
