"""Every fault of a file is told with its line, and a faulty file gives nothing."""

import pytest

from carebell.errors import BadInput
from devices.registry_file import MAX_BYTES, read_homes, write_homes

# (what, text, [(line, words of the sentence)]): all the problems, no more
A = "homes:\n- home_id: a\n"
YAML = [
    ("bad timezone", A + "  timezone: Asia/Shangai\n", [(3, "did you mean 'Asia/Shanghai'")]),
    ("duplicate home", A + "- home_id: b\n- home_id: a\n", [(4, "home_id 'a' is in this file already, on line 2")]),
    (
        "duplicate device",
        A + "  devices:\n  - device_id: d\n  - model: x\n    device_id: d\n",
        [(6, "device_id 'd' is in this home already, on line 4")],
    ),
    (
        "duplicate resident",
        A + "  residents:\n  - {resident_id: r, name: x}\n  - {resident_id: r, name: y}\n",
        [(5, "resident_id 'r'")],
    ),
    (
        "duplicate contact",
        A + "  contacts:\n  - {contact_id: r, name: x}\n  - {contact_id: r, name: y}\n",
        [(5, "contact_id 'r'")],
    ),
    ("unknown key", A + "\n  adress: x\n", [(4, "a home has no 'adress', did you mean 'address'?")]),
    ("unknown key, nothing alike", A + "  zzz: x\n", [(3, "a home has no 'zzz', it has home_id, label")]),
    ("unknown key at the top", "homes: []\nhome: 1\n", [(2, "did you mean 'homes'?")]),
    ("missing id", "homes:\n- label: a\n- home_id:\n", [(2, "home_id is missing"), (3, "home_id is missing")]),
    ("missing name", A + "  residents:\n    - resident_id: r\n", [(4, "name is missing")]),
    ("id with a slash", "homes:\n- home_id: a/b\n", [(2, "'/'")]),
    ("id with a space", A + "  devices:\n  - device_id: 'x '\n", [(4, "' '")]),
    ("id too long", f"homes:\n- home_id: {'x' * 65}\n", [(2, "1 to 64")]),
    ("duration without unit", A + "  devices:\n  - device_id: d\n    expected_every: 25\n", [(5, "a unit")]),
    ("duration of nothing", A + "  devices:\n  - device_id: d\n    expected_every: 0s\n", [(5, "between 1s")]),
    ("no such gateway", A + "  devices:\n  - device_id: d\n    gateway_id: g\n", [(5, "no device 'g'")]),
    (
        "gateway of another home",
        A
        + "  devices: [{device_id: g, is_gateway: true}]\n- home_id: b\n  devices:\n  - {device_id: d, gateway_id: g}\n",
        [(6, "no device 'g'")],
    ),
    (
        "gateway that is none",
        A + "  devices:\n  - {device_id: g}\n  - {device_id: d, gateway_id: g}\n",
        [(5, "is not a gateway")],
    ),
    (
        "ability level 7",
        A + "  residents:\n  - resident_id: r\n    name: x\n    ability_level: 7\n",
        [(6, "ability_level: 7 is not between 0 and 4")],
    ),
    (
        "number as words",
        A + "  residents:\n  - {resident_id: r, name: x, birth_year: 1940.0}\n",
        [(4, "not a whole number")],
    ),
    ("switch as words", A + "  residents:\n  - {resident_id: r, name: x, consent: maybe}\n", [(4, "true nor false")]),
    (
        "bad role",
        A + "  contacts:\n  - contact_id: c\n    name: x\n    role: familly\n",
        [(6, "no role 'familly', did you mean 'family'?")],
    ),
    (
        "bad phone in a list",
        A + "  contacts:\n  - contact_id: c\n    name: x\n    phones:\n    - 120\n    - 1.38E+10\n    - abc\n",
        [(8, "'1.38E+10'"), (9, "'abc'")],
    ),
    ("bad day", A + "  devices:\n  - device_id: d\n    lent_on: 2026-02-30\n", [(5, "'2026-02-30' is not a day")]),
    ("day of a spreadsheet", A + "  devices:\n  - device_id: d\n    lent_on: 3/1/2026\n", [(5, "such as 2026-03-01")]),
    (
        "bad day in a list",
        A + "  devices:\n  - device_id: d\n    battery_changes:\n    - 2026-02-01\n    - 1026-02-01\n    - x\n",
        [(7, "mend the year"), (8, "'x' is not a day")],
    ),
    (
        "returned before it was lent",
        A + "  devices:\n  - device_id: d\n    lent_on: 2026-03-01\n    returned_on: 2026-02-01\n",
        [(6, "2026-02-01 is before 2026-03-01")],
    ),
    (
        "gateway that was returned",
        A
        + "  devices:\n  - {device_id: g, is_gateway: yes, returned_on: 2026-02-01}\n  - {device_id: d, gateway_id: g}\n",
        [(5, "gateway 'g' was returned")],
    ),
    (
        "one address twice",
        A + "  devices:\n  - {device_id: d, address: x}\n  - device_id: e\n    address: X\n",
        [(6, "address: 'X' leads to device 'd' already")],
    ),
    (
        "no such dialect",
        A + "  devices:\n  - {device_id: d, dialect: zigbee2mqt}\n",
        [(4, "no dialect 'zigbee2mqt', did you mean 'zigbee2mqtt'?")],
    ),
    (
        "bindings",
        A
        + "  devices:\n  - device_id: d\n    bindings:\n    - gesture: single\n    - {gesture: x, kind: soss}\n"
        + "    - {gesture: double, kind: sos}\n    - {gesture: Double, kind: test}\n    - {gestur: x, kind: sos}\n",
        [
            (6, "kind is missing; every binding needs one"),
            (7, "no kind 'soss', did you mean 'sos'?"),
            (9, "gesture: it means 'sos' already"),
            (10, "a binding has no 'gestur', did you mean 'gesture'?"),
        ],
    ),
    (
        "bindings by what they come as",
        A
        + "  devices:\n  - device_id: d\n    bindings:\n    - {gesture: x, kind: sos, heard: vibration}\n"
        + "    - {gesture: x, kind: test, heard: presence}\n    - {gesture: x, kind: test, heard: vibration}\n"
        + "    - {kind: sos, heard: battery}\n    - {kind: fall, heard: motoin}\n",
        [
            (8, "gesture: it means 'sos' already"),
            (9, "heard: there is no gesture that comes as 'battery'"),
            (10, "did you mean 'motion'?"),
        ],
    ),
    ("bindings as text", A + "  devices:\n  - device_id: d\n    bindings: sos\n", [(5, "bindings is a list")]),
    (
        "bad hours",
        A + "  contacts:\n  - contact_id: c\n    name: x\n    hours: 8-22; 09:00-10:00\n",
        [(6, "'8-22' are no hours; write them such as 08:00-22:00")],
    ),
    (
        "bad language in a list",
        A + "  contacts:\n  - {contact_id: c, name: x, languages: [en, 中文]}\n",
        [(4, "'中文' is not a language tag")],
    ),
    (
        "service without a role, and twice",
        A + "  services:\n  - {service_id: s, name: x}\n  - {service_id: s, name: y, role: provider}\n",
        [(4, "role is missing; every service needs one"), (5, "service_id 's' is in this home already, on line 4")],
    ),
    ("malformed", A + "  label: 'x\n", [(4, "not YAML")]),
    ("malformed indentation", A + " label: x\n", [(3, "not YAML")]),
    ("tabs", A + "\tlabel: x\n", [(3, "indented with a tab")]),
    ("control character", A + "  label: x\x07\n", [(3, "cannot be in YAML")]),
    ("control character, escaped", 'homes:\n- home_id: a\n  label: "x\\a"\n', [(3, "control character")]),
    ("lone surrogate, escaped", 'homes:\n- home_id: a\n  label: "x\\ud800"\n', None),
    ("empty", "", [(1, "the file is empty")]),
    ("only a comment", "# nothing\n", [(1, "the file is empty")]),
    ("not a mapping", "- home_id: a\n", [(1, "not a mapping")]),
    ("text", "hello\n", [(1, "not a mapping")]),
    ("homes missing", "home:\n- home_id: a\n", [(1, "did you mean 'homes'?"), (1, "`homes:` is missing")]),
    ("homes empty", "homes:\n", [(1, "homes is a list")]),
    ("homes as a mapping", "homes:\n  a: {label: x}\n", [(1, "homes is a list")]),
    ("home as text", "homes:\n- a\n- home_id: b\n", [(2, "a home is not a single value")]),
    ("list for text", A + "  label: [x]\n", [(3, "label: one value belongs here")]),
    ("text for list", A + "  devices: d\n", [(3, "devices is a list")]),
    ("duplicate key", A + "  label: x\n  label: y\n", [(4, "label is there twice, first on line 3")]),
    ("alias", "homes:\n- &h\n  home_id: a\n- *h\n", [(4, "alias *h")]),
    ("merge key", "homes:\n- &h {home_id: a}\n- home_id: b\n  <<: *h\n", [(4, "alias *h"), (4, "no '<<'")]),
    ("tag", "homes:\n- home_id: !!python/object:os.system a\n", [(2, "tag")]),
    ("second document", "homes: []\n---\nhomes: []\n", [(2, "second document")]),
    ("nesting", "homes:\n- home_id: " + "[" * 5000 + "\n", [(2, "nested too deep")]),
    ("a list as a key", A + "  ? [x]\n  : y\n", [(3, "a key is one word")]),
    ("switch for a name", A + "  residents:\n  - resident_id: r\n    name: no\n", [(5, 'write "no"')]),
    ("settings as text", A + "  settings: 4h\n", [(3, "settings are `rule:`")]),
    (
        "a rule without parameters",
        A + "  settings:\n    bed:\n    fall: {}\n",
        [(4, "by `parameter"), (5, "by `parameter")],
    ),
    ("a setting without a value", A + "  settings:\n    bed:\n      cap:\n", [(5, "no value")]),
    ("a setting too deep", A + "  settings:\n    bed: {cap: [[[1]]]}\n", [(4, "too deep")]),
    ("no name of a rule", A + "  settings:\n    Bed: {cap: 4h}\n", [(4, "'Bed' is no name")]),
    ("settings too many", A + f"  settings:\n    bed: {{a: {'x' * 5000}, b: {'x' * 5000}}}\n", [(3, "at most 8192")]),
    ("a line that only YAML would count", "# \u2028 \u2029\nhomes:\n- home_id: a/b\n", [(3, "'/'")]),
    ("lines of Windows", "homes:\r\n- home_id: a\r\n  adress: x\r\n", [(3, "adress")]),
    (
        "all at once",
        "homes:\n- home_id: a b\n  timezone: Mars\n  devices:\n  - device_id: d\n    gateway_id: g\n  contacts:\n  - role: x\n",
        [
            (2, "' '"),
            (3, "no time zone"),
            (6, "no device 'g'"),
            (8, "contact_id is missing"),
            (8, "name is missing"),
            (8, "no role"),
        ],
    ),
]
HEAD = "record,home_id,name,device_id,contact_id,phones\n"
CSV = [
    ("empty", "", [(1, "the file is empty")]),
    ("blank", "\n", [(1, "the file is empty")]),
    ("missing column", "record,label\nhome,x\n", [(1, "the column 'home_id' is missing")]),
    ("both missing", "label\nx\n", [(1, "'record' is missing"), (1, "'home_id' is missing")]),
    ("missing column of a record", "record,home_id\nhome,a\ndevice,a\n", [(3, "device_id is missing")]),
    ("extra column", "record,home_id,phone\nhome,a,\n", [(1, "no column 'phone', did you mean 'phones'?")]),
    ("column without name", "record,home_id,\nhome,a,\n", [(1, "column 3 has no name")]),
    ("column twice", "record,home_id,home_id\nhome,a,a\n", [(1, "the column 'home_id' is there twice")]),
    ("semicolons", "record;home_id\nhome;a\n", [(1, "not separated by commas")]),
    ("short row", HEAD + "home,a,,,,\nhome,b\n", [(3, "has 2 cells, the header has 6")]),
    ("long row", HEAD + "home,a,,,,,\n", [(2, "has 7 cells, the header has 6")]),
    ("unknown record", HEAD + "home,a,,,,\ndevise,a,,d,,\n", [(3, "no record 'devise', did you mean 'device'?")]),
    ("no record", HEAD + ",a,,,,\n", [(2, "no record ''")]),
    ("contact of an unknown home", HEAD + "home,a,,,,\ncontact,b,x,,c,\n", [(3, "there is no home 'b'")]),
    ("contact of no home", HEAD + "home,a,,,,\ncontact,,x,,c,\n", [(3, "home_id is missing")]),
    ("home without id", HEAD + "home,,,,,\n", [(2, "home_id is missing")]),
    ("duplicate home", HEAD + "home,a,,,,\nhome,a,,,,\n", [(3, "already, on line 2")]),
    ("duplicate device", HEAD + "home,a,,,,\ndevice,a,,d,,\ndevice,a,,d,,\n", [(4, "already, on line 3")]),
    ("column of another record", HEAD + "home,a,x,,,\n", [(2, "a home has no 'name'")]),
    ("quotes", HEAD + 'home,a,,,,\nhome,b,"x,,,\n', [(3, "not CSV")]),
    ("after a cell of several lines", 'record,home_id,notes\nhome,a,"x\n\ny"\n\nhome,b/c,\n', [(6, "'/'")]),
    ("spreadsheet phone", HEAD + "home,a,,,,\ncontact,a,x,,c,1.38E+10\n", [(3, "as text")]),
    (
        "spaces in a number",
        "record,home_id,resident_id,name,birth_year\nhome,a,,,\nresident,a,r,x,19 40\n",
        [(3, "whole number")],
    ),
]
BIND = "record,home_id,device_id,gesture,kind,channel,label\nhome,a,,,,,\ndevice,a,d,,,,\n"
CSV += [
    ("binding of no device", BIND + "binding,a,,single,sos,,\n", [(4, "device_id is missing; say whose binding")]),
    ("binding of another device", BIND + "binding,a,e,single,sos,,\n", [(4, "there is no device 'e' in home 'a'")]),
    ("binding of another home", BIND + "binding,b,d,single,sos,,\n", [(4, "there is no home 'b'")]),
    ("binding without a kind", BIND + "binding,a,d,single,,,\n", [(4, "kind is missing")]),
    ("binding with more", BIND + "binding,a,d,single,sos,,x\n", [(4, "a binding has no 'label'")]),
    (
        "binding twice",
        BIND + "binding,a,d,single,sos,1,\nbinding,a,d,single,sos,2,\nbinding,a,d,single,test,2,\n",
        [(6, "it means 'sos' already on this channel")],
    ),
]
SET = "record,home_id,rule,parameter,value\nhome,a,,,\n"
CSV += [
    ("setting without a value", SET + "setting,a,bed,cap,\n", [(3, "value is missing")]),
    ("setting of no rule", SET + "setting,a,,,4h\n", [(3, "rule, parameter is missing")]),
    ("setting that is no YAML", SET + "setting,a,bed,cap,[4h\n", [(3, "value: this is not YAML")]),
    ("setting twice", SET + "setting,a,bed,cap,4h\nsetting,a,bed,cap,5h\n", [(4, "set on line 3 already")]),
    ("setting of an unknown home", SET + "setting,b,bed,cap,4h\n", [(3, "there is no home 'b'")]),
    (
        "setting with more",
        "record,home_id,rule,parameter,value,label\nhome,a,,,,\nsetting,a,bed,cap,4h,x\n",
        [(3, "no 'label'")],
    ),
]
CASES = [
    *[pytest.param("f.yaml", text, told, id=f"yaml {what}") for what, text, told in YAML],
    *[pytest.param("f.csv", text, told, id=f"csv {what}") for what, text, told in CSV],
]


