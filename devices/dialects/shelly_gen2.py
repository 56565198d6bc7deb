"""Shelly Gen2 and later: JSON-RPC frames with events and with changed parts of the status. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from carebell.types import Kind
from devices.coercion import flag, moment, number, word
from devices.dialect import Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import shelly_blu
from devices.dialects.shelly_frames import ITEM_LIMIT, content, name, pressed, signal_of, strength, unreadable
from devices.facts import alive, event, level, other, sample

_ALARMS = {"smoke": Kind.SMOKE, "flood": Kind.WATER}
_ALARM_WORDS = {"alarm": True, "alarm_on": True, "alarm_off": False}
_UNSYNCED_WINDOW_S = 600


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who speaks: the address by topic, the name in the frame, and what may be looked up."""

    address: str
    named: str
    known: Known


def of_frame(address: str, _own: Sequence[str], message: Message, known: Known) -> Decoded:
    """`<id>/events/rpc`: NotifyEvent, NotifyStatus, NotifyFullStatus."""
    frame = content(message)
    params = frame.get("params") if isinstance(frame, dict) else None
    if not isinstance(frame, dict) or not isinstance(params, dict):
        return unreadable(address, message, "a frame with method and params")
    sender = _Sender(address, name(frame.get("src")), known)
    method = frame.get("method")
    if method == "NotifyEvent":
        facts = _events(sender, params, message)
    elif method in ("NotifyStatus", "NotifyFullStatus"):
        facts = _statuses(sender, params)
    else:
        return Decoded(
            device_id=address, problems=(Problem(Reason.WRONG_SHAPE, "the method is no notification known here"),)
        )
    return Decoded(device_id=address, facts=tuple(facts) or (alive(),), signal=signal_of(params, facts))


def of_component(address: str, own: Sequence[str], message: Message, known: Known) -> Decoded:
    """`<id>/status/<component>`: the whole status of one component."""
    status = content(message)
    if not isinstance(status, dict):
        return unreadable(address, message, "the status of a component")
    facts = _status(_Sender(address, address, known), own[1], status)
    return Decoded(device_id=address, facts=tuple(facts) or (alive(),), signal=signal_of({own[1]: status}, facts))


def of_rpc(address: str, _own: Sequence[str], message: Message, known: Known) -> Decoded:
    """`…/rpc`: a command of ours, which says nothing, or the device's answer to one."""
    frame = content(message)
    if not isinstance(frame, dict):
        return unreadable(address, message, "a frame")
    if "method" in frame or not {"result", "error"} & frame.keys():
        return Decoded(device_id=address)
    named = name(frame.get("src")) or address
    result = frame.get("result")
    ack = event(Kind.DOWNLINK_ACK, "error" not in frame, correlation_id=name(frame.get("id")))
    if not isinstance(result, dict):
        return Decoded(device_id=named, facts=(ack,))
    facts = (ack, *_statuses(_Sender(named, named, known), result))
    signal = signal_of(result, facts)
    return Decoded(device_id=named, facts=facts, lessons=_lessons(named, result), signal=signal)


def of_script(address: str, own: Sequence[str], message: Message, _known: Known) -> Decoded:
    """A topic of somebody's script: what a BLU device near the gateway said. Everything else is unknown."""
    stated = content(message)
    if isinstance(stated, dict):
        found = shelly_blu.of_advert(stated, message)
        if found is not None:
            mac, facts = found
            signal = strength(stated) or strength(stated.get("srcBle"))
            return Decoded(device_id=mac, facts=tuple(facts), is_repeated=True, signal=signal)
    if stated is None and list(own) == ["events", "ble"]:
        return unreadable(address, message, "what a BLU device said")
    topic = "/".join((address, *own))[:100]
    return Decoded(device_id=address, problems=(Problem(Reason.UNKNOWN_TOPIC, f"no topic of a Shelly: {topic}"),))


def _events(sender: _Sender, params: Mapping[str, Any], message: Message) -> list[Fact]:
    stated = params.get("events")
    listed = stated if isinstance(stated, list) else [stated]
    facts: list[Fact] = []
    for one in listed[:ITEM_LIMIT]:
        if isinstance(one, dict):
            facts += _event(sender, one, one.get("ts", params.get("ts")), message)
    return facts


