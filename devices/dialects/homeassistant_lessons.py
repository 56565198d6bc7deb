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


def _config_of_spec(spec: Mapping[str, Any]) -> str:
    return str(spec.get("config"))


@dataclass(slots=True)
class Book:
    """The lessons that change; what stays as it was is not learnt again."""

    known: Known
    pages: dict[str, dict[str, Any] | None] = field(default_factory=dict)
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
        """One entity reads one topic. Of too many, those that a life hangs on are kept."""
        taught = self.taught.setdefault(config, {})
        if topic not in taught and len(taught) >= _TOPICS_OF_CONFIG:
            self.left_out.append(str(spec.get("object")))
            return
        page = self._page(topic)
        entities = sorted([*page.get("entities", []), {**spec, "config": config}], key=_config_of_spec)
        if len(entities) > _ENTITIES_OF_TOPIC:
            entities.sort(key=urgency)
            self.left_out.append(str(entities.pop().get("object")))
        self.pages[topic] = {**page, "entities": entities}
        taught[topic] = None

    def lessons(self) -> tuple[Lesson, ...]:
        """What is new. A topic that no entity reads any more is forgotten."""
        written: dict[str, Any] = {
            key: page if page and page.get("entities") else None for key, page in self.pages.items()
        }
        written |= {key: {"topics": list(topics)} if topics else None for key, topics in self.taught.items()}
        changed = [Lesson(key, value) for key, value in written.items()]
        return tuple(one for one in changed if one.value != self.known.lesson(one.key))
