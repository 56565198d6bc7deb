"""What people read."""

from dataclasses import replace

import pytest

from carebell.types import Severity
from notifier.case_value import Purpose
from notifier.message import compose
from tests.support import build

DESK_URL = "http://desk:8080"


@pytest.mark.parametrize(
    ("language", "is_chinese"),
    [("zh-CN", True), ("ZH", True), ("zh-Hant-TW", True), ("en", False), ("en-GB", False), ("de", False)],
)
def test_everybody_reads_their_language(language: str, is_chinese: bool) -> None:
    message = compose(build.case(), build.delivery(language=language), DESK_URL)
    assert message.subject.startswith("呼救：" if is_chinese else "Call for help: ")
    assert ("尚无人应答" in message.text) == is_chinese
    assert ("被按下" in message.text) == is_chinese


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_gap_is_left_open(purpose: Purpose, language: str) -> None:
    case = build.case(accepted_by="Care Co")
    message = compose(case, build.delivery(purpose=purpose, language=language), DESK_URL)
    assert not set("{}") & set(message.subject + message.text)
    assert message.subject.strip()
    assert message.text.strip()


def test_a_call_says_where_what_and_what_to_do() -> None:
    case = build.case()
    message = compose(case, build.delivery(language="en"), DESK_URL)
    assert message.subject == "Call for help: 幸福里 3-101 · 上海市杨浦区"
    assert message.text == (
        "Call for help: button button-1 was pressed. Nobody has answered yet. "
        f"Please answer at the desk: http://desk:8080/#case/{case.id}"
    )


def test_what_is_known_in_english_only_is_told_in_english_to_everybody() -> None:
    message = compose(build.case(summary_zh=""), build.delivery(language="zh-CN"), DESK_URL)
    assert message.text.startswith("Call for help: button button-1 was pressed.")
    assert "请在值班台应答" in message.text


def test_a_home_without_a_label_goes_by_its_id() -> None:
    message = compose(build.case(label="", address=""), build.delivery(language="en"), DESK_URL)
    assert message.subject == "Call for help: h1"


def test_braces_in_what_people_wrote_are_left_as_they_are() -> None:
    case = build.case(label="{where} {0}", accepted_by="{link}")
    message = compose(case, build.delivery(language="en", purpose=Purpose.COMING), DESK_URL)
    assert message.text == "{link} is coming."
    assert "{where} {0}" in compose(case, build.delivery(language="en"), DESK_URL).subject


@pytest.mark.parametrize("address", ["room 1\nBcc: all@example.org", "a\r\nb", "a\u2028b", "a\x0bb", "a\tb"])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_subject_is_one_line(address: str, purpose: Purpose) -> None:
    message = compose(build.case(address=address), build.delivery(purpose=purpose), DESK_URL)
    assert message.subject.splitlines() == [message.subject]
    assert "\t" not in message.subject


def test_the_key_is_the_delivery_and_the_data_name_the_case() -> None:
    case, delivery = build.case(), build.delivery(source_id="press-1")
    message = compose(case, delivery, DESK_URL)
    assert (message.key, message.to) == ("delivery-1", "family-1")
    expected = {"case_id": case.id, "home_id": "h1", "step": "family", "purpose": "call", "severity": "critical"}
    assert expected.items() <= message.data.items()
    assert message.data["source_id"] == "press-1"
    other = compose(replace(case, round=2), delivery, DESK_URL)
    assert other == message


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Call 119 first. Call for help: button button-1 was pressed. Nobody"),
        ("zh-CN", "请先拨打119。呼救：按钮 button-1 被按下。尚无人应答"),
    ],
)
def test_the_number_to_call_first_comes_first(language: str, text: str) -> None:
    case = build.case()
    hazard = replace(case, policy=replace(case.policy, call="119"))
    message = compose(hazard, build.delivery(language=language), DESK_URL)
    assert message.text.startswith(text)
    assert message.data["call"] == "119"


def test_what_is_not_urgent_does_not_read_like_a_call_for_help() -> None:
    message = compose(build.case(severity=Severity.LOW), build.delivery(language="en"), DESK_URL)
    assert message.subject.startswith("For your attention: ")
    assert "not urgent" in message.text


def test_a_note_says_why_it_was_sent_and_not_what_the_case_is_about() -> None:
    note = build.delivery(purpose=Purpose.NOTE, why="Up more often at night.", language="en")
    message = compose(build.case(), note, DESK_URL)
    assert message.text.startswith("Up more often at night. ")
