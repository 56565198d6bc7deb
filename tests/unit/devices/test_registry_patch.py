"""A merge patch of a home: what it names changes, and what is wrong with it is told by its place."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.registry import Contact, Device, Home
from devices.registry_patch import BadFields, patched

AT = datetime(2026, 3, 1, tzinfo=UTC)
HOME = Home(
    home_id="h1",
    label="Lane 3",
    notes="dog",
    contacts=(Contact(contact_id="son", name="Wei", phones=("120", "121")),),
    devices=(Device(device_id="d", is_sos=True), Device(device_id="e")),
    settings={"bed": {"cap": "4h", "enabled": True}, "vital": {"low": 36}},
)


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"label": "Lane 4"}, {"label": "Lane 4"}),
        ({"notes": None}, {"notes": ""}),
        ({"devices": None}, {"devices": ()}),
        ({"contacts": [{"contact_id": "a", "name": "B"}]}, {"contacts": (Contact(contact_id="a", name="B"),)}),
        (
            {"settings": {"bed": {"cap": None, "x": {"y": 1}}}},
            {"settings": {"bed": {"enabled": True, "x": {"y": 1}}, "vital": {"low": 36}}},
        ),
        ({"settings": {"bed": None}}, {"settings": {"vital": {"low": 36}}}),
    ],
)
def test_what_it_names_changes_and_nothing_else(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    found = patched(HOME, patch, AT)
    for name in ("label", "notes", "contacts", "devices", "settings", "timezone"):
        assert getattr(found, name) == changed.get(name, getattr(HOME, name))


def deep(levels: int) -> Any:
    return {"x": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("patch", "places"),
    [
        ({"lable": "x"}, [("/lable", "did you mean 'label'")]),
        ({"lable": None}, [("/lable", "did you mean 'label'")]),
        ({"devices": [{"device_id": "d", "modl": 1}]}, [("/devices/0/modl", "did you mean 'model'")]),
        ({"a/b~": 1}, [("/a~1b~0", "a home has no")]),
        ({"home_id": "h2"}, [("/home_id", "stays so")]),
        ({"home_id": None}, [("/home_id", "required")]),
        ({"label": 3}, [("/label", "string")]),
        ({"label": deep(3)}, [("/label", "string")]),
        ({"timezone": "Asia/Shanghi"}, [("/timezone", "did you mean")]),
        (
            {"contacts": [{"contact_id": "a", "name": "A"}, {"contact_id": "b", "name": " ", "phones": ["12", "1x"]}]},
            [("/contacts/1/name", "cannot be blank"), ("/contacts/1/phones", "not a phone number")],
        ),
        ({"contacts": [{"name": "A"}]}, [("/contacts/0/contact_id", "required")]),
        ({"devices": {"0": {"place": "hall"}}}, [("/devices", "send a list")]),
        ({"devices": [None]}, [("/devices/0", "send an object")]),
        ({"devices": [{"device_id": "d"}, {"device_id": "d"}]}, [("/devices", "'d' is there more than once")]),
        ({"devices": [{"device_id": "d", "gateway_id": "x"}]}, [("/devices/0/gateway_id", "no device 'x'")]),
        ({"devices": [{"device_id": "d", "dialect": "zigbee2mqt"}]}, [("/devices/0/dialect", "did you mean")]),
        ({"devices": [{"device_id": "d", "bindings": [{"kind": "soss"}]}]}, [("/devices/0/bindings/0/kind", "'sos'")]),
        (
            {"devices": [{"device_id": "d", "bindings": [{"kind": "sos"}, {"kind": "fall"}]}]},
            [("/devices/0/bindings/1/gesture", "it means 'sos' already")],
        ),
        ({"devices": [{"device_id": "d", "returned_on": "2026-04-01"}]}, [("/devices/0/returned_on", "still to come")]),
        ({"settings": {"bed": {"cap": None, "enabled": None}}}, [("/settings", "nothing is set of rule bed")]),
        ({"settings": {"bed": deep(20)}}, [("/settings", "nested too deep")]),
    ],
)
def test_what_is_wrong_is_told_by_its_place(patch: dict[str, Any], places: list[tuple[str, str]]) -> None:
    with pytest.raises(BadFields) as caught:
        patched(HOME, patch, AT)
    assert [pointer for pointer, _ in caught.value.places] == [pointer for pointer, _ in places]
    for (_, said), (_, words) in zip(caught.value.places, places, strict=True):
        assert words in said


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({f"k{number}": 1 for number in range(500)}, 10),
        ({"devices": [{"device_id": "d", "modl": 1}] * 500}, 10),
        ({"devices": [{"device_id": f"d{number}", "place": 5} for number in range(500)]}, 100),
    ],
)
def test_of_very_many_faults_the_first_are_told(patch: dict[str, Any], told: int) -> None:
    with pytest.raises(BadFields) as caught:
        patched(HOME, patch, AT)
    assert len(caught.value.places) == told


@pytest.mark.parametrize("patch", [{"label": deep(900)}, {"settings": deep(900)}, {"devices": [deep(900)]}])
def test_however_deep_it_is_it_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(BadFields):
        patched(HOME, patch, AT)
