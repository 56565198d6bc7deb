"""Shelly: Gen1 (`shellies/<id>/…`, one scalar a topic) and Gen2 and later (`<id>/events/rpc`, JSON-RPC frames).

The topic's prefix may be any text, also with slashes; it is the device's address here, for the broker watches over it, while
what a payload says of its sender is only its word.
"""

from collections.abc import Callable, Sequence

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import PAYLOAD_LIMIT, Decoded, Known, Message, Problem, Reason
from devices.dialects import shelly_gen1, shelly_gen2
from devices.facts import level

NAME = "shelly"
ROOT = ""
FILTERS: tuple[str, ...] = ()
_GEN1_ROOT = "shellies"
_SLEEPERS = (
    "shellybutton1",
    "shellydw",
    "shellyflood",
    "shellyht",
    "shellyplusht",
    "shellyplussmoke",
    "shellysmoke",
)
_REPLY = "carebell/rpc"


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem. A prefix of one's own is known only by the frames' topic."""
    return (
        topic.startswith(("shellies/", "shelly")) or topic.endswith(("/events/rpc", "/events/ble")) or topic == _REPLY
    )


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    if len(message.payload) > PAYLOAD_LIMIT:
        return Decoded(problems=(Problem(Reason.TOO_LARGE, f"{len(message.payload)} bytes"),))
    levels = message.topic.split("/")
    is_gen1 = levels[0] == _GEN1_ROOT and len(levels) > 1
    levels = levels[1:] if is_gen1 else levels
    if is_gen1 and len(levels) == 1:
        return shelly_gen1.of_all(levels[0], message)
    for tail, read in _forms(is_gen1):
        for at in _places(levels, tail):
            address = "/".join(levels[:at])
            return read(address, levels[at:], message, known) if address else _NAMELESS
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "no topic of a Shelly"),))


_NAMELESS = Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no device"),))
_Read = Callable[[str, Sequence[str], Message, Known], Decoded]


def _forms(is_gen1: bool) -> tuple[tuple[str, _Read], ...]:
    return _GEN1 if is_gen1 else _EITHER


def _places(levels: Sequence[str], tail: str) -> list[int]:
    """Where a topic's own part can begin: behind a prefix of at least one level. `+` is any level, `#` the rest."""
    wanted = tail.split("/")
    is_open = wanted[-1] == "#"
    wanted = wanted[:-1] if is_open else wanted
    last = len(levels) - len(wanted)
    starts = range(1, last + 1) if is_open else range(last, last + 1)
    return [
        at
        for at in starts
        if at > 0 and all(one in ("+", level) for one, level in zip(wanted, levels[at:], strict=False))
    ]


def _online(address: str, _own: Sequence[str], message: Message, _known: Known) -> Decoded:
    """The last will, `true` or `false`. A device that sleeps says false after every message; that is no failure."""
    said = word(message.payload.decode("utf-8", "replace"))
    if said not in ("true", "false"):
        return Decoded(device_id=address, problems=(Problem(Reason.BAD_VALUE, "expected true or false"),))
    note = "a device that sleeps between messages" if said == "false" and address.startswith(_SLEEPERS) else ""
    return Decoded(device_id=address, facts=(level(Kind.AVAILABILITY, said == "true", note=note),))


def _ours(address: str, _own: Sequence[str], _message: Message, _known: Known) -> Decoded:
    """A command or a log: no word of the device about the home."""
    return Decoded(device_id=address)


_GEN1: tuple[tuple[str, _Read], ...] = (
    ("online", _online),
    ("command", _ours),
    ("+/+/command", _ours),
    ("+/+/set", _ours),
    ("settings/#", _ours),
    # The name of a device may have slashes.
    ("input_event/+", shelly_gen1.decode),
    ("longpush/+", shelly_gen1.decode),
    ("sensor/+", shelly_gen1.decode),
    ("#", shelly_gen1.decode),
)
_EITHER: tuple[tuple[str, _Read], ...] = (
    ("events/rpc", shelly_gen2.of_frame),
    ("rpc", shelly_gen2.of_rpc),
    ("online", _online),
    ("command", _ours),
    ("command/+", _ours),
    ("+/+/command", _ours),
    ("debug/#", _ours),
    ("status/+", shelly_gen2.of_component),
    ("announce", shelly_gen1.announced),
    ("input_event/+", shelly_gen1.decode),
    ("sensor/+", shelly_gen1.decode),
    ("info", shelly_gen1.decode),
    ("status", shelly_gen1.decode),
    ("input/+", shelly_gen1.decode),
    ("longpush/+", shelly_gen1.decode),
    ("relay/+", shelly_gen1.decode),
    ("#", shelly_gen2.of_script),
)
