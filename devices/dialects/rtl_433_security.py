"""The security and alarm devices that rtl_433 decodes, family by family: what their words and bits mean. Pure."""

import re
from collections.abc import Callable

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.dialects.rtl_433_values import Payload, meant, press, text_of, zone
from devices.facts import alive, event, level, other

Reader = Callable[[Payload, str], list[Fact]]


def x10(payload: Payload, words: str) -> list[Fact]:
    """X10: a sentence in `event`, in old versions in `remarks` and with the model before it."""
    said = text_of(payload.get("event") or payload.get("remarks")).upper()
    if "PANIC" in said:
        return [event(Kind.SOS, "active")]
    if "LIGHT" in said:
        return [press("other", said.casefold())]
    for ending, fact in _X10:
        if said.endswith(ending) or f"{ending} " in said:
            return [fact]
    return [other(said)] if said else []


_X10: tuple[tuple[str, Fact], ...] = (
    ("WINDOW OPEN", level(Kind.CONTACT, True)),
    ("WINDOW CLOSED", level(Kind.CONTACT, False)),
    ("MOTION TRIPPED", level(Kind.MOTION, True)),
    ("MOTION READY", level(Kind.MOTION, False)),
    ("SMOKE", event(Kind.SMOKE, True)),
    ("ALARM", other("alarm", channel="alarm")),
    ("DISARM", event(Kind.ARM, "disarm")),
    ("ARM HOME", event(Kind.ARM, "arm_home")),
    ("ARM AWAY", event(Kind.ARM, "arm_away")),
    ("ARM-HOME", event(Kind.ARM, "arm_home")),
    ("ARM-AWAY", event(Kind.ARM, "arm_away")),
    ("ARM", event(Kind.ARM, "arm")),
)


def interlogix(payload: Payload, words: str) -> list[Fact]:
    """Interlogix and GE: five switches, whose meaning depends on the subtype. A switch that was tripped and is over is
    still told by its latch, which stands only in the raw message."""
    subtype = word(payload.get("subtype") or payload.get("device_type"))
    states = [word(payload.get(f"switch{index}")) for index in range(1, 6)]
    if subtype == "keyfob":
        return _keyfob(states, words)
    cover = [level(Kind.TAMPER, True)] if states[2] == "open" else []
    if subtype in ("smoke", "heat"):
        return [*_detector(Kind(subtype), states), *cover]
    if subtype == "panic":
        is_pressed = states[0] == "open" or _is_latched(payload)
        return [event(Kind.SOS, "active")] if is_pressed else [alive(), *cover]
    if subtype == "motion":
        # By its switches a supervision looks the same.
        latched = _is_latched(payload)
        is_moving = states[0] == "open" if latched is None else latched
        return [event(Kind.MOTION, True), *cover] if is_moving else [alive(), *cover]
    if not states[0]:
        return cover
    if subtype == "contact":
        # With wires at its terminals its cover switch floats.
        return [level(Kind.CONTACT, states[0] == "open")]
    return [other(f"{subtype} switch1 {states[0]}"), *cover]


def _is_latched(payload: Payload) -> bool | None:
    """Whether the first input was tripped since the message before; None where the raw message is not there."""
    raw = text_of(payload.get("raw_message") or payload.get("device_raw_message"))
    first = _byte(raw[:2]) if len(raw) == 6 else None
    return None if first is None else bool(first & 8)


def _keyfob(states: list[str], words: str) -> list[Fact]:
    if states[4] == "closed":
        # For some makers' panels an emergency, for others nothing: the description tells, or a binding.
        is_call = meant(words) == Kind.SOS
        return [*([event(Kind.SOS, "active")] if is_call else []), press("other", "lock and unlock")]
    names = ("lock", "unlock", "3", "4")
    return [press("single", name) for name, state in zip(names, states, strict=False) if state == "closed"]


def _detector(kind: Kind, states: list[str]) -> list[Fact]:
    """At rest only its first switch is open. Of a smoke detector the fourth one tells its test key from smoke."""
    first, second, _, fourth, fifth = states
    if kind == Kind.SMOKE and fourth == "open":
        return [event(kind, True), event(Kind.TEST, True)]
    is_at_rest = first in ("open", "") and not {second, fourth, fifth} & {"open"}
    if all(states):
        return [level(kind, not is_at_rest)]
    # One switch alone, as on the topics with one value each, does not show that it is at rest.
    return [] if is_at_rest else [event(kind, True)]