def _event(sender: _Sender, one: Mapping[str, Any], ts: Any, message: Message) -> list[Fact]:
    component = name(one.get("component"))[:64]
    family, _, number_of = component.partition(":")
    # The names of webhooks have the family before the word.
    said = word(one.get("event")).removeprefix(f"{family}.")
    about: dict[str, Any] = {
        "channel": _channel(family, number_of, one),
        "observed_at": moment(ts),
        "message_id": _identity(component, one, ts, message),
        "sub_device": _sub_device(sender, component) if family in ("bthomedevice", "bthomesensor") else "",
    }
    press = pressed(said, **about)
    if press is not None:
        return [press]
    if family in _ALARMS:
        return _alarm(_ALARMS[family], said, _plain_channel(number_of), moment(ts))
    data = one.get("data")
    advert = shelly_blu.of_advert(data, message) if family == "script" and isinstance(data, dict) else None
    if advert is not None:
        return [replace(fact, sub_device=advert[0]) for fact in advert[1]]
    if family == "presencezone" and said == "enter":
        return [level(Kind.PRESENCE, True, channel=_plain_channel(number_of), observed_at=moment(ts))]
    return [other(said or component, channel=component)]


def _channel(family: str, number_of: str, one: Mapping[str, Any]) -> str:
    """Which button: of a BLU device by `idx`, of others the component's own number."""
    if family in ("bthomedevice", "bthomesensor"):
        idx = number(one.get("idx"))
        return "" if idx is None else str(idx)
    return number_of


def _plain_channel(number_of: str) -> str:
    return "" if number_of == "0" else number_of


