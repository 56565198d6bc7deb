"""The desk's page for whoever reads Chinese only: a case from its opening to its end without a sentence of English."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.integration.test_page import OpenScreen, browser, button_of, demo, live, number, open_screen, size
from tests.support.box import Box

pytestmark = [pytest.mark.integration, pytest.mark.slow]

__all__ = ["browser", "demo", "number", "open_screen", "size"]
ENGLISH = re.compile("[A-Za-z]{2,}")


def hours_later(first: int, last: int) -> str:
    """So many full hours from now, by the clock of a home."""
    hour = datetime.now(ZoneInfo("Asia/Shanghai")).hour
    return f"{(hour + first) % 24:02}:00-{(hour + last) % 24:02}:00"


def test_a_case_is_told_in_chinese_from_its_opening_to_its_end(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    later = hours_later(3, 5)
    home = demo.api(f"/homes/{home_id}")
    home["contacts"] = [
        {"contact_id": "son", "name": "李明", "hours": ["00:00-24:00"]},
        {"contact_id": "daughter", "name": "李红", "hours": [later]},
    ]
    assert demo.request(f"/api/v1/homes/{home_id}", home, method="PUT")[0] == 200
    screen = live(open_screen(demo.url, size, language="zh-CN"))
    page = screen.page
    with button_of(demo, number) as button:
        button.press(f"chinese-{size}")
        expect(screen.card(home_id)).to_be_visible()
        screen.open_case(home_id)
        timeline = page.get_by_test_id("timeline")
        expect(timeline).to_contain_text("李红")
        expect(timeline).to_contain_text(f"留待稍后通知：现在不在 {later} 时段内；如无人应答，60 秒后通知。")
        screen.shoot("30-chinese-open")
        page.get_by_test_id("accept").click()
        assert button.hear("coming", f"chinese-{size}")
    page.get_by_test_id("escalate").click()
    expect(timeline).to_contain_text("此前留待稍后通知的人，现在不分时段通知。")
    page.get_by_test_id("accept").click()
    expect(page.get_by_test_id("case-status")).to_have_text(re.compile("已接单"))
    expect(page.get_by_test_id("deliveries")).to_contain_text("控制台")
    (case,) = demo.cases(home_id)
    assert demo.request(f"/api/v1/cases/{case['id']}/accept", {"by": "somebody else"})[0] == 409
    assert demo.request(f"/api/v1/cases/{case['id']}/close", {"by": "王芳", "outcome": "other"})[0] == 200
    expect(page.get_by_test_id("case-status")).to_have_text("已关闭：其他")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("31-chinese-closed")
    # Names of people and places are as they were registered.
    given = re.compile(
        "|".join([*(one["place"] for one in home["devices"]), "button-", "demo desk", r"\(desk\)", r"\(provider\)"])
    )
    shown = page.locator(".timeline .line-why, .timeline strong, .deliveries td").all_inner_texts()
    assert len(shown) > 20
    assert [said for said in shown if ENGLISH.search(given.sub("", said))] == []
