"""What a device is sent to show that a call was heard, and by what it says that it has."""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from carebell.types import DeviceProfile
from devices.confirm import PAYLOAD_LIMIT, Echo, Plan, Request, Signal, Stage, confirming, is_echo, is_quiet
from devices.confirm_plans import PLANS, best_proof, needs_route, plan
from devices.confirm_routes import route_of
from devices.ecosystems import BY_NAME

ID = "0123456789abcdef0123456789abcdef"
ITEM = "01234567-89ab-cdef-0123-456789abcdef"
NUMBER = str(0x01234567)
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
ROUTES = {
    "chirpstack": "application/app-7/device/70b3d5e75e000001",
    "tts": "v3/village@town/devices/siren-3",
    "alink": "/sys/pk9/lamp-1",
    "onenet": "$sys/pid9/lamp-1",
}
TASMOTA = "carebell/h1/tasmota/"
SHELLY = "carebell/h1/shelly/"
ZIGBEE = "carebell/h1/zigbee2mqtt/"
ESPHOME = "carebell/h1/homeassistant/room/"


def request(
    dialect: str,
    signal: Signal,
    *,
    confirms: str = "lamp",
    model: str = "",
    address: str = "lamp-1",
    quiet: bool = False,
) -> Request:
    device = DeviceProfile(device_id="d1", dialect=dialect, model=model, address=address, confirms=confirms)
    return Request(
        id=ID,
        home_id="h1",
        device=device,
        signal=signal,
        at=AT,
        who="王芳",
        is_quiet=quiet,
        route=ROUTES.get(dialect, ""),
    )


def said(planned: Plan | None) -> tuple[str, Any]:
    """The one message of a plan: its topic, and its JSON or its word."""
    assert planned is not None
    (one,) = planned.publications
    try:
        return one.topic, orjson.loads(one.payload)
    except orjson.JSONDecodeError:
        return one.topic, one.payload.decode()


def stage_of(planned: Plan | None, topic: str, content: Any) -> Stage | None:
    """What a message would prove; the surest counts."""
    assert planned is not None
    payload = content.encode() if isinstance(content, str) else orjson.dumps(content)
    found = [echo.stage for echo in planned.echoes if echo.topic == topic and is_echo(echo, payload)]
    return max(found, key=lambda stage: stage.rank, default=None)


LIGHT = {"mode": "stop", "level": "low", "strobe": True, "strobe_duty_cycle": 5}
SOUND = {**LIGHT, "mode": "emergency"}
PLUG = {"id": ID, "src": f"{SHELLY}lamp-1/carebell", "method": "Switch.Set"}
WAY = ROUTES["chirpstack"]


@pytest.mark.parametrize(
    ("asked", "topic", "content"),
    [
        (request("", Signal.COMING), "carebell/h1/d1/down", {"id": ID, "type": "coming", "who": "王芳"}),
        (request("native", Signal.RECEIVED), "carebell/h1/d1/down", {"id": ID, "type": "received"}),
        (request("zigbee2mqtt", Signal.RECEIVED), f"{ZIGBEE}lamp-1/set", {"effect": "blink"}),
        (request("zigbee2mqtt", Signal.COMING), f"{ZIGBEE}lamp-1/set", {"state": "ON", "effect": "blink"}),
        (
            request("shelly", Signal.RECEIVED),
            f"{SHELLY}lamp-1/rpc",
            {**PLUG, "params": {"id": 0, "on": True, "toggle_after": 2}},
        ),
        (request("shelly", Signal.COMING), f"{SHELLY}lamp-1/rpc", {**PLUG, "params": {"id": 0, "on": True}}),
        (request("tasmota", Signal.RECEIVED), f"{TASMOTA}cmnd/lamp-1/POWER", "BLINK"),
        (request("tasmota", Signal.COMING), f"{TASMOTA}cmnd/lamp-1/POWER", "ON"),
        (request("tasmota", Signal.RECEIVED, confirms="siren"), f"{TASMOTA}cmnd/lamp-1/Buzzer", "2,1,3"),
        (request("tasmota", Signal.COMING, confirms="siren"), f"{TASMOTA}cmnd/lamp-1/Buzzer", "10,2,8"),
        (
            request("homeassistant", Signal.RECEIVED, address="room/light/bed"),
            f"{ESPHOME}light/bed/command",
            {"state": "ON", "flash": 2},
        ),
        (request("homeassistant", Signal.COMING, address="room/switch/bed"), f"{ESPHOME}switch/bed/command", "ON"),
        (
            request("tuyalink", Signal.COMING),
            "tylink/lamp-1/thing/property/set",
            {"msgId": ID, "time": 1772352000000, "data": {"switch_led": True}},
        ),
        (
            request("alink", Signal.COMING),
            "/sys/pk9/lamp-1/thing/service/property/set",
            {"id": NUMBER, "version": "1.0", "params": {"LightSwitch": 1}, "method": "thing.service.property.set"},
        ),
        (
            request("onenet", Signal.COMING),
            "$sys/pid9/lamp-1/thing/property/set",
            {"id": NUMBER, "version": "1.0", "params": {"LightSwitch": True}},
        ),
    ],
    ids=lambda value: (
        f"{value.device.dialect}-{value.device.confirms}-{value.signal}" if isinstance(value, Request) else ""
    ),
)
def test_each_ecosystem_is_told_in_its_own_words(asked: Request, topic: str, content: Any) -> None:
    assert said(plan(asked)) == (topic, content)


