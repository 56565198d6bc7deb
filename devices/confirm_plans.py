"""How each ecosystem is told, and by what it shows that the signal has arrived. One function a dialect, in `PLANS`.

A dialect or a model that is not here, or that could only frighten, shows nothing: its plan is None.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from uuid import UUID

import orjson
from pydantic import JsonValue

from carebell.types import DeviceProfile
from devices.confirm import LAMP, SIREN, Echo, Plan, Publication, Request, Signal, Stage, epoch_ms, is_native

# Zigbee sirens that can chirp by a command of its own; of others only the light is used for a short signal.
_CHIRPING = frozenset({"AV2010/29A", "SIRZB-110", "SIRZB-111", "SIRZB-112"})
_SHORT_S, _LONG_S = 2, 10
_NETVOX_PORT = 7
# An address goes into topics that are listened to.
_WILDCARDS = frozenset("+#\0")


def plan(request: Request) -> Plan | None:
    """What to do; None where this device cannot show this signal now."""
    device = request.device
    if is_native(device):
        return _native(request)
    make = PLANS.get((device.dialect, device.confirms))
    if make is None or not _WILDCARDS.isdisjoint(request.address):
        return None
    return make(request)


def best_proof(request: Request) -> Stage | None:
    """The surest stage that this signal could reach; None where the device cannot show it."""
    planned = plan(request)
    return None if planned is None else planned.best


def needs_route(device: DeviceProfile) -> bool:
    """Whether its topic is known from its own messages only."""
    return device.dialect in ("chirpstack", "tts", "alink", "onenet")


def _native(request: Request) -> Plan:
    told: dict[str, JsonValue] = {"id": request.id, "type": request.signal.value}
    if request.signal is Signal.COMING:
        told["who"] = request.who
    return Plan(publications=(_said(f"carebell/{request.home_id}/{request.device.device_id}/down", told),))


def _said(topic: str, content: Mapping[str, JsonValue]) -> Publication:
    return Publication(topic, orjson.dumps(content))


def _is_coming(request: Request) -> bool:
    return request.signal is Signal.COMING


def _zigbee_siren(request: Request) -> Plan:
    """`warning` is never answered; what fails stands in the log of the bridge. Mode stop with a strobe is light alone."""
    topic = request.in_home("zigbee2mqtt", request.address)
    command: dict[str, JsonValue]
    if not _is_coming(request) and not request.is_quiet and request.device.model in _CHIRPING:
        command = {"squawk": {"state": "system_is_armed", "level": "low", "strobe": False}}
    else:
        is_light_only = request.is_quiet or not _is_coming(request)
        command = {
            "warning": {
                "mode": "stop" if is_light_only else "emergency",
                "level": "low",
                "strobe": True,
                "strobe_duty_cycle": 5,
                "duration": _LONG_S if _is_coming(request) else _SHORT_S,
            }
        }
    return Plan(publications=(_said(f"{topic}/set", command),), echoes=(_bridge_error(request),))


def _zigbee_lamp(request: Request) -> Plan:
    """A blink by itself changes no state, so that nothing would be echoed."""
    topic = request.in_home("zigbee2mqtt", request.address)
    if not _is_coming(request):
        return Plan(publications=(_said(f"{topic}/set", {"effect": "blink"}),), echoes=(_bridge_error(request),))
    is_on = Echo(topic=topic, stage=Stage.CONFIRMED, has=(("state", "ON"),))
    return Plan(
        publications=(_said(f"{topic}/set", {"state": "ON", "effect": "blink"}),),
        echoes=(is_on, _bridge_error(request)),
        best=Stage.CONFIRMED,
    )


def _bridge_error(request: Request) -> Echo:
    return Echo(
        topic=request.in_home("zigbee2mqtt", "bridge/logging"),
        stage=Stage.REFUSED,
        mentions=("Publish", f"'{request.address}'"),
        has=(("level", "error"),),
    )


def _netvox_siren(request: Request) -> bytes | None:
    """StartWarningWithAck of R602A: sound and light for so many seconds. It has no light alone that is documented."""
    if request.device.model.upper() != "R602A" or request.is_quiet:
        return None
    seconds = _LONG_S if _is_coming(request) else 1
    return bytes([0x03, 0x69, 0x01, 0x01, *seconds.to_bytes(2), 0, 0, 0, 0, 0])


def _chirpstack(request: Request) -> Plan | None:
    """The queue item's id is ours, and comes back when it is sent and when the device has acknowledged it."""
    data = _netvox_siren(request)
    if data is None:
        return None
    item = str(UUID(request.id))
    told: dict[str, JsonValue] = {
        "id": item,
        "devEui": request.route.rpartition("/")[2],
        "confirmed": True,
        "fPort": _NETVOX_PORT,
        "data": b64encode(data).decode(),
    }
    ack = f"{request.route}/event/ack"
    echoes = (
        Echo(topic=f"{request.route}/event/txack", stage=Stage.SCHEDULED, has=(("queueItemId", item),)),
        Echo(topic=ack, stage=Stage.CONFIRMED, has=(("queueItemId", item), ("acknowledged", True))),
        # One that only names the item says no: some encoders leave a false out.
        Echo(topic=ack, stage=Stage.REFUSED, has=(("queueItemId", item),)),
    )
    return Plan(publications=(_said(f"{request.route}/command/down", told),), echoes=echoes, best=Stage.CONFIRMED)