def _identity(component: str, one: Mapping[str, Any], ts: Any, message: Message) -> str:
    """The device's own time of an event. Without a set clock it counts from its start, so that times may come again."""
    at = number(ts)
    if at is None or at <= 0:
        return ""
    window = "" if moment(ts) is not None else int(message.received_at.timestamp() // _UNSYNCED_WINDOW_S)
    return f"{component}/{word(one.get('event'))}/{word(one.get('idx'))}/{at}/{window}"[:200]


def _alarm(kind: Kind, said: str, channel: str, at: Any) -> list[Fact]:
    if said == "alarm_test":
        return [event(Kind.TEST, True, channel=channel, observed_at=at)]
    if said in ("cable_unplugged", "cable_plugged"):
        return [level(Kind.SENSOR_FAULT, said == "cable_unplugged", channel=channel, observed_at=at)]
    is_on = _ALARM_WORDS.get(said)
    if is_on is None:
        return [other(said, channel=channel)]
    # A level: the status beside the event tells the same alarm once more.
    return [level(kind, is_on, channel=channel, observed_at=at)]


def _statuses(sender: _Sender, params: Mapping[str, Any]) -> list[Fact]:
    at = moment(params.get("ts"))
    facts: list[Fact] = []
    for component, status in list(params.items())[:ITEM_LIMIT]:
        if isinstance(status, dict):
            facts += [replace(fact, observed_at=at) for fact in _status(sender, component[:64], status)]
    return facts


def _status(sender: _Sender, component: str, status: Mapping[str, Any]) -> list[Fact]:
    family, _, number_of = component.partition(":")
    read = _STATUS.get(family)
    if family in ("bthomedevice", "bthomesensor"):
        sub_device = _sub_device(sender, component)
        lesson = _lesson(sender, component)
        return [replace(fact, sub_device=sub_device) for fact in shelly_blu.of_component(family, status, lesson)]
    facts = [] if read is None else read(status, number_of)
    return facts + (_faults(status, number_of) if family in _SENSORS else [])


def _faults(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    errors = status.get("errors")
    if not isinstance(errors, list):
        return []
    return [level(Kind.SENSOR_FAULT, bool(errors), channel=_plain_channel(number_of))]


def _smoke(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    return _alarm_level(Kind.SMOKE, status, number_of)


def _flood(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    return _alarm_level(Kind.WATER, status, number_of)


def _alarm_level(kind: Kind, status: Mapping[str, Any], number_of: str) -> list[Fact]:
    """A muted alarm is an alarm."""
    is_on = flag(status.get("alarm"))
    return [] if is_on is None else [level(kind, is_on, channel=_plain_channel(number_of))]


def _power(status: Mapping[str, Any], _number_of: str) -> list[Fact]:
    battery = status.get("battery")
    if not isinstance(battery, dict):
        return []
    return sample(Kind.BATTERY, battery.get("percent")) + sample(Kind.BATTERY_VOLTAGE, battery.get("V"))


def _temperature(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    channel = _plain_channel(number_of)
    fahrenheit = number(status.get("tF"))
    if number(status.get("tC")) is None and fahrenheit is not None:
        return sample(Kind.TEMPERATURE, round((fahrenheit - 32) / 1.8, 2), channel=channel)
    return sample(Kind.TEMPERATURE, status.get("tC"), channel=channel)


def _humidity(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    return sample(Kind.HUMIDITY, status.get("rh"), channel=_plain_channel(number_of))


def _input(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    """What hangs on an input is known to the home alone: a binding may call it a contact."""
    is_on = flag(status.get("state"))
    return [] if is_on is None else [other(is_on, channel=number_of, is_level=True)]


def _presence(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    stated = [flag(status[key]) for key in ("state", "value", "presence") if key in status]
    count = number(status.get("num_objects"))
    is_there = stated[0] if stated else None if count is None else count > 0
    return [] if is_there is None else [level(Kind.PRESENCE, is_there, channel=_plain_channel(number_of))]


def _thermostat(status: Mapping[str, Any], number_of: str) -> list[Fact]:
    """The warmth that it measures, not the one it is set to; of a BLU TRV its battery too."""
    warmth = sample(Kind.TEMPERATURE, status.get("current_C"), channel=number_of)
    return warmth + sample(Kind.BATTERY, status.get("battery"), channel=number_of)


_SENSORS = frozenset({"smoke", "flood", "temperature", "humidity", "illuminance", "devicepower", "presence"})
_STATUS: dict[str, Callable[[Mapping[str, Any], str], list[Fact]]] = {
    "smoke": _smoke,
    "flood": _flood,
    "devicepower": _power,
    "temperature": _temperature,
    "humidity": _humidity,
    "input": _input,
    "presence": _presence,
    "presencezone": _presence,
    "blutrv": _thermostat,
    "thermostat": _thermostat,
}


def _key(sender: str, component: str) -> str:
    return f"shelly {sender} {component}"


def _lesson(sender: _Sender, component: str) -> Mapping[str, Any]:
    for who in (sender.named, sender.address):
        found = sender.known.lesson(_key(who, component))
        if found is not None:
            return found
    return {}


def _sub_device(sender: _Sender, component: str) -> str:
    """The BLU device behind a component: as the home has registered it, by its radio address where the gateway told it."""
    by_place = f"{sender.address}/{component}"
    mac = _lesson(sender, component).get("addr")
    if not isinstance(mac, str) or sender.known.device(by_place) is not None:
        return by_place
    return mac


def _lessons(named: str, result: Mapping[str, Any]) -> tuple[Lesson, ...]:
    """Which BLU device and which of its values stand behind a component, from the gateway's own lists."""
    listed = result.get("components")
    found = [_configured(one) for one in listed[:ITEM_LIMIT]] if isinstance(listed, list) else []
    if not found and isinstance(result.get("addr"), str) and number(result.get("id")) is not None:
        family = "bthomesensor" if "obj_id" in result else "bthomedevice"
        found = [(f"{family}:{number(result['id'])}", result)]
    return tuple(_taught(named, found))


def _configured(one: Any) -> tuple[str, Any]:
    return (name(one.get("key"))[:64], one.get("config")) if isinstance(one, dict) else ("", None)


def _taught(named: str, found: Iterable[tuple[str, Any]]) -> Iterable[Lesson]:
    for component, config in found:
        if component.startswith(("bthomedevice:", "bthomesensor:")) and isinstance(config, dict):
            addr, obj_id = config.get("addr"), number(config.get("obj_id"))
            if isinstance(addr, str) and addr:
                yield Lesson(_key(named, component), {"addr": addr[:32].lower(), "obj_id": obj_id})
