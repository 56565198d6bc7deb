"""What the Zigbee2MQTT gateway says of itself and of its devices (`zigbee2mqtt/bridge/…`). Pure.

`bridge/devices` teaches what each device is: lessons under its name and under its IEEE address.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import Decoded, DeviceRecord, Fact, Known, Lesson, Problem, Reason
from devices.dialects.zigbee2mqtt_keys import is_known
from devices.dialects.zigbee2mqtt_readers import Device
from devices.facts import alive, event, level

DEVICE_ID = "bridge"
_DEVICES_LIMIT = 1000
_EXPOSES_LIMIT = 300
_TEXT_LIMIT = 200
_SET = 2
_FAILED = re.compile(r"Publish 'set' '[^']{0,100}' to '([^']{1,200})' failed")
# Known, and without news for a carer.
_QUIET = frozenset({"config", "converters", "definitions", "extensions", "groups", "info", "log", "networkmap"})


def decode(topic: str, content: JsonValue) -> Decoded:
    """`topic` behind `bridge/`; `content` is the parsed payload, or its text where it is no JSON."""
    head = topic.split("/", 1)[0]
    if head == "request" or head in _QUIET:
        return Decoded(device_id=DEVICE_ID, is_gateway=True)
    if head == "response":
        return _said(_answer(content))
    if topic in ("state", "health"):
        return _state(content) if topic == "state" else _said([alive()])
    if topic == "devices":
        return _devices(content)
    if topic == "event":
        return _event(content)
    if topic == "logging":
        return _said(_log(content))
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "the bridge is not known to speak on this topic"),))


def _said(facts: Iterable[Fact], lessons: Iterable[Lesson] = ()) -> Decoded:
    return Decoded(device_id=DEVICE_ID, is_gateway=True, facts=tuple(facts), lessons=tuple(lessons))


def _broken(reason: Reason, detail: str) -> Decoded:
    return Decoded(device_id=DEVICE_ID, is_gateway=True, problems=(Problem(reason, detail),))


def availability_of(content: JsonValue) -> bool | None:
    """`{"state": "online"}`, or the bare word of versions before 2."""
    stated = content.get("state") if isinstance(content, dict) else content
    return {"online": True, "offline": False}.get(word(stated))


def _state(content: JsonValue) -> Decoded:
    is_online = availability_of(content)
    if is_online is None:
        return _broken(Reason.BAD_VALUE, "expected online or offline")
    return _said([level(Kind.AVAILABILITY, is_online)])


def _answer(content: JsonValue) -> list[Fact]:
    """Only who asked with a transaction can tell what was answered."""
    if not isinstance(content, dict) or isinstance(content.get("transaction"), dict | list | None):
        return []
    asked = str(content["transaction"])[:_TEXT_LIMIT]
    return [event(Kind.DOWNLINK_ACK, word(content.get("status")) == "ok", correlation_id=asked)]


def _log(content: JsonValue) -> list[Fact]:
    """The only place where a command that failed is told."""
    message = content.get("message") if isinstance(content, dict) else None
    if not isinstance(content, dict) or word(content.get("level")) != "error" or not isinstance(message, str):
        return []
    failed = _FAILED.search(message)
    return [] if failed is None else [event(Kind.DOWNLINK_ACK, False, sub_device=failed[1], note=message[:_TEXT_LIMIT])]


def _event(content: JsonValue) -> Decoded:
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(data, dict):
        return _broken(Reason.WRONG_SHAPE, "expected an object with type and data")
    name = _text(data.get("friendly_name")) or _text(data.get("ieee_address"))
    happened = word(content.get("type")).removeprefix("device_")
    if not name:
        return _said([])
    if happened == "leave":
        return _said([level(Kind.AVAILABILITY, False, sub_device=name, note="left the network")])
    if happened == "announce":
        return _said([alive(sub_device=name)])
    if happened == "joined" or (happened == "interview" and word(data.get("status")) == "successful"):
        return _said([Fact(kind=Kind.DISCOVERY, value=True, sub_device=name)], _lessons(data))
    return _said([])


def _devices(content: JsonValue) -> Decoded:
    if not isinstance(content, list):
        return _broken(Reason.WRONG_SHAPE, "expected a list of devices")
    listed = [one for one in content[:_DEVICES_LIMIT] if isinstance(one, dict)]
    lessons = [lesson for one in listed for lesson in _lessons(one)]
    return _said([Fact(kind=Kind.DISCOVERY, value=len(content), is_level=True)], lessons)


def _lessons(listed: Mapping[str, JsonValue]) -> Iterator[Lesson]:
    """What a device is, by each of its names."""
    definition = listed.get("definition")
    names = {_text(listed.get(name)) for name in ("friendly_name", "ieee_address")} - {""}
    if not isinstance(definition, dict):
        return
    ieee = _text(listed.get("ieee_address"))
    learnt: dict[str, JsonValue] = {key: _text(definition.get(key)) for key in ("vendor", "model", "description")}
    learnt |= {"ieee_address": ieee, **_exposed(definition.get("exposes"))}
    for name in sorted(names):
        yield Lesson(_key(name), learnt)


def _exposed(exposes: JsonValue) -> dict[str, JsonValue]:
    """The keys of a device, those of them that are settings, and the words of its switches where they are its own."""
    keys: list[JsonValue] = []
    settings: list[JsonValue] = []
    words: dict[str, JsonValue] = {}
    for one in islice(_features(exposes), _EXPOSES_LIMIT):
        key, access = _text(one.get("property")), one.get("access")
        if not is_known(key):
            continue
        keys.append(key)
        if isinstance(access, int) and access & _SET:
            settings.append(key)
        on, off = one.get("value_on"), one.get("value_off")
        if isinstance(on, str) and isinstance(off, str):
            words[key] = [on[:_TEXT_LIMIT], off[:_TEXT_LIMIT]]
    return {"keys": keys, "settings": settings, "words": words}


def _features(exposes: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """What has a property of its own; a lamp or a lock holds its own in `features`."""
    for one in exposes if isinstance(exposes, list) else []:
        if not isinstance(one, dict):
            continue
        if "property" in one:
            yield one
            continue
        inner = one.get("features")
        yield from (
            two for two in (inner if isinstance(inner, list) else []) if isinstance(two, dict) and "property" in two
        )


def _text(value: JsonValue) -> str:
    return value[:_TEXT_LIMIT] if isinstance(value, str) else ""


def _key(name: str) -> str:
    # No topic: Home Assistant's discovery teaches under the topics of the same gateway.
    return f"zigbee2mqtt device {name}"


def is_listed(name: str, known: Known) -> bool:
    """Whether the gateway named a device of that name."""
    return known.lesson(_key(name)) is not None


def address_of(name: str, known: Known) -> str:
    """The friendly name, or the IEEE address where the registry has the device under that."""
    learnt = known.lesson(_key(name)) or {}
    ieee = _text(learnt.get("ieee_address"))
    return ieee if ieee and known.device(name) is None and known.device(ieee) is not None else name


def device_of(name: str, known: Known) -> Device:
    """What the registry knows of the device, and for what it does not know the gateway."""
    learnt = known.lesson(_key(name)) or {}
    record = known.device(address_of(name, known)) or DeviceRecord()
    vendor, model, description = (
        getattr(record, key) or _text(learnt.get(key)) for key in ("vendor", "model", "description")
    )
    keys, settings, words = learnt.get("keys"), learnt.get("settings"), learnt.get("words")
    return Device(
        model=model.strip().casefold(),
        text=f"{vendor} {model} {description}".casefold(),
        exposed=_names(keys),
        settings=_names(settings),
        words={key: (two[0], two[1]) for key, two in words.items() if isinstance(two, list)}
        if isinstance(words, dict)
        else {},
    )


def _names(listed: JsonValue) -> frozenset[str]:
    return frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else frozenset()
