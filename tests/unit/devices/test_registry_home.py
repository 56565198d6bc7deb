"""A home that breaks a rule cannot be built."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from carebell.types import BindingProfile, DeviceProfile, HomeProfile, ResidentProfile
from devices.registry import Contact, Device, Home, Resident, Role, Service

SINGLE = BindingProfile(gesture="single", kind="sos")
LENT = date(2026, 3, 1)

BAD: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    *[
        (Home, {"home_id": bad}, "home_id")
        for bad in ("", "a/b", "a+", "#", "a b", "a\u3000b", "a\0", "a\x7f", "a\u200b", "a\uffff", ".", "..", "x" * 65)
    ],
    (Home, {"home_id": "h", "timezone": "Asia/Shangai"}, "did you mean 'Asia/Shanghai'"),
    (Home, {"home_id": "h", "timezone": "../etc/passwd"}, "there is no time zone"),
    (Home, {"home_id": "h", "timezone": ""}, "there is no time zone"),
    (Home, {"home_id": "h", "notes": "a\0b"}, "control character"),
    (Home, {"home_id": "h", "notes": "x" * 10_001}, "at most"),
    (Home, {"home_id": "h", "devices": (Device(device_id="d"), Device(device_id="d"))}, "'d' is there more than once"),
    (Home, {"home_id": "h", "devices": (Device(device_id="d", gateway_id="g"),)}, "no device 'g'"),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="d", gateway_id="g"), Device(device_id="g"))},
        "'g' is not a gateway",
    ),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="g", gateway_id="g", is_gateway=True),)},
        "not its own gateway",
    ),
    (
        Home,
        {
            "home_id": "h",
            "devices": (
                Device(device_id="d", gateway_id="g"),
                Device(device_id="g", is_gateway=True, returned_on=LENT),
            ),
        },
        "gateway 'g' was returned",
    ),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="d", address="00:1A"), Device(device_id="e", address="0x001a"))},
        "leads to device 'd' already",
    ),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="d", address="E"), Device(device_id="e"))},
        "leads to device 'e' already",
    ),
    (
        Home,
        {"home_id": "h", "services": tuple(Service(service_id="s", role=Role.PROVIDER, name="n") for _ in range(2))},
        "'s' is there more than once",
    ),
    (Service, {"service_id": "s", "role": Role.PROVIDER, "name": ""}, "name"),
    (Service, {"service_id": "s", "role": Role.PROVIDER, "name": "n", "phones": ("12",)}, "phones"),
    (Device, {"device_id": "d", "bindings": (SINGLE, BindingProfile(gesture="SINGLE", kind="fall"))}, "'sos' already"),
    (Device, {"device_id": "d", "bindings": (BindingProfile(gesture=" x", kind="sos"),)}, "blanks around it"),
    (Device, {"device_id": "d", "bindings": (BindingProfile(gesture="x" * 201, kind="sos"),)}, "too long"),
    (Device, {"device_id": "d", "bindings": (BindingProfile(kind="sos", channel=""),)}, "a channel is not empty"),
    (Device, {"device_id": "d", "bindings": (BindingProfile(kind=""),)}, "bindings"),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="d", lent_on=LENT, due_back_on=date(2026, 2, 1)),)},
        "due_back_on of d: 2026-02-01 is before 2026-03-01",
    ),
    (
        Home,
        {"home_id": "h", "devices": (Device(device_id="d", lent_on=LENT, returned_on=date(2026, 2, 1)),)},
        "returned_on of d: 2026-02-01 is before 2026-03-01",
    ),
    (Device, {"device_id": "d", "installed_on": date(1026, 2, 1)}, "mend the year"),
    (Device, {"device_id": "d", "battery_changes": (LENT, date(2926, 2, 1))}, "mend the year"),
    (Resident, {"resident_id": "r", "name": "n", "consent_on": date(1, 1, 1)}, "mend the year"),
    *[
        (Contact, {"contact_id": "c", "name": "n", "hours": (bad,)}, said)
        for bad, said in (
            ("8:00-22:00", "write them such as"),
            ("08:00", "write them such as"),
            ("08:00-25:00", "write them such as"),
            ("24:00-08:00", "00:00 to 24:00"),
            ("08:00-24:30", "00:00 to 24:00"),
            ("08:00-08:00", "lasts no time"),
        )
    ],
    (Contact, {"contact_id": "c", "name": "n", "languages": ("en", "Wu!")}, "'Wu!' is not a language tag"),
    (Device, {"device_id": "d/1"}, "device_id"),
    (Device, {"device_id": "d", "gateway_id": "a b"}, "gateway_id"),
    (Device, {"device_id": "d", "expected_every": timedelta(0)}, "expected_every"),
    (Device, {"device_id": "d", "expected_every": timedelta(days=400)}, "expected_every"),
    (Device, {"device_id": "d", "expected_every": timedelta(seconds=1, microseconds=1)}, "milliseconds"),
    (Resident, {"resident_id": "r", "name": " "}, "name"),
    (Resident, {"resident_id": "r", "name": "n", "ability_level": 5}, "between 0 and 4"),
    (Resident, {"resident_id": "r", "name": "n", "ability_level": -1}, "between 0 and 4"),
    (Resident, {"resident_id": "r", "name": "n", "birth_year": 40}, "birth_year"),
    (Resident, {"resident_id": "r", "name": "n", "language": ""}, "language"),
    *[
        (Home, {"home_id": "h", "settings": bad}, said)
        for bad, said in (
            ({"Bed": {"cap": "4h"}}, "'Bed' is no name"),
            ({"bed": {"": "4h"}}, "'' is no name"),
            ({"bed": {}}, "nothing is set of rule bed"),
            ({"bed": {"cap": None}}, "no value"),
            ({"bed": {"cap": float("nan")}}, "too large"),
            ({"bed": {"cap": 10**15}}, "too large"),
            ({"bed": {"cap": "a\n"}}, "control characters"),
            ({"bed": {"cap": [[["deep"]]]}}, "too deep"),
            ({"bed": {"cap": {"a": {"b": {"c": 1}}}}}, "too deep"),
            ({"bed": {"cap": "x" * 9000}}, "at most 8192 bytes"),
        )
    ],
    *[(Contact, {"contact_id": "c", "name": "n", "phones": (bad,)}, "phones") for bad in ("", "12", "1.38E+10", "abc")],
    (Contact, {"contact_id": "c", "name": "n", "email": "li"}, "email"),
    *[
        (Contact, {"contact_id": "c", "name": "n", "webhook": bad}, "webhook")
        for bad in ("x", "file:///a", "http://", "http://[::1", "https://a b")
    ],
]


@pytest.mark.parametrize(("shape", "values", "said"), BAD)
def test_a_bad_value_is_refused(shape: Callable[..., Any], values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        shape(**values)


def test_every_bad_field_is_told() -> None:
    with pytest.raises(ValueError, match=r"resident_id.*name.*ability_level"):
        Resident(resident_id="", name="", ability_level=9)


@pytest.mark.parametrize("good", ["h", "0012", "一号", "a.b", "a:b", "$x", "x" * 64, "é"])
def test_a_good_id_is_taken(good: str) -> None:
    assert Home(home_id=good).home_id == good


@pytest.mark.parametrize("good", ["120", "+86 139 0000 0000", "(010) 1234-5678", "013800000000"])
def test_a_good_phone_is_taken(good: str) -> None:
    assert Contact(contact_id="c", name="n", phones=(good,)).phones == (good,)


def test_the_profile_has_every_device_and_of_persons_only_how_able_they_are() -> None:
    home = Home(
        home_id="h",
        timezone="Europe/Berlin",
        key_safe="left of the door, the station has the code",
        residents=(
            Resident(resident_id="r", name="n"),
            Resident(resident_id="s", name="m", birth_year=1940, notes="x", conditions="y", ability_level=3),
        ),
        services=(Service(service_id="s1", role=Role.PROVIDER, name="Care station"),),
        settings={"inactivity": {"cap": "4h"}},
        devices=(
            Device(
                device_id="d",
                vendor="v",
                model="m",
                description="a button",
                dialect="zigbee2mqtt",
                address="bed button",
                place="bed",
                gateway_id="g",
                is_sos=True,
                expected_every=timedelta(hours=25),
                bindings=(SINGLE,),
                battery_changes=(LENT,),
                lent_on=LENT,
                due_back_on=date(2026, 9, 1),
            ),
            Device(device_id="g", is_gateway=True),
            Device(device_id="old", is_sos=True, returned_on=LENT),
        ),
    )
    assert home.profile(7) == HomeProfile(
        home_id="h",
        timezone="Europe/Berlin",
        revision=7,
        devices=(
            DeviceProfile(
                device_id="d",
                vendor="v",
                model="m",
                description="a button",
                dialect="zigbee2mqtt",
                address="bed button",
                place="bed",
                gateway_id="g",
                is_sos=True,
                expected_every=timedelta(hours=25),
                bindings=(SINGLE,),
            ),
            DeviceProfile(device_id="g", is_gateway=True),
        ),
        residents=(ResidentProfile(), ResidentProfile(ability_level=3)),
        settings={"inactivity": {"cap": "4h"}},
    )


def test_only_where_a_server_speaks_for_many_homes_an_address_is_claimed() -> None:
    home = Home(
        home_id="h",
        devices=(
            Device(device_id="a", dialect="chirpstack", address="A8:40"),
            Device(device_id="B-1", dialect="tts"),
            Device(device_id="c", dialect="zigbee2mqtt", address="c8"),
            Device(device_id="d", address="d8"),
            Device(device_id="e", dialect="chirpstack", address="e8", returned_on=LENT),
        ),
    )
    assert home.claims() == {("chirpstack", "a840"): "a", ("tts", "b-1"): "B-1"}


def test_a_returned_device_leaves_its_address_and_its_gateway_to_others() -> None:
    returned = Device(device_id="a", address="x", gateway_id="g", returned_on=LENT)
    gateway = Device(device_id="g", is_gateway=True, returned_on=LENT)
    assert Home(home_id="h", devices=(returned, gateway, Device(device_id="b", address="x"))).devices[2].is_installed


def test_ids_that_differ_in_capitals_only_are_two_devices() -> None:
    assert len(Home(home_id="h", devices=(Device(device_id="Door"), Device(device_id="door"))).devices) == 2


def test_words_of_later_versions_stay_readable_and_are_told() -> None:
    kinds = (BindingProfile(gesture="x", kind="soss"), SINGLE)
    home = Home(home_id="h", devices=(Device(device_id="d", dialect="zigbee", bindings=kinds), Device(device_id="e")))
    (_, dialect), (path, kind) = home.unknown_words()
    assert dialect.startswith("device d: there is no dialect 'zigbee'")
    assert kind == "device d: there is no kind 'soss', did you mean 'sos'?"
    assert path == ("devices", 0, "bindings", 0, "kind")


BEFORE = b"""{"home_id": "h", "label": "", "timezone": "Asia/Shanghai", "address": "a", "notes": "", "keys": "k", "residents":
[{"resident_id": "r", "name": "n", "birth_year": 1940, "language": "zh-CN", "ability_level": 2, "notes": "", "consent": true}],
"contacts": [{"contact_id": "c", "name": "m", "relation": "", "role": "family", "phones": ["120"], "email": "", "webhook": "",
"language": "en", "order": 1}], "devices": [{"device_id": "d", "model": "m", "place": "", "gateway_id": "", "is_gateway": false,
"is_sos": true, "expected_every": "1d1h"}]}"""


def test_a_home_that_an_older_version_wrote_is_read() -> None:
    assert TypeAdapter(Home).validate_json(BEFORE) == Home(
        home_id="h",
        address="a",
        keys="k",
        residents=(Resident(resident_id="r", name="n", birth_year=1940, ability_level=2, consent=True),),
        contacts=(Contact(contact_id="c", name="m", phones=("120",), language="en", order=1),),
        devices=(Device(device_id="d", model="m", is_sos=True, expected_every=timedelta(hours=25)),),
    )
