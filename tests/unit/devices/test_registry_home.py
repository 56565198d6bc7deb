"""A home that breaks a rule cannot be built."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from carebell.types import DeviceProfile, HomeProfile, ResidentProfile
from devices.registry import Contact, Device, Home, Resident

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
        residents=(
            Resident(resident_id="r", name="n"),
            Resident(resident_id="s", name="m", birth_year=1940, notes="x", ability_level=3),
        ),
        settings={"inactivity": {"cap": "4h"}},
        devices=(
            Device(
                device_id="d",
                model="m",
                place="bed",
                gateway_id="g",
                is_sos=True,
                expected_every=timedelta(hours=25),
            ),
            Device(device_id="g", is_gateway=True),
        ),
    )
    assert home.profile(7) == HomeProfile(
        home_id="h",
        timezone="Europe/Berlin",
        revision=7,
        devices=(
            DeviceProfile(
                device_id="d",
                model="m",
                place="bed",
                gateway_id="g",
                is_sos=True,
                expected_every=timedelta(hours=25),
            ),
            DeviceProfile(device_id="g", is_gateway=True),
        ),
        residents=(ResidentProfile(), ResidentProfile(ability_level=3)),
        settings={"inactivity": {"cap": "4h"}},
    )
