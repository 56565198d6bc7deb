"""A good file gives exactly the homes that it says."""

from datetime import date, timedelta

import pytest

from carebell.errors import BadInput
from carebell.types import BindingProfile
from devices.registry import Contact, Device, Home, Resident, Role, Service
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


# What is told of the people, the services and the devices of a home beyond the most needed.
MORE_YAML = """\
homes:
  - home_id: h1
    key_safe: left of the door; the station has its code
    residents:
      - resident_id: r1
        name: Wang
        conditions: heart
        medication: blood thinner
        consent: true
        consent_by: her son
        consent_on: 2026-01-05
    contacts:
      - {contact_id: c1, name: Wei, languages: [zh-CN, wuu], hours: [08:00-12:00, "14:00-22:00"], has_key: true}
      - {contact_id: c2, name: Min, languages: en, hours: 22:00-06:00}
    services:
      - {service_id: station-3, role: provider, name: Care station, phones: ["120 1", "120 2"]}
    devices:
      - device_id: d1
        vendor: Acme
        model: B1
        description: a pendant
        dialect: zigbee2mqtt
        address: bed button
        installed_on: 2026-01-05
        battery_changes: [2026-02-01, "2026-03-01"]
        lent_on: 2026-01-05
        due_back_on: 2026-07-05
        bindings:
          - {gesture: single, kind: sos}
          - {gesture: off, kind: button, channel: 2}
          - {kind: test, channel: no, heard: vibration}
      - {device_id: d2, returned_on: 2026-02-02, bindings: []}
"""
MORE_CSV = """\
record,home_id,key_safe,resident_id,name,conditions,medication,consent,consent_by,consent_on,contact_id,languages,hours,\
has_key,service_id,role,phones,device_id,vendor,model,description,dialect,address,installed_on,battery_changes,lent_on,\
due_back_on,returned_on,gesture,kind,channel,heard
binding,h1,,,,,,,,,,,,,,,,d1,,,,,,,,,,,single,sos,,
home,h1,left of the door; the station has its code,,,,,,,,,,,,,,,,,,,,,,,,,,,,,
resident,h1,,r1,Wang,heart,blood thinner,true,her son,2026-01-05,,,,,,,,,,,,,,,,,,,,,,
contact,h1,,,Wei,,,,,,c1,zh-CN; wuu,08:00-12:00;14:00-22:00,true,,,,,,,,,,,,,,,,,,
contact,h1,,,Min,,,,,,c2,en,22:00-06:00,,,,,,,,,,,,,,,,,,,
service,h1,,,Care station,,,,,,,,,,station-3,provider,120 1;120 2,,,,,,,,,,,,,,,
device,h1,,,,,,,,,,,,,,,,d1,Acme,B1,a pendant,zigbee2mqtt,bed button,2026-01-05,2026-02-01;2026-03-01,2026-01-05,2026-07-05,,,,,
binding,h1,,,,,,,,,,,,,,,,d1,,,,,,,,,,,off,button,2,
device,h1,,,,,,,,,,,,,,,,d2,,,,,,,,,,2026-02-02,,,,
binding,h1,,,,,,,,,,,,,,,,d1,,,,,,,,,,,,test,no,vibration
"""
MORE = Home(
    home_id="h1",
    key_safe="left of the door; the station has its code",
    residents=(
        Resident(
            resident_id="r1",
            name="Wang",
            conditions="heart",
            medication="blood thinner",
            consent=True,
            consent_by="her son",
            consent_on=date(2026, 1, 5),
        ),
    ),
    contacts=(
        Contact(
            contact_id="c1",
            name="Wei",
            languages=("zh-CN", "wuu"),
            hours=("08:00-12:00", "14:00-22:00"),
            has_key=True,
        ),
        Contact(contact_id="c2", name="Min", languages=("en",), hours=("22:00-06:00",)),
    ),
    services=(Service(service_id="station-3", role=Role.PROVIDER, name="Care station", phones=("120 1", "120 2")),),
    devices=(
        Device(
            device_id="d1",
            vendor="Acme",
            model="B1",
            description="a pendant",
            dialect="zigbee2mqtt",
            address="bed button",
            installed_on=date(2026, 1, 5),
            battery_changes=(date(2026, 2, 1), date(2026, 3, 1)),
            lent_on=date(2026, 1, 5),
            due_back_on=date(2026, 7, 5),
            bindings=(
                BindingProfile(gesture="single", kind="sos"),
                BindingProfile(gesture="off", kind="button", channel="2"),
                BindingProfile(kind="test", channel="no", heard="vibration"),
            ),
        ),
        Device(device_id="d2", returned_on=date(2026, 2, 2)),
    ),
)


@pytest.mark.parametrize(("name", "text"), [("f.yaml", MORE_YAML), ("f.csv", MORE_CSV)])
def test_everything_that_a_home_may_hold_is_read(name: str, text: str) -> None:
    assert read_homes(text.encode(), name) == (MORE,)
