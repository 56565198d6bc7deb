"""Home Assistant's discovery, and whatever it describes; ESPHome's topics.

A config teaches which topic says what; the device's address is its identifier there, or its node in the topic where the home
has registered that, and each entity is a channel named by its object id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import native
from devices.dialects.homeassistant_discovery import chosen, config_of, learnt
from devices.dialects.homeassistant_names import documented_kind, is_call_key, sketch_kind
from devices.dialects.homeassistant_state import availability_of, facts_of, is_broken, signal_of, urgency
from devices.dialects.homeassistant_template import Said
from devices.facts import alive, level, level_of

NAME = "homeassistant"
ROOT = ""
FILTERS: tuple[str, ...] = ()
_ESPHOME = frozenset(
    {
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "climate",
        "cover",
        "date",
        "datetime",
        "event",
        "fan",
        "light",
        "lock",
        "media_player",
        "number",
        "select",
        "sensor",
        "switch",
        "text",
        "text_sensor",
        "time",
        "update",
        "valve",
    }
)
_HELLO = "esphome/discover/"
_OWN_STATUS = ("homeassistant/status", "status")
Spec = Mapping[str, Any]


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(("homeassistant/", _HELLO)) or config_of(topic) is not None or _is_esphome(topic)


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    if len(message.payload) > PAYLOAD_LIMIT:
        return Decoded(problems=(Problem(Reason.TOO_LARGE, f"{len(message.payload)} bytes"),))
    config = config_of(message.topic)
    if config is not None:
        return learnt(config, message, known)
    for key in dict.fromkeys((message.full_topic, message.topic)):
        lesson = known.lesson(key)
        if lesson is not None:
            return _of_lesson(key, lesson, message, known)
    return _undescribed(message)


def _is_esphome(topic: str) -> bool:
    levels = topic.split("/")
    if len(levels) == 2:
        return levels[1] in ("status", "debug")
    return len(levels) > 3 and levels[-3] in _ESPHOME and levels[-1] in ("state", "command")


def _said(message: Message) -> str:
    return message.payload.decode("utf-8", "replace")


def _of_lesson(key: str, lesson: Spec, message: Message, known: Known) -> Decoded:
    """Every entity that reads this topic, and whether the device is there where a config has that of it too."""
    stated = lesson.get("entities")
    specs = [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []
    heard = [one for one in specs if one.get("role") == "availability"]
    told = [one for one in specs if one.get("role") not in ("availability", "silent")]
    said = Said(_said(message))
    # What a life hangs on comes before what only says that somebody is there.
    states = _states(specs if not heard else told, said, message, known) if told or not heard else None
    if not heard:
        return states or Decoded()
    status = _availability(key, lesson, heard, message.topic, said, known)
    return status if states is None else _together_with(states, status)


def _together_with(states: Decoded, status: Decoded) -> Decoded:
    """One topic tells both: what it says of the device's presence may be missing from a message."""
    about = "" if states.device_id == status.device_id else states.device_id
    spoken = [fact for fact in states.facts if fact.kind not in (Kind.AVAILABILITY, Kind.HEARTBEAT) or not status.facts]
    facts = (*(_about(fact, fact.sub_device or about) for fact in spoken), *status.facts)
    return replace(status, facts=facts, problems=states.problems, signal=states.signal)


def _states(specs: Sequence[Spec], said: Said, message: Message, known: Known) -> Decoded:
    """All of one device: it is the sender; of several: each is named."""
    addresses = [chosen(one.get("device") or [], known) for one in specs]
    several = len(set(addresses)) > 1
    sender = addresses[0] if addresses else ""
    if said.is_too_long and any(one.get("role") != "silent" for one in specs):
        problem = Problem(Reason.TOO_LARGE, f"{len(said.text)} characters, and no state has so many")
        return Decoded(device_id=sender, facts=tuple(native.cries(message.payload)), problems=(problem,))
    told, cut = _read(specs, said)
    facts = [
        _about(fact, address if several else "")
        for address, found in zip(addresses, told, strict=True)
        for fact in dict.fromkeys(found)
    ]
    problems = () if not cut else (_of_cut(cut, len(specs)),)
    if is_broken(said) and not any(fact.kind != Kind.OTHER for fact in facts):
        broken = Problem(Reason.NOT_JSON, "begins as JSON and is none")
        return Decoded(device_id=sender, facts=tuple(native.cries(message.payload)), problems=(broken, *problems))
    # Of several devices nothing would tell whose it is.
    heard_at = [] if several else [signal_of(one, said) for one in specs]
    signal = next((one for one in heard_at if one is not None), None)
    return Decoded(device_id=sender, facts=tuple(facts) or (alive(),), problems=problems, signal=signal)


def _read(specs: Sequence[Spec], said: Said) -> tuple[list[list[Fact]], list[str]]:
    """What each entity says, and the names of those for which no work was left: those that a life hangs on come first."""
    told: list[list[Fact]] = [[] for _ in specs]
    cut = []
    for place in sorted(range(len(specs)), key=lambda place: urgency(specs[place])):
        before = said.cut
        told[place] = facts_of(specs[place], said)
        if said.cut > before:
            cut.append(str(specs[place].get("object")))
    return told, cut


