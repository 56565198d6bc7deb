"""Remote controls, doorbells, simple motion sensors and water sensors that rtl_433 decodes. Pure."""

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.dialects.rtl_433_values import Payload, meant, press, text_of, values, zone
from devices.facts import alive, event, level, other

_PANIC = frozenset({"sos", "panic", "emergency", "panic button", "sos button"})


def code(payload: Payload, words: str) -> list[Fact]:
    """SC226x, PT2262, EV1527 and the like: a number, which only a binding gives a meaning."""
    stated = next((payload[key] for key in ("cmd", "code", "data", "value") if payload.get(key) is not None), None)
    return [event(Kind.BUTTON, "rf_code", channel=text_of(stated))]


def described_by_hand(payload: Payload, words: str) -> list[Fact]:
    """What an installer's own description of a signal (`-X`, `-c`) finds: rows of bits, under a name that he chose."""
    rows = payload.get("rows")
    first = rows[0] if isinstance(rows, list) and rows else payload
    codes = payload.get("codes")
    listed = codes[0] if isinstance(codes, list) and codes else None
    found = text_of(first.get("data")) if isinstance(first, dict) else ""
    found = found or text_of(listed).rpartition("}")[2]
    return [event(Kind.BUTTON, "rf_code", channel=found)] if found else []


def generic_motion(payload: Payload, words: str) -> list[Fact]:
    """An alarm system without a name: the end of its code tells arming and a ping from motion."""
    ending = text_of(payload.get("code"))[-2:].casefold()
    known = {"42": event(Kind.ARM, "arm"), "02": event(Kind.ARM, "disarm"), "08": alive()}
    return [known.get(ending, event(Kind.MOTION, True))]


def activlink(payload: Payload, words: str) -> list[Fact]:
    """Honeywell ActivLink: doorbell, motion sensor or contact."""
    subtype = word(payload.get("subtype"))
    if subtype == "contact":
        is_open = flag(payload.get("open"))
        return [] if is_open is None else zone(is_open, words, is_state=True)
    if subtype.startswith("pir"):
        return [event(Kind.MOTION, True)]
    if subtype == "doorbell" or payload.get("secret_knock") is not None:
        return [press("triple" if flag(payload.get("secret_knock")) else "single")]
    return []


def doorbell(payload: Payload, words: str) -> list[Fact]:
    """It only transmits when somebody rings."""
    return [press("single", payload.get("button", ""))]


def switch(payload: Payload, words: str) -> list[Fact]:
    """Self-learning switches (Nexa, Proove, Intertechno, …): on and off of a unit. Their motion sensors speak the same."""
    stated = next((payload[key] for key in ("state", "command", "cmd", "event") if key in payload), None)
    is_on = flag(stated)
    if is_on is None:
        return [press("other", stated)] if text_of(stated) else []
    unit = payload.get("unit", payload.get("button", ""))
    return [press("on" if is_on else "off", unit)]


def hcs200(payload: Payload, words: str) -> list[Fact]:
    """A remote with a rolling code: only which key it was is known."""
    return [press("single", payload.get("button", ""))]


def funkbus(payload: Payload, words: str) -> list[Fact]:
    """Funkbus of Berker, Gira and Jung: which key of which group. Action 0 is that a key is let go."""
    keys = [text_of(payload.get(key)) for key in ("group", "command", "action")]
    if not all(keys):
        return []
    gesture = "long" if flag(payload.get("longpress")) else "single"
    return [press("release" if keys[2] == "0" else gesture, "/".join(keys))]


def fs20(payload: Payload, words: str) -> list[Fact]:
    """FS20: what the receiver is to do, in words such as `on, 50%`; the unit is its address."""
    said = word(payload.get("command"))
    gesture = next((known for known in ("on", "off") if said == known or said.startswith(f"{known},")), "other")
    return [press(gesture, payload.get("address", ""))] if said else []


def ht680(payload: Payload, words: str) -> list[Fact]:
    """HT680: each key by its own name."""
    return [
        press("single", index) for index in range(1, 5) if word(payload.get(f"button{index}")) in ("pressed", "1", "on")
    ]


def car_key(payload: Payload, words: str) -> list[Fact]:
    """The panic key of a car sounds its horn; it calls nobody."""
    said = next(
        (payload[key] for key in ("button_str", "event", "cmd", "button", "data", "code") if payload.get(key)), ""
    )
    return [press("other", text_of(said).casefold())]


