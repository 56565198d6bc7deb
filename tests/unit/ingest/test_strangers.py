"""Strangers on the topics of servers: their calls go through, the rest is left out, counted and told of once a day."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.logs import open_logs
from carebell.mqtt import Arrival
from carebell.telemetry import Telemetry
from carebell.types import DeviceProfile, HomeProfile, Reading
from devices.listener import Listener
from ingest.decoding import Decoder
from ingest.pulse import Listening, pulse_topic
from ingest.roster import Roster
from ingest.strangers import DAY, KEPT, NAMED, Strangers
from ingest.taken import Taken

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
METER = "application/water/device/a84041ffff000001/event/up"
PENDANT = "application/care/device/24e124535c000007/event/up"


class Ears:
    """What ingest makes of messages, with everything that it counts."""

    def __init__(self) -> None:
        self.roster, self.telemetry, self.at = Roster(), Telemetry(), AT
        instruments = Instruments(ManualClock(AT), self.telemetry, open_logs(io.StringIO()))
        self.decoder = Decoder(Listener(self.roster), instruments, Listening(), pulse_topic("one"), 3)
        self._frames = 0

    def hear(self, topic: str, said: Any, *, after: timedelta = timedelta(seconds=1)) -> Taken:
        self.at += after
        return self.decoder.read(Arrival(topic, json.dumps(said).encode(), False, 1, 1, 1), self.at, 0.0)

    def uplink(self, topic: str, after: timedelta = timedelta(seconds=1), **said: Any) -> Taken:
        self._frames += 1
        return self.hear(topic, {"fCnt": self._frames, "devAddr": "00aa11bb", "object": said}, after=after)

    def left_out(self) -> float:
        text = self.telemetry.exposition().decode()
        [line] = [one for one in text.splitlines() if one.startswith("carebell_unregistered_left_out_total ")]
        return float(line.split()[1])


def brief(taken: Taken) -> list[tuple[str, str, Any]]:
    return [(one.home_id, one.kind, one.value) for one in taken.accepted.readings]


def reason(taken: Taken) -> str:
    return taken.accepted.rejected.reason if taken.accepted.rejected else ""


@pytest.fixture
def ears() -> Ears:
    return Ears()


def test_what_a_stranger_says_is_left_out_counted_and_told_of_once_a_day(ears: Ears) -> None:
    first = ears.uplink(METER, battery=80)
    assert (brief(first), reason(first)) == ([], "not_registered")
    assert first.accepted.rejected is not None
    assert first.accepted.rejected.device_id == "a84041ffff000001"
    assert "chirpstack a84041ffff000001" in first.accepted.rejected.detail
    assert [entry.topic for entry in first.entries] == ["carebell.rejected"]
    second = ears.uplink(METER, battery=79)
    assert (brief(second), reason(second), second.entries) == ([], "", [])
    assert ears.left_out() == 2
    assert reason(ears.uplink(METER, DAY, battery=78)) == "not_registered"


def test_each_stranger_is_told_of(ears: Ears) -> None:
    assert [reason(ears.uplink(topic, battery=80)) for topic in (METER, PENDANT)] == ["not_registered"] * 2


def test_a_stranger_s_call_goes_through_and_so_does_for_a_day_what_else_it_says(ears: Ears) -> None:
    home = "unregistered-chirpstack-24e124535c000007"
    assert brief(ears.uplink(PENDANT, battery=80)) == []
    call = ears.uplink(PENDANT, sos=True, battery=80)
    assert brief(call) == [(home, "sos", "active"), (home, "battery", 80)]
    assert brief(ears.uplink(PENDANT, battery=79)) == [(home, "battery", 79)]
    assert brief(ears.uplink(METER, battery=79)) == []
    assert brief(ears.uplink(PENDANT, DAY, battery=78)) == []
    assert brief(ears.uplink(PENDANT, sos=True)) == [(home, "sos", "active")]


def test_a_kind_that_calls_is_never_left_out_but_its_all_clear_shows_nobody_in_need(ears: Ears) -> None:
    home = "unregistered-chirpstack-a84041ffff000001"
    assert brief(ears.uplink(METER, leak=False, battery=80)) == [(home, "water", False)]
    assert brief(ears.uplink(METER, battery=79)) == []


def test_who_is_registered_is_heard_at_once_and_who_was_taken_out_no_more(ears: Ears) -> None:
    assert brief(ears.uplink(PENDANT, battery=80)) == []
    pendant = DeviceProfile(device_id="pendant", dialect="chirpstack", address="24e124535c000007")
    ears.roster.put(HomeProfile(home_id="h1", devices=(pendant,)))
    assert brief(ears.uplink(PENDANT, battery=79)) == [("h1", "battery", 79)]
    ears.roster.put(HomeProfile(home_id="h1"))
    assert brief(ears.uplink(PENDANT, battery=78)) == []


@pytest.mark.parametrize("topic", ["carebell/h9/button/up", "carebell/h9/zigbee2mqtt/key"])
def test_a_home_that_is_named_is_heard_whole_whoever_it_is(ears: Ears, topic: str) -> None:
    taken = ears.hear(topic, {"kind": "battery", "value": 80, "battery": 80})
    assert ("h9", "battery", 80) in brief(taken)
    assert ears.left_out() == 0


def test_a_problem_of_its_own_is_told_and_the_stranger_is_told_of_later(ears: Ears) -> None:
    topic = "spBv1.0/oak/DDATA/n/d"
    unnamed = ears.hear(topic, {"seq": 1, "metrics": [{"alias": 1, "value": 20}]})
    assert (brief(unnamed), reason(unnamed)) == ([], "wrong_shape")
    named = ears.hear(topic, {"seq": 2, "metrics": [{"name": "Temperature", "value": 20}]})
    assert (brief(named), reason(named)) == ([], "not_registered")


class Said:
    """Readings of senders that nobody knows."""

    def __init__(self) -> None:
        self._number = 0

    def by(self, sender: str, kind: str = "battery", value: Any = 80) -> Reading:
        self._number += 1
        return Reading(
            id=f"r-{self._number}",
            home_id=f"unregistered-tts-{sender}",
            device_id=sender,
            kind=kind,
            value=value,
            observed_at=AT,
            received_at=AT,
            source_message_id="m",
            dialect="tts",
        )


def test_a_flood_of_made_up_addresses_is_counted_and_not_told() -> None:
    strangers, said = Strangers(), Said()
    told = [strangers.untold([said.by(f"d{number}")], AT) for number in range(KEPT + 5)]
    assert [bool(names) for names in told[-6:]] == [True, False, False, False, False, False]
    assert strangers.untold([said.by("late")], AT + DAY) == ["tts late"]


def test_of_many_in_one_message_some_are_told_of_at_a_time() -> None:
    strangers, said = Strangers(), Said()
    many = [said.by(f"d{number}") for number in range(NAMED + 2)]
    assert [len(strangers.untold(many, AT)) for _ in range(3)] == [NAMED, 2, 0]


def test_who_called_longest_ago_is_forgotten_first() -> None:
    strangers, said = Strangers(), Said()
    for number in range(KEPT + 1):
        call = said.by(f"d{number}", "sos", "active")
        assert strangers.sift((call,), {call.id}, AT) == ((call,), ())
    for sender, is_heard in (("d0", False), ("d1", True)):
        battery = said.by(sender)
        assert (strangers.sift((battery,), {battery.id}, AT)[0] == (battery,)) is is_heard


def test_a_clock_that_was_set_back_hides_nobody() -> None:
    strangers, said = Strangers(), Said()
    assert strangers.untold([said.by("d")], AT + timedelta(days=400)) == ["tts d"]
    assert strangers.untold([said.by("d")], AT) == ["tts d"]
