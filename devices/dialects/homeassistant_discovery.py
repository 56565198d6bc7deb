"""What Home Assistant's discovery teaches: which topic says what of which device. Pure.

A lesson is kept under each topic that a config names: `entities`, what each of them reads there, and `status`, the last word of
an availability topic that counts together with others. Under the config's own name stands which topics it taught.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import Decoded, Fact, Known, Message, Problem, Reason
from devices.dialects.homeassistant_lessons import Book
from devices.dialects.homeassistant_names import COMPONENTS, expanded
from devices.dialects.homeassistant_state import event_template, urgency
from devices.dialects.homeassistant_template import is_readable
from devices.facts import alive

_ENTITIES_OF_CONFIG = 200
_COMPONENTS_LOOKED_AT = 1000
_CHARACTERS_CHECKED = 40_000
_DOUBTS = 5
_TOPICS = 32
_TEXT = 1000
_KEPT = (
    "device_class",
    "unit_of_measurement",
    "temperature_unit",
    "payload_on",
    "payload_off",
    "off_delay",
    "entity_category",
    "type",
    "subtype",
    "payload",
    "name",
)
_TOPIC_OF = {
    "state_topic": "value_template",
    "current_temperature_topic": "current_temperature_template",
    "current_humidity_topic": "current_humidity_template",
}


@dataclass(frozen=True, slots=True)
class Config:
    """Where a config stands: `<prefix>/<component>/[<node>/]<object>/config`."""

    component: str
    node: str
    object_id: str

    @property
    def key(self) -> str:
        """Its own name among the lessons."""
        return "homeassistant " + "/".join(part for part in (self.component, self.node, self.object_id) if part)


def config_of(topic: str) -> Config | None:
    """The config that a topic carries; None for other topics. The prefix is the home's own and may be missing."""
    levels = topic.split("/")
    if len(levels) < 3 or levels[-1] != "config":
        return None
    if len(levels) > 3 and levels[-4] in COMPONENTS:
        return Config(levels[-4], levels[-3], levels[-2])
    return Config(levels[-3], "", levels[-2]) if levels[-3] in COMPONENTS else None


def learnt(config: Config, message: Message, known: Known) -> Decoded:
    """A config arrives, anew, changed or emptied."""
    book = Book(known)
    book.forget(config.key)
    if not message.payload.strip():
        return Decoded(device_id=config.object_id, facts=(_discovery(config),), lessons=book.lessons())
    try:
        stated = orjson.loads(message.payload)
    except orjson.JSONDecodeError as error:
        return Decoded(device_id=config.object_id, problems=(Problem(Reason.NOT_JSON, f"not JSON: {error}"),))
    if not isinstance(stated, dict):
        return Decoded(device_id=config.object_id, problems=(Problem(Reason.WRONG_SHAPE, "a config is a JSON object"),))
    if "migrate_discovery" in stated:
        return Decoded(device_id=config.object_id, facts=(alive(),))
    return _described(config, expanded(stated), book)


def _described(config: Config, stated: dict[str, Any], book: Book) -> Decoded:
    if config.component == "device" and not isinstance(stated.get("components"), dict):
        problem = Problem(Reason.WRONG_SHAPE, "a device's config has an object of components")
        return Decoded(device_id=config.object_id, problems=(problem,))
    names: list[str] = [config.node, config.object_id]
    entities, too_many = _entities(config, stated)
    for entity in entities:
        names = entity["device"] or names
        for topic, spec in _specs(entity):
            book.add(config.key, topic, spec)
    lessons = book.lessons()
    return Decoded(
        device_id=chosen(names, book.known),
        facts=(_discovery(config),),
        lessons=lessons,
        problems=(*_too_many([*too_many, *book.left_out]), *_doubts(entities)),
    )


def _too_many(left_out: Iterable[str]) -> list[Problem]:
    named = list(dict.fromkeys(left_out))
    detail = f"{len(named)} entities are too many and not read: {', '.join(named[:5])}"
    return [Problem(Reason.TOO_LARGE, detail[:_TEXT])] if named else []


def chosen(names: Iterable[str], known: Known) -> str:
    """The name of a device that its home has registered; else its first."""
    listed = [name for name in names if name]
    return next((name for name in listed if known.device(name) is not None), listed[0] if listed else "")


def _discovery(config: Config) -> Fact:
    return Fact(kind=Kind.DISCOVERY, value=True, channel=config.object_id[:200])


