"""What OpenMQTTGateway's receivers of 433 MHz report: codes without a meaning, and what Pilight reads from them. Pure.

A code belongs to the gateway, with the code as channel. A sensor that Pilight knows is its protocol and number.
"""

from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, word
from devices.dialect import Fact
from devices.dialects.rtl_433_values import Payload, press, text_of
from devices.facts import alive, event, level, other, sample

# `RF2toMQTT` is the receiver of self-learning switches; `PilighttoMQTT` decodes known protocols.
MODULES = frozenset({"433toMQTT", "RFtoMQTT", "SRFBtoMQTT", "RF2toMQTT", "PilighttoMQTT"})
_PROTOCOL_LIMIT = 64
_SWITCH_TYPES = {"0": "off", "1": "on"}
_NUMBERS = ("id", "unitcode", "unit", "code", "systemcode")
_CONTACTS = (
    "arctech_contact",
    "conrad_rsl_contact",
    "elro_800_contact",
    "gw-iwds07",
    "gs-iwds07",
    "iwds07",
    "kerui_d026",
)


def codes(payload: Payload) -> list[Fact]:
    """Everything that one radio message says; a heartbeat where it holds no code."""
    if "switchType" in payload and text_of(payload.get("address")):
        return [_learned(payload)]
    inner = payload.get("message")
    if isinstance(inner, dict) and (found := _known(word(payload.get("protocol")), inner)):
        return found
    return [_code(payload, inner if isinstance(inner, dict) else {})]


def _code(payload: Payload, inner: Payload) -> Fact:
    """A number, which only a binding gives a meaning."""
    stated = payload.get("value")
    if stated is None:
        stated = next((inner[key] for key in ("code", "unitcode", "id", "systemcode") if key in inner), None)
    code = text_of(stated) or text_of(payload.get("raw"))
    return event(Kind.BUTTON, "rf_code", channel=code) if word(code) not in ("", "0") else alive()


def _learned(payload: Payload) -> Fact:
    """Which key of a self-learning remote: its address, then its unit or all of them."""
    unit = "all" if flag(payload.get("groupBit")) else text_of(payload.get("unit"))
    gesture = _SWITCH_TYPES.get(word(payload.get("switchType")), "other")
    return press(gesture, f"{text_of(payload.get('address'))}/{unit}")


def _known(protocol: str, said: Payload) -> list[Fact]:
    """Of a sensor whose protocol tells what it is; nothing of remotes, switches and contacts of any make, nor
    of words that its protocol is not known to say: their code can be bound."""
    named = next((text_of(said[key]) for key in _NUMBERS if text_of(said.get(key))), "")
    found = [*_sensed(protocol, said.get("state")), *_climate(said)]
    if found and (is_charged := flag(said.get("battery"))) is not None:
        found.append(level(Kind.BATTERY_LOW, not is_charged))
    address = f"{protocol[:_PROTOCOL_LIMIT]}/{named}" if protocol else ""
    return [replace(fact, sub_device=address) for fact in found]


def _sensed(protocol: str, stated: JsonValue) -> list[Fact]:
    said = word(stated)
    if "smoke" in protocol:
        return [event(Kind.SMOKE, True)] if said == "alarm" else [other(said)] if said == "none" else []
    if protocol in _CONTACTS:
        if said == "tamper":
            return [event(Kind.TAMPER, True)]
        # Pendants speak as contacts that only open: each is news.
        stated = {"opened": "open", "closed": "closed"}.get(said)
        return [event(Kind.CONTACT, stated, is_lasting=True)] if stated else []
    if protocol.endswith("_motion") and said in ("on", "off"):
        # Not all of them say that the motion is over: each is news.
        return [event(Kind.MOTION, True, is_lasting=True) if said == "on" else level(Kind.MOTION, False)]
    return []


def _climate(said: Payload) -> list[Fact]:
    return [*sample(Kind.TEMPERATURE, said.get("temperature")), *sample(Kind.HUMIDITY, said.get("humidity"))]
