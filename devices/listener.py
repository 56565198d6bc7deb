"""From an MQTT message to readings of homes: which dialect, which device, what it means there, and what of it is news.

topic → dialect → facts → bindings of the device → news → readings
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from pydantic import JsonValue

from carebell.types import Reading
from devices.binding import Binding, bound
from devices.dialect import Ask, Decoded, DeviceRecord, Dialect, Fact, Lesson, Message, Problem, Reason, readings_of
from devices.dialects import native
from devices.ecosystems import BY_NAME, dialect_of
from devices.recall import Recall

# Of each home, so that no home's gateway can make another's be forgotten; servers speak for many homes at once.
_LESSONS_KEPT, _LESSONS_OF_SERVERS_KEPT = 2000, 100_000
_HOMES_KEPT = 50_000
_ID_LIMIT = 200
# By product: what its words mean, see `devices/products.py`.
Products = Mapping[str, Mapping[str, JsonValue]]
NO_PRODUCTS: Products = MappingProxyType({})
_PREFIX = f"{native.ROOT}/"
_NO_TOPIC = frozenset("+#\0")
# Its own topics say which home they are of: below another's they would speak for that one.
_OF_HOMES = frozenset(BY_NAME) - {native.NAME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A device where the registry has it."""

    home_id: str
    device_id: str
    place: str = ""
    record: DeviceRecord = field(default_factory=DeviceRecord)
    is_sos: bool = False
    bindings: tuple[Binding, ...] = ()


class Devices(Protocol):
    """Who is registered."""

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        """By its address in its ecosystem; an empty home_id means any home."""
        ...

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        """The one gateway of a home that speaks that dialect."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one message comes to. `decoded` is what it said; `readings` are the news of it, urgent ones first. `of_nobody` are
    the ids of those whose sender is registered nowhere and whose topic names no home."""

    dialect: str
    decoded: Decoded
    readings: tuple[Reading, ...] = ()
    is_registered: bool = True
    of_nobody: frozenset[str] = frozenset()