def olympia(payload: Payload, words: str) -> list[Fact]:
    """Olympia Protect: contact, motion sensor and key fob with a key for calls."""
    said = word(payload.get("cmd"))
    if said in _PANIC:
        return [event(Kind.SOS, "active")]
    if said:
        modes = {"disarm": "disarm", "arm home + siren": "arm_home", "arm home only": "arm_home"}
        return [event(Kind.ARM, modes.get(said, "arm"))] if "arm" in said else [press("other", said)]
    return state(payload, words)


def leak_alarm(payload: Payload, words: str) -> list[Fact]:
    """Bresser: `alarm` is water, and it says so regularly."""
    is_wet = flag(payload.get("alarm"))
    return [] if is_wet is None else [level(Kind.WATER, is_wet)]


def quiet(payload: Payload, words: str) -> list[Fact]:
    """It lives; nothing that it says concerns the home."""
    return [alive()]


def state(payload: Payload, words: str) -> list[Fact]:
    """A model that is not known: only words that are plain in themselves."""
    if "num_rows" in payload:
        return described_by_hand(payload, words)
    for key in ("state", "event", "text", "cmd", "extradata", "remarks"):
        said = word(payload.get(key))
        if said in _PANIC or said.endswith(" panic"):
            return [event(Kind.SOS, "active")]
        if said in _PLAIN:
            return [_PLAIN[said]]
        if said.startswith(("fire alarm", "smoke alarm", "smoke detected")):
            return [event(Kind.SMOKE, True)]
    kind = _of_detector(payload, words)
    return _key_of_a_remote(payload) if kind is None else _alarm(payload, kind)


def _of_detector(payload: Payload, words: str) -> Kind | None:
    """What a detector is for, by its description or its model's name. A water meter and a smoker have alarms too, and a
    syllable of a name calls nobody."""
    model, kind = text_of(payload.get("model")).casefold(), meant(words)
    is_meter = any(one in model for one in _NO_DETECTORS)
    if kind is None and not is_meter and not _is_thermometer(payload):
        kind = next((one for one in _BY_MODEL if meant(model) == one), None)
    if kind == Kind.WATER and (is_meter or "meter" in words):
        return None
    return kind if kind in (Kind.SOS, *_BY_MODEL) else None


_BY_MODEL = (Kind.SMOKE, Kind.CO, Kind.WATER)
_NO_DETECTORS = ("meter", "smoker")


def _alarm(payload: Payload, kind: Kind) -> list[Fact]:
    is_tripped = flag(payload.get("alarm"))
    if not is_tripped:
        is_told = is_tripped is None or kind == Kind.SOS or any(fact.kind == kind for fact in values(payload))
        return [*([] if is_told else [level(kind, False)]), *_key_of_a_remote(payload)]
    tried = [event(Kind.TEST, True)] if flag(payload.get("test")) else []
    return [event(kind, level(kind, True).value, is_lasting=True), *tried]


def _is_thermometer(payload: Payload) -> bool:
    return any(key.startswith(("temperature", "humidity", "pressure", "wind")) for key in payload)


def _key_of_a_remote(payload: Payload) -> list[Fact]:
    # The key of a thermometer starts a transmission; it is nobody's press.
    is_thermometer = _is_thermometer(payload)
    stated = next((payload[key] for key in ("button", "button_id", "rbutton") if payload.get(key) is not None), None)
    is_pressed = text_of(stated) not in ("", "0") and (number(stated) is None or not is_thermometer)
    if not is_pressed or is_thermometer:
        alarm = flag(payload.get("alarm"))
        return [other("alarm", channel="alarm")] if alarm else []
    return [press("other", stated)]


_PLAIN: dict[str, Fact] = {
    "open": level(Kind.CONTACT, True),
    "opened": level(Kind.CONTACT, True),
    "close": level(Kind.CONTACT, False),
    "closed": level(Kind.CONTACT, False),
    "motion": event(Kind.MOTION, True),
    "motion detected": event(Kind.MOTION, True),
    "idle": level(Kind.MOTION, False),
    "tamper": event(Kind.TAMPER, True),
    "water": event(Kind.WATER, True),
    "water leak": event(Kind.WATER, True),
    "doorbell": event(Kind.BUTTON, "single"),
    "ring": event(Kind.BUTTON, "single"),
    "low battery": level(Kind.BATTERY_LOW, True),
    "battery low": level(Kind.BATTERY_LOW, True),
    "heartbeat": alive(),
    "arm": event(Kind.ARM, "arm"),
    "disarm": event(Kind.ARM, "disarm"),
}
