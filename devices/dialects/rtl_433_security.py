"""The security and alarm devices that rtl_433 decodes, family by family: what their words and bits mean. Pure."""

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
    """Interlogix and GE: five switches, whose meaning depends on the subtype."""
    subtype = word(payload.get("subtype") or payload.get("device_type"))
    states = [word(payload.get(f"switch{index}")) for index in range(1, 6)]
    if subtype == "keyfob":
        return _keyfob(states)
    cover = [level(Kind.TAMPER, True)] if states[2] == "open" else []
    if subtype in ("smoke", "heat"):
        return [*_detector(Kind(subtype), states), *cover]
    if not states[0]:
        return cover
    is_open = states[0] == "open"
    if subtype == "panic":
        return [event(Kind.SOS, "active")] if is_open else [alive()]
    if subtype == "motion":
        return [event(Kind.MOTION, True) if is_open else level(Kind.MOTION, False), *cover]
    if subtype == "contact":
        # With wires at its terminals its cover switch floats.
        return [level(Kind.CONTACT, is_open)]
    return [other(f"{subtype} switch1 {states[0]}"), *cover]


def _keyfob(states: list[str]) -> list[Fact]:
    # Both lock keys together are the makers' gesture for an emergency.
    if states[4] == "closed":
        return [event(Kind.SOS, "active", note="lock and unlock together")]
    names = ("lock", "unlock", "3", "4")
    return [press("single", name) for name, state in zip(names, states, strict=False) if state == "closed"]


def _detector(kind: Kind, states: list[str]) -> list[Fact]:
    """At rest only its first switch is open. Test and alarm cannot be told apart for sure: both are taken as the danger."""
    first, second, _, fourth, fifth = states
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
    if said.startswith("disarm pin"):
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
    kind = meant(words)
    if kind in (None, Kind.SMOKE):
        return [event(Kind.SMOKE, True)]
    return zone(True, words)


def kidde(payload: Payload, words: str) -> list[Fact]:
    """Kidde: whatever key says it."""
    said = " ".join(word(value) for key, value in payload.items() if key != "model")
    is_on = any(flag(payload.get(key)) for key in ("alarm", "smoke", "co"))
    if "test" in said or flag(payload.get("test")):
        return [event(Kind.TEST, True)]
    if "hush" in said or "clear" in said:
        return [other(said)]
    if "carbon" in said or flag(payload.get("co")) or f" {said} ".find(" co ") >= 0:
        return [event(Kind.CO, True)]
    return [event(Kind.SMOKE, True)] if is_on or "smoke" in said or "fire" in said else []


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
    inputs = [flag(payload.get(key)) for key in ("contact_open", "reed_open")]
    stated = [one for one in inputs if one is not None]
    if not stated and word(payload.get("state")) in ("open", "closed"):
        stated = [word(payload.get("state")) == "open"]
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