@pytest.mark.parametrize(
    ("signal", "model", "quiet", "command"),
    [
        (Signal.RECEIVED, "HS2WD-E", False, {"warning": {**LIGHT, "duration": 2}}),
        (
            Signal.RECEIVED,
            "SIRZB-110",
            False,
            {"squawk": {"state": "system_is_armed", "level": "low", "strobe": False}},
        ),
        (Signal.RECEIVED, "SIRZB-110", True, {"warning": {**LIGHT, "duration": 2}}),
        (Signal.COMING, "HS2WD-E", False, {"warning": {**SOUND, "duration": 10}}),
        (Signal.COMING, "HS2WD-E", True, {"warning": {**LIGHT, "duration": 10}}),
    ],
)
def test_a_zigbee_siren_is_gentle_and_at_night_only_light(
    signal: Signal, model: str, quiet: bool, command: Any
) -> None:
    planned = plan(request("zigbee2mqtt", signal, confirms="siren", model=model, address="siren", quiet=quiet))
    assert said(planned) == (f"{ZIGBEE}siren/set", command)
    assert planned is not None
    assert planned.best is Stage.ACCEPTED
    failed = {"level": "error", "message": "z2m: Publish 'set' 'warning' to 'siren' failed: 'Error: timeout'"}
    assert stage_of(planned, f"{ZIGBEE}bridge/logging", failed) is Stage.REFUSED
    other = {"level": "error", "message": "z2m: Publish 'set' 'warning' to 'siren 2' failed: 'Error: timeout'"}
    assert stage_of(planned, f"{ZIGBEE}bridge/logging", other) is None


@pytest.mark.parametrize(("signal", "seconds"), [(Signal.RECEIVED, 1), (Signal.COMING, 10)])
def test_a_lorawan_siren_gets_a_confirmed_downlink_under_our_id(signal: Signal, seconds: int) -> None:
    data = base64.b64encode(bytes.fromhex("03690101") + bytes([0, seconds, 0, 0, 0, 0, 0])).decode()
    chirpstack = plan(request("chirpstack", signal, confirms="siren", model="R602A"))
    told = {"id": ITEM, "devEui": "70b3d5e75e000001", "confirmed": True, "fPort": 7, "data": data}
    assert said(chirpstack) == (f"{WAY}/command/down", told)
    tts = plan(request("tts", signal, confirms="siren", model="R602A"))
    downlink = {
        "f_port": 7,
        "frm_payload": data,
        "confirmed": True,
        "priority": "HIGH",
        "correlation_ids": [f"carebell-{ID}"],
    }
    assert said(tts) == ("v3/village@town/devices/siren-3/down/push", {"downlinks": [downlink]})