@pytest.mark.parametrize(("name", "text", "told"), CASES)
def test_each_problem_has_its_line(name: str, text: str, told: list[tuple[int, str]] | None) -> None:
    with pytest.raises(BadInput) as caught:
        read_homes(text.encode(), name)
    problems = caught.value.problems
    if told is None:
        assert all(problem.startswith(f"{name}:3: ") for problem in problems)
        return
    assert len(problems) == len(told), problems
    for problem, (line, words) in zip(problems, told, strict=True):
        assert problem.startswith(f"{name}:{line}: ")
        assert words in problem
        assert "\n" not in problem


@pytest.mark.parametrize("name", ["f.yaml", "f.csv"])
def test_a_file_in_gbk_is_told_so(name: str) -> None:
    data = "record,home_id,label\nhome,a,x\nhome,b,幸福里\n".encode("gbk")
    with pytest.raises(BadInput) as caught:
        read_homes(data, name)
    assert caught.value.problems == (f"{name}:3: this is not UTF-8 but GBK text; save the file as UTF-8",)


def test_a_file_in_utf_16_is_told_so() -> None:
    with pytest.raises(BadInput, match=r"f\.csv:1: the file is UTF-16"):
        read_homes("record".encode("utf-16"), "f.csv")


def test_bytes_that_are_no_text_are_told_so() -> None:
    with pytest.raises(BadInput, match=r"f\.csv:2: this is not UTF-8"):
        read_homes(b"a\n\xff\xff\xff", "f.csv")


def test_a_file_too_large_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput) as caught:
        read_homes(b"#" * (MAX_BYTES + 1), "f.yaml")
    assert caught.value.problems == ("f.yaml:1: the file is larger than 16 MiB; split it into several",)


def test_an_unknown_suffix_is_refused() -> None:
    with pytest.raises(BadInput, match=r"f.xlsx:1: "):
        read_homes(b"", "f.xlsx")
    with pytest.raises(BadInput, match=r"\.xlsx"):
        write_homes([], ".xlsx")


def test_a_small_file_with_many_aliases_stays_small() -> None:
    levels = "".join(f"- &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 12))
    with pytest.raises(BadInput) as caught:
        read_homes(f"homes:\n- &l0 x\n{levels}".encode(), "f.yaml")
    assert len(caught.value.problems) < 200


def test_a_long_value_does_not_make_a_long_sentence() -> None:
    with pytest.raises(BadInput) as caught:
        read_homes(f"homes:\n- home_id: a\n  timezone: {'x' * 100_000}\n".encode(), "f.yaml")
    assert all(len(problem) < 1000 for problem in caught.value.problems)
