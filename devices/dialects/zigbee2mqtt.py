"""Zigbee2MQTT: `zigbee2mqtt/<friendly name>` with the state of a device, `…/availability`, and `zigbee2mqtt/bridge/…`.

A friendly name may contain `/`. Every message carries the whole cached state, so what lasts is a level; `action` is not
cached, so each is an event. With `output: attribute` each key has a topic of its own: `zigbee2mqtt/<name>/<key>`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import orjson
from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import number, word
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import zigbee2mqtt_bridge as bridge
from devices.dialects import zigbee2mqtt_keys as keys
from devices.facts import alive, event, level

NAME = "zigbee2mqtt"
ROOT = "zigbee2mqtt/"
FILTERS: tuple[str, ...] = ()
_NAME_LIMIT = 200
_OURS = re.compile(r".+/(?:set|get)(?:/[^/]+)?")
_AVAILABILITY = "/availability"
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_CRY = re.compile(
    rb'"(?:action|click)(?:_\w{1,20})?"\s*:\s*"[^"]{0,20}(?:emergency|panic|sos)|"sos(?:_alarm)?"\s*:\s*true'
)
_ALWAYS_JSON = frozenset({"devices", "event", "groups", "health", "info", "logging"})
_TO_THE_BRIDGE = ("config/", "networkmap", "request/")
_PRESSES = ("action", "click")
_AGAIN_WITHIN_S = 3
_TEST_S = 600
_OVER = (False, "cleared")
_LASTING = frozenset({Kind.FALL, Kind.BED})


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(ROOT)


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    name = message.topic.removeprefix(ROOT)
    if not matches(message.topic):
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, f"expected {ROOT}NAME"),))
    if not name.strip("/") or not name.isprintable():
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no device"),))
    if _OURS.fullmatch(name):
        return Decoded()
    if len(message.payload) > PAYLOAD_LIMIT:
        return _unreadable(name, message, Problem(Reason.TOO_LARGE, f"{len(message.payload)} bytes"))
    content, problem = _content(message.payload)
    if name.startswith("bridge/"):
        return _of_bridge(name.removeprefix("bridge/"), message, content, problem)
    if name.endswith(_AVAILABILITY):
        return _availability(name.removesuffix(_AVAILABILITY), message, content, known)
    if not message.payload.strip():
        return Decoded(device_id=name[:_NAME_LIMIT])
    return _of_device(name, message, content, problem, known)


def _content(payload: bytes) -> tuple[JsonValue, Problem | None]:
    """The payload as JSON, or as a bare text with the problem that it is."""
    try:
        return orjson.loads(payload), None
    except orjson.JSONDecodeError as error:
        return payload.decode("utf-8", "replace"), Problem(Reason.NOT_JSON, f"not JSON: {error}")


def _of_bridge(topic: str, message: Message, content: JsonValue, problem: Problem | None) -> Decoded:
    if problem is not None and topic in _ALWAYS_JSON:
        return Decoded(device_id=bridge.DEVICE_ID, is_gateway=True, problems=(problem,))
    decoded = bridge.decode(topic, content)
    if decoded.facts or decoded.problems or message.retained or topic.startswith(_TO_THE_BRIDGE):
        return decoded
    return replace(decoded, facts=(alive(),))


def _availability(name: str, message: Message, content: JsonValue, known: Known) -> Decoded:
    address = bridge.address_of(name, known)[:_NAME_LIMIT]
    # The gateway clears the topic of a device that was removed or has another name now.
    if not message.payload.strip():
        return Decoded(device_id=address)
    is_online = bridge.availability_of(content)
    if is_online is None:
        problem = Problem(Reason.BAD_VALUE, "expected online or offline")
        return Decoded(device_id=address, problems=(problem,))
    return Decoded(device_id=address, facts=(level(Kind.AVAILABILITY, is_online),))


def _of_device(name: str, message: Message, content: JsonValue, problem: Problem | None, known: Known) -> Decoded:
    if isinstance(content, dict):
        decoded = _state(name, content, message, known)
        return replace(decoded, lessons=(*decoded.lessons, *_pressed(name, content, message)))
    parent, _, key = name.rpartition("/")
    if parent and _is_attribute(key, message.payload, content) and not bridge.is_listed(name, known):
        if key in _PRESSES and _is_said_again(parent, content, message, known):
            return Decoded(device_id=bridge.address_of(parent, known)[:_NAME_LIMIT], facts=(alive(),))
        return _state(parent, {key: content}, message, known)
    return _unreadable(name, message, problem or Problem(Reason.WRONG_SHAPE, "expected a JSON object"))


def _pressed(name: str, state: Mapping[str, JsonValue], message: Message) -> tuple[Lesson, ...]:
    """For Home Assistant, and by `attribute_and_json`, each press comes once more on a topic of its own."""
    said = {key: word(state[key])[:_NAME_LIMIT] for key in _PRESSES if word(state.get(key))}
    return (Lesson(_press_key(name), {**said, "at": message.received_at.timestamp()}),) if said else ()


def _press_key(name: str) -> str:
    return f"zigbee2mqtt press {name}"


def _is_said_again(name: str, content: JsonValue, message: Message, known: Known) -> bool:
    before = known.lesson(_press_key(name)) or {}
    at = number(before.get("at"))
    is_just_now = at is not None and 0 <= message.received_at.timestamp() - at <= _AGAIN_WITHIN_S
    return is_just_now and word(content) in [before.get(key) for key in _PRESSES]


def _is_attribute(key: str, payload: bytes, content: JsonValue) -> bool:
    """One key of a state on a topic of its own: a scalar, not the rest of a broken object."""
    is_scalar = not isinstance(content, list) and not payload.lstrip().startswith((b"{", b"["))
    return is_scalar and _KEY.fullmatch(key) is not None and (keys.is_known(key) or len(payload) <= _NAME_LIMIT)


def _state(name: str, state: Mapping[str, JsonValue], message: Message, known: Known) -> Decoded:
    device = bridge.device_of(name, known)
    facts = keys.facts_of(state, device)
    facts, lessons = _with_tests(name, facts, keys.is_tested(state, device), message, known)
    if "status" in state:
        facts, ended = _with_ends(name, facts, known)
        lessons = (*lessons, *ended)
    address = bridge.address_of(name, known)[:_NAME_LIMIT]
    signal = number(state.get("linkquality"))
    return Decoded(device_id=address, facts=tuple(facts) or (alive(),), lessons=lessons, signal=signal)


def _with_ends(name: str, facts: list[Fact], known: Known) -> tuple[list[Fact], tuple[Lesson, ...]]:
    """A posture ends by the next one: who sits has not fallen any more. Without that a second fall were no news."""
    key = f"zigbee2mqtt posture {name}"
    before = known.lesson(key) or {}
    now = {fact.kind for fact in facts if fact.kind in _LASTING and fact.value in ("detected", "occupied")}
    if not now and not any(fact.kind == Kind.PRESENCE for fact in facts):
        return facts, ()
    ended = [level(kind, False) for kind in sorted(_LASTING) if before.get(kind) is True and kind not in now]
    if not now and not before:
        return facts, ()
    return [*facts, *ended], (Lesson(key, dict.fromkeys(sorted(now), True) if now else None),)


def _with_tests(
    name: str, facts: list[Fact], is_tested: bool | None, message: Message, known: Known
) -> tuple[list[Fact], tuple[Lesson, ...]]:
    """An alarm that comes while a test runs is of the test, as long as it lasts. That a test is over gets lost, and then
    stays cached for days: what comes later is no test. When a test began that the broker kept, nobody knows: long ago."""
    key, at = f"zigbee2mqtt test {name}", message.received_at.timestamp()
    before = known.lesson(key) or {}
    if not is_tested:
        return facts, (Lesson(key, None),) if before and is_tested is False else ()
    since, raised = number(before.get("since")), before.get("raised")
    began = (at - _TEST_S - 1 if message.retained else at) if since is None else min(since, at)
    is_running = at - began <= _TEST_S or (message.retained and since is None)
    of_test = {str(one) for one in raised} if isinstance(raised, list) else set()
    told = [_of_test(fact) if is_running or _alarm(fact) in of_test else fact for fact in facts]
    over = {_alarm(fact) for fact in told if fact.value in _OVER}
    of_test = (of_test | {_alarm(fact) for fact in told if fact.is_test and fact.is_level}) - over
    lesson: dict[str, JsonValue] = {"since": began, "raised": [*sorted(of_test)]}
    return told, () if lesson == before else (Lesson(key, lesson),)


def _of_test(fact: Fact) -> Fact:
    return replace(fact, is_test=True) if fact.kind in URGENT_KINDS else fact


def _alarm(fact: Fact) -> str:
    return f"{fact.kind} {fact.channel}"


def _unreadable(name: str, message: Message, problem: Problem) -> Decoded:
    """A call for help that can be told from bytes that cannot be read is one."""
    is_cry = _CRY.search(message.payload[:PAYLOAD_LIMIT]) is not None
    cry = (event(Kind.SOS, "active", note="told from an unreadable message"),) if is_cry else ()
    return Decoded(device_id=name[:_NAME_LIMIT], facts=cry, problems=(problem,))
