"""Shelly where one message alone shows nothing: which topics are its own, and how a device behind a gateway is named."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from devices.dialect import DeviceRecord, Message
from devices.dialects import shelly
from devices.listener import Heard, Listener, Registered

AT = datetime(2026, 1, 15, tzinfo=UTC)
OWN = "carebell/h1/shelly"
MAC = "3c:2e:f5:00:00:09"
PRESS = {"component": "bthomedevice:205", "event": "single_push", "idx": 0, "ts": 1760000000.5}
TOLD = {"id": 4, "src": "gw", "result": {"components": [{"key": "bthomedevice:205", "config": {"addr": MAC}}]}}


class Home:
    """Devices that a home has registered, by their addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        known = address in self._addresses
        return Registered(home_id="h1", device_id=f"our-{address}", record=DeviceRecord()) if known else None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


def hear(listener: Listener, topic: str, payload: Any, *, at: datetime = AT) -> Heard:
    return listener.hear(Message(topic=topic, payload=orjson.dumps(payload), received_at=at))


def frame(*events: dict[str, Any]) -> dict[str, Any]:
    return {"src": "gw", "method": "NotifyEvent", "params": {"ts": 1760000000.5, "events": list(events)}}


@pytest.mark.parametrize(
    ("topic", "is_ours"),
    [
        ("shellies/shellyht-1/sensor/temperature", True),
        ("shellies/announce", True),
        ("shellyplus1-1/online", True),
        ("kitchen/plug/events/rpc", True),
        ("carebell/rpc", True),
        ("kitchen/plug/online", False),
        ("kitchen/status/light", False),
        ("tele/plug/STATE", False),
    ],
)
def test_only_plain_topics_are_taken_for_its_own(topic: str, is_ours: bool) -> None:
    assert shelly.matches(topic) is is_ours


@pytest.mark.parametrize("prefix", ["shellyplussmoke-1", "kitchen", "east/kitchen", "shellies/kitchen"])
def test_in_a_home_any_prefix_will_do(prefix: str) -> None:
    listener = Listener(Home())
    heard = hear(listener, f"{OWN}/{prefix}/online", True)
    address = prefix.removeprefix("shellies/")
    assert [(one.device_id, one.value) for one in heard.readings] == [(address, "online")]


@pytest.mark.parametrize(
    ("registered", "device_id"),
    [("gw/bthomedevice:205", "our-gw/bthomedevice:205"), (MAC, f"our-{MAC}"), ("other", MAC)],
)
def test_a_blu_button_is_named_as_the_home_has_registered_it(registered: str, device_id: str) -> None:
    listener = Listener(Home(registered))
    hear(listener, f"{OWN}/replies/rpc", TOLD)
    heard = hear(listener, f"{OWN}/gw/events/rpc", frame(PRESS))
    assert [(one.device_id, one.kind, one.value) for one in heard.readings] == [(device_id, "button", "single")]


def test_before_the_gateway_told_of_it_a_blu_button_is_named_by_its_place() -> None:
    heard = hear(Listener(Home()), f"{OWN}/gw/events/rpc", frame(PRESS))
    assert [one.device_id for one in heard.readings] == ["gw/bthomedevice:205"]


def test_an_answer_carries_the_id_of_the_command() -> None:
    heard = hear(Listener(Home()), f"{OWN}/replies/rpc", {"id": 31, "src": "gw", "result": None})
    assert [(one.kind, one.value, one.correlation_id) for one in heard.readings] == [("downlink_ack", True, "31")]


def test_a_whole_status_as_an_answer_is_read() -> None:
    result = {"smoke:0": {"id": 0, "alarm": True}}
    heard = hear(Listener(Home()), f"{OWN}/replies/rpc", {"id": 31, "src": "gw", "result": result})
    assert [one.kind for one in heard.readings] == ["smoke", "downlink_ack"]


def test_a_sleeping_device_that_says_goodbye_is_noted_as_such() -> None:
    heard = hear(Listener(Home()), f"{OWN}/shellies/shellybutton1-1/online", False)
    assert [(one.value, bool(one.note)) for one in heard.readings] == [("offline", True)]


def test_the_counter_of_presses_is_kept_for_each_button_apart() -> None:
    listener = Listener(Home())
    presses = [
        hear(listener, f"{OWN}/shellies/i3/input_event/{button}", {"event": "S", "event_cnt": 5}) for button in (0, 1)
    ]
    assert [one.readings[0].channel for one in presses] == ["0", "1"]


def status(**components: Any) -> dict[str, Any]:
    return {"src": "gw", "method": "NotifyStatus", "params": {"ts": 1760000000.5, **components}}


ADVERT = {"component": "script:1", "event": "blu", "data": {"address": MAC, "pid": 5, "button": 1, "rssi": -83}}


@pytest.mark.parametrize(
    ("topic", "payload", "signal"),
    [
        ("shellies/shellyflood-1/info", {"flood": False, "wifi_sta": {"connected": True, "rssi": -71}}, -71),
        ("shellies/shellyflood-1/info", {"flood": False, "wifi_sta": {"connected": False, "rssi": 0}}, None),
        ("smoke-1/events/rpc", status(**{"smoke:0": {"alarm": False}}, wifi={"rssi": -58}), -58),
        ("smoke-1/status/wifi", {"status": "got ip", "rssi": -60}, -60),
        ("smoke-1/status/wifi", {"status": "disconnected", "rssi": None}, None),
        ("gw/events/rpc", status(**{"bthomedevice:205": {"rssi": -80, "battery": 90}}), -80),
        ("gw/status/bthomedevice:205", {"id": 205, "rssi": -81, "battery": 90}, -81),
        ("gw/events/rpc", frame(ADVERT), -83),
        ("gw/events/ble", ADVERT["data"], -83),
        ("gw/events/rpc", status(**{"bthomedevice:205": {"rssi": -80, "battery": 90}}, wifi={"rssi": -50}), -80),
        ("gw/events/rpc", status(**{f"bthomedevice:{one}": {"rssi": -80, "battery": 9} for one in (1, 2)}), None),
        (
            "gw/events/rpc",
            status(**{"bthomedevice:1": {"battery": 9}, "smoke:0": {"alarm": False}}, wifi={"rssi": -5}),
            None,
        ),
        ("replies/rpc", {"id": 1, "src": "gw", "result": {"wifi": {"rssi": -44}}}, -44),
    ],
)
def test_how_well_a_device_is_heard_is_of_that_device_alone(topic: str, payload: Any, signal: int | None) -> None:
    assert hear(Listener(Home()), f"{OWN}/{topic}", payload).decoded.signal == signal
