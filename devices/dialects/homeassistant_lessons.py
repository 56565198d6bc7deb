"""What configs of Home Assistant's discovery have taught, by topic, while one of them changes it. Pure.

Under each topic that a config names stand the `entities` that are told there; under the config's own name which topics it
taught.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.dialect import Known, Lesson
from devices.dialects.homeassistant_state import urgency

_ENTITIES_OF_TOPIC = 200
_TOPICS_OF_CONFIG = 1000
_UNTOLD = ("availability", "silent")


def _config_of_spec(spec: Mapping[str, Any]) -> str:
    return str(spec.get("config"))


def _last_kept(spec: Mapping[str, Any]) -> int:
    role = spec.get("role")
    return 4 if role == "silent" else 3 if role == "availability" else urgency(spec)


@dataclass(slots=True)
class Book:
    """The lessons that change; what stays as it was is not learnt again."""

    known: Known
    pages: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    added: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    taught: dict[str, dict[str, None]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def _page(self, key: str) -> dict[str, Any]:
        if key not in self.pages:
            self.pages[key] = dict(self.known.lesson(key) or {})
        return self.pages[key] or {}

    def forget(self, config: str) -> None:
        """Everything that a config taught before."""
        before: Mapping[str, Any] = self.known.lesson(config) or {}
        self.taught[config] = {}
        for topic in before.get("topics", []):
            page = self._page(str(topic))
            left = [one for one in page.get("entities", []) if one.get("config") != config]
            self.pages[str(topic)] = {**page, "entities": left}

    def add(self, config: str, topic: str, spec: Mapping[str, Any]) -> None:
        """One entity reads one topic."""
        taught = self.taught.setdefault(config, {})
        if topic not in taught and len(taught) >= _TOPICS_OF_CONFIG:
            self.left_out.append(str(spec.get("object")))
            return
        self.added.setdefault(topic, []).append({**spec, "config": config})
        taught[topic] = None

    def _write(self, topic: str, added: list[dict[str, Any]]) -> None:
        """Once for a topic, however many entities read it. Of too many, those that a life hangs on are kept."""
        page = self._page(topic)
        entities = sorted([*page.get("entities", []), *added], key=_config_of_spec)
        if len(entities) > _ENTITIES_OF_TOPIC:
            entities.sort(key=_last_kept)
            cut = entities[_ENTITIES_OF_TOPIC:]
            # Who only leans on the topic is spoken for by the others that do.
            self.left_out += [str(one.get("object")) for one in cut if one.get("role") not in _UNTOLD]
        self.pages[topic] = {**page, "entities": entities[:_ENTITIES_OF_TOPIC]}

    def lessons(self) -> tuple[Lesson, ...]:
        """What is new; `left_out` is complete afterwards. A topic that no entity reads any more is forgotten."""
        while self.added:
            self._write(*self.added.popitem())
        written: dict[str, Any] = {
            key: page if page and page.get("entities") else None for key, page in self.pages.items()
        }
        written |= {key: {"topics": list(topics)} if topics else None for key, topics in self.taught.items()}
        changed = [Lesson(key, value) for key, value in written.items()]
        return tuple(one for one in changed if one.value != self.known.lesson(one.key))