def _entities(config: Config, stated: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Each entity of a config with everything that counts for it: one, or the components of a device; and the names of those
    that are too many."""
    components = stated.pop("components", None)
    if config.component != "device":
        return [_entity(config, config.component, config.object_id, stated)], []
    listed = [(str(name)[:200], part) for name, part in (components or {}).items() if isinstance(part, dict)]
    parts = [(name, expanded(part)) for name, part in listed[:_COMPONENTS_LOOKED_AT]]
    # A component that is left with nothing else is removed.
    kept = [(name, own) for name, own in parts if not own.keys() <= {"platform"}]
    # Of too many, those on which no life hangs are the first to be left out.
    kept = sorted(kept, key=_urgency_of_part) if len(kept) > _ENTITIES_OF_CONFIG else kept
    entities = [
        _entity(config, word(own.get("platform")), name, {**stated, **own}) for name, own in kept[:_ENTITIES_OF_CONFIG]
    ]
    return entities, [name for name, _ in (*kept[_ENTITIES_OF_CONFIG:], *listed[_COMPONENTS_LOOKED_AT:])]


def _urgency_of_part(part: tuple[str, Mapping[str, Any]]) -> int:
    return urgency({**part[1], "component": word(part[1].get("platform")), "object": part[0]})


def _entity(config: Config, component: str, object_id: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    base = stated.get("~")
    topics = _topics(stated, base if isinstance(base, str) else "")
    kept = {name: stated[name] for name in _KEPT if isinstance(stated.get(name), str | int | float | bool)}
    return {
        "component": component,
        "object": object_id,
        "device": _names(config, stated),
        "topics": topics,
        "availability": _availability(stated, topics, base if isinstance(base, str) else ""),
        "stated": {name: value[:_TEXT] if isinstance(value, str) else value for name, value in kept.items()},
        "templates": {
            name: value[: _TEXT + 1]
            for name, value in stated.items()
            if name.endswith("_template") and isinstance(value, str)
        },
    }


def _names(config: Config, stated: Mapping[str, Any]) -> list[str]:
    """What a device may be registered as, the surest first: its identifiers, its place in the topic, its name."""
    device = stated.get("device")
    device = device if isinstance(device, dict) else {}
    ids = device.get("identifiers")
    connections = device.get("connections")
    pairs = connections if isinstance(connections, list) else []
    named = [
        *(ids[:8] if isinstance(ids, list) else [ids]),
        *(pair[1] for pair in pairs[:8] if isinstance(pair, list) and len(pair) == 2),
        config.node,
        device.get("name"),
        config.object_id,
    ]
    return list(dict.fromkeys(str(name)[:200] for name in named if isinstance(name, str | int) and str(name).strip()))


def _full(topic: Any, base: str) -> str:
    """A topic with the base in place of a leading or trailing `~`."""
    if not isinstance(topic, str):
        return ""
    if base and topic.startswith("~"):
        return (base + topic[1:])[:_TEXT]
    return (topic[:-1] + base)[:_TEXT] if base and topic.endswith("~") else topic[:_TEXT]


def _topics(stated: Mapping[str, Any], base: str) -> dict[str, str]:
    named = {
        name: _full(topic, base)
        for name, topic in stated.items()
        if name == "topic" or (name.endswith(("_topic", "_t")) and name != "availability_topic")
    }
    return dict([(name, topic) for name, topic in named.items() if topic][:_TOPICS])


def _availability(stated: Mapping[str, Any], topics: Mapping[str, str], base: str) -> list[dict[str, Any]]:
    listed = stated.get("availability")
    found = [expanded(one) for one in (listed if isinstance(listed, list) else [listed]) if isinstance(one, dict)]
    if stated.get("availability_topic"):
        template = stated.get("availability_template")
        found.append({**stated, "topic": stated["availability_topic"], "value_template": template})
    kept = []
    for one in found[:_TOPICS]:
        topic, template = _full(one.get("topic"), base), one.get("value_template")
        if topic:
            kept.append(
                {
                    "topic": topic,
                    "on": _word(one, "payload_available", "online"),
                    "off": _word(one, "payload_not_available", "offline"),
                    "template": template[: _TEXT + 1] if isinstance(template, str) else "",
                    "is_node": _is_node(topic, topics),
                }
            )
    names = [one["topic"] for one in kept]
    return [{**one, "mode": word(stated.get("availability_mode")) or "latest", "topics": names} for one in kept]


def _is_node(topic: str, topics: Mapping[str, str]) -> bool:
    """Whether it is the status of an ESPHome node, which carries the entities: `<node>/status` beside `<node>/…/state`."""
    node, _, last = topic.rpartition("/")
    return last == "status" and topics.get("state_topic", topics.get("topic", "")).startswith(f"{node}/")


def _word(stated: Mapping[str, Any], name: str, default: str) -> str:
    value = stated.get(name)
    return word(value)[:200] if isinstance(value, str | int | float | bool) else default


def _specs(entity: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """What is to be read on each topic that an entity names."""
    plain = {
        "component": entity["component"],
        "object": entity["object"],
        "device": entity["device"],
    }
    for one in entity["availability"]:
        yield one["topic"], {**plain, **one, "role": "availability"}
    for name, topic in entity["topics"].items():
        if name in _TOPIC_OF or (name == "topic" and entity["component"] == "device_automation"):
            yield topic, {**plain, **entity["stated"], "role": name, "template": _template(entity, name)}
        else:
            yield topic, {**plain, "role": "silent"}


def _template(entity: Mapping[str, Any], topic_name: str) -> str:
    templates = entity["templates"]
    wanted = _TOPIC_OF.get(topic_name, "value_template")
    return str(templates.get(wanted) or templates.get("state_value_template") or "")


def _doubts(entities: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """An entity without a component or with a template that is not read here is silent: who installs it must hear that."""
    problems: list[Problem] = []
    left = _CHARACTERS_CHECKED
    for entity in entities:
        if not entity["component"]:
            problems.append(Problem(Reason.WRONG_SHAPE, f"{entity['object']}: a component without a platform"))
        if any(sign in entity["topics"].get("state_topic", "") for sign in "+#"):
            detail = f"{entity['object']}: a topic that stands for several is read only where its own ecosystem is known here"
            problems.append(Problem(Reason.BAD_ADDRESS, detail))
        for template in _value_templates(entity):
            left -= len(template)
            if left < 0:
                return [*problems[:_DOUBTS], Problem(Reason.TOO_LARGE, f"{entity['object']}: too long to be checked")]
            if not is_readable(template):
                detail = f"{entity['object']}: its value template is not read here: {template[:200]}"
                problems.append(Problem(Reason.BAD_VALUE, detail))
    return problems[:_DOUBTS]


def _value_templates(entity: Mapping[str, Any]) -> list[str]:
    """What an entity's value is read by; the same one once."""
    stated = [_template(entity, name) for name in ("state_topic", "topic") if name in entity["topics"]]
    if entity["component"] == "event":
        stated = [event_template(template) for template in stated]
    return [template for template in dict.fromkeys(stated) if template]
