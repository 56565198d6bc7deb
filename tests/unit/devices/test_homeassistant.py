"""Home Assistant's discovery where one message alone shows nothing: homes, registered names, templates, what is forgotten."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from devices.dialect import DeviceRecord, Message
from devices.dialects.homeassistant_template import Unreadable, render
from devices.listener import Heard, Listener, Registered

AT = datetime(2026, 1, 15, tzinfo=UTC)
OWN = "carebell/h1/homeassistant"


class Home:
    """Devices that a home has registered, by their addresses."""

    def __init__(self, *addresses: str, gateway: str = "") -> None:
        self._addresses = addresses
        self._gateway = gateway

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        if address not in self._addresses:
            return None
        return Registered(home_id="h1", device_id=f"our-{address}", record=DeviceRecord())

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return Registered(home_id="h1", device_id=self._gateway) if self._gateway else None


def hear(listener: Listener, topic: str, payload: Any) -> Heard:
    data = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
    return listener.hear(Message(topic=topic, payload=data, received_at=AT))


def said(heard: Heard) -> list[tuple[str, str, object]]:
    return [(one.device_id, one.kind, one.value) for one in heard.readings]


def config(stat_t: str, **more: Any) -> dict[str, Any]:
    return {"stat_t": stat_t, "dev_cla": "smoke", "dev": {"ids": ["24dcc3000001"], "name": "hall"}, **more}


@pytest.mark.parametrize(
    ("where", "stat_t", "topic"),
    [
        ("binary_sensor/hall-node/s", "hall-node/binary_sensor/s/state", "hall-node/binary_sensor/s/state"),
        ("homeassistant/binary_sensor/hall-node/s", "hall/s", "hall/s"),
        ("binary_sensor/hall-node/s", f"{OWN}/hall-node/s", "hall-node/s"),
    ],
)
def test_a_home_finds_the_topic_in_full_or_as_documented(where: str, stat_t: str, topic: str) -> None:
    listener = Listener(Home("hall-node"))
    hear(listener, f"{OWN}/{where}/config", config(stat_t))
    assert said(hear(listener, f"{OWN}/{topic}", "ON")) == [("our-hall-node", "smoke", True)]


def test_what_one_home_teaches_says_nothing_in_another() -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/binary_sensor/s/config", config("hall/s"))
    heard = hear(listener, "carebell/h2/homeassistant/hall/s", "ON")
    assert said(heard) == []
    assert heard.decoded.problems


@pytest.mark.parametrize("registered", ["24dcc3000001", "hall-node", "hall"])
def test_a_device_is_found_by_identifier_node_or_name(registered: str) -> None:
    listener = Listener(Home(registered))
    hear(listener, f"{OWN}/binary_sensor/hall-node/s/config", config("hall/s"))
    assert said(hear(listener, f"{OWN}/hall/s", "ON")) == [(f"our-{registered}", "smoke", True)]


def test_an_unregistered_device_is_heard_by_its_identifier() -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/binary_sensor/hall-node/s/config", config("hall/s"))
    assert said(hear(listener, f"{OWN}/hall/s", "ON")) == [("24dcc3000001", "smoke", True)]


def test_the_gateway_of_many_devices_is_the_home_s_own() -> None:
    listener = Listener(Home(gateway="our-gateway"))
    for name in ("a", "b"):
        about = config(f"hub/{name}", avty_t="hub/status", dev={"ids": name})
        hear(listener, f"{OWN}/binary_sensor/{name}/config", about)
    heard = hear(listener, f"{OWN}/hub/status", "offline")
    assert said(heard) == [("our-gateway", "availability", "offline")]
    assert heard.decoded.is_gateway


def test_entities_of_several_devices_share_a_topic() -> None:
    listener = Listener(Home("a", "b"))
    for name in ("a", "b"):
        about = config("hub/all", dev={"ids": name}, val_tpl=f"{{{{ value_json.{name} }}}}")
        hear(listener, f"{OWN}/binary_sensor/{name}/config", about)
    heard = hear(listener, f"{OWN}/hub/all", {"a": "ON", "b": "OFF"})
    assert said(heard) == [("our-a", "smoke", True), ("our-b", "smoke", False)]


def test_a_config_that_comes_again_teaches_nothing_new() -> None:
    listener = Listener(Home())
    about = config("hall/s", avty_t="hall/status")
    for name in ("s", "t", "s"):
        heard = hear(listener, f"{OWN}/binary_sensor/{name}/config", about)
    assert heard.decoded.lessons == ()
    assert heard.decoded.facts


def test_a_changed_config_forgets_its_old_topic() -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/binary_sensor/s/config", config("hall/old"))
    hear(listener, f"{OWN}/binary_sensor/s/config", config("hall/new"))
    assert hear(listener, f"{OWN}/hall/old", "ON").decoded.problems
    assert [one.kind for one in hear(listener, f"{OWN}/hall/new", "ON").readings] == ["smoke"]


def test_an_emptied_config_leaves_nothing_behind() -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/binary_sensor/s/config", config("hall/s", avty_t="hall/status"))
    hear(listener, f"{OWN}/binary_sensor/s/config", "")
    for key in ("hall/s", "hall/status", "homeassistant binary_sensor/s"):
        assert listener.lesson("h1", key) is None


def test_a_broken_config_leaves_what_was_known() -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/binary_sensor/s/config", config("hall/s"))
    hear(listener, f"{OWN}/binary_sensor/s/config", "{")
    assert [one.kind for one in hear(listener, f"{OWN}/hall/s", "ON").readings] == ["smoke"]


def test_a_topic_that_another_ecosystem_speaks_on_is_its_own() -> None:
    listener = Listener(Home())
    hear(listener, "homeassistant/binary_sensor/x/config", config("zigbee2mqtt/x/availability"))
    assert hear(listener, "zigbee2mqtt/x/availability", "online").dialect == "zigbee2mqtt"


def test_a_topic_that_another_ecosystem_can_make_nothing_of_is_the_discovery_s() -> None:
    listener = Listener(Home())
    hear(listener, "homeassistant/binary_sensor/x/config", config("home/bath/switch/cord", pl_on="1", pl_off="0"))
    assert [one.kind for one in hear(listener, "home/bath/switch/cord", "1").readings] == ["smoke"]


@pytest.mark.parametrize(
    ("template", "payload", "value"),
    [
        ("{{ value }}", "abc", "abc"),
        ("{{value|float}}", "2.50", 2.5),
        ("{{ value | int }}", "3.9", 3),
        ("{{ value_json }}", "true", True),
        ("{{ value_json.a.b }}", '{"a":{"b":7}}', 7),
        ("{{ value_json['a']['b'] }}", '{"a":{"b":7}}', 7),
        ('{{- value_json["a"][1] -}}', '{"a":[1,2]}', 2),
        ("{{ value_json.get('a') }}", '{"a":5}', 5),
        ("{{ value_json.get('b', 9) }}", '{"a":5}', 9),
        ("{{ value_json.a | default('none') }}", "{}", "none"),
        ("{{ value_json.a | default(0, true) }}", '{"a":""}', 0),
        ("{{ value_json.a | is_defined }}", "{}", None),
        ("{{ value_json.a | float(0) | round(1) }}", '{"a":"20.46"}', 20.5),
        ("{{ value_json.a | float / 10 }}", '{"a":215}', 21.5),
        ("{{ (value_json.a | float - 32) | round(0) }}", '{"a":40}', 8),
        ("{{ 'ON' if value_json.a == 'open' else 'OFF' }}", '{"a":"open"}', "ON"),
        ("{{'ON' if value_json.a else 'OFF'}}", "{}", "OFF"),
        ("{{ 'ON' if value_json.a | int > 2 and not value_json.b else 'OFF' }}", '{"a":3}', "ON"),
        ("{{ value_json.a if value_json.a is defined else 'none' }}", '{"a":1}', 1),
        ("{% if value_json.a == 1 %}ON{% else %}OFF{% endif %}", '{"a":1}', "ON"),
        ("{{ 'ON' if value_json.a in ['x', 'y'] else 'OFF' }}", '{"a":"y"}', "ON"),
        ("{{ 'OFF' if value_json.a not in ('x', 'y') else 'ON' }}", '{"a":"z"}', "OFF"),
        ("{{ 'OFF' if value_json.a is none else 'ON' }}", '{"a":null}', "OFF"),
        ("{{ value_json.a is defined }}", "{}", False),
        ("{{ ((float(value) * 99) | round(0)) + 1 }}", "1", 100),
        ("{{ value_json.a | lower }}", '{"a":"ON"}', "on"),
        ("{{ value_json.a | iif('ON', 'OFF') }}", '{"a":true}', "ON"),
        ("{{ value_json.a == 1 }}", '{"a":1}', True),
        ("{{ value_json.a.b.c }}", "no json", None),
        ("{{ value_json.a > 3 }}", '{"a":"x"}', None),
        ("{{ 1 / value_json.a }}", '{"a":0}', None),
    ],
)
def test_a_plain_template_is_read(template: str, payload: str, value: object) -> None:
    assert render(template, payload) == value


@pytest.mark.parametrize(
    "template",
    [
        "{{ value.split(',')[0] }}",
        "{{ states('sensor.x') }}",
        "{{ value_json | tojson }}",
        "{{ value_json[key] }}",
        "{{ value_json.a + value_json.b + 1 }}",
        "{{ ''.__class__ }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{% set a = 1 %}{{ a }}",
        "{{ value_json.a }} and {{ value_json.b }}",
        "{{ " + "(" * 50 + "value" + ")" * 50 + " }}",
        "{{ " + "1|d(" * 200 + " }}",
        "{{ 'a' if value }}",
        "{{ 'x' in }}",
        "{% if value == 1 %}a{% elif value > %}b{% else %}c{% endif %}",
        "{{ }}",
        "{{ value_json. }}",
    ],
)
def test_any_other_template_is_refused(template: str) -> None:
    with pytest.raises(Unreadable):
        render(template, '{"a":1,"b":2}')