class Listener:
    """Give it messages in the order in which they came. `hear` never raises."""

    def __init__(self, devices: Devices, products: Products = NO_PRODUCTS) -> None:
        self._devices = devices
        self._products = products
        self._lessons: OrderedDict[str, OrderedDict[str, Mapping[str, JsonValue]]] = OrderedDict()
        self._recall = Recall()

    def forget(self) -> None:
        """After the connection was lost: what was not acknowledged comes again and is news. What was learnt stays."""
        self._recall.forget()

    def hear(self, message: Message, *, dialect: str = "auto") -> Heard:
        """Read a message; with a dialect by name, its topic is taken as one of that ecosystem."""
        try:
            return self._hear(message, dialect)
        except Exception as error:  # noqa: BLE001 - a bug of ours in one dialect must not end the stream or lose a call
            return self.salvaged(message, error)

    def learn(self, message: Message) -> None:
        """Take only what a message teaches about later ones; whatever else it says is heard elsewhere. Never raises."""
        try:
            home_id, message, dialect = self._addressed(message, "auto")
            if dialect is not None:
                self._learn(home_id, dialect.decode(message, _Known(self, dialect.NAME, home_id)).lessons)
        except Exception:  # noqa: BLE001 - a bug of ours in one dialect: the message itself is heard, and reported there
            return

    def _hear(self, message: Message, wanted: str) -> Heard:
        home_id, message, dialect = self._addressed(message, wanted)
        if dialect is None:
            problem = Problem(Reason.UNKNOWN_TOPIC, "no dialect that is known here speaks on this topic")
            return Heard(dialect="", decoded=Decoded(home_id=home_id, problems=(problem,)))
        if message.heard_on and not _is_level(home_id):
            # Without a home it would be looked for in all of them, and speak for whichever has it.
            problem = Problem(Reason.BAD_ADDRESS, "the topic names no home")
            return Heard(dialect=dialect.NAME, decoded=Decoded(problems=(problem,)))
        known = _Known(self, dialect.NAME, home_id)
        decoded = dialect.decode(message, known)
        if decoded.asks:
            decoded = replace(decoded, asks=_asks(decoded.asks, message, dialect.ROOT))
        self._learn(home_id, decoded.lessons)
        if dialect.NAME == native.NAME:
            return self._of_native(decoded, message)
        return self._of_others(replace(decoded, home_id=decoded.home_id or home_id), message, dialect.NAME)

    def _addressed(self, message: Message, wanted: str) -> tuple[str, Message, Dialect | None]:
        """The home that the topic names, the message under the topic that its ecosystem documents, and its dialect."""
        if wanted != "auto":
            return "", message, BY_NAME[wanted]
        parts = message.topic.split("/", 3)
        if message.topic.startswith(_PREFIX) and len(parts) == 4 and parts[2] in _OF_HOMES and parts[3] != "up":
            dialect = BY_NAME[parts[2]]
            return parts[1], replace(message, topic=dialect.ROOT + parts[3], heard_on=message.topic), dialect
        by_topic = dialect_of(message.topic)
        if self.lesson("", message.topic) is not None and (by_topic is None or self._is_strange(message, by_topic)):
            return "", message, BY_NAME["homeassistant"]
        return "", message, by_topic

    def _is_strange(self, message: Message, dialect: Dialect) -> bool:
        """Whether a dialect can make nothing of a topic that looks like one of its own; a discovery may name it."""
        decoded = dialect.decode(message, _Known(self, dialect.NAME, ""))
        return not decoded.facts and any(one.reason == Reason.UNKNOWN_TOPIC for one in decoded.problems)

    def _of_native(self, decoded: Decoded, message: Message) -> Heard:
        found = self._devices.find(native.NAME, decoded.home_id, decoded.device_id) if decoded.home_id else None
        if found is not None:
            decoded = replace(decoded, facts=bound(decoded.facts, found.bindings, is_sos=found.is_sos))
        readings = readings_of(decoded, message, dialect=native.NAME, place=found.place if found else "")
        return Heard(
            dialect=native.NAME, decoded=decoded, readings=readings, is_registered=found is not None or not readings
        )

    def _of_others(self, decoded: Decoded, message: Message, dialect: str) -> Heard:
        """One part of the message for each device that it is about; all parts share its identity."""
        readings: list[Reading] = []
        of_nobody: set[str] = set()
        is_registered = True
        for address in dict.fromkeys(fact.sub_device for fact in decoded.facts):
            facts = tuple(fact for fact in decoded.facts if fact.sub_device == address)
            found = self._found(decoded, dialect, address)
            is_registered &= found is not None
            home_id, device_id = _place_of(decoded, dialect, address, found)
            part = replace(decoded, facts=facts, home_id=home_id, device_id=device_id)
            # Meaning comes after news: a state that goes on must not hide a press beside it.
            news = replace(part, facts=self._meant(self._recall.news(part, message), found))
            said = readings_of(news, message, dialect=dialect, place=found.place if found else "")
            if found is None and not decoded.home_id:
                of_nobody.update(reading.id for reading in said)
            readings += said
        return Heard(
            dialect=dialect,
            decoded=decoded,
            readings=tuple(sorted(readings, key=lambda reading: not reading.is_urgent)),
            is_registered=is_registered,
            of_nobody=frozenset(of_nobody),
        )

    def _found(self, decoded: Decoded, dialect: str, address: str) -> Registered | None:
        found = self._devices.find(dialect, decoded.home_id, address or decoded.device_id)
        if found is None and address and decoded.home_id == "":
            # A device behind a gateway of a server for many homes: the gateway says which home.
            found = self._devices.find(dialect, "", decoded.device_id)
        if found is None and decoded.is_gateway and decoded.home_id:
            found = self._devices.gateway(dialect, decoded.home_id)
        return found

    def _meant(self, facts: tuple[Fact, ...], found: Registered | None) -> tuple[Fact, ...]:
        return facts if found is None else bound(facts, found.bindings, is_sos=found.is_sos)

    def _learn(self, home_id: str, lessons: Sequence[Lesson]) -> None:
        if not lessons:
            return
        learnt = self._lessons.setdefault(home_id, OrderedDict())
        self._lessons.move_to_end(home_id)
        for lesson in lessons:
            learnt.pop(lesson.key, None)
            if lesson.value is not None:
                learnt[lesson.key] = lesson.value
        while len(learnt) > (_LESSONS_KEPT if home_id else _LESSONS_OF_SERVERS_KEPT):
            learnt.popitem(last=False)
        while len(self._lessons) > _HOMES_KEPT:
            self._lessons.popitem(last=False)

    def lesson(self, home_id: str, key: str) -> Mapping[str, JsonValue] | None:
        """What was learnt in that home."""
        learnt = self._lessons.get(home_id)
        return None if learnt is None else learnt.get(key)

    def product(self, key: str) -> Mapping[str, JsonValue] | None:
        """The mapping file of a product."""
        return self._products.get(key)

    def device(self, dialect: str, home_id: str, address: str) -> DeviceRecord | None:
        """What is known of a device."""
        found = self._devices.find(dialect, home_id, address)
        return None if found is None else found.record

    def salvaged(self, message: Message, error: Exception) -> Heard:
        """What is left when reading failed by a bug of ours: a call for help that can be told, and a report."""
        levels = (*message.topic.split("/"), "", "")
        is_of_a_home = message.topic.startswith(_PREFIX)
        problem = Problem(
            Reason.DECODER_FAILED, f"the decoder failed with {type(error).__name__}; keep this for its authors"
        )
        decoded = Decoded(
            home_id=levels[1] if is_of_a_home else f"unregistered-{levels[0]}"[:_ID_LIMIT],
            device_id=(levels[2] if is_of_a_home else message.topic)[:_ID_LIMIT],
            facts=tuple(native.cries(message.payload)),
            problems=(problem,),
        )
        return Heard(dialect=native.NAME, decoded=decoded, readings=readings_of(decoded, message, dialect=native.NAME))