def _tts(request: Request) -> Plan | None:
    data = _netvox_siren(request)
    if data is None:
        return None
    ours = f"carebell-{request.id}"
    downlink: dict[str, JsonValue] = {
        "f_port": _NETVOX_PORT,
        "frm_payload": b64encode(data).decode(),
        "confirmed": True,
        "priority": "HIGH",
        "correlation_ids": [ours],
    }
    stages = {"ack": Stage.CONFIRMED, "nack": Stage.REFUSED, "failed": Stage.REFUSED, "sent": Stage.SCHEDULED}
    echoes = [
        Echo(topic=f"{request.route}/down/{word}", stage=stage, mentions=(ours,)) for word, stage in stages.items()
    ]
    told = _said(f"{request.route}/down/push", {"downlinks": [downlink]})
    return Plan(publications=(told,), echoes=tuple(echoes), best=Stage.CONFIRMED)


def _shelly_lamp(request: Request) -> Plan:
    """Gen2 and later. It goes off by itself after the short signal; somebody who comes at night finds it lit. It replies
    below its own prefix, the one place where it may speak."""
    us = request.in_home("shelly", f"{request.address}/carebell")
    component = "Light" if "bulb" in request.address or "dimmer" in request.address else "Switch"
    wanted: dict[str, JsonValue] = {"id": 0, "on": True}
    if not _is_coming(request):
        wanted["toggle_after"] = _SHORT_S
    told: dict[str, JsonValue] = {"id": request.id, "src": us, "method": f"{component}.Set", "params": wanted}
    done = Echo(topic=f"{us}/rpc", stage=Stage.CONFIRMED, has=(("id", request.id),), holds="result")
    failed = Echo(topic=f"{us}/rpc", stage=Stage.REFUSED, has=(("id", request.id),), holds="error")
    topic = request.in_home("shelly", f"{request.address}/rpc")
    return Plan(publications=(_said(topic, told),), echoes=(done, failed), best=Stage.CONFIRMED)


def _tasmota(request: Request, command: str, word: str, answer: str) -> Plan:
    commanded = request.in_home("tasmota", f"cmnd/{request.address}/{command}")
    result = request.in_home("tasmota", f"stat/{request.address}/RESULT")
    echo = Echo(topic=result, stage=Stage.CONFIRMED, mentions=(f'"{answer}',))
    return Plan(publications=(Publication(commanded, word.encode()),), echoes=(echo,), best=Stage.CONFIRMED)


def _tasmota_lamp(request: Request) -> Plan:
    return _tasmota(request, "POWER", "ON" if _is_coming(request) else "BLINK", "POWER")