def _of_cut(cut: Sequence[str], count: int) -> Problem:
    named = ", ".join(cut[:5])[:500]
    return Problem(
        Reason.TOO_LARGE,
        f"{len(cut)} of the {count} entities of this topic are not read, for their templates want more work than a message"
        f" may cost: {named}",
    )


def _about(fact: Fact, address: str) -> Fact:
    return replace(fact, sub_device=address) if address else fact


def _availability(key: str, lesson: Spec, specs: Sequence[Spec], topic: str, said: Said, known: Known) -> Decoded:
    """A topic that many devices lean on speaks for their gateway; an ESPHome node is the gateway of its entities."""
    is_on = _is_there(specs, said)
    addresses = list(dict.fromkeys(chosen(spec.get("device") or [], known) for spec in specs))
    is_shared = len(addresses) > 1
    sender = (topic.rpartition("/")[0] or topic) if is_shared else addresses[0]
    if is_on is None:
        problem = Problem(Reason.BAD_VALUE, "neither of the two words that the discovery gives for availability")
        return Decoded(device_id=sender, problems=() if not said.text.strip() else (problem,))
    counts = any(len(spec.get("topics") or ()) > 1 for spec in specs)
    is_there = is_on if is_shared else _together(specs[0], key, is_on, known)
    return Decoded(
        device_id=sender,
        facts=(alive(),) if is_there is None else (level(Kind.AVAILABILITY, is_there),),
        lessons=(Lesson(key, {**lesson, "status": is_on}),) if counts and lesson.get("status") is not is_on else (),
        is_gateway=is_shared or specs[0].get("is_node") is True,
    )


def _is_there(specs: Sequence[Spec], said: Said) -> bool | None:
    """By any of its entities: one whose value is missing from a message may say that it is not there itself."""
    different = {(spec.get("template"), spec.get("on"), spec.get("off")): spec for spec in specs}
    words = {availability_of(spec, said) for spec in different.values()}
    return True if True in words else False if False in words else None


def _together(spec: Spec, key: str, is_on: bool, known: Known) -> bool | None:
    """All of its topics, or any, as the config wants; None while one that counts has not been heard."""
    mode, topics = spec.get("mode"), [str(one) for one in spec.get("topics") or ()]
    if mode not in ("all", "any") or len(topics) < 2:
        return is_on
    heard = [is_on if topic == key else (known.lesson(topic) or {}).get("status") for topic in topics]
    decisive: bool = mode == "any"
    if decisive in heard:
        return decisive
    return None if None in heard else not decisive


def _undescribed(message: Message) -> Decoded:
    """A topic without a config: the few that tell by themselves what they are."""
    topic = message.topic
    levels = topic.split("/")
    if topic in _OWN_STATUS or levels[-1] in ("command", "set"):
        return Decoded()
    if levels[-1] in ("debug", "logs"):
        return Decoded(device_id="/".join(levels[:-1]), facts=(alive(),), is_gateway=True)
    object_id = levels[-2] if len(levels) > 1 else ""
    kind = sketch_kind(object_id) if levels[-1] == "state" else None
    if kind is not None:
        return Decoded(device_id=object_id.rpartition("_")[0], facts=tuple(level_of(kind, _said(message))))
    if topic.startswith(_HELLO):
        return Decoded(device_id=levels[-1], facts=(Fact(kind=Kind.DISCOVERY, value=True),))
    if object_id.startswith("seeed-mmwave"):
        return Decoded(device_id=object_id.rpartition("_")[0], facts=(alive(),))
    if levels[-1] == "status" and word(_said(message)) in ("online", "offline") and len(levels) > 1:
        fact = level(Kind.AVAILABILITY, word(_said(message)) == "online")
        return Decoded(device_id="/".join(levels[:-1]), facts=(fact,), is_gateway=True)
    facts = _documented(levels, message)
    problem = Problem(
        Reason.UNKNOWN_TOPIC,
        "no discovery names this topic: switch MQTT discovery on in the device and keep it retained",
    )
    return Decoded(device_id="/".join(levels[:-3]) or topic, facts=tuple(facts), problems=(problem,))


def _documented(levels: Sequence[str], message: Message) -> list[Fact]:
    """Neither a fall nor a press is lost for want of a discovery: ESPHome documents the names of the fall radar, an event says
    itself what it is, and so does a pin that is called SOS."""
    if len(levels) < 4 or levels[-1] != "state":
        return []
    if levels[-3] == "event" or (levels[-3] == "binary_sensor" and is_call_key(levels[-2])):
        return facts_of({"role": "state_topic", "component": levels[-3], "object": levels[-2]}, Said(_said(message)))
    if levels[-3] != "binary_sensor":
        return []
    kind = documented_kind(levels[-2])
    return [] if kind is None else level_of(kind, _said(message), channel=levels[-2])
