"""rtl_433: `rtl_433/<host>/events` with one JSON object per radio message, or `…/devices/<model>/<id>/<key>` with one value.

Installers often leave the host out: `rtl_433/events`. The device is `<model>/<id>`, with the channel between them where
there is one. Every radio message is sent several times.
"""

import re
from collections.abc import Mapping

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Message, Problem, Reason
from devices.dialects.native import cries
from devices.dialects.rtl_433_models import about, facts_of
from devices.dialects.rtl_433_values import Payload, text_of
from devices.facts import alive, event, level

NAME = "rtl_433"
ROOT = "rtl_433/"
FILTERS: tuple[str, ...] = ()
_ID_LIMIT = 200
_OF_A_HOST = frozenset({"events", "states", "state", "stats", "availability", "devices", "log"})
_TYPES = frozenset({"TPMS"})
# A call that can be told from a message that was cut off.
_CRY = re.compile(rb"KR1\dA? PANIC|Keypad Panic Button")
_IDS = ("id", "device", "senderid", "sid", "house_code", "housecode")


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(ROOT)


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    host, rest = _parted(message.topic)
    if len(message.payload) > PAYLOAD_LIMIT:
        return _unread(message, host, Problem(Reason.TOO_LARGE, f"{len(message.payload)} bytes"))
    if rest == "availability":
        return _availability(message, host)
    if rest in ("states", "state", "stats"):
        return Decoded(device_id=host, facts=(alive(),), is_gateway=True)
    if rest == "log" or rest.startswith("log/"):
        return Decoded(device_id=host)
    if rest.startswith("devices/"):
        return _value(rest.split("/")[1:], message, host, known)
    return _event(message, host, known, is_sure=rest == "events")


def _parted(topic: str) -> tuple[str, str]:
    """The host, or what stands for it where the topic has none, and what stands behind it."""
    root, _, rest = topic.partition("/")
    host, _, behind = rest.partition("/")
    if host in _OF_A_HOST and behind.partition("/")[0] not in _OF_A_HOST:
        return root, rest
    return host[:_ID_LIMIT], behind


def _availability(message: Message, host: str) -> Decoded:
    is_online = flag(message.payload[:64].decode("utf-8", "replace"))
    if is_online is None:
        return Decoded(device_id=host, problems=(Problem(Reason.BAD_VALUE, "expected online or offline"),))
    return Decoded(device_id=host, facts=(level(Kind.AVAILABILITY, is_online),), is_gateway=True)


def _event(message: Message, host: str, known: Known, *, is_sure: bool) -> Decoded:
    """A whole radio message; on topics of the installer's own too, where it names its model."""
    try:
        payload = orjson.loads(message.payload)
    except orjson.JSONDecodeError as error:
        return _unread(message, host, Problem(Reason.NOT_JSON, f"not JSON: {error}"))
    if not isinstance(payload, dict):
        return _unread(message, host, Problem(Reason.WRONG_SHAPE, "expected a JSON object for each radio message"))
    if not is_sure and not isinstance(payload.get("model"), str):
        problem = Problem(Reason.UNKNOWN_TOPIC, "expected …/events, …/devices, …/states or …/availability")
        return Decoded(device_id=host, problems=(problem,))
    return of_payload(payload, host, known)


def of_payload(payload: Payload, host: str, known: Known) -> Decoded:
    """What one radio message says; other gateways use the same form."""
    address = _address(payload)
    facts = about(facts_of(payload, known.device(address)), address)
    return Decoded(device_id=host, facts=facts, is_repeated=True, signal=_signal(payload))


def _signal(payload: Payload) -> int | float | None:
    """In dB below what the receiver can take, as it states it where its operator asks for levels; else above the noise."""
    strength = number(payload.get("rssi"))
    return number(payload.get("snr")) if strength is None else strength


def _address(payload: Payload) -> str:
    stated = next((payload[key] for key in _IDS if text_of(payload.get(key))), None)
    parts = [text_of(payload.get("model")) or "unknown", text_of(payload.get("channel")), text_of(stated)]
    return "/".join(_level(part) for part in parts if part)[:_ID_LIMIT]


def _level(part: str) -> str:
    """As rtl_433 writes it into a topic."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", part)


def _value(levels: list[str], message: Message, host: str, known: Known) -> Decoded:
    """One value of a radio message. Between model and key stand subtype, channel and id, as far as the model has them."""
    if levels and levels[0] in _TYPES:
        return Decoded(device_id=host, facts=(alive(),))
    if len(levels) < 2:
        return Decoded(device_id=host, problems=(Problem(Reason.UNKNOWN_TOPIC, "expected …/devices/MODEL/ID/KEY"),))
    model, *middle, key = levels
    payload: dict[str, JsonValue] = {"model": model[:64], key[:64]: _scalar(message.payload)}
    if len(middle) > 1 and not middle[0].isdigit():
        payload["subtype"] = middle.pop(0)[:64]
    address = "/".join([model, *middle])[:_ID_LIMIT]
    if key in ("time", "id", "channel", "model", "subtype", "mic", "rssi", "snr", "noise", "freq", "mod"):
        signal = _signal(payload) if key == "rssi" else None
        return Decoded(device_id=host, facts=about([alive()], address), is_repeated=True, signal=signal)
    return Decoded(device_id=host, facts=about(facts_of(payload, known.device(address)), address), is_repeated=True)


def _scalar(payload: bytes) -> JsonValue:
    """A bare number, or the text as it stands."""
    text = payload[:1024].decode("utf-8", "replace").strip()
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return None if isinstance(read, Mapping | list) else read


def _unread(message: Message, host: str, problem: Problem) -> Decoded:
    facts: list[Fact] = cries(message.payload)
    if not facts and _CRY.search(message.payload[:PAYLOAD_LIMIT]):
        facts = [event(Kind.SOS, "active", note="told from an unreadable message")]
    return Decoded(device_id=host, facts=tuple(facts), problems=(problem,))
