"""What a message may cost whose sender keeps us busy; what is left out is said. Steps are counted, not seconds."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from devices.dialect import Message, Reason
from devices.dialects.homeassistant_template import (
    PAYLOAD_LIMIT,
    STEPS_OF_PAYLOAD,
    STEPS_OF_TEMPLATE,
    Said,
    is_readable,
    render,
)
from devices.listener import Heard, Listener, Registered

AT = datetime(2026, 1, 15, tzinfo=UTC)
OWN = "carebell/h1/homeassistant"
LISTED = orjson.dumps(list(range(50))).decode()
# Of functions and methods, with those of the interpreter itself; a second of work would be several millions.
CALLS_OF_A_MESSAGE = 600_000
BUSY = [
    ("{% set a = [value, value] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}!", "x"),
    ("{% set a = {'a': value} %}" + "{% set a = {'a': a, 'b': a} %}" * 30 + "{{ a }}!", "x"),
    ("{% for x in value_json %}{{ value" + "|slugify" * 90 + "}}{% endfor %}", LISTED),
    ("{{ value" + "|slugify" * 90 + "}}", "x y" * 20_000),
    ("{{ value" + "|lower|upper" * 40 + "}}", "x y" * 20_000),
    ("{% for x in value_json.l %}" + "{{value|lower}}" * 60 + "{% endfor %}", '{"l":' + LISTED + "}" + " " * 60_000),
    ("{% for x in value_json %}{{ value_json" + "|to_json|from_json" * 40 + "}}{% endfor %}", LISTED),
    ("{{ max(value_json) }}", orjson.dumps([1] * 20_000).decode()),
    ("{{ 'a' * 1000000000 }}", "x"),
    ("{% set a = 99999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}", "x"),
    ("{% for x in value_json %}" + "{{value}}" * 100 + "{% endfor %}", "[" + "1," * 49 + "1]" + " " * 60_000),
    ("{% for x in value_json %}" + "a{{x}}" * 150 + "{% endfor %}", LISTED),
    ("{% for x in value_json %}" + "{{1}}" * 150 + "{% endfor %}", LISTED),
    ("{% for x in value_json %}" + "a{##}" * 180 + "{% endfor %}", LISTED),
    ("{% for x in value_json %}" + "{% set a=1 %}" * 70 + "{% endfor %}", LISTED),
    ("{% for x in value_json %}" + "{% if 0 %}{% endif %}" * 45 + "{% endfor %}", LISTED),
    ("{% for x in value_json %}" + ("{{ max(" + "1," * 45 + "1) }}") * 5 + "{% endfor %}", LISTED),
    ("{{ (value|from_json).a }}" * 30, "[" + "1," * 30_000 + "1]"),
    ("{% set a = value %}" * 40 + "{{ a }}", "x" * 60_000),
]

BUSY_LOOP = "{% for x in value_json.l %}" + "{{ x }}" * 60 + "{% endfor %}"


class Home:
    """A home that has registered nothing."""

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


def hear(listener: Listener, topic: str, payload: Any) -> Heard:
    data = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
    return listener.hear(Message(topic=f"{OWN}/{topic}", payload=data, received_at=AT))


def learn(listener: Listener, object_id: str, component: str = "sensor", **about: Any) -> Heard:
    config = {"stat_t": "hub/all", "dev": {"ids": "hub"}, **about}
    return hear(listener, f"{component}/{object_id}/config", config)


def kinds(heard: Heard) -> list[str]:
    return [one.kind for one in heard.decoded.facts if one.kind not in ("other", "heartbeat", "discovery")]


def problems(heard: Heard) -> list[tuple[Reason, str]]:
    return [(one.reason, one.detail) for one in heard.decoded.problems]


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """How many calls have been made since."""
    calls = 0

    def seen(_frame: Any, what: str, _about: Any) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(("template", "payload"), BUSY)
def test_no_template_keeps_us_busy(template: str, payload: str) -> None:
    said = Said(payload)
    assert render(template, said) is None
    assert said.left >= STEPS_OF_PAYLOAD - STEPS_OF_TEMPLATE


@pytest.mark.parametrize(("template", "payload"), BUSY)
def test_two_hundred_templates_of_one_topic_cost_no_more_than_a_few(template: str, payload: str) -> None:
    listener = Listener(Home())
    parts = {
        f"e{number}": {"p": "sensor", "stat_t": "hub/all", "val_tpl": f"{template}{{#{number}#}}"}
        for number in range(200)
    }
    hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts})
    with counting() as calls:
        hear(listener, "hub/all", payload)
        assert calls() < CALLS_OF_A_MESSAGE


def test_templates_of_one_payload_share_their_work() -> None:
    said = Said(LISTED)
    template = "{% for x in value_json %}" + "{{ x }}" * 60 + "{% endfor %}"
    for _ in range(50):
        render(template, said)
    assert said.left == 0
    assert said.cut == 50
    assert render("{{ value_json[1] }}", said) is None
    assert said.cut == 51


def test_a_round_of_a_loop_is_work_where_nothing_is_in_it() -> None:
    said = Said(LISTED)
    assert render("{% for x in value_json %}{% endfor %}" * 20, said) is None
    assert STEPS_OF_PAYLOAD - said.left > 20 * 50


def test_a_template_is_no_more_work_for_being_new() -> None:
    left = []
    for _ in range(2):
        said = Said("1")
        render("{{ value | float + 41 }}", said)
        left.append(said.left)
    assert left[0] == left[1]


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"dev_cla": "safety"}, "sos"),
        ({"dev_cla": "safety", "name": "Fall"}, "fall"),
        ({"name": "Fall detected"}, "fall"),
        ({"dev_cla": "smoke"}, "smoke"),
        ({"dev_cla": "carbon_monoxide"}, "co"),
        ({"dev_cla": "gas"}, "gas"),
        ({"name": "SOS cord"}, "button"),
    ],
)
def test_what_a_life_hangs_on_is_read_before_what_keeps_us_busy(about: dict[str, str], kind: str) -> None:
    listener = Listener(Home())
    for number in range(60):
        learn(listener, f"a{number}", "alarm_control_panel", val_tpl=BUSY_LOOP)
    learn(listener, "z", "binary_sensor", val_tpl="{{ value_json.state }}", **about)
    heard = hear(listener, "hub/all", {"l": list(range(50)), "state": "ON"})
    assert kinds(heard) == [kind]
    ((reason, detail),) = problems(heard)
    assert reason == Reason.TOO_LARGE
    assert detail.startswith("60 of the 61 entities of this topic are not read")


def test_a_press_is_read_before_what_keeps_us_busy() -> None:
    listener = Listener(Home())
    for number in range(60):
        learn(listener, f"a{number}", "alarm_control_panel", val_tpl=BUSY_LOOP)
    learn(listener, "z", "event", evt_typ=["press"], val_tpl="{{ {'event_type': value_json.key} | tojson }}")
    assert kinds(hear(listener, "hub/all", {"l": list(range(50)), "key": "press"})) == ["button"]


@pytest.mark.parametrize(
    "template",
    [
        "{{{{ value_json.k{0} }}}}",
        "{{{{value_json.k{0} if value_json.k{0} is defined else 0}}}}",
        "{{{{ value_json['k{0}'] | float(0) | round(1) }}}}",
        "{{% set m = {{'1':'a','2':'b','3':'c'}} %}}{{{{ m.get(value_json.k{0} | string, value_json.k{0}) }}}}",
        "{{{{ (value_json.k{0} | float(0) * 1.8 + 32) | round(1) if value_json.k{0} is defined else 'unknown' }}}}",
    ],
)
def test_a_gateway_that_puts_a_hundred_and_sixty_ordinary_entities_on_one_topic_is_never_cut(template: str) -> None:
    listener = Listener(Home())
    for number in range(160):
        learn(listener, f"k{number}", val_tpl=template.format(number), dev_cla="humidity")
    heard = hear(listener, "hub/all", {f"k{number}": number / 2 for number in range(160)})
    assert problems(heard) == []
    assert len(kinds(heard)) == 160


def test_sixty_ordinary_entities_take_a_fifth_of_what_a_message_may_cost() -> None:
    said = Said(orjson.dumps({f"k{number}": number for number in range(160)}).decode())
    for number in range(60):
        render(f"{{{{ value_json.k{number} | float(0) | round(1) if value_json.k{number} is defined else 0 }}}}", said)
    assert said.left > STEPS_OF_PAYLOAD * 4 // 5


def test_a_payload_that_is_no_state_is_told() -> None:
    listener = Listener(Home())
    learn(listener, "a", "binary_sensor", dev_cla="smoke")
    heard = hear(listener, "hub/all", "x" * (PAYLOAD_LIMIT + 1))
    assert kinds(heard) == []
    assert [reason for reason, _ in problems(heard)] == [Reason.TOO_LARGE]


def test_a_picture_is_as_long_as_it_likes() -> None:
    listener = Listener(Home())
    hear(listener, "image/a/config", {"image_topic": "hub/picture", "dev": {"ids": "hub"}})
    heard = hear(listener, "hub/picture", "x" * (PAYLOAD_LIMIT + 1))
    assert problems(heard) == []


def test_of_too_many_components_those_that_a_life_hangs_on_are_kept_and_the_rest_is_told() -> None:
    listener = Listener(Home())
    parts = {f"a{number}": {"p": "sensor", "stat_t": f"hub/{number}", "dev_cla": "gas"} for number in range(250)}
    parts["z"] = {"p": "binary_sensor", "dev_cla": "gas", "stat_t": "hub/z"}
    heard = hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts})
    assert [(reason, detail[:16]) for reason, detail in problems(heard)] == [(Reason.TOO_LARGE, "51 entities are ")]
    assert kinds(hear(listener, "hub/z", "ON")) == ["gas"]


def test_of_too_many_entities_of_a_topic_those_that_a_life_hangs_on_are_kept_and_the_rest_is_told() -> None:
    listener = Listener(Home())
    for number in range(200):
        assert problems(learn(listener, f"a{number}", "alarm_control_panel", val_tpl="{{ value }}")) == []
    heard = learn(listener, "z", "binary_sensor", dev_cla="smoke")
    assert [reason for reason, _ in problems(heard)] == [Reason.TOO_LARGE]
    assert kinds(hear(listener, "hub/all", "ON")) == ["smoke"]


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"p": "binary_sensor", "name": "Fall detected"}, "fall"),
        ({"p": "binary_sensor", "name": "SOS cord"}, "button"),
        ({"p": "event", "evt_typ": ["ON"], "val_tpl": '{"event_type": "{{ value }}"}'}, "button"),
    ],
)
def test_a_fall_and_a_press_without_a_class_are_kept_of_too_many(about: dict[str, Any], kind: str) -> None:
    listener = Listener(Home())
    parts = {f"a{number}": {"p": "sensor", "stat_t": f"hub/{number}"} for number in range(250)}
    hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts | {"z": {**about, "stat_t": "hub/z"}}})
    assert kinds(hear(listener, "hub/z", "ON")) == [kind]


@pytest.mark.parametrize(
    "topics", [{f"x{number}_topic": "hub/all" for number in range(31)}, {"avty": [{"t": "hub/all"}] * 32}]
)
def test_a_config_that_names_one_topic_thousands_of_times_does_not_keep_us_busy(topics: dict[str, Any]) -> None:
    listener = Listener(Home())
    parts = {f"a{number}": {"p": "binary_sensor", "stat_t": "hub/all", **topics} for number in range(200)}
    with counting() as calls:
        heard = hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts})
        assert calls() < CALLS_OF_A_MESSAGE
    assert problems(heard) == []


def test_a_config_of_twenty_thousand_components_does_not_keep_us_busy() -> None:
    listener = Listener(Home())
    parts = {str(number): {"p": "sensor", "stat_t": "x"} for number in range(20_000)}
    with counting() as calls:
        heard = hear(listener, "device/hub/config", {**{f"b{number}": 1 for number in range(190)}, "cmps": parts})
        assert calls() < CALLS_OF_A_MESSAGE // 4
    assert [detail[:15] for _, detail in problems(heard)] == ["19800 entities "]


def test_three_hundred_devices_may_lean_on_one_topic() -> None:
    listener = Listener(Home())
    found = [
        problems(hear(listener, f"sensor/{number}/config", {"dev": {"ids": str(number)}, "avty_t": "hub/status"}))
        for number in range(300)
    ]
    assert not any(found)


def test_a_panel_of_many_zones_with_long_templates_is_read_whole() -> None:
    listener = Listener(Home())
    for number in range(190):
        template = f"{{{{ 'ON' if value_json.k{number} == 1 else 'OFF' }}}}{{#{'-' * 380}#}}"
        learn(listener, f"k{number}", "binary_sensor", dev_cla="smoke", val_tpl=template)
    heard = hear(listener, "hub/all", {f"k{number}": 1 for number in range(190)})
    assert len(kinds(heard)) == 190


def test_of_too_many_topics_of_a_config_the_rest_is_told() -> None:
    listener = Listener(Home())
    parts = {
        f"a{number}": {"p": "climate", **{f"x{other}_topic": f"{number}/{other}" for other in range(30)}}
        for number in range(40)
    }
    with counting() as calls:
        heard = hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts})
        assert calls() < CALLS_OF_A_MESSAGE
    assert [reason for reason, _ in problems(heard)] == [Reason.TOO_LARGE]
    assert len(heard.decoded.lessons) == 1001


def test_templates_that_are_too_long_together_to_be_looked_at_are_told() -> None:
    listener = Listener(Home())
    parts = {
        f"a{number:03}": {"p": "sensor", "stat_t": "hub/a", "val_tpl": f"{{# {number} #}}" + "x" * 900}
        for number in range(60)
    }
    heard = hear(listener, "device/hub/config", {"dev": {"ids": "hub"}, "cmps": parts})
    ((reason, detail),) = problems(heard)
    assert (reason, detail) == (Reason.TOO_LARGE, "a044: too long to be checked")


def test_a_template_that_is_not_known_is_read_once() -> None:
    template = "{{ value" + " | lower" * 50 + " | nothing_of_the_kind }}"
    assert not is_readable(template)
    with counting() as calls:
        assert not is_readable(template)
        assert calls() < 20