def simplisafe(payload: Payload, words: str) -> list[Fact]:
    """SimpliSafe. The PANIC of its key chain is decoded as an open contact: the description tells, or a binding."""
    said = word(payload.get("extradata"))
    if "panic" in said:
        return [event(Kind.SOS, "active")]
    if said.startswith("contact "):
        is_fob = any(one in words for one in ("key chain", "keychain", "key fob", "keyfob"))
        if is_fob:
            is_call = said == "contact open"
            return [event(Kind.SOS, "active") if is_call else event(Kind.ARM, "arm_away")]
        return zone(said == "contact open", words)
    if said.startswith("disarm") or said == "alarm off":
        return [event(Kind.ARM, "disarm")]
    for ending, mode in (("away", "arm_away"), ("home", "arm_home")):
        if said.startswith("arm system") and said.endswith(ending):
            return [event(Kind.ARM, mode)]
    return [press("other", said)] if "keypad" in said else [other(said)] if said else []


def cavius(payload: Payload, words: str) -> list[Fact]:
    """Cavius detectors say it in `text`, doors in `state`."""
    if word(payload.get("state")) in ("open", "closed"):
        return [level(Kind.CONTACT, word(payload.get("state")) == "open")]
    said = word(payload.get("text"))
    if said.startswith("fire"):
        return [event(Kind.SMOKE, True)]
    if said.startswith("test"):
        return [event(Kind.TEST, True)]
    if "water" in said:
        return [event(Kind.WATER, True)]
    if said == "battery low":
        return [level(Kind.BATTERY_LOW, True)]
    return [other(said)] if said else []


def gs558(payload: Payload, words: str) -> list[Fact]:
    """GS 558 transmits when it sounds and when it learns. Cheap remotes look the same: the description tells."""
    if flag(payload.get("learn")):
        return [other("learn")]
    if any(one in words for one in ("remote", "doorbell", "chime", "key fob")):
        return [event(Kind.BUTTON, "rf_code", channel=text_of(payload.get("code")))]
    kind = meant(words)
    if kind in (None, Kind.SMOKE):
        return [event(Kind.SMOKE, True)]
    return zone(True, words)


def kidde(payload: Payload, words: str) -> list[Fact]:
    """Kidde: one command, in words or as the number that its radio sends; it sends nothing else than these."""
    named = _kidde_words(payload)
    if "test" in named:
        return [event(Kind.TEST, True)]
    if named & {"hush", "clear", "cleared"}:
        return [other("hush")]
    if "battery" in named:
        return [level(Kind.BATTERY_LOW, True)]
    dangers = [event(Kind.CO, True)] if named & {"co", "carbon"} else []
    if named & {"smoke", "fire"} or (flag(payload.get("alarm")) and not dangers):
        dangers.append(event(Kind.SMOKE, True))
    return dangers


def _kidde_words(payload: Payload) -> set[str]:
    """Every word of its command, whatever key it stands under."""
    keys = [key for key in _KIDDE_SAYS if payload.get(key) is not None] or [key for key in payload if key != "model"]
    named = {key for key in ("test", "hush", "co", "smoke") if flag(payload.get(key))}
    for key in keys:
        stated = payload[key]
        if isinstance(stated, int) and stated >= 0x80:
            named.add(_KIDDE.get(stated & 0x7F, ""))
        named |= {*re.split(r"[^a-z]+", text_of(stated).casefold())}
    return named


_KIDDE_SAYS = ("event", "command", "cmd", "state", "status", "text", "message", "alarm", "alarm_type")
_KIDDE = {0: "test", 1: "hush", 2: "co", 3: "smoke", 13: "battery"}


def kerui(payload: Payload, words: str) -> list[Fact]:
    """Kerui: one word. Only contacts say when it is over."""
    said = word(payload.get("state"))
    if said in ("open", "close", "closed"):
        return zone(said == "open", words, is_state=meant(words) in (None, Kind.CONTACT))
    if said in ("motion", "water", "tamper"):
        return [event(said, True)]
    if said.startswith("battery"):
        return [level(Kind.BATTERY_LOW, True)]
    momentary = [kind for kind in (Kind.MOTION, Kind.WATER, Kind.TAMPER) if flag(payload.get(kind.value))]
    return [event(kind, True) for kind in momentary]


