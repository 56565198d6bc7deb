"""What every adapter of the Registry port must do. A new adapter is put under it by one line in ADAPTERS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from carebell.errors import BadInput
from carebell.types import BindingProfile, HomeProfile
from devices.registry import (
    AddressTaken,
    ChangedMeanwhile,
    Contact,
    Device,
    Home,
    Registry,
    Resident,
    Revised,
    Role,
    Service,
)
from devices.registry_edit import change_home, with_device, without_device
from devices.registry_sql import SqlRegistry

Opener = Callable[[], Awaitable[Registry]]
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
# Where each adapter keeps its homes, given a request for fixtures.
ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite-memory": lambda _: "sqlite://",
    "sqlite-file": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'registry.db'}",
    "postgres": lambda request: str(request.getfixturevalue("database_url")),
}
LASTING = ("sqlite-file", "postgres")


def adapters(names: Iterable[str]) -> list[object]:
    """As parameters; those that need a server are marked."""
    return [pytest.param(name, marks=[pytest.mark.integration] if name == "postgres" else []) for name in names]


@pytest.fixture(params=adapters(ADAPTERS))
async def registry(request: pytest.FixtureRequest) -> AsyncIterator[Registry]:
    opened = await SqlRegistry.open(ADAPTERS[request.param](request))
    yield opened
    await opened.close()


@pytest.fixture(params=adapters(LASTING))
def opener(request: pytest.FixtureRequest) -> Opener:
    url = ADAPTERS[request.param](request)
    return lambda: SqlRegistry.open(url)


def full(home_id: str = "h1") -> Home:
    return Home(
        home_id=home_id,
        label="幸福里 3-101",
        address="上海市",
        notes="狗",
        keys="邻居",
        residents=(Resident(resident_id="r1", name="李奶奶", birth_year=1940, ability_level=2, consent=True),),
        contacts=(
            Contact(
                contact_id="c1", name="李明", phones=("013800000000",), order=1, hours=("08:00-22:00",), has_key=True
            ),
        ),
        devices=(
            Device(device_id="gw", is_gateway=True, expected_every=timedelta(minutes=5)),
            Device(
                device_id="sos",
                model="m",
                place="bed",
                gateway_id="gw",
                is_sos=True,
                dialect="zigbee2mqtt",
                address="bed button",
                bindings=(BindingProfile(gesture="single", kind="sos", channel="1"),),
                battery_changes=(date(2026, 1, 5),),
                lent_on=date(2025, 1, 5),
            ),
        ),
        services=(Service(service_id="station-3", role=Role.PROVIDER, name="站", phones=("120",)),),
        settings={"inactivity": {"cap": "4h", "enabled": True}, "vital": {"limits": [36, 38.5]}},
    )


async def revisions(registry: Registry, after: int = 0, limit: int = 100) -> list[tuple[int, str]]:
    return [(revision, profile.home_id) for revision, profile in await registry.changes(after, limit)]


async def test_a_home_comes_back_as_it_was_put(registry: Registry) -> None:
    assert await registry.home("h1") is None
    assert await registry.put([full()], by="import", at=AT) == 1
    assert await registry.home("h1") == full()


async def test_homes_come_in_pages_by_id(registry: Registry) -> None:
    ids = ["b", "a", "Z", "c-1", "c", "中"]
    await registry.put([Home(home_id=one) for one in ids], by="import", at=AT)
    assert [home.home_id for home in await registry.homes()] == sorted(ids)
    assert [home.home_id for home in await registry.homes(after="a", limit=2)] == ["b", "c"]
    assert list(await registry.homes(after="中")) == []
    assert list(await registry.homes(limit=0)) == []
    assert list(await registry.homes(limit=-1)) == []


async def test_revisions_rise_and_are_given_only_to_changed_homes(registry: Registry) -> None:
    assert await registry.put([full("a"), full("b")], by="import", at=AT) == 2
    before = await revisions(registry)
    assert [home_id for _, home_id in before] == ["a", "b"]
    changed = replace(full("a"), label="new")
    assert await registry.put([changed, full("b")], by="desk", at=AT) == 1
    after = await revisions(registry)
    assert after[0] == before[1]
    assert after[1][1] == "a"
    assert after[1][0] > before[1][0]
    assert len(await registry.audit("b")) == 1


async def test_a_put_of_the_same_leaves_no_trace(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT)
    before = await revisions(registry)
    assert await registry.put([full()], by="import", at=AT + timedelta(days=1)) == 0
    assert await registry.put([], by="import", at=AT) == 0
    assert await revisions(registry) == before
    assert len(await registry.audit("h1")) == 1


async def test_changes_resume_behind_a_revision(registry: Registry) -> None:
    await registry.put([Home(home_id=f"h{number}") for number in range(5)], by="import", at=AT)
    seen: list[str] = []
    after = 0
    while page := await revisions(registry, after, 2):
        assert len(page) <= 2
        after = page[-1][0]
        seen += [home_id for _, home_id in page]
    assert seen == [f"h{number}" for number in range(5)]
    assert await revisions(registry, after) == []
    await registry.put([Home(home_id="h0", label="x")], by="desk", at=AT)
    assert [home_id for _, home_id in await revisions(registry, after)] == ["h0"]


async def test_changes_carry_the_profile_and_no_person(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT)
    [(revision, profile)] = await registry.changes(0, 10)
    assert profile == full().profile(revision)
    assert not any(word in repr(profile) for word in ("李", "上海市", "138", "邻居", "幸福里"))


async def test_a_removed_home_is_gone_and_told(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT)
    [(first, _)] = await registry.changes(0, 10)
    assert await registry.remove("h1", by="desk", at=AT) is True
    assert await registry.home("h1") is None
    assert list(await registry.homes()) == []
    [(revision, profile)] = await registry.changes(first, 10)
    assert profile == HomeProfile(home_id="h1", revision=revision, removed=True)
    assert await registry.remove("h1", by="desk", at=AT) is False
    assert await registry.remove("never", by="desk", at=AT) is False
    assert await revisions(registry) == [(revision, "h1")]


async def test_a_removed_home_may_come_back_even_the_same(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT)
    await registry.remove("h1", by="desk", at=AT)
    [(removed, _)] = await registry.changes(0, 10)
    assert await registry.put([full()], by="desk", at=AT) == 1
    [(revision, profile)] = await registry.changes(removed, 10)
    assert not profile.removed
    assert revision > removed
    assert [(line.before is None, line.after is None) for line in await registry.audit("h1")] == [
        (True, False),
        (False, True),
        (True, False),
    ]


async def test_audit_tells_who_when_and_what(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT)
    later = AT + timedelta(hours=1)
    await registry.put([replace(full(), keys="门卫")], by="zhang", at=later)
    first, second = await registry.audit("h1")
    assert (first.by, first.at, first.before) == ("import", AT, None)
    assert (second.by, second.at, second.home_id) == ("zhang", later, "h1")
    assert second.before == first.after
    assert second.before is not None
    assert second.after is not None
    assert (second.before["keys"], second.after["keys"]) == ("邻居", "门卫")
    assert {key for key in second.after if second.after[key] != second.before[key]} == {"keys"}
    assert second.revision == (await revisions(registry))[0][0]
    assert list(await registry.audit("never")) == []


async def test_times_are_kept_in_utc(registry: Registry) -> None:
    shanghai = datetime.fromisoformat("2026-03-01T16:00:00+08:00")
    await registry.put([full()], by="import", at=shanghai)
    [line] = await registry.audit("h1")
    assert (line.at, line.at.utcoffset()) == (AT, timedelta(0))


@pytest.mark.parametrize("where", ["a home", "the author"])
async def test_put_is_all_or_nothing(registry: Registry, where: str) -> None:
    await registry.put([full("a")], by="import", at=AT)
    before = await revisions(registry)
    # U+D800 alone cannot be written; in the author's name it is met only after the homes were sent to the database
    last = full("c")
    if where == "a home":
        object.__setattr__(last, "label", "\ud800")
    by = "zhang\ud800" if where == "the author" else "zhang"
    with pytest.raises(ValueError, match="surrogate"):
        await registry.put([replace(full("a"), label="new"), full("b"), last], by=by, at=AT)
    assert await registry.home("a") == full("a")
    assert await registry.home("b") is None
    assert await revisions(registry) == before
    assert len(await registry.audit("a")) == 1
    assert await registry.put([full("b")], by="import", at=AT) == 1


async def test_one_home_twice_in_a_put_is_refused(registry: Registry) -> None:
    with pytest.raises(BadInput, match="h1"):
        await registry.put([full(), replace(full(), label="other")], by="import", at=AT)
    assert await registry.home("h1") is None


async def test_a_change_needs_an_author_and_an_aware_time(registry: Registry) -> None:
    with pytest.raises(BadInput):
        await registry.put([full()], by=" ", at=AT)
    with pytest.raises(ValueError, match="time zone"):
        await registry.remove("h1", by="desk", at=datetime(2026, 1, 1))


async def test_a_home_is_read_with_the_revision_it_has(registry: Registry) -> None:
    assert await registry.revised("h1") is None
    await registry.put([full("h0"), full()], by="import", at=AT)
    assert await registry.revised("h1") == Revised(full(), 2)
    await registry.remove("h1", by="desk", at=AT)
    assert await registry.revised("h1") is None


async def test_a_change_of_another_revision_is_refused(registry: Registry) -> None:
    await registry.put([full()], by="import", at=AT, expected={"h1": 0})
    first, second = replace(full(), label="first"), replace(full(), label="second")
    await registry.put([first], by="a", at=AT, expected={"h1": 1})
    for wanted, said in ((1, "has revision 2, not 1"), (3, "has revision 2, not 3"), (0, "is there already")):
        with pytest.raises(ChangedMeanwhile, match=said):
            await registry.put([second], by="b", at=AT, expected={"h1": wanted})
        with pytest.raises(ChangedMeanwhile, match=said):
            await registry.remove("h1", by="b", at=AT, expected=wanted)
    assert await registry.home("h1") == first
    assert await registry.remove("h1", by="b", at=AT, expected=2)
    with pytest.raises(ChangedMeanwhile, match="is not there any more"):
        await registry.put([second], by="b", at=AT, expected={"h1": 3})
    assert await registry.put([second], by="b", at=AT, expected={"h1": 0}) == 1


async def test_a_trial_tells_what_would_change_and_changes_nothing(registry: Registry) -> None:
    await registry.put([full("a")], by="import", at=AT)
    assert await registry.put([full("a"), full("b")], by="import", at=AT, is_trial=True) == 1
    assert await registry.home("b") is None
    assert await revisions(registry) == [(1, "a")]
    assert len(await registry.audit("b")) == 0


def lora(home_id: str, *addresses: str, dialect: str = "chirpstack") -> Home:
    devices = tuple(
        Device(device_id=f"d{number}", dialect=dialect, address=address) for number, address in enumerate(addresses)
    )
    return Home(home_id=home_id, devices=devices)


async def test_an_address_of_a_server_for_many_homes_is_in_one_home_only(registry: Registry) -> None:
    await registry.put([lora("a", "A8:40", "b1")], by="import", at=AT)
    with pytest.raises(AddressTaken, match="home b, device d1: address 'a840' of chirpstack is in home a") as caught:
        await registry.put([lora("c", "c1"), lora("b", "b2", "a840")], by="import", at=AT)
    assert [place[:2] for place in caught.value.places] == [("b", "d1")]
    assert await registry.home("b") is None
    assert await registry.home("c") is None
    with pytest.raises(AddressTaken):
        await registry.put([lora("b", "a840")], by="import", at=AT, is_trial=True)
    assert await registry.put([lora("b", "a840", dialect="tts")], by="import", at=AT) == 1
    assert await registry.put([lora("c", "a840", dialect="shelly")], by="import", at=AT) == 1


async def test_two_homes_of_one_put_cannot_share_an_address_and_may_exchange_theirs(registry: Registry) -> None:
    with pytest.raises(AddressTaken, match="is in home a already"):
        await registry.put([lora("a", "x"), lora("b", "X")], by="import", at=AT)
    await registry.put([lora("a", "x"), lora("b", "y")], by="import", at=AT)
    assert await registry.put([lora("a", "y"), lora("b", "x")], by="import", at=AT) == 2
    with pytest.raises(AddressTaken):
        await registry.put([lora("c", "y")], by="import", at=AT)


@pytest.mark.parametrize("how", ["returned", "moved", "removed"])
async def test_an_address_that_was_given_up_may_go_to_another_home(registry: Registry, how: str) -> None:
    await registry.put([lora("a", "x")], by="import", at=AT)
    if how == "removed":
        await registry.remove("a", by="desk", at=AT)
    else:
        [device] = lora("a", "x").devices
        returned = replace(device, returned_on=date(2026, 3, 1))
        left = Home(home_id="a", devices=(returned,) if how == "returned" else ())
        await registry.put([left], by="desk", at=AT)
    assert await registry.put([lora("b", "x")], by="desk", at=AT) == 1


async def test_many_addresses_at_once(registry: Registry) -> None:
    homes = [lora(f"h{number:04}", f"x{number}", f"y{number}") for number in range(700)]
    await registry.put(homes, by="import", at=AT)
    with pytest.raises(AddressTaken) as caught:
        await registry.put([replace(home, home_id=f"other-{home.home_id}") for home in homes], by="import", at=AT)
    assert len(caught.value.places) == 1400


async def test_words_that_nobody_speaks_are_refused(registry: Registry) -> None:
    with pytest.raises(
        BadInput, match="home a, device d0: there is no dialect 'chripstack', did you mean 'chirpstack'"
    ):
        await registry.put([lora("a", "x", dialect="chripstack")], by="import", at=AT)
    assert await registry.home("a") is None


async def test_a_home_too_large_for_one_record_of_the_log_is_refused(registry: Registry) -> None:
    devices = tuple(Device(device_id=f"d{number}", description="x" * 9000) for number in range(60))
    with pytest.raises(BadInput, match="home a has more devices than one home can have"):
        await registry.put([Home(home_id="a", devices=devices)], by="import", at=AT)


async def test_the_audit_comes_in_pages_from_its_end(registry: Registry) -> None:
    for number in range(5):
        await registry.put([Home(home_id="h1", label=str(number))], by="desk", at=AT)
    assert [line.revision for line in await registry.audit("h1", limit=2)] == [4, 5]
    assert [line.revision for line in await registry.audit("h1", before=4, limit=2)] == [2, 3]
    assert [line.revision for line in await registry.audit("h1", before=2)] == [1]


async def test_changes_of_parts_at_the_same_time_are_all_kept(registry: Registry) -> None:
    await registry.put([Home(home_id="h1")], by="import", at=AT)
    names = [f"d{number}" for number in range(4)]

    def adding(name: str) -> Callable[[Home], Home]:
        return lambda home: with_device(home, Device(device_id=name))

    await asyncio.gather(*(change_home(registry, "h1", adding(name), by=name, at=AT) for name in names))
    found = await registry.home("h1")
    assert found is not None
    assert sorted(device.device_id for device in found.devices) == names


async def test_a_change_of_a_part_is_refused_where_a_revision_was_expected(registry: Registry) -> None:
    def without(home: Home) -> Home:
        return without_device(home, "sos")

    assert await change_home(registry, "h1", without, by="desk", at=AT) is None
    await registry.put([full()], by="import", at=AT)
    with pytest.raises(ChangedMeanwhile):
        await change_home(registry, "h1", without, by="desk", at=AT, expected=7)
    changed = await change_home(registry, "h1", without, by="desk", at=AT, expected=1)
    assert changed is not None
    assert (changed.revision, [one.device_id for one in changed.home.devices]) == (2, ["gw"])
    await registry.put([full()], by="desk", at=AT)
    with pytest.raises(BadInput, match="this home has no device 'gw'"):
        await change_home(registry, "h1", lambda home: without_device(home, "gw"), by="desk", at=AT)


async def test_many_homes_at_once(registry: Registry) -> None:
    homes = [Home(home_id=f"h{number:05}") for number in range(1201)]
    assert await registry.put(homes, by="import", at=AT) == 1201
    assert await registry.put(homes, by="import", at=AT) == 0
    assert await registry.homes(limit=5000) == homes


async def test_what_was_put_is_there_after_opening_again(opener: Opener) -> None:
    first = await opener()
    await first.put([full("a")], by="import", at=AT)
    seen = await revisions(first)
    await first.close()
    second = await opener()
    assert await second.home("a") == full("a")
    await second.put([full("b")], by="import", at=AT)
    assert [home_id for _, home_id in await revisions(second, seen[-1][0])] == ["b"]
    await second.close()


async def test_writers_at_the_same_time_share_no_revision_and_lose_nothing(opener: Opener) -> None:
    one, two = await opener(), await opener()
    puts = [
        registry.put([Home(home_id=f"{name}{number}")], by=name, at=AT)
        for number in range(10)
        for name, registry in (("one", one), ("two", two))
    ]
    assert await asyncio.gather(*puts) == [1] * 20
    found = await revisions(one)
    assert [revision for revision, _ in found] == list(range(1, 21))
    assert len({home_id for _, home_id in found}) == 20
    await one.close()
    await two.close()
