"""A suspected fall on a whole box: shown at once, the pendant told over MQTT, people called when it has passed, or never."""

from datetime import UTC, datetime, timedelta

import pytest

from carebell.types import Alert, AlertStatus
from tests.integration.conftest import MakeBox
from tests.support import build
from tests.support.box import Box, Device, wait_until
from tests.support.build import seconds

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
# Long enough for all that a test does before it has passed, on a busy machine as well.
PRE_ALARM = seconds(25)


def fall(id: str, *, status: AlertStatus = AlertStatus.OPENED, pre_alarm: timedelta = PRE_ALARM) -> Alert:
    now = datetime.now(UTC)
    length = pre_alarm if status is AlertStatus.OPENED else seconds(0)
    return build.alert(
        id, rule="fall", home_id="home-001", device_id="pendant-1", at=now, status=status, pre_alarm=length
    )


def called(box: Box, case_id: str) -> list[datetime]:
    """When people were called."""
    deliveries = box.api(f"/cases/{case_id}")["deliveries"]
    return [datetime.fromisoformat(one["created_at"]) for one in deliveries if one["purpose"] == "call"]


def test_it_is_shown_at_once_and_people_are_called_when_it_has_passed_whatever_died(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    with Device(box.mqtt_port, "home-001", "pendant-1") as pendant:
        raised = fall("fall-1")
        box.raises(raised)
        case = box.wait_case("home-001")
        until = datetime.fromisoformat(case["pre_alarm_until"])
        assert abs(until - raised.caused_at - PRE_ALARM) < timedelta(milliseconds=1), "shown in milliseconds"
        assert called(box, case["id"]) == []
        told = pendant.hear("pre_alarm", "source-of-fall-1")
        assert datetime.fromisoformat(told["until"]) == raised.caused_at + PRE_ALARM
    box.kill()
    box.start()
    times = wait_until(lambda: called(box, case["id"]), "people are called")
    assert min(times) >= until
    assert box.cases("home-001")[0]["pre_alarm_until"] is None


def test_cancelled_by_the_home_nobody_is_called_and_it_stands_in_the_record(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    box.raises(fall("fall-1"))
    case = box.wait_case("home-001")
    box.raises(fall("fall-1", status=AlertStatus.RESOLVED))
    closed = wait_until(lambda: [one for one in box.cases("home-001") if one["status"] == "closed"], "it is closed")
    assert (closed[0]["id"], closed[0]["outcome"]) == (case["id"], "cancelled")
    until = datetime.fromisoformat(case["pre_alarm_until"])
    wait_until(lambda: datetime.now(UTC) > until + seconds(1), "the pre-alarm would have passed")
    assert called(box, case["id"]) == []


def test_a_pendant_that_suspects_a_fall_hears_until_when_it_can_be_cancelled_and_cancels_it(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    with Device(box.mqtt_port, "home-001", "pendant-1") as pendant:
        pendant.say({"id": "fall-1", "kind": "fall", "value": "suspected"})
        case = box.wait_case("home-001")
        assert pendant.hear("pre_alarm", "fall-1")["until"][:23] == case["pre_alarm_until"][:23]
        pendant.say({"id": "well-1", "kind": "fall", "value": "cleared"})
        closed = wait_until(lambda: [one for one in box.cases("home-001") if one["status"] == "closed"], "it is closed")
    assert (closed[0]["outcome"], called(box, case["id"])) == ("cancelled", [])


def test_a_press_made_to_try_the_button_is_answered_and_recorded(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    with Device(box.mqtt_port, "home-001", "button-001") as button:
        button.say({"id": "weekly-test", "kind": "sos", "value": "active", "test": True})
        assert button.hear("test_ok", "weekly-test") == {"id": "weekly-test", "type": "test_ok"}
        button.press("real")
    (test,) = box.api("/cases?home_id=home-001&outcome=test")["cases"]
    assert (test["status"], called(box, test["id"])) == ("closed", [])
    real = wait_until(lambda: [one for one in box.cases("home-001") if one["status"] == "open"], "a case of the press")
    wait_until(lambda: called(box, real[0]["id"]), "people are called")