TTS_WAY = f"{ROUTES['tts']}/down/"
OURS = {"correlation_ids": ["as:downlink:01X", f"carebell-{ID}"]}
DONE = {"id": ID, "src": "lamp-1", "dst": f"{SHELLY}lamp-1/carebell", "result": {"was_on": False}}
SET_REPLY = "/sys/pk9/lamp-1/thing/service/property/set_reply"
NETVOX = {"confirms": "siren", "model": "R602A"}


@pytest.mark.parametrize(
    ("dialect", "named", "topic", "content", "stage"),
    [
        ("zigbee2mqtt", {}, f"{ZIGBEE}lamp-1", {"state": "ON", "linkquality": 90}, Stage.CONFIRMED),
        ("zigbee2mqtt", {}, f"{ZIGBEE}lamp-1", {"state": "OFF"}, None),
        ("zigbee2mqtt", {}, f"{ZIGBEE}lamp-2", {"state": "ON"}, None),
        ("chirpstack", NETVOX, f"{WAY}/event/txack", {"queueItemId": ITEM}, Stage.SCHEDULED),
        ("chirpstack", NETVOX, f"{WAY}/event/ack", {"queueItemId": ITEM, "acknowledged": True}, Stage.CONFIRMED),
        ("chirpstack", NETVOX, f"{WAY}/event/ack", {"queueItemId": ITEM, "acknowledged": False}, Stage.REFUSED),
        ("chirpstack", NETVOX, f"{WAY}/event/ack", {"queueItemId": ITEM}, Stage.REFUSED),
        ("chirpstack", NETVOX, f"{WAY}/event/ack", {"queueItemId": "other", "acknowledged": True}, None),
        ("tts", NETVOX, f"{TTS_WAY}sent", {"downlink_sent": OURS}, Stage.SCHEDULED),
        ("tts", NETVOX, f"{TTS_WAY}ack", {"downlink_ack": OURS, "correlation_ids": ["x"]}, Stage.CONFIRMED),
        ("tts", NETVOX, f"{TTS_WAY}nack", {"downlink_nack": OURS}, Stage.REFUSED),
        ("tts", NETVOX, f"{TTS_WAY}failed", {"downlink_failed": {"downlink": OURS}}, Stage.REFUSED),
        ("tts", NETVOX, f"{TTS_WAY}ack", {"downlink_ack": {"correlation_ids": ["carebell-other"]}}, None),
        ("shelly", {}, f"{SHELLY}lamp-1/carebell/rpc", DONE, Stage.CONFIRMED),
        ("shelly", {}, f"{SHELLY}lamp-1/carebell/rpc", {"id": ID, "error": {"code": -105}}, Stage.REFUSED),
        ("shelly", {}, f"{SHELLY}lamp-1/carebell/rpc", {**DONE, "id": "another"}, None),
        ("tasmota", {}, f"{TASMOTA}stat/lamp-1/RESULT", {"POWER": "ON"}, Stage.CONFIRMED),
        ("tasmota", {}, f"{TASMOTA}stat/lamp-1/RESULT", {"Command": "Unknown"}, None),
        ("homeassistant", {"address": "room/light/bed"}, f"{ESPHOME}light/bed/state", {"state": "ON"}, Stage.CONFIRMED),
        ("homeassistant", {"address": "room/switch/bed"}, f"{ESPHOME}switch/bed/state", "ON", Stage.CONFIRMED),
        ("homeassistant", {"address": "room/switch/bed"}, f"{ESPHOME}switch/bed/state", "OFF", None),
        ("tuyalink", {}, "tylink/lamp-1/thing/property/set_response", {"msgId": ID, "code": 0}, Stage.CONFIRMED),
        ("tuyalink", {}, "tylink/lamp-1/thing/property/set_response", {"msgId": ID, "code": 2001}, Stage.REFUSED),
        ("tuyalink", {}, "tylink/lamp-1/thing/property/set_response", {"msgId": "x", "code": 0}, None),
        ("alink", {}, SET_REPLY, {"id": NUMBER, "code": 200, "data": {}}, Stage.CONFIRMED),
        ("alink", {}, SET_REPLY, {"id": NUMBER, "code": 5000}, Stage.REFUSED),
        ("onenet", {}, "$sys/pid9/lamp-1/thing/property/set_reply", {"id": NUMBER, "code": 200}, Stage.CONFIRMED),
    ],
)
def test_what_a_device_says_is_known_for_what_it_proves(
    dialect: str, named: dict[str, Any], topic: str, content: Any, stage: Stage | None
) -> None:
    planned = plan(request(dialect, Signal.COMING, **named))
    assert stage_of(planned, topic, content) is stage
    assert planned is not None
    assert planned.best is Stage.CONFIRMED


