"""What the homes of the bench say: messages of about 300 bytes, some of them marked. A mark comes out at the far end.

A marked message is one that makes Carebell raise an alert: a press, or a weak battery of a device that was never heard
before. Its id tells when it was said, so that whoever sees it at the far end knows how long it took.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

BUTTON, SENSOR = "button-1", "motion-1"
MARK = re.compile(rb"mark-(\d+)@(\d+\.\d+)")
_FILL = "x" * 150


@dataclass(frozen=True, slots=True)
class Said:
    """One message before it is said."""

    topic: str
    kind: str
    value: object
    name: str


@dataclass(slots=True)
class Flow:
    """An endless flow of messages of many homes. `prefix` is the first level of their topics.

    `marked_share` of them, at random, are presses; with `mark_every`, every so many is a weak battery instead.
    """

    prefix: str
    homes: int
    marked_share: float = 0.0
    mark_every: int = 0
    seed: int = 1
    count: int = field(default=0)
    marked: int = field(default=0)

    @classmethod
    def read(cls, text: str) -> "Flow":
        return cls(**json.loads(text))

    def written(self) -> str:
        return json.dumps(asdict(self))

    def said(self) -> Iterator[Said]:
        """Forever."""
        chance = random.Random(self.seed)
        while True:
            home = home_id(chance.randrange(self.homes))
            self.count += 1
            is_press = chance.random() < self.marked_share
            is_weak = self.mark_every > 0 and self.count % self.mark_every == 0
            if not is_press and not is_weak:
                yield Said(f"{self.prefix}/{home}/{SENSOR}/up", "motion", True, f"said-{self.seed}-{self.count}")
                continue
            self.marked += 1
            name = f"mark-{self.seed * 1_000_000 + self.marked}"
            if is_press:
                yield Said(f"{self.prefix}/{home}/{BUTTON}/up", "sos", "active", name)
            else:
                yield Said(f"{self.prefix}/{home}/{name}/up", "battery_low", True, name)


def home_id(number: int) -> str:
    return f"home-{number:06d}"


def say(said: Said, at: float) -> tuple[str, bytes]:
    """The message as it is said at this moment: topic and payload."""
    content = {
        "id": f"{said.name}@{at:.6f}",
        "kind": said.kind,
        "value": said.value,
        "at": int(at * 1000),
        "more": _FILL,
    }
    return said.topic, json.dumps(content, separators=(",", ":")).encode()