def _tasmota_siren(request: Request) -> Plan | None:
    """Beeps of its small buzzer: how many, and how long on and off in tenths of a second."""
    if request.is_quiet:
        return None
    return _tasmota(request, "Buzzer", "10,2,8" if _is_coming(request) else "2,1,3", "Buzzer")


def _esphome_lamp(request: Request) -> Plan | None:
    """Its address is <prefix>/<component>/<object id>. A light flashes by itself, a switch would have to be put off."""
    component = request.address.split("/")[-2:-1]
    topic = request.in_home("homeassistant", request.address)
    if component == ["light"]:
        told: dict[str, JsonValue] = {"state": "ON"} if _is_coming(request) else {"state": "ON", "flash": _SHORT_S}
        on = Echo(topic=f"{topic}/state", stage=Stage.CONFIRMED, has=(("state", "ON"),))
        return Plan(publications=(_said(f"{topic}/command", told),), echoes=(on,), best=Stage.CONFIRMED)
    if component == ["switch"] and _is_coming(request):
        on = Echo(topic=f"{topic}/state", stage=Stage.CONFIRMED, has=(("", "ON"),))
        return Plan(publications=(Publication(f"{topic}/command", b"ON"),), echoes=(on,), best=Stage.CONFIRMED)
    return None


def _thing_lamp(request: Request, topic: str, told: Mapping[str, JsonValue], replied: Echo) -> Plan | None:
    """A lamp of a cloud's thing model is put on, and stays on: there is no command for a moment of light."""
    if not _is_coming(request):
        return None
    failed = Echo(topic=replied.topic, stage=Stage.REFUSED, has=replied.has[:1], holds="code")
    return Plan(publications=(_said(topic, told),), echoes=(replied, failed), best=Stage.CONFIRMED)


def _tuyalink_lamp(request: Request) -> Plan | None:
    topic = f"tylink/{request.address}/thing/property/set"
    told: dict[str, JsonValue] = {"msgId": request.id, "time": epoch_ms(request.at), "data": {"switch_led": True}}
    done = Echo(topic=f"{topic}_response", stage=Stage.CONFIRMED, has=(("msgId", request.id), ("code", 0)))
    return _thing_lamp(request, topic, told, done)


def _alink_lamp(request: Request) -> Plan | None:
    topic = f"{request.route}/thing/service/property/set"
    number = str(int(request.id[:8], 16))
    params: dict[str, JsonValue] = {"LightSwitch": 1}
    told: dict[str, JsonValue] = {
        "id": number,
        "version": "1.0",
        "params": params,
        "method": "thing.service.property.set",
    }
    done = Echo(topic=f"{topic}_reply", stage=Stage.CONFIRMED, has=(("id", number), ("code", 200)))
    return _thing_lamp(request, topic, told, done)


def _onenet_lamp(request: Request) -> Plan | None:
    topic = f"{request.route}/thing/property/set"
    number = str(int(request.id[:8], 16))
    told: dict[str, JsonValue] = {"id": number, "version": "1.0", "params": {"LightSwitch": True}}
    done = Echo(topic=f"{topic}_reply", stage=Stage.CONFIRMED, has=(("id", number), ("code", 200)))
    return _thing_lamp(request, topic, told, done)


PLANS: Mapping[tuple[str, str], Callable[[Request], Plan | None]] = {
    ("zigbee2mqtt", SIREN): _zigbee_siren,
    ("zigbee2mqtt", LAMP): _zigbee_lamp,
    ("chirpstack", SIREN): _chirpstack,
    ("tts", SIREN): _tts,
    ("shelly", LAMP): _shelly_lamp,
    ("tasmota", LAMP): _tasmota_lamp,
    ("tasmota", SIREN): _tasmota_siren,
    ("homeassistant", LAMP): _esphome_lamp,
    ("tuyalink", LAMP): _tuyalink_lamp,
    ("alink", LAMP): _alink_lamp,
    ("onenet", LAMP): _onenet_lamp,
}
