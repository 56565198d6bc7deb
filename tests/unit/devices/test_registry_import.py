"""A file of homes goes in whole or not at all, and what is wrong with it is told in one pass."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime

import pytest

from carebell.engine_sql import MEMORY
from carebell.errors import BadInput
from devices.registry import Device, Home, Registry
from devices.registry_file import read_file
from devices.registry_sql import SqlRegistry

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
MANY_FAULTS = """\
homes:
- home_id: h1
  timezone: Asia/Shanghi
  residents:
  - {resident_id: r, name: x, ability_level: 3, birth_year: 19x}
  settings:
    bed: {cap: 9h}
    wrong: {}
  devices:
  - {device_id: hub, is_gateway: maybe}
  - {device_id: d, gateway_id: hub, dialect: chirpstack, address: a840-1}
  - {device_id: e, address: x}
  - {device_id: f, address: x}
  - {device_id: g, is_gateway: maybe, lent_on: 2026-02-01, returned_on: 2026-01-01}
- home_id: h2
  settings:
    bed: {cap: 9h}
  devices:
  - {device_id: d, dialect: chirpstack, address: A840-1}
  - {device_id: z, returned_on: 2026-04-01}
"""
IN_CELLS = """\
record,home_id,device_id,dialect,address,is_gateway,rule,parameter,value
home,h1,,,,,,,
device,h1,d,chirpstack,a840-1,,,,
device,h1,hub,,,maybe,,,
setting,h1,,,,,bed,cap,9h
"""


def refusals(home: Home) -> Mapping[str, str]:
    """As the rules would say, who look at how able the residents are."""
    level = max((one.ability_level or 0 for one in home.residents), default=0)
    return {"bed": f"cap is too long for level {level}"} if home.settings.get("bed") == {"cap": "9h"} else {}


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    """It has one home, with the address that the files want."""
    opened = await SqlRegistry.open(MEMORY)
    pendant = Device(device_id="p", dialect="chirpstack", address="A8:40-1")
    await opened.put([Home(home_id="old", devices=(pendant,))], by="li", at=AT)
    yield opened
    await opened.close()


async def told(registry: Registry, name: str, text: str) -> list[tuple[int, str]]:
    with pytest.raises(BadInput) as caught:
        await read_file(text.encode(), name, refusals).put_into(registry, by="li", at=AT)
    assert [home.home_id for home in await registry.homes()] == ["old"]
    found = [problem.removeprefix(f"{name}:").split(": ", 1) for problem in caught.value.problems]
    return [(int(line), said) for line, said in found]


def assert_told(found: list[tuple[int, str]], expected: list[tuple[int, str]]) -> None:
    assert [line for line, _ in found] == [line for line, _ in expected], found
    for (_, said), (_, words) in zip(found, expected, strict=True):
        assert words in said


async def test_every_bad_line_is_named_at_once(registry: Registry) -> None:
    assert_told(
        await told(registry, "f.yaml", MANY_FAULTS),
        [
            (3, "time zone"),
            (5, "whole number"),
            (7, "settings of bed: cap is too long for level 3"),
            (8, "rule wrong is set by"),
            (10, "true nor false"),
            (11, "'a840-1' of chirpstack is in home old already"),
            (13, "leads to device 'e' already"),
            (14, "is_gateway"),
            (14, "2026-01-01 is before 2026-02-01"),
            (17, "settings of bed: cap is too long for level 0"),
            (19, "is in home old already"),
            (20, "2026-04-01 is still to come; write due_back_on"),
        ],
    )


async def test_so_it_is_in_a_table(registry: Registry) -> None:
    assert_told(
        await told(registry, "f.csv", IN_CELLS),
        [(3, "is in home old already"), (4, "true nor false"), (5, "settings of bed")],
    )


async def test_whether_an_address_is_taken_is_not_said_while_a_home_cannot_be_told(registry: Registry) -> None:
    """It may be the one that gives the address away."""
    text = MANY_FAULTS + "- home_id: o/d\n  devices: []\n"
    assert not [said for _, said in await told(registry, "f.yaml", text) if "is in home" in said]


async def test_an_address_moves_from_home_to_home_in_one_file(registry: Registry) -> None:
    text = (
        "homes:\n- home_id: old\n- home_id: h2\n  devices:\n  - {device_id: d, dialect: chirpstack, address: A840-1}\n"
    )
    assert await read_file(text.encode(), "f.yaml", refusals).put_into(registry, by="li", at=AT) == 2
    (home,) = [home for home in await registry.homes() if home.home_id == "h2"]
    assert home.devices[0].address == "A840-1"


async def test_a_trial_changes_nothing(registry: Registry) -> None:
    file = read_file(b"homes:\n- home_id: h2\n", "f.yaml", refusals)
    assert await file.put_into(registry, by="li", at=AT, is_trial=True) == 1
    assert len(await registry.homes()) == 1


@pytest.mark.parametrize(("day", "is_taken"), [(date(2026, 3, 1), True), (date(2026, 3, 2), False)])
async def test_a_return_that_is_still_to_come_is_refused_however_it_is_written(
    registry: Registry, day: date, is_taken: bool
) -> None:
    home = Home(home_id="h1", devices=(Device(device_id="d", returned_on=day),))
    if is_taken:
        assert await registry.put([home], by="li", at=AT) == 1
        return
    with pytest.raises(
        BadInput, match=r"home h1, device d: returned_on: 2026-03-02 is still to come; write due_back_on"
    ):
        await registry.put([home], by="li", at=AT)


async def test_where_it_is_tomorrow_already_it_is_no_return_to_come(registry: Registry) -> None:
    evening = datetime(2026, 3, 1, 20, tzinfo=UTC)
    home = Home(home_id="h1", devices=(Device(device_id="d", returned_on=date(2026, 3, 2)),))
    assert await registry.put([home], by="li", at=evening) == 1
