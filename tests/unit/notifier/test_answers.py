"""What devices say to signals: what is listened for, what is heard, and how it is written down."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from carebell.clock import ManualClock
from carebell.errors import Refused, TryLater
from carebell.mqtt import Arrival
from carebell.types import DeviceProfile, HomeProfile
from devices.confirm import Echo, Request, Signal, Stage
from notifier.answers import AWAITED_AT_MOST, Answers
from notifier.case_value import Case, Confirmation, Heard, Purpose
from notifier.channels.home import HomeChannel
from notifier.message import Outgoing
from tests.support import build

LAMP = Echo(topic="home/lamp", stage=Stage.CONFIRMED, has=(("state", "ON"),))
REFUSED = Echo(topic="home/log", stage=Stage.REFUSED, mentions=("lamp",))


class Ear:
    """A connection that only notes what is asked of it."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.acknowledged: list[int] = []

    def listen(self, topic: str) -> None:
        assert topic not in self.topics, "subscribed twice"
        self.topics.add(topic)

    def ignore(self, topic: str) -> None:
        self.topics.remove(topic)

    def acknowledge(self, arrival: Arrival) -> bool:
        self.acknowledged.append(arrival.mid)
        return True


class Book:
    """A casebook that writes down what was heard, or is away so many times; and the cases it knows."""

    def __init__(self, away: int = 0, cases: Sequence[Case] = ()) -> None:
        self.heard_of: list[Heard] = []
        self._away = away
        self._cases = cases

    async def signalled(self, since: object, limit: int) -> Sequence[Case]:
        if self._away:
            self._away -= 1
            raise TryLater("the database is away")
        return self._cases

    async def heard(self, heard: Heard, at: object) -> bool:
        if self._away:
            self._away -= 1
            raise TryLater("the database is away")
        self.heard_of.append(heard)
        return True


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(build.START)


@pytest.fixture
def answers(ear: Ear) -> Answers:
    answers = Answers()
    answers.attach(ear)
    return answers


def arrival(topic: str, content: Any, *, retained: bool = False, mid: int = 1) -> Arrival:
    return Arrival(topic, orjson.dumps(content), retained, 1, mid, 1)


def test_only_what_is_awaited_is_listened_to_and_each_topic_once(answers: Answers, ear: Ear) -> None:
    answers.expect("one", (LAMP, REFUSED))
    answers.expect("two", (REFUSED,))
    answers.expect("three", ())
    assert ear.topics == {"home/lamp", "home/log"}
    answers.expect("one", (LAMP,))
    answers.expect("two", ())
    assert ear.topics == {"home/lamp"}


def test_one_message_can_answer_several(answers: Answers) -> None:
    answers.expect("one", (LAMP,))
    answers.expect("two", (LAMP, REFUSED))
    heard = answers.heard(arrival("home/lamp", {"state": "ON"}))
    assert heard == [Heard("one", Stage.CONFIRMED), Heard("two", Stage.CONFIRMED)]


@pytest.mark.parametrize(
    ("topic", "content", "retained"),
    [
        ("home/lamp", {"state": "OFF"}, False),
        ("home/lamp", {"state": "ON"}, True),
        ("home/other", {"state": "ON"}, False),
    ],
)
def test_what_was_kept_from_before_or_is_something_else_proves_nothing(
    answers: Answers, topic: str, content: Any, retained: bool
) -> None:
    answers.expect("one", (LAMP,))
    assert answers.heard(arrival(topic, content, retained=retained)) == []


def test_too_many_waiting_give_up_the_oldest(answers: Answers, ear: Ear) -> None:
    for number in range(AWAITED_AT_MOST + 2):
        answers.expect(str(number), (Echo(topic=f"t/{number}", stage=Stage.CONFIRMED),))
    assert len(ear.topics) == AWAITED_AT_MOST
    assert not {"t/0", "t/1"} & ear.topics


async def test_what_is_heard_is_written_down_before_it_is_acknowledged(answers: Answers, ear: Ear) -> None:
    book: Any = Book(away=1)
    answers.expect("one", (LAMP, REFUSED))
    answers.arrived(arrival("home/lamp", {"state": "ON"}, mid=7))
    with pytest.raises(TryLater):
        await answers.turn(book, build.instruments())
    assert ear.acknowledged == []
    await answers.turn(book, build.instruments())
    assert (book.heard_of, ear.acknowledged) == ([Heard("one", Stage.CONFIRMED)], [7])
    assert ear.topics == set()


async def test_a_scheduled_signal_is_listened_for_until_its_end(answers: Answers, ear: Ear) -> None:
    book: Any = Book()
    scheduled = Echo(topic="net/txack", stage=Stage.SCHEDULED)
    answers.expect("one", (scheduled, Echo(topic="net/ack", stage=Stage.CONFIRMED)))
    for topic in ("net/txack", "net/ack", "net/ack"):
        answers.arrived(arrival(topic, {}))
        await answers.turn(book, build.instruments())
    assert [one.stage for one in book.heard_of] == [Stage.SCHEDULED, Stage.CONFIRMED]
    assert (ear.topics, len(ear.acknowledged)) == (set(), 3)


async def test_the_loop_ends_when_it_is_told_to(answers: Answers) -> None:
    book: Any = Book()
    stop = asyncio.Event()
    stop.set()
    await answers.run(book, build.instruments(), stop)


# the channel


SIREN = DeviceProfile(
    device_id="siren", dialect="chirpstack", model="R602A", address="70:B3:D5:E7:5E:00:00:01", confirms="siren"
)
TOPIC = "application/app-7/device/70b3d5e75e000001"


