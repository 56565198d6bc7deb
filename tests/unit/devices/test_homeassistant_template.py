"""Home Assistant's templates where a wrong value would be a wrong alarm."""

import orjson
import pytest

from devices.dialects.homeassistant_template import PAYLOAD_LIMIT, Said, render


@pytest.mark.parametrize(
    ("template", "payload", "value"),
    [
        ("{{ 'OFF' if value_json.alarms == [] else 'ON' }}", '{"alarms":[]}', "OFF"),
        ("{{ 'OFF' if value_json.alarms == [] else 'ON' }}", '{"alarms":[1]}', "ON"),
        ("{{ 'ON' if value_json.alarms == 'none' else 'OFF' }}", '{"alarms":[1]}', "OFF"),
        ("{{ value_json.alarm | iif('ON') }}", '{"alarm":false}', False),
        ("{{ value_json.alarm | iif('ON', 'OFF', 'UNKNOWN') }}", '{"alarm":null}', "UNKNOWN"),
        ("{% set m = {0: 'OFF', 1: 'LOW'} %}{{ m[value_json.a] if value_json.a in m else 'ON' }}", '{"a":0}', "OFF"),
        ("{{ value.split(':', 1)[1] }}", "a:b:c", "b:c"),
        ("{{ (value | split(',')) | last }}", "1,2,3", "3"),
        ("{{ value + '1' }}", "5", "51"),
        ("{{ value | float }}!", "5", "5.0!"),
        ("{{ 4 / 2 }}!", "", "2.0!"),
        ("{{ value_json.a | bool }}", '{"a":2.5}', True),
        ("{{ value_json.a | bool(false) }}", '{"a":2}', True),
        ("{% for c in value %}{{ c }}-{% endfor %}", "ab", "a-b-"),
        ("{{ value.strip('x') }}", "xONx", "ON"),
        ("{{ value_json.h }} {{ value_json.m }}", '{"h":1,"m":2}', "1 2"),
        ("{{ value | round }}{{ '!' }}", "21.4", "21!"),
        ("{{ value_json.list | length > 0 }}", "{}", False),
        ("{{ value | trim('\"') }}", '"ON"', "ON"),
        ("{{ value_json.a == true }}", '{"a":true}', True),
        ("{{ value_json.a }}!", '{"a":true}', "True!"),
        ("{{ {'a': 1}['a'] }}", "", 1),
        ("{{ {'a': {'b': 1}}['a']['b'] }}", "", 1),
        ("{% set m = {'a': {'b': 2}}%}{{ m.a.b }}", "", 2),
        ("a { b } c", "", "a { b } c"),
        ("{{ '}}' }}", "", "}}"),
        ("{{ value }}}", "a", "a}"),
        (
            "{% set seen = 'OFF' %}{% for x in value_json %}{% set seen = 'ON' %}{% endfor %}{{ seen }}",
            "[1]",
            "OFF",
        ),
    ],
)
def test_a_template_means_what_it_means_in_home_assistant(template: str, payload: str, value: object) -> None:
    found = render(template, Said(payload))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{% if value_json.alarm.state != 'idle' %}ON{% else %}OFF{% endif %}", "{}"),
        ("{{ value_json.alarm.state | default('ON') }}", "{}"),
        ("{{ 'ON' if value_json.alarm.get('state') != 'idle' else 'OFF' }}", '{"alarm":"idle"}'),
        ("{{ 'OFF' if value | float == 0 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if value_json.a | int == 0 else 'ON' }}", "{}"),
        ("{{ 'OFF' if value | bool == false else 'ON' }}", "quiet"),
        ("{{ 'OFF' if value | round == 0 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if value | abs == 0 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if value | bitwise_and(1) == 0 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if (value | from_json) == 0 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if max(value, 1) == 1 else 'ON' }}", "quiet"),
        ("{{ 'OFF' if '%d' | format(value) == '0' else 'ON' }}", "quiet"),
        ("{{ 'OFF' if value_json.a | is_defined == 0 else 'ON' }}", "{}"),
        ("{{ 'OFF' if value * 2 == 0 else 'ON' }}", "0"),
        ("{{ 'OFF' if value_json.a == value_json.b else 'ON' }}", '{"a":[1],"b":[1]}'),
        ("{{ 'OFF' if value_json.a in value_json.b else 'ON' }}", '{"a":[1],"b":[[1]]}'),
        ("{{ value.split(',')[-1] }}", "0," * 200 + "ON"),
        ("{{ 'OFF' if value_json.a | first == 1 else 'ON' }}", '{"a":1}'),
        ("{{ 'OFF' if value_json.a.lower() == 'off' else 'ON' }}", '{"a":0}'),
        ("{% for x in value_json.a %}{% endfor %}ON", '{"a":0}'),
        ("{% for x in value_json %}{{ 'ON' if x == 60 }}{% endfor %}", orjson.dumps(list(range(61))).decode()),
        ("{% for x in value_json %}{% endfor %}{{ x }}", "[]"),
        ("{% if false %}{% set a = 1 %}{% endif %}{{ a }}", "0"),
        ("{{ 'OFF' if value.strip(value_json.a) == '' else 'ON' }}", orjson.dumps({"a": "b" * 65}).decode()),
        ("{{ value_json.a }}", orjson.dumps({"a": 1, "filler": "x" * PAYLOAD_LIMIT}).decode()),
    ],
)
def test_what_cannot_be_told_has_no_value(template: str, payload: str) -> None:
    assert render(template, Said(payload)) is None


@pytest.mark.parametrize("template", ["{{ " + "9" * 400 + ".0 }}", "{{ value == " + "9" * 400 + " }}"])
def test_a_number_without_end_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="more than one"):
        render(template, Said("1"))


def test_a_plain_list_is_looked_up() -> None:
    assert render("{{ 'ON' if value_json.state in ['a', 'b'] else 'OFF' }}", Said('{"state":"b"}')) == "ON"
