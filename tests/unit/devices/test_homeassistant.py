"""Home Assistant's discovery where one message alone shows nothing: homes, registered names, templates, what is forgotten."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from devices.dialect import DeviceRecord, Message
from devices.dialects.homeassistant_template import Said, Unreadable, render
from devices.listener import Heard, Listener, Registered

AT = datetime(2026, 1, 15, tzinfo=UTC)
OWN = "carebell/h1/homeassistant"


class Home:
    """Devices that a home has registered, by their addresses."""

    def __init__(self, *addresses: str, gateway: str = "", is_sos: bool = False) -> None:
        self._addresses = addresses
        self._gateway = gateway
        self._is_sos = is_sos

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        if address not in self._addresses:
            return None
        return Registered(home_id="h1", device_id=f"our-{address}", record=DeviceRecord(), is_sos=self._is_sos)

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
        ("{{ 0 if value_json.a == 0 else 1 / value_json.a }}", '{"a":0}', 0),
        ("{{ iif(value_json.a == 1, 'ON', 'OFF') }}", '{"a":1}', "ON"),
        ("{{ not value_json.a }}", '{"a":true}', False),
        ("{{ not value_json.a is defined }}", "{}", True),
        ("{{ value_json.a == 1 and value_json.b == 2 }}", '{"a":1,"b":2}', True),
        ("{{ value_json.a | lower == 'true' or value_json.b | lower == 'true' }}", '{"a":"no","b":"TRUE"}', True),
        ("{{ value_json.a and 'ON' or 'OFF' }}", '{"a":0}', "OFF"),
        ("{{ value_json.a.b if value_json.a is defined }}", '{"a":{"b":66}}', 66),
        ("{{ 'a' if value == 'b' }}", "c", None),
        ("{{ 'x' if value == 'a' else 'y' if value == 'b' else 'z' }}", "b", "y"),
        ("{{ {'0': 'OFF', '1': 'ON'}[value] }}", "1", "ON"),
        ("{{ {'wet': 'ON'}.get(value_json.a, 'OFF') }}", '{"a":"dry"}', "OFF"),
        ("{{ ['OFF', 'ON'][value_json.a | int] }}", '{"a":1}', "ON"),
        ("{{ 'ON' if value_json.a | int | bitwise_and(2) else 'OFF' }}", '{"a":6}', "ON"),
        ("{{ value.split(',')[1] }}", "a,b,c", "b"),
        ("{{ value[0:2] }}", "ONE", "ON"),
        ("{{ value | replace(',', '.') | float }}", "3,5", 3.5),
        ("{{ value.startswith('AL') }}", "ALARM", True),
        ("{{ value_json.a is not none and value_json.a > 3 }}", '{"a":null}', False),
        ("{{ value_json.a.b if value_json.a is mapping else 'OFF' }}", '{"a":3}', "OFF"),
        ("{{ value_json.a + value_json.b * 2 }}", '{"a":1,"b":2}', 5),
        ("{{ (value_json.a - 32) * 5 / 9 }}", '{"a":212}', 100),
        ("{{ -value_json.a | abs }}", '{"a":4}', 4),
        ("{{ value_json.a % 2 == 1 }}", '{"a":3}', True),
        ("{{ 7 // value_json.a }}", '{"a":2}', 3),
        ("{{ 'k' ~ value_json.a }}", '{"a":3}', "k3"),
        ("{{ '%.1f' | format(value_json.a) }}", '{"a":21.46}', "21.5"),
        ("{{ value_json.a | round(0, 'floor') | int }}", '{"a":2.9}', 2),
        ("{{ value_json.a | float(default=0) }}", '{"a":"x"}', 0),
        ("{{ value_json.a | bool }}", '{"a":"yes"}', True),
        ("{{ (value | from_json).a }}", '{"a":7}', 7),
        ("{{ max(value_json.a, 3) }}", '{"a":2}', 3),
        ("{{ value_json.a | length }}", '{"a":[1,2]}', 2),
        ("{{ {'event_type': value_json.a} | tojson }}", '{"a":"press"}', '{"event_type":"press"}'),
        ("{# said twice #}{{ value_json.a }}", '{"a":1}', 1),
        ("{% set a = value_json.a %}{{ 'ON' if a == 1 else 'OFF' }}", '{"a":1}', "ON"),
        ("{% if value_json.a == 1 %}{{ value_json.b }}{% else %}0{% endif %}", '{"a":1,"b":21.5}', 21.5),
        ("{% if value_json.a == 1 %}ON{% endif %}", '{"a":0}', None),
        ("{% if value_json.a %}{% if value_json.b %}1{% else %}2{% endif %}{% endif %}", '{"a":1,"b":0}', "2"),
        ("{%- if value == 'a' -%}A{%- elif value == 'b' -%}B{%- else -%}C{%- endif -%}", "b", "B"),
        ("{{ value_json.a }}:{{ value_json.b }}", '{"a":1,"b":"x"}', "1:x"),
        ("{% for one in value_json %}{{ one }};{% endfor %}", '{"a":1,"b":2}', "a;b;"),
        ("{{ value ~ value ~ value }}", "x" * 30_000, None),
        ("{{ value | replace('x', 'xxxx') }}", "x" * 30_000, None),
    ],
)
def test_a_plain_template_is_read(template: str, payload: str, value: object) -> None:
    assert render(template, Said(payload)) == value


@pytest.mark.parametrize(
    "template",
    [
        "{{ states('sensor.x') }}",
        "{{ now() }}",
        "{{ value_json[key] }}",
        "{{ ''.__class__ }}",
        "{{ value.format(1) }}",
        "{{ value is sameas(1) }}",
        "{{ value ** 2 }}",
        "{% for x in value_json %}{% for y in value_json %}{{ x }}{% endfor %}{% endfor %}",
        "{% macro a() %}{% endmacro %}",
        "{% if value %}a",
        "{% if value %}a{% endfor %}",
        "{% endif %}",
        "{% for x in value_json %}{{ x }}",
        "{% set a %}{{ a }}{% endset %}",
        "{% if 1 %}" * 10 + "{% endif %}" * 10,
        "{{ value" + ".a" * 200 + " }}",
        "{{ " + "not " * 150 + "value }}",
        "{{ " + "-" * 150 + "1 }}",
        "{{ {'a' 'b'} }}",
        "{{ ['a' 'b'] }}",
        "{{ value[1 }}",
        "{{ value not 'x' }}",
        "{{ " + "(" * 50 + "value" + ")" * 50 + " }}",
        "{{ " + "1|d(" * 200 + " }}",
        "{{ 'x' in }}",
        "{% if value == 1 %}a{% elif value > %}b{% else %}c{% endif %}",
        "{{ }}",
        "{{ value",
        "{{" * 480,
        "{% if value %",
        "{# a note without its end",
        "{{ value_json. }}",
    ],
)
def test_any_other_template_is_refused(template: str) -> None:
    with pytest.raises(Unreadable):
        render(template, Said('{"a":1,"b":2}'))


@pytest.mark.parametrize(
    ("about", "payload", "signal"),
    [
        ({"dev_cla": "signal_strength", "unit_of_meas": "dBm"}, "-67", -67),
        (
            {"dev_cla": "signal_strength", "unit_of_meas": "dBm", "val_tpl": "{{ value_json.rssi }}"},
            '{"rssi":-70}',
            -70,
        ),
        ({"dev_cla": "signal_strength", "unit_of_meas": "dBm"}, "nan", None),
        ({"dev_cla": "signal_strength", "unit_of_meas": "dBm"}, "0", None),
        ({"dev_cla": "signal_strength", "unit_of_meas": "%"}, "67", None),
        ({"dev_cla": "temperature", "unit_of_meas": "°C"}, "-6", None),
    ],
)
def test_how_well_a_device_is_heard_is_what_its_entity_measures(
    about: dict[str, str], payload: str, signal: int | None
) -> None:
    listener = Listener(Home())
    hear(listener, f"{OWN}/sensor/hall-node/wifi/config", config("hall/wifi", **about))
    assert hear(listener, f"{OWN}/hall/wifi", payload).decoded.signal == signal


def test_of_a_topic_of_several_devices_nobody_knows_who_is_heard_how_well() -> None:
    listener = Listener(Home("a", "b"))
    for name in ("a", "b"):
        about = {"dev_cla": "signal_strength", "unit_of_meas": "dBm", "dev": {"ids": name}}
        hear(listener, f"{OWN}/sensor/{name}/config", config("hub/all", **about))
    assert hear(listener, f"{OWN}/hub/all", "-60").decoded.signal is None


def test_a_pin_that_somebody_named_sos_calls_where_the_device_is_registered_for_calls() -> None:
    for is_sos in (False, True):
        listener = Listener(Home("bath", is_sos=is_sos))
        about = {"name": "SOS cord", "stat_t": "bath/binary_sensor/cord/state", "dev": {"ids": ["bath"]}}
        hear(listener, f"{OWN}/binary_sensor/bath/cord/config", about)
        heard = [hear(listener, f"{OWN}/bath/binary_sensor/cord/state", state) for state in ("OFF", "ON", "ON")]
        calls = [one.kind for message in heard for one in message.readings if one.kind == "sos"]
        assert calls == (["sos"] if is_sos else [])


@pytest.mark.parametrize(
    "about", [{"name": "SOS enabled"}, {"name": "Emergency light"}, {"name": "SOS", "ent_cat": "diagnostic"}]
)
def test_a_setting_or_a_lamp_of_a_device_for_calls_is_no_press(about: dict[str, str]) -> None:
    listener = Listener(Home("bath", is_sos=True))
    topic = "bath/binary_sensor/one/state"
    hear(listener, f"{OWN}/binary_sensor/bath/one/config", {**about, "stat_t": topic, "dev": {"ids": ["bath"]}})
    assert [one.kind for one in hear(listener, f"{OWN}/{topic}", "ON").readings] == ["other"]
