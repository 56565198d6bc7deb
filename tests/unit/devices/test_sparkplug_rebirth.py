"""A node that cannot be understood is asked for its birth; a press from before it is a call as soon as it can be named."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from carebell.types import BindingProfile, DeviceProfile, HomeProfile
from devices.dialect import Message
from devices.dialects.sparkplug_aliases import ALIASES_KEPT, SILENT_KEPT, UNREAD_FOR, UNREAD_KEPT
from devices.dialects.sparkplug_payload import METRIC_LIMIT, PROTOBUF, read_payload
from devices.listener import Heard, Listener
from devices.products import read_product
from ingest.roster import Roster

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
BOOLEAN = 11
SOS = {"name": b"Cord/SOS", "alias": 5, "datatype": BOOLEAN, "boolean_value": False}
PRESS: dict[str, Any] = {"alias": 5, "boolean_value": True}
HELD = {**SOS, "boolean_value": True}
COMMAND = "spBv1.0/oak/NCMD/n"
CALL, CLEARED = ("sos", "active"), ("sos", "cleared")


@dataclass
class Host:
    """What a listener makes of the messages of one group, by the second; what it would have nodes asked."""

    listener: Listener = field(default_factory=lambda: Listener(Roster()))
    below: str = ""
    at: datetime = AT

    def hear(
        self,
        path: str,
        *metrics: dict[str, Any],
        seq: int | None = None,
        after_s: float = 1,
        retained: bool = False,
        is_json: bool = False,
    ) -> Heard:
        self.at += timedelta(seconds=after_s)
        data = (json_of if is_json else encoded)(metrics, seq, int(self.at.timestamp() * 1000))
        topic = f"{self.below}spBv1.0/oak/{path}"
        return self.listener.hear(Message(topic=topic, payload=data, received_at=self.at, retained=retained))

    def says(self, path: str, *metrics: dict[str, Any], **more: Any) -> list[tuple[str, Any]]:
        return [(one.kind, one.value) for one in self.hear(path, *metrics, **more).readings]

    def asks(self, path: str, *metrics: dict[str, Any], **more: Any) -> list[str]:
        return [ask.topic for ask in self.hear(path, *metrics, **more).decoded.asks]

    def born(self, *metrics: dict[str, Any]) -> list[str]:
        """The node and one device of it; what is asked for all the same."""
        bdseq = {"name": b"bdSeq", "datatype": 8, "long_value": 3}
        return [*self.asks("NBIRTH/n", bdseq, seq=0), *self.asks("DBIRTH/n/d", *metrics, seq=1)]


def encoded(metrics: tuple[dict[str, Any], ...], seq: int | None, at_ms: int) -> bytes:
    payload = PROTOBUF(timestamp=at_ms)
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    data: bytes = payload.SerializeToString()
    return data


def json_of(metrics: tuple[dict[str, Any], ...], seq: int | None, at_ms: int) -> bytes:
    return orjson.dumps({"timestamp": at_ms, "seq": seq, "metrics": list(metrics)})


@pytest.fixture
def host() -> Host:
    return Host()


# Asking


def test_a_node_whose_aliases_are_unknown_is_asked_for_its_birth(host: Host) -> None:
    heard = host.hear("DDATA/n/d", PRESS, seq=4)
    assert [(one.reason, "rebirth" in one.detail) for one in heard.decoded.problems] == [("wrong_shape", True)]
    [ask] = heard.decoded.asks
    command = read_payload(ask.payload)
    [metric] = command.metrics
    assert ask.topic == COMMAND
    assert (metric.name, metric.value, metric.datatype) == ("Node Control/Rebirth", True, BOOLEAN)
    assert (command.timestamp, command.seq) == (int(host.at.timestamp() * 1000), None)


def test_who_speaks_json_is_asked_in_json(host: Host) -> None:
    [ask] = host.hear("NDATA/n", {"alias": 5, "value": True}, is_json=True).decoded.asks
    assert orjson.loads(ask.payload)["metrics"][0] | {"timestamp": 0} == {
        "name": "Node Control/Rebirth",
        "timestamp": 0,
        "dataType": "Boolean",
        "value": True,
    }


def test_a_node_below_a_home_is_asked_there() -> None:
    host = Host(below="carebell/h1/sparkplug/")
    assert host.asks("DDATA/n/d", PRESS) == ["carebell/h1/sparkplug/" + COMMAND]


@pytest.mark.parametrize("path", ["DDATA/+/d", "NDATA/n#"])
def test_what_is_no_topic_to_publish_to_is_not_asked(host: Host, path: str) -> None:
    assert host.asks(path, PRESS) == []


def test_a_node_is_asked_once_in_ten_seconds_and_others_for_themselves(host: Host) -> None:
    asked = [host.asks("DDATA/n/d", PRESS), host.asks("DDATA/n/e", PRESS, after_s=5), host.asks("DDATA/m/d", PRESS)]
    assert asked == [[COMMAND], [], ["spBv1.0/oak/NCMD/m"]]
    assert host.asks("DDATA/n/d", PRESS, after_s=5) == [COMMAND]


def test_data_by_name_before_a_birth_is_read_and_the_birth_asked_for_once_a_minute(host: Host) -> None:
    level = {"name": b"Temperature", "float_value": 20.5}
    first = host.hear("DDATA/n/d", level)
    assert [(one.kind, one.value) for one in first.readings] == [("temperature", 20.5)]
    assert first.decoded.problems == ()
    assert len(first.decoded.asks) == 1
    assert [host.asks("DDATA/n/d", level, after_s=after_s) for after_s in (30, 31)] == [[], [COMMAND]]


def test_a_device_that_was_not_born_is_asked_for_though_its_node_was(host: Host) -> None:
    assert host.born(SOS) == []
    assert host.asks("DDATA/n/d", PRESS, seq=2) == []
    assert host.asks("DDATA/n/e", {"name": b"Smoke", "boolean_value": False}, seq=3) == [COMMAND]


def test_after_a_gap_the_birth_is_asked_for_and_a_death_is_no_gap(host: Host) -> None:
    host.born(SOS)
    assert host.asks("DDEATH/n/e", seq=2) == []
    assert host.asks("DDATA/n/d", PRESS, seq=3) == []
    assert host.asks("DDATA/n/d", PRESS, seq=5) == [COMMAND]


def test_a_late_message_is_no_gap_unless_nothing_was_heard_for_long(host: Host) -> None:
    host.born(SOS)
    for seq in (2, 3):
        host.hear("DDATA/n/d", PRESS, seq=seq)
    assert host.asks("DDATA/n/d", PRESS, seq=2) == []
    assert host.asks("DDATA/n/d", PRESS, seq=4) == []
    assert host.asks("DDATA/n/d", PRESS, seq=240, after_s=3600) == [COMMAND]
    assert host.asks("DDATA/n/d", PRESS, seq=241, after_s=61) == []


def test_what_the_broker_kept_asks_nothing(host: Host) -> None:
    assert host.asks("DDATA/n/d", PRESS, retained=True) == []
    assert host.asks("DDATA/n/d", PRESS) == [COMMAND]


def test_an_alias_that_means_nothing_here_is_not_asked_about(host: Host) -> None:
    host.born(SOS, {"name": b"Motor/Speed", "alias": 6, "int_value": 3})
    heard = host.hear("DDATA/n/d", {"alias": 6, "int_value": 4}, seq=2)
    assert (heard.decoded.problems, heard.decoded.asks) == ((), ())


@pytest.mark.parametrize(("count", "name"), [(SILENT_KEPT + 1, b"Motor/Speed"), (ALIASES_KEPT, b"Temperature")])
def test_where_a_birth_names_more_than_is_kept_calls_are_kept_and_the_rest_is_not_asked_for(
    host: Host, count: int, name: bytes
) -> None:
    metrics = [{"name": name, "alias": 100 + number, "float_value": 20.0} for number in range(count)]
    heard = host.hear("DBIRTH/n/d", *metrics, SOS)
    assert [one.reason for one in heard.decoded.problems] == ["too_large"]
    host.hear("NBIRTH/n", seq=0)
    last = host.hear("DDATA/n/d", PRESS, {"alias": 99 + count, "float_value": 9.0}, seq=1)
    assert ([(one.kind, one.value) for one in last.readings], last.decoded.asks) == ([CALL], ())


def test_a_birth_that_is_longer_than_is_read_is_not_asked_for_again_and_again(host: Host) -> None:
    metrics = [{"name": b"Motor/Speed", "int_value": 1}] * METRIC_LIMIT
    host.hear("NBIRTH/n", *metrics, SOS, seq=0)
    heard = host.hear("NDATA/n", PRESS, seq=1)
    assert (heard.decoded.problems, heard.decoded.asks) == ((), ())


# What was said before the birth


def test_a_press_that_nobody_could_name_is_a_call_when_the_birth_names_it(host: Host) -> None:
    pressed = host.at + timedelta(seconds=1)
    assert host.says("DDATA/n/d", PRESS, seq=7) == [("heartbeat", True)]
    assert host.says("DDATA/n/d", {**PRESS, "boolean_value": False}, seq=8) == [("heartbeat", True)]
    assert host.says("NBIRTH/n", seq=0) == [("availability", "online")]
    born = host.hear("DBIRTH/n/d", SOS, seq=1)
    assert [(one.kind, one.value) for one in born.readings] == [CALL, CLEARED, ("availability", "online")]
    assert born.readings[0].observed_at == pressed
    assert host.says("DBIRTH/n/d", SOS, seq=2) == [("heartbeat", True)]
    host.listener.forget()
    assert CALL not in host.says("DBIRTH/n/d", SOS, seq=3)


def test_a_press_that_still_stands_at_the_birth_is_one_call(host: Host) -> None:
    host.hear("DDATA/n/d", PRESS, seq=7)
    assert host.says("DBIRTH/n/d", HELD) == [CALL, ("availability", "online")]


def test_an_unnamed_true_that_is_no_call_is_none(host: Host) -> None:
    host.hear("DDATA/n/d", {"alias": 9, "boolean_value": True})
    motion = {"name": b"Hall/Motion", "alias": 9, "boolean_value": False}
    said = host.says("DBIRTH/n/d", motion, SOS)
    assert said == [CLEARED, ("availability", "online"), ("motion", False)]


def test_smoke_that_nobody_could_name_is_told_when_the_birth_names_it(host: Host) -> None:
    host.hear("NDATA/n", PRESS)
    smoke = {"name": b"Hall/Smoke", "alias": 5, "boolean_value": False}
    assert [one for one in host.says("NBIRTH/n", smoke, seq=0) if one[0] == "smoke"] == [
        ("smoke", True),
        ("smoke", False),
    ]


def test_a_press_too_long_ago_is_none_and_history_never_is(host: Host) -> None:
    host.hear("DDATA/n/d", PRESS)
    assert CALL not in host.says("DBIRTH/n/d", SOS, after_s=UNREAD_FOR.total_seconds() + 1)
    other = Host()
    other.hear("DDATA/n/d", {**PRESS, "is_historical": True})
    assert CALL not in other.says("DBIRTH/n/d", SOS)


def test_a_birth_that_the_broker_kept_names_no_press_but_the_next_does(host: Host) -> None:
    host.hear("DDATA/n/d", PRESS)
    assert CALL not in host.says("DBIRTH/n/d", SOS, retained=True)
    assert CALL in host.says("DBIRTH/n/d", SOS)


def test_numbers_that_count_up_push_out_no_press(host: Host) -> None:
    host.hear("DDATA/n/d", PRESS)
    for number in range(UNREAD_KEPT + 10):
        host.hear("DDATA/n/d", {"alias": 8, "int_value": number})
    assert CALL in host.says("DBIRTH/n/d", SOS)


def test_a_press_by_a_switch_that_rests_at_true_is_read_by_its_mapping_file() -> None:
    mapping = (
        "products: [sparkplug/oak]\nidentifiers:\n  Inputs/A: {kind: sos, values: {'false': active, 'true': cleared}}\n"
    )
    host = Host(Listener(Roster(), read_product(mapping, "m.yaml")))
    host.hear("DDATA/n/d", {"alias": 5, "boolean_value": False})
    assert host.says("DBIRTH/n/d", {"name": b"Inputs/A", "alias": 5, "boolean_value": True})[:2] == [CALL, CLEARED]


# How a birth says that things stand


def test_a_press_that_is_true_in_the_birth_is_a_call_unless_it_was_told(host: Host) -> None:
    assert host.says("DBIRTH/n/d", HELD) == [CALL, ("availability", "online")]
    assert host.says("DBIRTH/n/d", HELD) == [("heartbeat", True)]
    other = Host()
    other.hear("DBIRTH/n/d", SOS)
    assert other.says("DDATA/n/d", PRESS) == [CALL]
    assert other.says("DBIRTH/n/d", HELD) == [("heartbeat", True)]
    assert other.says("DDATA/n/d", PRESS) == [CALL]


def test_a_press_that_an_older_one_hides_is_a_call_after_its_release(host: Host) -> None:
    host.hear("DBIRTH/n/d", SOS)
    said = [host.says("DDATA/n/d", PRESS), host.says("DDATA/n/d", {**PRESS, "boolean_value": False})]
    assert said == [[CALL], [CLEARED]]
    assert host.says("DBIRTH/n/d", HELD) == [CALL]


def test_what_was_heard_before_somebody_else_heard_the_homes_hides_no_press(host: Host) -> None:
    host.hear("DBIRTH/n/d", SOS)
    assert host.says("DDATA/n/d", PRESS) == [CALL]
    host.listener.forget()
    assert CALL in host.says("DBIRTH/n/d", HELD)


def paired() -> Host:
    taught = (BindingProfile(gesture="", kind="sos"),)
    button = DeviceProfile(device_id="b", dialect="sparkplug", address="oak/n/d", bindings=taught)
    return Host(Listener(Roster([HomeProfile(home_id="h1", devices=(button,))])))


def test_a_button_that_is_down_at_the_birth_is_pressed_once() -> None:
    host, button = paired(), {"name": b"Wall/Button", "alias": 5, "boolean_value": False}
    host.hear("DBIRTH/n/d", button)
    assert CALL in host.says("DDATA/n/d", PRESS)
    assert CALL not in host.says("DBIRTH/n/d", {**button, "boolean_value": True})
    assert CALL not in host.says("DDATA/n/d", {**PRESS, "boolean_value": False})
    assert CALL in host.says("DBIRTH/n/d", {**button, "boolean_value": True})


def test_the_last_gesture_that_a_birth_repeats_is_no_press() -> None:
    host, button = paired(), {"name": b"Wall/Button", "alias": 5, "string_value": b"single"}
    assert host.says("DBIRTH/n/d", button) == [("availability", "online")]
    assert CALL in host.says("DDATA/n/d", {"alias": 5, "string_value": b"single"})


@pytest.mark.parametrize("taught", [{"asked": 7}, {"asked": "x", "entries": [7, {"alias": []}], "aliases": {"5": 1}}])
def test_lessons_of_another_version_are_read_as_none(taught: dict[str, Any]) -> None:
    class Odd:
        def device(self, address: str) -> None:
            return None

        def lesson(self, key: str) -> Any:
            return taught

        def product(self, key: str) -> None:
            return None

    from devices.dialects.sparkplug import decode

    for path in ("DDATA/n/d", "DBIRTH/n/d"):
        topic, data = f"spBv1.0/oak/{path}", encoded((PRESS,), 1, 1)
        assert decode(Message(topic=topic, payload=data, received_at=AT), Odd()).device_id == "oak/n/d"