@pytest.mark.parametrize(
    "asked",
    [
        request("zigbee2mqtt", Signal.COMING, confirms=""),
        request("rtl_433", Signal.COMING),
        request("chirpstack", Signal.COMING, confirms="siren", model="WS101"),
        request("chirpstack", Signal.COMING, confirms="siren", model="R602A", quiet=True),
        request("tasmota", Signal.COMING, confirms="siren", quiet=True),
        request("homeassistant", Signal.RECEIVED, address="room/switch/bed"),
        request("homeassistant", Signal.COMING, address="room"),
        request("tuyalink", Signal.RECEIVED),
        request("tuyalink", Signal.COMING, address="#"),
        request("zigbee2mqtt", Signal.COMING, address="hall/+"),
    ],
)
def test_what_could_not_be_shown_gently_is_not_sent(asked: Request) -> None:
    assert plan(asked) is None
    assert best_proof(asked) is None


def test_the_same_request_is_the_same_plan() -> None:
    for dialect, confirms in PLANS:
        asked = request(dialect, Signal.COMING, confirms=confirms, model="R602A")
        assert plan(asked) == plan(asked)
        assert dialect in BY_NAME


@pytest.mark.parametrize(
    ("hour", "is_sos", "quiet"),
    [
        (13, False, False),
        (14, False, True),
        (22, False, True),
        (23, False, False),
        (14, True, False),
        (22, True, False),
    ],
)
def test_nights_are_those_of_the_home_and_a_button_may_sound_at_night(hour: int, is_sos: bool, quiet: bool) -> None:
    assert is_quiet(AT.replace(hour=hour), "Asia/Shanghai", is_sos=is_sos) is quiet


def test_an_unknown_timezone_is_taken_for_utc() -> None:
    assert is_quiet(AT.replace(hour=23), "Mars/Olympus", is_sos=False)


def test_of_a_home_only_what_is_there_for_it_and_who_called_matters() -> None:
    lamp, button, door = (
        DeviceProfile(device_id=name, confirms="lamp" * (name == "lamp")) for name in ("lamp", "button", "door")
    )
    assert confirming((lamp, button, door), "button") == (lamp, button)
    assert confirming((lamp, button, door)) == (lamp,)


@pytest.mark.parametrize(
    ("topic", "route"),
    [
        (
            "application/a1/device/70B3D5E75E000001/event/up",
            ("chirpstack", "70b3d5e75e000001", "application/a1/device/70B3D5E75E000001"),
        ),
        ("v3/app@tenant/devices/Siren-3/up", ("tts", "siren-3", "v3/app@tenant/devices/Siren-3")),
        ("/sys/pk/lamp/thing/event/property/post", ("alink", "lamp", "/sys/pk/lamp")),
        ("$sys/pid/lamp/thing/property/post", ("onenet", "lamp", "$sys/pid/lamp")),
        ("application/a1/device/70b3d5e75e000001/event/join", None),
        ("carebell/h1/d1/up", None),
    ],
)
def test_the_way_to_a_device_is_read_from_its_own_topics(topic: str, route: tuple[str, str, str] | None) -> None:
    assert route_of(topic) == route
    assert route is None or needs_route(DeviceProfile(device_id="d", dialect=route[0]))


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"[" * 5000, b"null", b"[1]", b'{"state": {"a": 1}}', b" " * (PAYLOAD_LIMIT + 1)]
)
def test_whatever_is_said_on_a_topic_is_only_not_an_echo(payload: bytes) -> None:
    echo = Echo(topic="t", stage=Stage.CONFIRMED, has=(("state", "ON"), ("a.b.c", 1)), holds="x.y")
    assert not is_echo(echo, payload)
