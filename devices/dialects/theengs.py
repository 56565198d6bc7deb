"""Theengs Gateway and OpenMQTTGateway: `home/<gateway>/BTtoMQTT/<MAC>`, `…/433toMQTT`, `…/RTL_433toMQTT/…`, `…/LWT`.

A code of 433 MHz belongs to the gateway; a Bluetooth device is its address.
"""

from dataclasses import replace

import orjson

from carebell.types import Kind
from devices.coercion import flag, number
from devices.dialect import PAYLOAD_LIMIT, Decoded, Known, Message, Problem, Reason
from devices.dialects import rtl_433, theengs_rf
from devices.dialects.native import cries
from devices.dialects.rtl_433_values import text_of
from devices.dialects.theengs_ble import Payload, facts_of, gateway_facts
from devices.facts import alive, level, other

NAME = "theengs"
ROOT = "home/"
FILTERS: tuple[str, ...] = ()
_ID_LIMIT = 200
_OF_ITSELF = frozenset({"SYStoMQTT", "WebUItoMQTT", "RLStoMQTT", "presence"})
# What we or an installer say to the gateway, and what it keeps for others.
_NOT_OURS = frozenset({"commands", "config", "version", "undecoded", "log"})
# How far a tag is from each gateway.
_ROOMS = frozenset({"home_presence", "presence"})
_NAMED = _NOT_OURS | {"LWT", "presence"}


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return _parted(topic) is not None


def _parted(topic: str) -> tuple[str, str, str] | None:
    """Gateway, module and what stands behind it. The names of modules are plain enough under any root."""
    levels = topic.split("/")
    if levels[0] == "home" and len(levels) == 3 and levels[1] in _ROOMS:
        return levels[2][:_ID_LIMIT], "presence", ""
    if levels[0] == "home" and len(levels) > 2 and levels[2] in _NAMED:
        at = 2
    else:
        at = next((index for index, name in enumerate(levels[1:], 1) if name.endswith("toMQTT")), 0)
    return (levels[at - 1][:_ID_LIMIT], levels[at], "/".join(levels[at + 1 :])) if at else None


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parted = _parted(message.topic)
    if parted is None:
        problem = Problem(Reason.UNKNOWN_TOPIC, "expected home/GATEWAY/BTtoMQTT/MAC, …/433toMQTT, …/LWT and the like")
        return Decoded(problems=(problem,))
    gateway, module, tail = parted
    if module == "LWT":
        return _availability(message, gateway)
    if module in _NOT_OURS or tail.startswith("undecoded"):
        return Decoded(device_id=gateway)
    if module in _OF_ITSELF:
        return Decoded(device_id=gateway, facts=(alive(),), is_gateway=True)
    return _reported(message, gateway, module, tail, known)


def _availability(message: Message, gateway: str) -> Decoded:
    is_online = flag(message.payload[:64].decode("utf-8", "replace"))
    if is_online is None:
        return Decoded(device_id=gateway, problems=(Problem(Reason.BAD_VALUE, "expected online or offline"),))
    return Decoded(device_id=gateway, facts=(level(Kind.AVAILABILITY, is_online),), is_gateway=True)


def _reported(message: Message, gateway: str, module: str, tail: str, known: Known) -> Decoded:
    payload, problem = _read(message.payload)
    if problem is not None:
        return Decoded(device_id=gateway, facts=tuple(cries(message.payload)), problems=(problem,))
    if module == "BTtoMQTT":
        return _advertisement(payload, message, gateway, tail)
    if module.startswith("RTL_433"):
        return rtl_433.of_payload(payload, gateway, known) if payload.get("model") else _alive(gateway)
    if module in theengs_rf.MODULES:
        return Decoded(device_id=gateway, facts=tuple(theengs_rf.codes(payload)), is_repeated=True)
    if module == "IRtoMQTT":
        return Decoded(device_id=gateway, facts=(other(text_of(payload.get("value")), channel="IR"),), is_repeated=True)
    return Decoded(device_id=gateway, facts=tuple(gateway_facts(payload, module)) or (alive(),))


def _read(payload: bytes) -> tuple[Payload, Problem | None]:
    if len(payload) > PAYLOAD_LIMIT:
        return {}, Problem(Reason.TOO_LARGE, f"{len(payload)} bytes; the limit is {PAYLOAD_LIMIT}")
    try:
        read = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return {}, Problem(Reason.NOT_JSON, f"not JSON: {error}")
    return (read, None) if isinstance(read, dict) else ({}, Problem(Reason.WRONG_SHAPE, "expected a JSON object"))


def _alive(gateway: str) -> Decoded:
    return Decoded(device_id=gateway, facts=(alive(),), is_gateway=True)


def _advertisement(payload: Payload, message: Message, gateway: str, tail: str) -> Decoded:
    """Of the device whose address ends the topic, or stands in the message."""
    address = (text_of(tail.rpartition("/")[2]) or text_of(payload.get("id"))).replace(":", "").upper()
    if not address:
        return Decoded(device_id=gateway, problems=(Problem(Reason.BAD_ADDRESS, "no address in topic or message"),))
    facts = (replace(fact, sub_device=address) for fact in facts_of(payload, message.received_at))
    # Several gateways hear it: the device is the sender, whichever passed it on.
    return Decoded(device_id=address, facts=tuple(facts), is_repeated=True, signal=number(payload.get("rssi")))