def message(device: DeviceProfile) -> Outgoing:
    signal = Request(id="d" * 32, home_id="h1", device=device, signal=Signal.COMING, at=build.START)
    return Outgoing(key="d" * 32, to="siren", subject="", text="", signal=signal)


async def test_a_siren_behind_a_network_server_waits_until_it_was_heard_of(answers: Answers, ear: Ear) -> None:
    published: list[str] = []

    async def publish(topic: str, payload: bytes) -> None:
        assert ear.topics, "listened too late for an answer that comes at once"
        published.append(topic)

    channel = HomeChannel(publish, answers)
    with pytest.raises(TryLater, match="70:B3"):
        await channel.send(message(SIREN))
    assert answers.heard(arrival(f"{TOPIC}/event/up", {})) == []
    assert await channel.send(message(SIREN)) == "accepted by the broker"
    assert published == [f"{TOPIC}/command/down"]
    assert f"{TOPIC}/event/ack" in ear.topics


async def test_what_cannot_be_shown_is_refused(answers: Answers) -> None:
    async def publish(topic: str, payload: bytes) -> None:
        raise AssertionError("nothing can be published")

    nothing = DeviceProfile(device_id="siren", dialect="zigbee2mqtt", confirms="horn")
    with pytest.raises(Refused, match="siren"):
        await HomeChannel(publish, answers).send(message(nothing))


# what was asked before we began


NUMBER = "d" * 32
ITEM = "dddddddd-dddd-dddd-dddd-dddddddddddd"
BEDSIDE = DeviceProfile(device_id="lamp", dialect="zigbee2mqtt", address="bedside", confirms="lamp")
NEXT_TO_BED = "carebell/h1/zigbee2mqtt/bedside"


def case_with(device: DeviceProfile, stage: Stage = Stage.ACCEPTED) -> Case:
    """A case whose home was told by this device that somebody is coming."""
    one = Confirmation(
        delivery_id=NUMBER,
        purpose=Purpose.COMING,
        device_id=device.device_id,
        best=Stage.CONFIRMED,
        asked_at=build.START,
        stage=stage,
    )
    home = HomeProfile(home_id="h1", timezone="Asia/Shanghai", devices=(device,))
    return build.case(home=home, confirmations=(one,))


async def test_what_was_asked_before_a_restart_is_listened_for_again(answers: Answers, ear: Ear) -> None:
    book: Any = Book(cases=[case_with(BEDSIDE, Stage.REQUESTED)])
    await answers.recall(book, build.START)
    assert NEXT_TO_BED in ear.topics
    assert answers.heard(arrival(NEXT_TO_BED, {"state": "ON"})) == [Heard(NUMBER, Stage.CONFIRMED)]


@pytest.mark.parametrize("stage", [Stage.CONFIRMED, Stage.REFUSED])
async def test_what_is_settled_is_not_listened_for_again(answers: Answers, ear: Ear, stage: Stage) -> None:
    book: Any = Book(cases=[case_with(BEDSIDE, stage)])
    await answers.recall(book, build.START)
    assert ear.topics == set()


async def test_what_is_sent_meanwhile_stays_expected_as_it_was_sent(answers: Answers, ear: Ear) -> None:
    book: Any = Book(cases=[case_with(BEDSIDE)])
    answers.expect(NUMBER, (LAMP,))
    await answers.recall(book, build.START)
    assert ear.topics == {"home/lamp"}


async def test_a_siren_is_heard_after_a_restart_though_the_way_to_it_is_not_known(answers: Answers, ear: Ear) -> None:
    book: Any = Book(cases=[case_with(SIREN)])
    await answers.recall(book, build.START)
    assert ear.topics == {"application/+/device/+/event/txack", "application/+/device/+/event/ack"}
    assert answers.heard(arrival(f"{TOPIC}/event/ack", {"queueItemId": "another", "acknowledged": True})) == []
    said = arrival(f"{TOPIC}/event/ack", {"queueItemId": ITEM, "acknowledged": True})
    assert answers.heard(said) == [Heard(NUMBER, Stage.CONFIRMED)]
    answers.arrived(said)
    await answers.turn(book, build.instruments())
    assert ear.topics == set()
    assert answers.heard(said) == []


async def test_a_siren_that_was_never_sent_to_is_not_looked_for_everywhere(answers: Answers, ear: Ear) -> None:
    book: Any = Book(cases=[case_with(SIREN, Stage.REQUESTED)])
    await answers.recall(book, build.START)
    assert ear.topics == set()
    answers.heard(arrival(f"{TOPIC}/event/up", {}))
    await answers.recall(book, build.START)
    assert ear.topics == {f"{TOPIC}/event/txack", f"{TOPIC}/event/ack"}


async def test_what_comes_first_after_a_restart_is_read_behind_what_was_asked_before(
    answers: Answers, ear: Ear, clock: ManualClock
) -> None:
    book: Any = Book(away=1, cases=[case_with(BEDSIDE)])
    answers.arrived(arrival(NEXT_TO_BED, {"state": "ON"}, mid=7))
    stop = asyncio.Event()
    running = asyncio.create_task(answers.run(book, build.instruments(clock), stop))
    await clock.advance(build.seconds(2))
    stop.set()
    await clock.advance(build.seconds(2))
    await running
    assert (book.heard_of, ear.acknowledged) == ([Heard(NUMBER, Stage.CONFIRMED)], [7])
