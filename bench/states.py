"""States of homes as the rules themselves make them, put into the store as if they had been saved long ago."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files

from carebell.clock import SystemClock
from carebell.ids import computed
from carebell.store import Change, Saved
from carebell.store_redis import RedisStore
from carebell.topics import partition_of
from carebell.types import Kind, Reading
from rules_engine.home import HomeStep, encode_state
from rules_engine.main import SCOPE, TOPICS
from rules_engine.rulebook import read_rulebook
from rules_engine.ruleset import every_rule
from tests.support.entries import profile
from tests.support.flow import BUTTON, SENSOR
from tests.support.room import Room, apart

_AT_ONCE = 1000
# What a home has said before: (device, kind, value).
_DAY = (
    (SENSOR, Kind.MOTION, True),
    ("door-1", Kind.CONTACT, True),
    ("bed-1", Kind.BED, False),
    ("smoke-1", Kind.BATTERY, 80.0),
    (BUTTON, Kind.SOS, "active"),
    (SENSOR, Kind.MOTION, False),
)


def save_states(room: Room, count: int) -> float:
    """Into the room's Redis, with positions at the ends of its topics. The mean size of a state, in bytes."""
    ends = room.ends([room.topic(topic) for topic in TOPICS])
    return apart(
        _save(room, count, {(one.topic[len(room.namespace) :], one.partition): at for one, at in ends.items()})
    )


async def _save(room: Room, count: int, ends: dict[tuple[str, int], int]) -> float:
    clock = SystemClock()
    store = await RedisStore.open(room.redis, namespace=room.namespace)
    parts: dict[int, list[Saved]] = defaultdict(list)
    size = 0
    for saved in _states(count, clock.now()):
        parts[partition_of(saved.key, room.partitions)].append(saved)
        size += len(saved.value)
    for part in range(room.partitions):
        claim = await store.claim(SCOPE, part, clock.now())
        positions = {(str(topic), part): ends[str(topic), part] for topic in TOPICS}
        for begun in range(0, len(parts[part]) or 1, _AT_ONCE):
            states = parts[part][begun : begun + _AT_ONCE]
            await store.save(SCOPE, [Change(partition=part, fence=claim.fence, states=states, positions=positions)])
    await store.close()
    return size / max(1, count)


def _states(count: int, now: datetime) -> Iterator[Saved]:
    text = files("deploy").joinpath("rulebook.yaml").read_text("utf-8")
    step = HomeStep(read_rulebook(text, "rulebook.yaml"), every_rule())
    for number in range(count):
        home = profile(number)
        following = step(step.start(home.home_id), home, now - timedelta(hours=1))
        for minute, (device, kind, value) in enumerate(_DAY):
            at = now - timedelta(minutes=30 - minute)
            said = f"{home.home_id}-{minute}"
            reading = Reading(
                id=computed("reading", said),
                home_id=home.home_id,
                device_id=device,
                kind=kind,
                value=value,
                observed_at=at,
                received_at=at,
                source_message_id=said,
            )
            following = step(following.state, reading, at)
        yield Saved(home.home_id, encode_state(following.state), following.due_at)