@dataclass(frozen=True, slots=True)
class _Known:
    """What a dialect may look up, in the home that the message came from."""

    listener: Listener
    dialect: str
    home_id: str

    def device(self, address: str) -> DeviceRecord | None:
        return self.listener.device(self.dialect, self.home_id, address)

    def lesson(self, key: str) -> Mapping[str, JsonValue] | None:
        return self.listener.lesson(self.home_id, key)

    def product(self, key: str) -> Mapping[str, JsonValue] | None:
        return self.listener.product(key)


def _is_level(text: str) -> bool:
    return 0 < len(text) <= _ID_LIMIT and text.isprintable() and not text.isspace()


def _asks(asks: Sequence[Ask], message: Message, root: str) -> tuple[Ask, ...]:
    """Where the broker has the topics that the ecosystem documents: below the home, if the message came from there."""
    below = "/".join((*message.heard_on.split("/", 3)[:3], "")) if message.heard_on else root
    moved = [replace(ask, topic=below + ask.topic.removeprefix(root)) for ask in asks]
    # A client that is given such a topic to publish to refuses it by an error.
    return tuple(ask for ask in moved if not _NO_TOPIC & set(ask.topic))


def _place_of(decoded: Decoded, dialect: str, address: str, found: Registered | None) -> tuple[str, str]:
    """The home and the device of a part. Who is not registered is heard all the same, in a home of its own where none is
    named: an unknown button's call is a call."""
    if found is not None:
        return found.home_id, found.device_id
    device_id = (address or decoded.device_id)[:_ID_LIMIT]
    home_id = decoded.home_id or f"unregistered-{dialect}-{decoded.device_id}"[:_ID_LIMIT]
    return home_id, device_id
