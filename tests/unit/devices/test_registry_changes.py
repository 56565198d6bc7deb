"""What a change changed, told by field."""

from dataclasses import replace
from datetime import date
from typing import Any

from carebell.types import BindingProfile
from devices.registry import Contact, Device, Home
from devices.registry_changes import Change, changes_between
from devices.registry_json import home_document

HOME = Home(
    home_id="h",
    label="a",
    contacts=(Contact(contact_id="son", name="Wei", phones=("120",)), Contact(contact_id="li", name="Li")),
    devices=(Device(device_id="d"),),
    settings={"bed": {"enabled": True, "cap": "4h"}},
)


def told(before: Home | None, after: Home | None) -> list[Change]:
    documents = [None if home is None else home_document(home) for home in (before, after)]
    return list(changes_between(*documents))


def test_nothing_is_told_of_what_stayed() -> None:
    assert told(HOME, HOME) == []


def test_fields_of_a_home_and_of_its_parts_are_named() -> None:
    son, li = HOME.contacts
    device = replace(HOME.devices[0], bindings=(BindingProfile(gesture="single", kind="sos"),))
    after = replace(
        HOME,
        label="b",
        contacts=(li, replace(son, phones=("120", "121"), has_key=True)),
        devices=(replace(device, returned_on=date(2026, 3, 1)),),
    )
    assert told(HOME, after) == [
        Change("label", "a", "b"),
        Change("contacts.son.phones", ["120"], ["120", "121"]),
        Change("contacts.son.has_key", False, True),
        Change("devices.d.bindings", [], [{"gesture": "single", "kind": "sos", "channel": None, "heard": None}]),
        Change("devices.d.returned_on", None, "2026-03-01"),
    ]


def test_a_binding_that_is_older_than_a_field_of_its_has_not_changed() -> None:
    older: dict[str, Any] = {
        "device_id": "d",
        "bindings": [{"gesture": "single", "kind": "sos"}],
        "battery_changes": [],
    }
    younger = {"device_id": "d", "bindings": [{"gesture": "single", "kind": "sos", "heard": None}]}
    assert changes_between({"devices": [older]}, {"devices": [younger]}) == ()
    taught = {**younger, "bindings": [{"gesture": "single", "kind": "sos", "heard": "button"}]}
    assert len(changes_between({"devices": [older]}, {"devices": [taught]})) == 1


def test_a_part_that_came_or_went_is_told_whole_without_what_is_empty() -> None:
    after = replace(HOME, contacts=HOME.contacts[:1], devices=(*HOME.devices, Device(device_id="e", is_sos=True)))
    gone: dict[str, Any] = {"contact_id": "li", "name": "Li", "role": "family", "language": "zh-CN", "order": 0}
    assert told(HOME, after) == [
        Change("contacts.li", gone, None),
        Change("devices.e", None, {"device_id": "e", "is_sos": True}),
    ]


def test_settings_are_told_one_by_one_and_off_is_not_nothing() -> None:
    after = replace(HOME, settings={"bed": {"cap": "5h"}, "wandering": {"enabled": False}})
    assert told(HOME, after) == [
        Change("settings.bed.enabled", True, None),
        Change("settings.bed.cap", "4h", "5h"),
        Change("settings.wandering.enabled", None, False),
    ]


def test_a_home_that_came_or_went_is_told_by_what_it_has() -> None:
    assert [one.field for one in told(None, HOME)] == [
        "home_id",
        "label",
        "timezone",
        "contacts.son",
        "contacts.li",
        "devices.d",
        "settings.bed.enabled",
        "settings.bed.cap",
    ]
    assert Change("label", "a", None) in told(HOME, None)


def test_fields_that_the_code_did_not_know_then_have_not_changed() -> None:
    now = home_document(HOME)
    then = {name: value for name, value in now.items() if name not in ("key_safe", "services", "settings")}
    then["devices"] = [{"device_id": "d"}]
    assert changes_between(then, {**now, "settings": {}}) == ()
