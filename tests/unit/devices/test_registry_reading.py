"""A good file gives exactly the homes that it says."""

from datetime import timedelta

import pytest

from carebell.errors import BadInput
from devices.registry import Contact, Device, Home, Resident, Role
from devices.registry_csv import COLUMNS
from devices.registry_file import read_homes, write_homes

YAML = """\
# 幸福里
homes:
  - home_id: h1
    label: 幸福里 3-101
    timezone: Asia/Shanghai
    address: 上海市
    keys: 邻居
    notes: |
      狗
      门铃坏了
    residents:
      - resident_id: r1
        name: 李奶奶
        birth_year: 1940
        ability_level: 2
        consent: yes
        notes: ~
    contacts:
      - contact_id: c1
        name: "No"
        relation: 女儿
        role: family
        phones: [013800000000, "+86 139 0000 0000"]
        email: li@example.org
        webhook: https://example.org/hook
        language: en
        order: 1
      - {contact_id: c2, name: 王, role: health_centre, phones: 120}
    devices:
      - {device_id: sos, gateway_id: gw, is_sos: true, expected_every: 25h, model: m, place: 卧室}
      - {device_id: gw, is_gateway: true}
    settings:
      inactivity: {cap: 4h, enabled: true}
      vital:
        limits: [36, 38.5]
        "text": "36"
        blocks: {low: [], word: yes}
  - home_id: 0012
    devices: []
    settings: {}
"""
CSV = """\
record,home_id,label,timezone,address,keys,notes,resident_id,name,birth_year,ability_level,consent,contact_id,relation,\
role,phones,email,webhook,language,order,device_id,gateway_id,is_sos,is_gateway,expected_every,model,place,rule,parameter,value
resident,h1,,,,,,r1,李奶奶,1940,2,TRUE,,,,,,,,,,,,,,,,,,
home,h1,幸福里 3-101,,上海市,邻居,"狗
门铃坏了
",,,,,,,,,,,,,,,,,,,,,,,
contact,h1,,,,,,,No,,,,c1,女儿,family,013800000000;'+86 139 0000 0000,li@example.org,https://example.org/hook,en,1,,,,,,,,,,
,,,,,,,,,,,,,,,,,,,,,,,,,,,,,
contact,h1,,,,,,,王,,,,c2,,health_centre,120,,,,,,,,,,,,,,
device,h1,,,,,,,,,,,,,,,,,,,sos,gw,true,,25h,m,卧室,,,
device,h1,,,,,,,,,,,,,,,,,,,gw,,,true,,,,,,
home,0012,,,,,,,,,,,,,,,,,,,,,,,,,,,,
setting,h1,,,,,,,,,,,,,,,,,,,,,,,,,,inactivity,cap,4h
setting,h1,,,,,,,,,,,,,,,,,,,,,,,,,,inactivity,enabled,true
setting,h1,,,,,,,,,,,,,,,,,,,,,,,,,,vital,limits,"[36, 38.5]"
setting,h1,,,,,,,,,,,,,,,,,,,,,,,,,,vital,text,'36'
setting,h1,,,,,,,,,,,,,,,,,,,,,,,,,,vital,blocks,"{low: [], word: yes}"
""".replace(";'+86", ";+86")
HOMES = (
    Home(
        home_id="h1",
        label="幸福里 3-101",
        address="上海市",
        keys="邻居",
        notes="狗\n门铃坏了\n",
        residents=(Resident(resident_id="r1", name="李奶奶", birth_year=1940, ability_level=2, consent=True),),
        contacts=(
            Contact(
                contact_id="c1",
                name="No",
                relation="女儿",
                phones=("013800000000", "+86 139 0000 0000"),
                email="li@example.org",
                webhook="https://example.org/hook",
                language="en",
                order=1,
            ),
            Contact(contact_id="c2", name="王", role=Role.HEALTH_CENTRE, phones=("120",)),
        ),
        devices=(
            Device(
                device_id="sos",
                gateway_id="gw",
                is_sos=True,
                expected_every=timedelta(hours=25),
                model="m",
                place="卧室",
            ),
            Device(device_id="gw", is_gateway=True),
        ),
        settings={
            "inactivity": {"cap": "4h", "enabled": True},
            "vital": {"limits": [36, 38.5], "text": "36", "blocks": {"low": [], "word": "yes"}},
        },
    ),
    Home(home_id="0012"),
)


@pytest.mark.parametrize("name", ["homes.yaml", "homes.yml", "dir/HOMES.YAML", "homes.csv"])
@pytest.mark.parametrize("windows", [False, True])
def test_a_file_gives_its_homes(name: str, windows: bool) -> None:
    text = CSV if name.endswith("csv") else YAML
    data = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() if windows else text.encode()
    assert read_homes(data, name) == HOMES


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_a_cell_has_the_same_lines_whatever_ends_them(end: str) -> None:
    [home] = read_homes(f'record,home_id,notes{end}home,a,"x{end}y"{end}'.encode(), "f.csv")
    assert home.notes == "x\ny"


def test_no_homes_are_no_problem_when_said() -> None:
    assert read_homes(b"homes: []\n", "f.yaml") == ()
    assert read_homes(b"record,home_id\n", "f.csv") == ()


def test_a_leading_quote_is_taken_from_formulas_only() -> None:
    rows = "record,home_id,label,notes,keys\nhome,a,'=1+1,''=1,'tis\n"
    [home] = read_homes(rows.encode(), "f.csv")
    assert (home.label, home.notes, home.keys) == ("=1+1", "'=1", "'tis")


def test_formulas_are_written_as_text() -> None:
    written = write_homes([Home(home_id="a", label="=HYPERLINK(1)", address="+1", notes="-1", keys="@x")], ".csv")
    [_, row] = written.splitlines()
    cells = dict(zip(COLUMNS, row.split(","), strict=True))
    assert [cells[name] for name in ("label", "address", "notes", "keys")] == ["'=HYPERLINK(1)", "'+1", "'-1", "'@x"]


def test_what_settings_mean_is_asked_of_whoever_knows_and_told_with_the_line() -> None:
    for name, text in (("f.yaml", YAML), ("f.csv", CSV)):
        line = next(number for number, row in enumerate(text.splitlines(), 1) if "vital" in row)
        with pytest.raises(BadInput) as caught:
            read_homes(text.encode(), name, lambda home: {"vital": "no limits here"} if home.settings else {})
        assert caught.value.problems == (f"{name}:{line}: settings of vital: no limits here",)


def test_a_switch_and_a_number_in_settings_stay_apart_from_their_words() -> None:
    settings = {"bed": {"a": True, "b": "true", "c": 1, "d": "1", "e": 1.5, "f": "1.5", "g": "no", "h": "4h", "i": "~"}}
    for suffix in (".yaml", ".csv"):
        [home] = read_homes(write_homes([Home(home_id="h", settings=settings)], suffix).encode(), f"f{suffix}")
        assert repr(home.settings) == repr(settings)


def test_yaml_is_written_for_people() -> None:
    written = write_homes(HOMES, ".yaml")
    assert "- home_id: h1\n  label: 幸福里 3-101\n" in written
    assert 'expected_every: "1d1h"' in written
    assert '- "013800000000"' in written
    assert "timezone" not in written