def govee(payload: Payload, words: str) -> list[Fact]:
    """Govee: the water sensor's key is pressed when it is dry again; the contact never says that it is closed."""
    said = word(payload.get("event"))
    wet = flag(payload.get("detect_wet"))
    if wet is None and "leak" in said:
        wet = "no leak" not in said and "clear" not in said
    if wet is None and said == "button press" and "contact" not in word(payload.get("model")):
        wet = False
    if wet is not None:
        return [event(Kind.WATER, wet)]
    if said in ("open", "contact open"):
        return zone(True, words)
    if said in ("close", "closed", "contact closed"):
        return zone(False, words)
    return [alive()] if said == "heartbeat" else [other(said)] if said else []


def honeywell(payload: Payload, words: str) -> list[Fact]:
    """Honeywell and 2GIG: one of two inputs is the door, the other is not wired."""
    contact, reed = flag(payload.get("contact_open")), flag(payload.get("reed_open"))
    if contact is None and word(payload.get("state")) in ("open", "closed"):
        contact = word(payload.get("state")) == "open"
    # On the topics with one value each, a reed that is not wired closes no door.
    stated = [one for one in (contact, reed) if one is not None] if contact is not None or reed else []
    is_heartbeat = bool(flag(payload.get("heartbeat")))
    found = zone(any(stated), words, is_state=is_heartbeat) if stated else []
    if flag(payload.get("alarm")):
        found += [event(Kind.SOS, "active")] if meant(words) == Kind.SOS else [other("alarm", channel="alarm")]
    return found + ([alive()] if is_heartbeat else [])


def dsc(payload: Payload, words: str) -> list[Fact]:
    """DSC: a zone that is open or closed; `event` marks a change, without it the message is supervision."""
    is_closed = flag(payload.get("closed"))
    if is_closed is None:
        return []
    return zone(not is_closed, words, is_state=flag(payload.get("event")) is False)


def visonic(payload: Payload, words: str) -> list[Fact]:
    """Visonic PowerCode: one generic alarm bit of pendants, doors and smoke detectors alike."""
    is_tripped = flag(payload.get("alarm"))
    if is_tripped is None:
        return []
    if meant(words) is not None:
        return zone(is_tripped, words)
    return [other("alarm", channel="alarm")] if is_tripped else [other("restore")]


def yale(payload: Payload, words: str) -> list[Fact]:
    """Yale HSA: type of sensor, state bits and event as numbers."""
    sensor, state, happened = (_byte(payload.get(key)) for key in ("stype", "state", "event"))
    if state is None or happened is None:
        return []
    if happened == 4:
        return [level(Kind.BATTERY_LOW, True)] if state & 8 else [level(Kind.TAMPER, bool(state & 2))]
    if happened != 1:
        return [other(f"event {happened}")]
    if sensor in (0xAC, 0xAD):
        return zone(True, words)
    if sensor == 0x15:
        return [event(Kind.MOTION, True), *([level(Kind.BATTERY_LOW, True)] if state & 2 else [])]
    return zone(True, words) if meant(words) else [other("alarm", channel="alarm")]


def _byte(stated: object) -> int | None:
    """A byte as a number, or as two hexadecimal digits."""
    if isinstance(stated, str):
        try:
            return int(stated, 16) & 0xFF
        except ValueError:
            return None
    value = number(stated) if isinstance(stated, int | float) else None
    return None if value is None else int(value) & 0xFF


def jasco(payload: Payload, words: str) -> list[Fact]:
    """Jasco and GE Choice-Alert: `status` 1 is closed. Its battery bit is not known and always says empty."""
    is_closed = flag(payload.get("status"))
    return [] if is_closed is None else zone(not is_closed, words)


def chuango(payload: Payload, words: str) -> list[Fact]:
    """Chuango: a command; zones say nothing of the sensor, of which smoke and water share one."""
    said = word(payload.get("cmd"))
    if said in _CHUANGO:
        return [_CHUANGO[said]]
    if said.endswith("zone"):
        return zone(True, words) if meant(words) else [other(said, channel="alarm")]
    return [other(said)] if said else []


_CHUANGO: dict[str, Fact] = {
    "alarm": event(Kind.SOS, "active"),
    "sos": event(Kind.SOS, "active"),
    "arm": event(Kind.ARM, "arm"),
    "disarm": event(Kind.ARM, "disarm"),
    "home mode": event(Kind.ARM, "arm_home"),
    "low battery": level(Kind.BATTERY_LOW, True),
    "tamper": event(Kind.TAMPER, True),
    "test": event(Kind.TEST, True),
}
