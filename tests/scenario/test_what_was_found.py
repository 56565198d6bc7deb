"""Stories that once went wrong: each was told to nobody, or to somebody twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from carebell.bell import Bell
from carebell.engine_sql import open_database
from carebell.types import Severity
from notifier.case_value import CaseStatus
from notifier.casebook_sql import SqlCasebook
from notifier.schema_sql import METADATA
from tests.support import build
from tests.support.house import House, coming, told, told_again


@pytest.fixture
def house() -> Iterator[House]:
    """A minute and a half in, the provider has accepted."""
    house = House()
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("01:00").expect(told("provider-1"))
    house.at("01:30").accepts("provider-1").expect(coming("button-1", "press-1"))
    yield house
    house.power_off()


def test_a_fault_between_two_calls_does_not_make_the_second_a_repeat(house: House) -> None:
    fault = build.alert("battery", rule="supervision", severity=Severity.LOW, source_id="b")
    house.at("09:00").raises(fault).expect_nothing()
    house.at("12:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert house.case().status is CaseStatus.OPEN
    assert house.case().calls == 2


def test_a_call_that_reaches_nobody_in_charge_begins_anew(house: House) -> None:
    for person in ("desk-1", "provider-1"):
        house.sms.refuse(person)
    house.at("05:00").device("button-1").presses()
    assert house.case().status is CaseStatus.OPEN
    assert house.case().round == 2
    house.expect(coming("button-1", "press-2"), told("family-1"))


def test_a_call_that_reaches_one_in_charge_stays_with_them(house: House) -> None:
    house.sms.refuse("desk-1")
    house.at("05:00").device("button-1").presses()
    house.expect(coming("button-1", "press-2"), told_again("provider-1"))
    assert house.case().status is CaseStatus.ACCEPTED


async def test_a_case_that_cannot_be_read_keeps_no_call_from_anybody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cases.db"
    telemetry = build.instruments().telemetry
    casebook = await SqlCasebook.open(url, build.default_policies(), Bell(), telemetry)
    first = await casebook.raise_alert(build.alert("a"), build.PEOPLE, build.START, label="", address="")
    assert first is not None
    database = await open_database(url, METADATA)
    await database.write(lambda connection: connection.execute(sa.text("UPDATE care_case SET document = '{}'")))
    await database.close()
    second = await casebook.raise_alert(build.alert("b"), build.PEOPLE, build.START, label="", address="")
    other = await casebook.raise_alert(build.alert("c", home_id="h2"), build.PEOPLE, build.START, label="", address="")
    assert second is not None
    assert other is not None
    assert second.id != first.id
    page = await casebook.cases([], 10, None)
    assert {case.id for case, _ in page.cases} == {second.id, other.id}
    await casebook.close()
