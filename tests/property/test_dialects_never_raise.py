"""Every dialect answers whatever arrives: nothing is raised, answers are bounded, values can be written and read back."""

import gc
import random
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carebell.types import Kind
from devices.dialect import Decoded, Message
from devices.ecosystems import BY_NAME
from devices.listener import Heard, Listener
from tests.support.fuzz import AnyDevices, Fuzz, faults_of
from tests.support.mutation import Input, changed_bytes, changed_topic, grown, keys, seedlings

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
some = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=30)


class Nothing:
    """Knows no device, no lesson, no product."""

    def device(self, address: str) -> None:
        return None

    def lesson(self, key: str) -> None:
        return None

    def product(self, key: str) -> None:
        return None


class Nonsense(Nothing):
    """Lessons and mappings of any shape: they come from messages and files of other versions."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def lesson(self, key: str) -> Any:
        return self._content if isinstance(self._content, dict) else None

    product = lesson


def decoded(name: str, topic: str, payload: bytes, known: Any = None) -> Decoded:
    found = BY_NAME[name].decode(Message(topic=topic, payload=payload, received_at=AT), known or Nothing())
    assert isinstance(found, Decoded)
    assert not faults_of(Heard(dialect=name, decoded=found))
    return found


@pytest.mark.parametrize("name", sorted(BY_NAME))
@some
@given(seed=st.integers(0, 2**32))
def test_examples_that_were_changed(name: str, seed: int) -> None:
    one = grown(name, random.Random(seed))
    assert decoded(name, one.topic, one.payload) == decoded(name, one.topic, one.payload), "a dialect keeps nothing"


@pytest.mark.parametrize("name", sorted(BY_NAME))
@some
@given(data=st.data())
def test_objects_of_the_dialects_own_keys(name: str, data: st.DataObject) -> None:
    names = st.sampled_from(keys(name)) | st.text(max_size=10)
    content = data.draw(
        st.recursive(
            SCALARS,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
            max_leaves=12,
        )
    )
    topic = data.draw(st.sampled_from(seedlings(name))).topic
    payload = orjson.dumps(content)
    decoded(name, topic, payload)
    decoded(name, topic, payload, Nonsense(content))


@pytest.mark.parametrize("name", sorted(BY_NAME))
@some
@given(payload=st.binary(max_size=200), seed=st.integers(0, 2**32))
def test_bytes_and_topics_of_any_kind(name: str, payload: bytes, seed: int) -> None:
    chance = random.Random(seed)
    topic = chance.choice(seedlings(name)).topic
    for _ in range(chance.randrange(3)):
        topic = changed_topic(topic, chance)
    decoded(name, topic, payload)
    decoded(name, topic, changed_bytes(payload, chance))


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_listener_lives_through_all_of_it(name: str) -> None:
    fuzz = Fuzz(7, dialects=(name,))
    fuzz.run(600)
    assert not fuzz.shown


@pytest.fixture
def traced() -> Iterator[None]:
    """What is taken from now on is counted; what earlier tests left behind is not collected here."""
    gc.freeze()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.unfreeze()


def held_now() -> int:
    """Without what the interpreter lays by for tuples to come: how much that is depends on when it last tidied up."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_same_home_does_not_grow(name: str) -> None:
    """What a message leaves behind is replaced by the next one like it."""
    listener, at = Listener(AnyDevices()), AT
    messages = [(one.topic, orjson.dumps(one.content)) for one in seedlings(name)[:40]]
    held = []
    for _ in range(4):
        for topic, payload in messages * 5:
            at += timedelta(hours=1)
            listener.hear(Message(topic=topic, payload=payload, received_at=at), dialect=name)
        held.append(held_now())
    assert held[-1] - held[1] < 200_000


def test_a_fault_is_found() -> None:
    """The judge itself: what it must not let through."""
    found = decoded("native", "carebell/h/d/up", b'{"kind":"sos"}')
    assert found.facts[0].kind == Kind.SOS
    wrong = [
        {"kind": "flood"},
        {"value": float("nan")},
        {"value": object()},
        {"channel": "x" * 5000},
        {"note": 5},
    ]
    for change in wrong:
        fact = type(found.facts[0])(**{"kind": "sos", "value": "active", **change})
        assert faults_of(Heard(dialect="native", decoded=Decoded(facts=(fact,)))), change


def test_a_raising_dialect_is_found() -> None:
    class Broken(AnyDevices):
        def find(self, dialect: str, home_id: str, address: str) -> Any:
            raise KeyError(address)

    fuzz = Fuzz(1, dialects=("native",), devices=Broken())
    assert fuzz.feed("native", Input("carebell/h/d/up", b'{"kind":"sos"}'))
    assert fuzz.tallies["native"].faults
